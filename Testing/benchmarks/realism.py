"""How far simulated slices are from real ones: figures of both simulators beside those of published images, and pictures.

    python Testing/benchmarks/realism.py --volumes 24 --out OUT [--simulator training-mixed trial-crowded] [--set scene=anatomy]

The real figures are percentiles of 267 published 2D transvaginal images of normal ovaries. Each figure is relative to the ovary's own size, so
that no pixel size is needed. A figure says how a slice differs from a real one, not that it looks real: look at the pictures as well.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

sys.path[:0] = [str(Path(__file__).parents[2] / part) for part in ("training_pkg", "CRendSegmentation")]

from crend_training.data.simulators import NAMES  # noqa: E402

PERCENTILES = (10, 25, 50, 75, 90)
REAL = {
    "ovary against ring, log2 grey": (-0.735, -0.582, -0.41, -0.167, 0.032),
    "spread of grey in the ring, log2": (0.879, 1.108, 1.332, 1.714, 2.097),
    "spread of grey further away, log2": (1.123, 1.327, 1.67, 2.207, 2.516),
    "spread of grey in the stroma, log2": (0.593, 0.725, 0.884, 1.082, 1.257),
    "fluid share of the ovary": (0.0, 0.0, 0.016, 0.095, 0.207),
    "dark share of the far field": (0.009, 0.034, 0.103, 0.208, 0.301),
    "texture: lateral minus axial correlation": (0.099, 0.167, 0.228, 0.292, 0.364),
    "speckle contrast in the ring": (0.194, 0.222, 0.264, 0.295, 0.336),
    "axis ratio of the ovary": (1.187, 1.331, 1.575, 1.887, 2.229),
}
PIXEL = 0.25  # mm


def figures(grey, ovary):
    """The values of REAL's figures, in its order, for a slice (depth, lateral): grey 0..255, 0 outside the sector, and the ovary's mask.

    NaN where a figure cannot be had; None where the ovary or the field around it is too small for any.
    """
    grey = np.asarray(grey, np.float32)
    sector = ndimage.binary_closing(grey > 4, iterations=3)
    ovary = np.asarray(ovary, bool) & sector
    if ovary.sum() < 150:
        return None
    radius = np.sqrt(ovary.sum() / np.pi)
    away = ndimage.distance_transform_edt(~ovary) / radius
    ring, far = sector & (away > 0.15) & (away < 0.8), sector & (away >= 0.8) & (away < 2.5)
    if min(ring.sum(), far.sum()) < 200:
        return None
    smooth = ndimage.gaussian_filter(grey, 0.12 * radius)
    level = np.log2(np.maximum(smooth, 2))
    dark = smooth < 0.4 * np.median(smooth[ring])
    stroma = ovary & ~dark & (ndimage.distance_transform_edt(ovary) > 0.08 * radius)
    fine = grey - ndimage.gaussian_filter(grey, 0.1 * radius + 2)
    variance = float((fine[ring] ** 2).mean())
    lag = max(1, round(0.04 * radius))

    def correlation(axis):
        return float((fine * np.roll(fine, -lag, axis))[ring].mean()) / variance

    def spread(where):
        low, high = np.percentile(level[where], (10, 90))
        return float(high - low)

    seen = stroma.sum() > 50
    short, long = np.linalg.eigvalsh(np.cov(np.stack(np.nonzero(ovary))))
    return (
        float(np.median(level[stroma]) - np.median(level[ring])) if seen else np.nan,
        spread(ring),
        spread(far),
        spread(stroma) if seen else np.nan,
        float((dark & ovary).sum() / ovary.sum()),
        float((dark & far).sum() / far.sum()),
        correlation(1) - correlation(0),
        float(np.sqrt(variance) / grey[ring].mean()),
        float(np.sqrt(long / short)),
    )


def slice_of(simulator, seed, empty, changes):
    """Grey and ovary (depth, lateral) of one volume in PIXEL mm, where the ovary is largest; and the seconds that the volume took."""
    started = time.perf_counter()
    changes = {"scene": NAMES[simulator], **changes}
    if simulator.startswith("trial"):
        from crend_training.trial_phantom import make_trial_volume

        phantom = make_trial_volume(seed, empty=empty, **{"axis_order": [0, 1, 2], "mirrored": [False] * 3, **changes})
        across = 2
    else:
        from crend_training.phantom import make_phantom

        phantom = make_phantom(seed, empty=empty, **{"axes": [0, 1, 2], "flips": [False] * 3, **changes})
        across = 1
    seconds = time.perf_counter() - started
    grey, ovary = (sitk.GetArrayFromImage(image) for image in (phantom.volume, phantom.ovary))
    shown = grey if empty else ovary
    place = int((shown > 0).sum(axis=tuple(a for a in range(3) if a != across)).argmax())
    spacing = phantom.volume.GetSpacing()[::-1]
    zoom = [s / PIXEL for a, s in enumerate(spacing) if a != across]
    grey, ovary = grey.take(place, across), ovary.take(place, across)
    return ndimage.zoom(grey, zoom, order=1), ndimage.zoom(ovary, zoom, order=0) > 0, seconds


def contact_sheet(slices, columns=6, side=300):
    """One uint8 picture of all slices; each ovary's outline is drawn faintly."""
    tiles = []
    for grey, ovary in slices:
        grey = grey.astype(np.float32)
        edge = ovary & ~ndimage.binary_erosion(ovary)
        grey[edge] = np.maximum(grey[edge], 0.5 * grey[edge] + 70)
        scale = side / max(grey.shape)
        tile = ndimage.zoom(grey, scale, order=1)[:side, :side]
        tiles.append(np.pad(tile, [(0, side + 4 - n) for n in tile.shape]))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.clip(np.vstack(rows), 0, 255).astype(np.uint8)


