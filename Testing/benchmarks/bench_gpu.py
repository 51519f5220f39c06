"""An NVIDIA card: milliseconds a volume on two sizes of the model grid, TFLOP/s against a large convolution on the same card, peak memory.

    python Testing/benchmarks/bench_gpu.py [--repeat 5] [--width 32] [--out NAME]

Ends with a line where torch has no CUDA device. The network is the paper's C-Rend with random weights; half precision, windows of 192 x 192 x 128 voxels that
overlap by half, rendering included. Half precision is checked against the CPU by `bench_agreement.py --engine torch --device cuda`.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from bench_tools import finish, table

from crend import networks
from crend.inference.torch_engine import TorchEngine
from crend.inference.windows import all_windows, blend_windows

SIZES = ((192, 192, 336), (400, 400, 700))
PATCH = (192, 192, 128)
GMAC_A_PATCH = 738  # of the paper's C-Rend at width 32
CEILING = {"channels": 128, "side": 128}


def ceiling(torch) -> float:
    """TFLOP/s of a 3x3x3 convolution that is large enough to be limited by arithmetic alone, in half precision."""
    channels, side = CEILING["channels"], CEILING["side"]
    layer = torch.nn.Conv3d(channels, channels, 3, padding=1, bias=False).cuda().half()
    x = torch.zeros(1, channels, side, side, side, device="cuda", dtype=torch.float16)
    with torch.inference_mode():
        seconds = _seconds(torch, lambda: layer(x), 10)
    return 2 * 27 * channels**2 * side**3 / seconds / 1e12


def _seconds(torch, call, repeat: int) -> float:
    for _ in range(2):
        call()
    found = []
    for _ in range(repeat):
        torch.cuda.synchronize()
        began = time.perf_counter()
        call()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def main() -> None:
    """Measure, print, write."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        return finish("NVIDIA card", "Not measured: torch has no CUDA device here.", {}, arguments.out)
    best = ceiling(torch)
    engine = TorchEngine(networks.build("crend", width=arguments.width), "cuda")
    points = int(np.prod(PATCH)) // 8
    rows, figures = [], {"ceiling": best, "sizes": {}}
    for shape in SIZES:
        values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        windows = all_windows(values.shape, PATCH, 0.5)
        torch.cuda.reset_peak_memory_stats()
        call = lambda: blend_windows(values, PATCH, windows, lambda window: engine.predict(window, points))  # noqa: E731
        seconds = _seconds(torch, call, arguments.repeat)
        peak = torch.cuda.max_memory_allocated() / 1e9
        reached = 2 * GMAC_A_PATCH * (arguments.width / 32) ** 2 * len(windows) / seconds / 1e3
        rows.append((" x ".join(map(str, shape)), len(windows), 1000 * seconds, reached, f"{100 * reached / best:.0f} %", peak))
        figures["sizes"]["x".join(map(str, shape))] = {"seconds": seconds, "tflops": reached, "peak_gb": peak}
    head = ("model grid", "windows", "ms a volume", "TFLOP/s", f"of {best:.0f} measured", "peak GB")
    finish(f"NVIDIA card: {torch.cuda.get_device_name()}", table(head, rows), figures, arguments.out)


if __name__ == "__main__":
    main()
