"""The demo's volume: simulated 3D ultrasound of one ovary, the same in every run."""

import SimpleITK as sitk
from crend_training.phantom import label_image, make_phantom

SEED = 20271  # no seed that a bundled model was trained, tuned or measured on
#: A whole organ seen from above, as a screen shows it; everything else is drawn by the seed.
VIEW = dict(empty=False, cut=False, tight=False, look="stimulated", axes=[0, 1, 2], flips=[True, False, False],
            direction="identity", origin=[0.0, 0.0, 0.0], spacing=0.3, spacing_factors=[1.0, 1.0, 1.0])


def write_sample(folder):
    """Write volume.nrrd (uint8) and truth.nrrd (1 = ovary, k + 1 = follicle k) into `folder`; return both paths."""
    phantom = make_phantom(SEED, **VIEW)
    volume, truth = folder / "volume.nrrd", folder / "truth.nrrd"
    sitk.WriteImage(phantom.volume, str(volume), useCompression=True)
    sitk.WriteImage(label_image(phantom), str(truth), useCompression=True)
    return volume, truth
