"""Corrupts files of twelve formats and says what came of reading them: `python Testing/benchmarks/corrupt_files.py [--count 500] [--seed 0]`.

Two kinds of corruption, half of each: a file is cut off somewhere, or one of its bits is flipped. Every corrupted file is read in a process of its own
with a limit of memory and time. Right is what has the voxels and the place of the whole file; refused, what ends in one InputError. In a format with a
checksum over a byte nothing else may happen; in other places (a raw voxel, a digit of a header) a flipped bit is valid data: there the file must
be read as its header says, or refused, and is counted as not detectable. Exit code 1 when anything else came out.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SHAPE = (24, 26, 28)
SECONDS = 60
MEMORY = 4 << 30  # of addresses; libraries alone reserve more than one
RIGHT, REFUSED, OTHER_DATA, WRONG, CRASH, HANG = "right", "refused", "not detectable", "WRONG", "CRASH", "HANG"
#: Formats whose voxels have a checksum.
CHECKED = ("mha, zlib", "mhd, zlib", "nrrd, gzip", "nhdr, gzip", "seg.nrrd", "nii.gz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=500, help="how many files to corrupt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="a file for the figures and for every file that came out wrong")
    parser.add_argument("--read", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read is not None:
        return read_each(arguments.read)
    with tempfile.TemporaryDirectory() as folder:
        counts, bad = run(Path(folder), arguments.count, arguments.seed)
    names = (RIGHT, REFUSED, OTHER_DATA, WRONG, CRASH, HANG)
    print(f"{'format':12} {'corruption':12} " + " ".join(f"{name:>14}" for name in names))
    for (kind, change), found in sorted(counts.items()):
        print(f"{kind:12} {change:12} " + " ".join(f"{found[name]:14}" for name in names))
    total = sum(counts.values(), collections.Counter())
    print(f"{'all':12} {'':12} " + " ".join(f"{total[name]:14}" for name in names))
    for line in bad:
        print(line)
    if arguments.json:
        facts = {"count": arguments.count, "seed": arguments.seed, "bad": bad}
        facts["counts"] = [{"format": kind, "corruption": change, **found} for (kind, change), found in sorted(counts.items())]
        Path(arguments.json).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return int(bool(bad))


def run(folder: Path, count: int, seed: int):
    """({(format, corruption): Counter of outcomes}, a line for each file that came out wrong)."""
    generator = np.random.default_rng(seed)
    whole = write_all(folder / "whole")
    wanted = dict(zip(whole, (facts_of(path) for path in whole.values())))
    jobs = []
    for number in range(count):
        kind = list(whole)[number % len(whole)]
        change = "cut" if (number // len(whole)) % 2 == 0 else "bit flip"
        jobs.append((kind, change, *corrupt(kind, whole[kind], folder / f"{number:05d}", change, generator)))
    answers = read_all([path for *_, path in jobs])
    counts: dict = collections.defaultdict(collections.Counter)
    bad = []
    for (kind, change, what, _), answer in zip(jobs, answers):
        outcome = judge(answer, wanted[kind], kind, change, what)
        counts[kind, change][outcome] += 1
        if outcome in (WRONG, CRASH, HANG):
            bad.append(f"{outcome}: {kind}, {change} {what}: {json.dumps(answer)[:300]}")
    return counts, bad


def judge(answer: dict, wanted: dict, kind: str, change: str, what: str) -> str:
    """What came of one file. what: "N of M in NAME", or the same of a bit."""
    if "ended" in answer:
        return HANG if answer["ended"] == "timeout" else CRASH
    if "refused" in answer:
        return REFUSED
    if answer == wanted:
        return RIGHT
    if "error" in answer or change == "cut":
        return WRONG
    # A flipped bit of a raw voxel, or in the part of a header that no checksum covers, is data like any other. A voxel changes no place.
    return WRONG if "voxels" in what and (kind in CHECKED or answer["place"] != wanted["place"]) else OTHER_DATA


def write_all(folder: Path) -> dict[str, Path]:
    """One volume in twelve formats: {format: file, or folder of a series}."""
    import SimpleITK as sitk

    folder.mkdir()
    z, y, x = np.indices(SHAPE)
    noise = np.random.default_rng(0).integers(0, 40, SHAPE)
    array = (60 + noise + 90 * ((z - 12) ** 2 + (y - 13) ** 2 + (x - 14) ** 2 < 64)).astype(np.uint8)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.5, 0.6, 0.7))
    image.SetOrigin((1, 2, 3))
    plain = {"mha": ("a.mha", False), "mha, zlib": ("b.mha", True), "mhd, zlib": ("c.mhd", True), "nrrd": ("d.nrrd", False)}
    plain |= {
        "nrrd, gzip": ("e.nrrd", True),
        "nhdr, gzip": ("f.nhdr", True),
        "nii": ("g.nii", False),
        "nii.gz": ("h.nii.gz", True),
        "vtk": ("i.vtk", False),
    }
    files = {}
    for kind, (name, compressed) in plain.items():
        files[kind] = folder / kind.replace(", ", "-") / name
        files[kind].parent.mkdir()
        sitk.WriteImage(image, str(files[kind]), compressed)
    write_segmentation(image, files, folder)
    write_text_vtk(array, files, folder)
    write_series(array, files, folder)
    return files


def write_segmentation(image, files: dict, folder: Path) -> None:
    import SimpleITK as sitk

    from crend.io.labels import write_labels

    files["seg.nrrd"] = folder / "segmentation" / "j.seg.nrrd"
    files["seg.nrrd"].parent.mkdir()
    follicles = sitk.Cast(image > 140, sitk.sitkUInt16)
    write_labels(files["seg.nrrd"], sitk.Cast(image > 80, sitk.sitkUInt8), follicles)


def write_text_vtk(array, files: dict, folder: Path) -> None:
    files["vtk, text"] = folder / "text" / "k.vtk"
    files["vtk, text"].parent.mkdir()
    head = "# vtk DataFile Version 3.0\nv\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS {} {} {}\nSPACING 0.5 0.6 0.7\nORIGIN 1 2 3\n"
    head = head.format(*array.shape[::-1]) + f"POINT_DATA {array.size}\nSCALARS s unsigned_char 1\nLOOKUP_TABLE default\n"
    files["vtk, text"].write_text(head + "\n".join(" ".join(map(str, row)) for row in array.reshape(-1, 14)) + "\n")


def write_series(array, files: dict, folder: Path) -> None:
    import SimpleITK as sitk

    files["DICOM"] = folder / "series"
    files["DICOM"].mkdir()
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    uid = "1.2.826.0.1.3680043.2.1125"
    for k, plane in enumerate(array):
        piece = sitk.GetImageFromArray(plane)
        piece.SetSpacing((0.5, 0.6))
        places = {"0020|0032": f"1\\2\\{3 + 0.7 * k:g}", "0020|0037": "1\\0\\0\\0\\1\\0", "0020|0013": str(k), "0018|0050": "0.7"}
        names = {"0008|0060": "CT", "0020|000d": f"{uid}.9", "0020|000e": f"{uid}.1", "0008|0018": f"{uid}.1.{k}"}
        for key, value in {**places, **names}.items():
            piece.SetMetaData(key, value)
        writer.SetFileName(str(files["DICOM"] / f"{k:03d}.dcm"))
        writer.Execute(piece)


def corrupt(kind: str, source: Path, folder: Path, change: str, generator) -> tuple[str, Path]:
    """(what was done, the path to read) of a copy of a file and what belongs to it, of which one file is corrupted."""
    folder.mkdir()
    files = sorted(source.iterdir() if source.is_dir() else source.parent.iterdir())
    victim = files[int(generator.integers(len(files)))]
    for file in files:
        data = file.read_bytes()
        if file == victim:
            begin = header_length(kind, file, data)
            at = int(generator.integers(1, len(data)))
            if change == "bit flip" and 0 < begin < len(data) and generator.random() < 0.5:
                at = int(generator.integers(begin))  # headers are short, and what is said there matters most
            if change == "cut":
                what, data = f"at {at} of {len(data)} in {file.name}", data[:at]
            else:
                where = "voxels" if at >= begin else "header"
                changed = bytearray(data)
                changed[at] ^= 1 << int(generator.integers(8))
                what, data = f"at {at} of {len(data)} in {file.name}, {where}", bytes(changed)
        (folder / file.name).write_bytes(data)
    return what, folder if source.is_dir() else folder / source.name


def header_length(kind: str, file: Path, data: bytes) -> int:
    """Where the voxels begin, or what is under their checksum: all of a .nii.gz, the stream behind a header, all of a file of its own."""
    if kind == "nii":
        return 352
    if kind.startswith("vtk"):
        return data.find(b"LOOKUP_TABLE default\n") + 21
    if kind == "DICOM":
        return data.find(b"\xe0\x7f\x10\x00") + 12
    if kind == "nii.gz" or file.suffix in (".zraw", ".raw") or file.name.endswith(".raw.gz"):
        return 0
    mark = b"ElementDataFile = LOCAL\n" if file.suffix == ".mha" else b"\n\n"
    at = data.find(mark)
    return len(data) if at < 0 else at + len(mark)


def facts_of(path) -> dict:
    """What a reader has to say of a file: its voxels and its place, as plain data, or the line that refuses it."""
    import hashlib

    import SimpleITK as sitk

    from crend.errors import InputError
    from crend.io.labels import read_labels
    from crend.io.volumes import read_image

    try:
        images = [read_image(path)]
        if str(path).endswith(".seg.nrrd"):
            raise AssertionError("a segmentation was read as a volume")
    except InputError as error:
        if not str(path).endswith(".seg.nrrd") or "a segmentation; give" not in str(error):
            return {"refused": str(error)} if "\n" not in str(error) else {"error": "more than one line"}
        try:
            labels = read_labels(path)
        except InputError as error:
            return {"refused": str(error)}
        images = [labels.ovary, labels.follicles]
    place = [
        [round(v, 5) for part in ("Spacing", "Origin", "Direction") for v in getattr(images[0], f"Get{part}")()],
        list(images[0].GetSize()),
    ]
    return {"place": place, "voxels": [hashlib.sha256(sitk.GetArrayFromImage(image).tobytes()).hexdigest() for image in images]}


def read_all(paths: list[Path]) -> list[dict]:
    """The answers for all paths: one process reads them in turn; the one that it dies of, or hangs on, is noted, and a new one goes on."""
    import crend

    answers: list[dict] = []
    environment = {**os.environ, "PYTHONPATH": str(Path(crend.__file__).parents[1])}
    while len(answers) < len(paths):
        command = [sys.executable, __file__, "--read", *map(str, paths[len(answers) :])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        before = len(answers)
        for line in lines_of(process):
            answers.append(json.loads(line))
        if process.poll() is None:
            process.kill()
            answers.append({"ended": "timeout"})
        elif process.wait() != 0 or len(answers) == before:
            answers.append({"ended": process.returncode})
    return answers


def lines_of(process):
    """Lines as they come; no more when none comes for SECONDS."""
    import selectors

    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(SECONDS):
            line = process.stdout.readline()
            if not line:
                process.wait()
                return
            yield line


def read_each(paths: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for path in paths:
        try:
            answer = facts_of(path)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
