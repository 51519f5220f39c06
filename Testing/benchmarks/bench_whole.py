"""The whole of `crend segment`, warm and cold, against what others take for their network alone: MONAI's sliding window and nnU-Net v2's predictor.

    python Testing/benchmarks/bench_whole.py [--repeat 5] [--cold 5] [--crop 50] [--seed 900000] [--out NAME]

All see the same simulated volume. MONAI and nnU-Net (mirroring off) run the same torch U-Net of the bundled model's width, with random weights, over windows of
the bundled size on the model grid; reading, resampling, post-processing, measuring and writing, which `crend segment` does besides two networks, are not
in their time. nnU-Net v2 is measured where it is installed (pip install nnunetv2). ETH's two networks: training_pkg/results/peers.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from types import SimpleNamespace

from bench_agreement import cropped
from bench_tools import finish, processes_take_turns, table, take_turns

from crend import networks
from crend.bundle import bundle
from crend.inference.engines import make_engine
from crend.inference.grey_values import normalise, to_model_grid
from crend.inference.model_grid import grid_spacing
from crend.predict import segment
from crend_training.data.simulators import simulate

AT_ONCE = 4  # windows that MONAI is given at once, which is quickest: of a single small one PyTorch computes convolutions in a slower way


def monai(unet, values, patch):
    """A call that runs MONAI's sliding window over `values` (D, H, W)."""
    import torch
    from monai.inferers import sliding_window_inference

    def call():
        with torch.inference_mode():
            tensor = torch.from_numpy(values[None, None])
            return sliding_window_inference(
                tensor, patch, AT_ONCE, lambda x: unet.trunk(x)[0].sigmoid(), overlap=0.5, mode="gaussian", sigma_scale=0.125
            )

    return call


def nnunet(unet, values, patch):
    """A call that runs nnU-Net's predictor over `values` (D, H, W); None where it is not installed."""
    import torch

    try:
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    except ImportError:
        return None

    class Coarse(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unet = unet

        def forward(self, x):
            return self.unet.trunk(x)[0]

    predictor = nnUNetPredictor(
        tile_step_size=0.5, use_gaussian=True, use_mirroring=False, perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False
    )  # fmt: skip
    # What it would read from a trained model's folder.
    predictor.network = Coarse()
    predictor.configuration_manager = SimpleNamespace(patch_size=tuple(patch))
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=2)
    return lambda: predictor.predict_sliding_window_return_logits(torch.from_numpy(values[None]))


def main() -> None:
    """Measure, print, write."""
    import SimpleITK as sitk
    import torch

    from crend.comparison.metrics import compare
    from crend.io.labels import Labels

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cold", type=int, default=5)
    parser.add_argument("--crop", type=float, default=50.0, help="mm; 0 for the whole volume")
    parser.add_argument("--seed", type=int, default=900_000)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    phantom = simulate("training", arguments.seed)
    image = cropped(phantom, arguments.crop)
    loaded = bundle.load()
    block = loaded.model.block
    values, _ = to_model_grid(image, grid_spacing(image, loaded.metadata["crend"]))
    values = normalise(values, loaded.metadata["crend"]["normalisation"])
    torch.manual_seed(0)
    unet = networks.build("unet", width=block["arguments"]["width"]).eval()
    engine = make_engine(loaded.model, "cpu", "onnxruntime")
    rivals = {
        "crend.segment, warm, all of it": lambda: segment(image, loaded, engine=engine),
        "MONAI, the network alone": monai(unet, values, block["patch"]),
        "nnU-Net v2, the network alone": nnunet(unet, values, block["patch"]),
    }
    missing = [name for name, call in rivals.items() if call is None]
    seconds = take_turns({name: call for name, call in rivals.items() if call is not None}, arguments.repeat)
    found = segment(image, loaded, engine=engine)
    size, first = image.GetSize(), phantom.ovary.TransformPhysicalPointToIndex(image.GetOrigin())
    truth = Labels(*(sitk.RegionOfInterest(labels, size, first) for labels in (phantom.ovary, phantom.follicles)))
    figures = compare(truth, Labels(found.ovary, found.follicles))
    with tempfile.TemporaryDirectory() as folder:
        sitk.WriteImage(image, str(Path(folder) / "volume.nrrd"))
        command = ["-m", "crend", "segment", Path(folder) / "volume.nrrd", Path(folder) / "out.seg.nrrd", "--device", "cpu"]
        cold = processes_take_turns({"crend segment, cold, a process": command}, arguments.cold)
    peer = seconds["MONAI, the network alone"]["cpu"]
    rows = [(name, each["wall"], each["cpu"], each["cpu"] / peer, "–") for name, each in seconds.items()]
    rows += [(name, each["wall"], each["cpu"], each["cpu"] / peer, each["peak"]) for name, each in cold.items()]
    text = (
        f"Seed {arguments.seed} of the training simulator, {' x '.join(map(str, image.GetSize()))} voxels; medians of {arguments.repeat} (cold: {arguments.cold}). "
        f"Dice of what crend found: ovary {figures['ovary']['dsc']:.3f}, follicles {figures['follicles']['dsc']:.3f}; the others' weights are random.\n\n"
        + table(("", "s", "CPU s", "CPU against MONAI", "peak MB"), rows)
        + "\n\nETH's two networks (ovary-analysis) take ten minutes to an hour a volume on a core, by training_pkg/results/peers."
        + "".join(f"\n\nNot measured: {name}; it is not installed." for name in missing)
    )
    finish("The whole of crend segment against others' networks", text, {"seconds": seconds, "cold": cold}, arguments.out)


if __name__ == "__main__":
    main()
