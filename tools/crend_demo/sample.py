"""The demo's volume: simulated 3D ultrasound of one ovary, the same in every run."""

import SimpleITK as sitk

from crend_training.phantom import label_image, make_phantom

SEED = 103  # below 900: training never sees it
#: A whole organ seen from above, as a screen shows it; everything else is drawn by the seed.
VIEW = {
    "empty": False,
    "cut": False,
    "tight": False,
    "look": "stimulated",
    "corpus_luteum": False,
    "axes": [0, 1, 2],
    "flips": [True, False, False],
    "direction": "identity",
    "origin": [0.0, 0.0, 0.0],
    "spacing_factors": [1.0, 1.0, 1.0],
}


def write_sample(folder, spacing=0.35, **changes):
    """Write volume.nrrd (uint8) and truth.nrrd (1 = ovary, k + 1 = follicle k) into `folder`; spacing in mm.

    changes: of what the phantom's seed draws, such as beam_samples.
    """
    phantom = make_phantom(SEED, spacing=spacing, **VIEW, **changes)
    sitk.WriteImage(phantom.volume, str(folder / "volume.nrrd"), useCompression=True)
    sitk.WriteImage(label_image(phantom), str(folder / "truth.nrrd"), useCompression=True)
