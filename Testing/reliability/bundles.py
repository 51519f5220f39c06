"""Bundles whose metadata, weights or graphs were changed: each is refused in one line, or gives a result."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from pathlib import Path

from reliability.models import tiny_bundle
from reliability.outcome import Tally

ODD = (
    None, True, False, 0, 1, -1, 2, 7, 16, 31, 48, 64, 512, 4096, 2**31, 2**63, 10**400, -(10**400), 0.0, -0.0, 0.5, 1.0, -0.5, 1e-300,
    1e300, 1e308, float("nan"), float("inf"), -float("inf"), "", " ", "crend", "unet", "x" * 5000, "\ud800", "a\0b", "Ödem 患者", "1.0",
    "../../metadata.json", "missing", [], [[]], [None], [0], [1, 2, 3], ["a", "b", "c"], [16, 16, 16], [0.6, 0.6, 0.6], {}, {"a": 1},
    {"method": "minmax"}, {"method": ["zscore_nonzero"]}, {"width": 2}, {"width": 0.5}, {"width": 10**9}, {"points": 1e9},
)  # fmt: skip


def odd_value(rng: random.Random):
    """Something that a field might hold by mistake."""
    value = copy.deepcopy(rng.choice(ODD))
    if rng.random() < 0.02:
        for _ in range(rng.choice((20, 100, 300))):
            value = [value]
    return value


def places(value, path=()):
    """Every place in plain data, as tuples of keys and indices."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for k in range(min(len(value), 4)):
            yield from places(value[k], (*path, k))


def mutated(metadata: dict, rng: random.Random) -> tuple[dict, str]:
    """(a copy with one to three fields changed, what was done)."""
    metadata, done = copy.deepcopy(metadata), []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        *above, last = rng.choice([path for path in places(metadata) if path] or [("schema",)])
        inside = metadata
        for key in above:
            inside = inside[key]
        kind = rng.random()
        if kind < 0.2 and isinstance(inside, dict):
            inside.pop(last, None)
        elif kind < 0.3 and isinstance(inside, list):
            inside.insert(0, odd_value(rng))
        elif kind < 0.4 and isinstance(inside, dict):
            inside[str(rng.choice(list(inside)))] = inside.get(last)
        elif isinstance(inside, (list, dict)):
            inside[last] = odd_value(rng)
        done.append("/".join(map(str, (*above, last))))
    return metadata, " and ".join(done)


def rich_bundle(folder: Path) -> Path:
    """A bundle of a few kilobytes with every field that the bundled one has: calibration, familiar volumes, probabilities, seeds."""

    bundled = Path(__file__).parents[2] / "CRendSegmentation/Resources/Models/crend-sim/metadata.json"
    block = json.loads(bundled.read_text(encoding="utf-8"))["crend"]
    saved = tiny_bundle(folder, ovary=9.0, follicles=9.0)
    metadata = json.loads((saved / "metadata.json").read_text(encoding="utf-8"))
    metadata["crend"] |= {key: block[key] for key in ("confidence", "familiar", "least_probability", "seeds", "thresholds") if key in block}
    (saved / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return saved


def run(count: int, seed: int, folder: Path) -> Tally:
    """`count` changed bundles, each loaded and, where it loads, listed and run over a small volume."""
    from tiny import volume

    from crend.bundle import bundle as bundles
    from crend.predict import segment

    tally, rng = Tally("bundles with changed metadata, weights or graphs"), random.Random(seed)
    place = rich_bundle(folder / "bundle")
    image = volume((16, 16, 16))
    files = {name: (place / name).read_bytes() for name in ("metadata.json", "model.safetensors", "trunk.onnx") if (place / name).exists()}
    whole = json.loads(files["metadata.json"])

    def work():
        info = bundles.info(place)
        f"{info.summary} {info.metadata['version']} {' '.join(f'{s:g}' for s in info.metadata['crend']['spacing_mm'])}".encode()
        found = segment(image, bundles.load(place), device="cpu")
        json.dumps({"measurements": found.measurements.as_dict(), **found.provenance}, allow_nan=False, ensure_ascii=False).encode()

    for number in range(count):
        for name, content in files.items():
            (place / name).write_bytes(content)
        if number % 5 or len(files) < 3:
            metadata, what = mutated(whole, rng)
            # ensure_ascii: half a character is written as such, and read as such.
            (place / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        else:
            name = rng.choice(("model.safetensors", "trunk.onnx", "metadata.json"))
            content, what = damaged(files[name], rng), f"bytes of {name}"
            (place / name).write_bytes(content)
            if name != "metadata.json" and rng.random() < 0.7:
                sums = copy.deepcopy(whole)
                sums["crend"]["sha256" if name == "model.safetensors" else "graphs"][name] = hashlib.sha256(content).hexdigest()
                (place / "metadata.json").write_text(json.dumps(sums), encoding="utf-8")
        tally.attempt(f"{number}: {what}", work, "ran")
    return tally


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file with some bytes changed, cut off, doubled or put in."""
    content, kind = bytearray(content), rng.randrange(5)
    at = rng.randrange(len(content)) if rng.random() < 0.5 else rng.randrange(min(len(content), 400))
    if kind == 0:
        del content[at:]
    elif kind == 1:
        content[at:at] = rng.randbytes(rng.randint(1, 64))
    elif kind == 2:
        del content[at : at + rng.randint(1, 64)]
    elif kind == 3:
        content += content[at:]
    else:
        for _ in range(rng.randint(1, 8)):
            content[(at + rng.randrange(64)) % len(content)] = rng.randrange(256)
    return bytes(content)