def table(measured):
    """Markdown: each figure's percentiles, real and of each simulator."""
    lines = [
        "| figure, " + " / ".join(f"p{p}" for p in PERCENTILES) + " | real | " + " | ".join(measured) + " |",
        "|---" * (2 + len(measured)) + "|",
    ]
    for row, (name, real) in enumerate(REAL.items()):
        cells = [" / ".join(f"{v:.2f}" for v in values) for values in (real, *(m[row] for m in measured.values()))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulator", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--first-seed", type=int, default=7000)
    parser.add_argument("--volumes", type=int, default=24)
    parser.add_argument("--empty", action="store_true", help="volumes without an ovary: pictures only")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="parameters of the simulators to replace")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", required=True, help="folder for figures.md, figures.json and one picture of each simulator")
    options = parser.parse_args()
    changes = {}
    for pair in options.set:
        name, _, value = pair.partition("=")
        try:
            changes[name] = json.loads(value)
        except json.JSONDecodeError:
            changes[name] = value
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    seeds, measured = range(options.first_seed, options.first_seed + options.volumes), {}
    for simulator in options.simulator:
        with ProcessPoolExecutor(options.processes) as pool:
            made = list(pool.map(slice_of, *zip(*((simulator, seed, options.empty, changes) for seed in seeds))))
        sitk.WriteImage(sitk.GetImageFromArray(contact_sheet([m[:2] for m in made[:24]])), str(out / f"{simulator}.png"))
        print(f"{simulator}: {np.mean([m[2] for m in made]):.1f} s a volume, {options.processes} at once")
        if not options.empty:
            values = np.array([f for f in (figures(*m[:2]) for m in made) if f])
            measured[simulator] = np.nanpercentile(values, PERCENTILES, axis=0).T
            darker = float((values[:, 0] < 0).mean())
            print(f"{simulator}: {len(values)} slices measured, ovary darker than the ring in {100 * darker:.0f} %")
    if measured:
        print(table(measured))
        (out / "figures.md").write_text(table(measured) + "\n")
        (out / "figures.json").write_text(
            json.dumps({s: dict(zip(REAL, m.round(3).tolist())) for s, m in measured.items()}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
