"""The sliding window of `crend segment` against MONAI's `sliding_window_inference` with a U-Net of the same width in torch, the network alone.

    python Testing/benchmarks/bench_network.py [--repeat 5] [--side 96] [--out NAME]

Both see the same cube of noise on the model grid, in windows of the bundled close look's size that overlap by half, blended with Gaussian weights. MONAI's
network is `networks.unet` of the same width (four decoder levels, no rendering). What both blend is compared with the same torch network, too: the
difference is that of the weights, whose smallest MONAI raises to a thousandth of the largest, CRend to a ten-thousandth.
"""

from __future__ import annotations

import argparse

import numpy as np
from bench_tools import finish, table, take_turns
from bench_whole import monai

from crend import networks
from crend.bundle import bundle
from crend.inference.engines import installed, make_engine
from crend.inference.torch_engine import TorchEngine
from crend.inference.windows import all_windows, blend_windows


def main() -> None:
    """Measure, print, write."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    model = bundle.load().model
    patch, points = tuple(model.block["patch"]), model.block["render"]["points"]
    torch.manual_seed(0)
    unet = networks.build("unet", width=model.block["arguments"]["width"]).eval()
    values = np.random.default_rng(0).normal(size=(arguments.side,) * 3).astype(np.float32)
    windows = all_windows(values.shape, patch, 0.5)

    maps = np.zeros((model.window_shape[0] - 1, *patch), np.float32)  # a guided network sees what a first look made of the window, too

    def ours(engine, rendered, more=maps):
        return blend_windows(values, patch, windows, lambda window: engine.predict(np.concatenate([window[None], more]), rendered))

    monais = monai(unet, values, patch)
    same = float(np.abs(ours(TorchEngine(unet), 0, maps[:0]) - monais().numpy()[0]).max())
    rivals = {"MONAI, U-Net in torch": monais}
    for name in ("onnxruntime", "openvino"):
        if installed(name):
            engine = make_engine(model, "cpu", name)
            rivals[f"CRend, {name}, rendered"] = lambda engine=engine: ours(engine, points)
    found = take_turns(rivals, arguments.repeat)
    peer = found["MONAI, U-Net in torch"]
    rows = [(name, each["wall"], each["cpu"], each["cpu"] / peer["cpu"]) for name, each in found.items()]
    text = (
        f"A cube of {arguments.side} voxels, {len(windows)} windows of {' x '.join(map(str, patch))}, width {unet.width}; medians of {arguments.repeat}. With the same "
        f"network (random weights) the two blends differ by {same:.0e} at most: their smallest weights differ.\n\n"
        + table(("", "s", "CPU s", "CPU against MONAI"), rows)
    )
    finish("The network against MONAI's sliding window", text, {"seconds": found, "blends_differ_by": same}, arguments.out)


if __name__ == "__main__":
    main()
