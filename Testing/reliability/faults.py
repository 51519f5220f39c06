"""Faults put into a real batch: disks that are full or read-only, shares without permissions, crashes of a library, signals, odd folders.

Each fault has a batch of three small volumes of its own, as processes. It ends well where what could be done is done, what could not is told
in words, nothing half-written lies about, and the same command, with the fault gone, finishes the rest.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from reliability.models import tiny_bundle
from reliability.outcome import Tally

SECONDS = 600
VICTIM = "2"  # the volume that a fault in one file is about
#: Becomes sitecustomize.py of the batch's processes: what goes wrong there, by the words in CREND_FAULT.
SABOTAGE = """
import os, sys
kind, _, rest = os.environ.get("CREND_FAULT", "").partition(" ")
worker = "crend.worker" in sys.orig_argv

def refuse(number):
    def call(*arguments, **keywords):
        raise OSError(number, os.strerror(number))
    return call

if kind in ("chmod", "fsync"):
    setattr(os, kind, refuse(int(rest)))
if kind == "replace":
    left, replace = [2], os.replace
    def fails_twice(source, target, **keywords):
        if left[0] and ".crend-" in str(source):
            left[0] -= 1
            raise OSError(int(rest), os.strerror(int(rest)))
        return replace(source, target, **keywords)
    os.replace = fails_twice
if kind == "limit":
    import resource
    what, most = rest.split()
    resource.setrlimit(getattr(resource, what), (int(most), int(most)))
if kind == "read" and worker:
    def meet(event, arguments):
        if event == "open" and str(arguments[0]).endswith("/2.nrrd"):
            if rest == "segfault":
                import ctypes
                ctypes.string_at(0)
            elif rest == "memory":
                raise MemoryError
            elif rest == "exit":
                os._exit(0)
            elif rest == "garbage":
                os.write(1, b"\\xff\\x00 no JSON at all\\n" * 50)
            else:
                os.kill(os.getpid(), int(rest))
    sys.addaudithook(meet)
"""


@dataclass(frozen=True)
class Fault:
    """One fault. codes: exit codes that are right; done: how many volumes must be whole at the end, at least; says: a word that must be said."""

    name: str
    codes: tuple = (0,)
    done: int = 3
    says: str = ""
    sabotage: str = ""
    mount: str = ""  # options of a file system of its own under the results; they are gone with it
    prepare: str = ""  # what is done to the folder of results, or to the volumes, before
    signal: int = 0
    closed: bool = False  # nobody reads what it prints


def faults() -> list[Fault]:
    """All of them, in the order in which they are tried."""
    in_reader = [
        ("segfault", "SIGSEGV"),
        (str(int(signal.SIGABRT)), "SIGABRT"),
        (str(int(signal.SIGKILL)), "SIGKILL"),
        ("exit", ""),
        ("memory", ""),
    ]
    return [
        *(Fault(f"disk full at {size} kB", (2, 3), 0, "no space", mount=f"size={size}k") for size in (4, 16, 48)),
        Fault("folder read-only", (2,), 0, "read-only", mount="ro"),
        Fault("a share that knows no chmod", sabotage="chmod 1"),
        Fault("a share that knows no fsync", sabotage="fsync 22"),
        Fault("a disk that fails at fsync", (2, 3), 0, "input/output error", sabotage="fsync 5"),
        Fault("a rename that is refused for a while", (2, 3), 0, "cannot be written", sabotage="replace 13"),
        Fault("files limited to 1 kB", (2, 3), 0, "too large", sabotage="limit RLIMIT_FSIZE 1024"),
        Fault("few open files", (0, 2, 3), 0, sabotage="limit RLIMIT_NOFILE 24"),
        *(Fault(f"{size / 1e9:g} GB of addresses", (0, 2, 3), 0, sabotage=f"limit RLIMIT_AS {size:.0f}") for size in (1.2e9, 2e9, 4e9)),
        *(Fault(f"a reader that ends with {how}", (3,), 2, word, sabotage=f"read {how}") for how, word in in_reader),
        Fault("a reader that writes into the answers", (0, 3), 2, sabotage="read garbage"),
        *(Fault(f"{number.name} in mid-run", (130,), 0, "cancelled", signal=number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)),
        *(Fault(f"results that are {how}", prepare=how) for how in ("empty files", "damaged JSON", "deep JSON", "links to nothing", "links that loop")),
        Fault("results of another program", (3,), 2, "another program", prepare="foreign JSON"),
        Fault("folders where files belong", (2, 3), 2, prepare="folders"),
        Fault("a link to a volume that is gone", (0,), 2, "which is not there", prepare="gone"),
        Fault("a volume that nobody may read", (0, 3), 2, prepare="locked"),
        Fault("a volume that is a pipe", (0, 3), 2, prepare="pipe"),
        Fault("a volume with a name of 255 bytes", done=3, prepare="long name"),
        Fault("a volume with a name of another script", done=3, prepare="chinese name"),
        Fault("nobody reads what is printed", (0, 1, 2, 120, 141), 0, closed=True),
    ]  # fmt: skip


def run(count: int, seed: int, folder: Path, first: int = 0) -> Tally:
    """`count` of the faults from the `first` on, in an order that the seed gives."""
    import SimpleITK as sitk
    from tiny import volume

    from crend.worker.client import PACKAGE_FOLDER

    tally, chosen = Tally("faults put into a batch"), faults()
    random.Random(seed).shuffle(chosen)
    bundle = tiny_bundle(folder / "everything", ovary=9.0)
    scans = folder / "scans"
    scans.mkdir()
    for number in range(3):
        sitk.WriteImage(volume((24, 26, 28 + number)), str(scans / f"{number}.nrrd"))
    (folder / "sabotage").mkdir()
    (folder / "sabotage" / "sitecustomize.py").write_text(SABOTAGE)
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'sabotage'}{os.pathsep}{PACKAGE_FOLDER}", "OMP_NUM_THREADS": "1"}
    for number, fault in enumerate(chosen[first : first + count]):
        place = folder / str(number)
        shutil.copytree(scans, place / "scans")
        command = [
            sys.executable,
            "-m",
            "crend",
            "batch",
            str(place / "scans"),
            "--out",
            str(place / "out"),
            "--model",
            str(bundle),
            "--device",
            "cpu",
        ]
        if fault.mount and not _can_mount(place):
            tally.count(fault.name, True, "not possible here")
            continue
        wrong = _attempt(fault, place, command, environment)
        tally.count(fault.name, not wrong, "as it should" if not wrong else "otherwise", "; ".join(wrong))
        for path in place.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
    return tally


def _attempt(fault: Fault, place: Path, command: list[str], environment: dict) -> list[str]:
    """What was not as it should be."""
    out = place / "out"
    out.mkdir()
    if fault.prepare:
        _prepare(fault.prepare, place, command, environment)
    code, said = _run(fault, out, command, {**environment, "CREND_FAULT": fault.sabotage})
    wrong = [] if code in fault.codes else [f"exit code {code}"]
    if "Traceback" in said:
        wrong.append("a traceback")
    if fault.says.lower() not in said.lower() or (code and not fault.closed and not said.strip()):
        wrong.append(f"said {said.strip()[-200:]!r}")
    wrong += [f"left {line}" for line in said.splitlines() if line.startswith(".crend-")]
    wrong += [f"left {path.name}" for path in out.rglob(".crend-*")]
    if fault.mount:
        return wrong
    whole = len(_whole(out))
    if whole < fault.done:
        wrong.append(f"{whole} volumes done")
    if wrong:
        return wrong
    # The fault is gone, and what it kept from being done is done now.
    code, said = _run(Fault(""), out, command, environment)
    stays = fault.prepare in ("gone", "foreign JSON", "folders", "locked", "pipe")
    if (code != 0 or len(_whole(out)) < 3) and not stays:
        wrong.append(f"afterwards exit code {code}, {len(_whole(out))} done: {said.strip()[-200:]!r}")
    return wrong


def _run(fault: Fault, out: Path, command: list[str], environment: dict) -> tuple[int, str]:
    """(exit code, all that it said)."""
    if fault.mount:
        mount = f'mount -t tmpfs -o {fault.mount} none "$0" || exit 99; "$@"; code=$?; ls -A "$0"; exit $code'
        command = ["unshare", "-rm", "sh", "-c", mount, str(out), *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment)
    if fault.closed:
        process.stdout.close()
        return process.wait(SECONDS), ""
    if fault.signal:
        until = time.monotonic() + SECONDS
        while not list(out.glob("*.json")) and time.monotonic() < until and process.poll() is None:
            time.sleep(0.005)  # a volume is done, so the next is under way
        process.send_signal(fault.signal)
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return -1, f"nothing for {SECONDS} s: {process.communicate()[0]}"
    return process.returncode, said


def _prepare(what: str, place: Path, command: list[str], environment: dict) -> None:
    out, scans = place / "out", place / "scans"
    report, labels = out / f"{VICTIM}.json", out / f"{VICTIM}.seg.nrrd"
    victim = scans / f"{VICTIM}.nrrd"
    if what in ("empty files", "damaged JSON", "deep JSON"):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS)
    if what == "empty files":
        labels.write_bytes(b"")
    elif what == "damaged JSON":
        report.write_bytes(report.read_bytes()[:-40] + b"\xff\xfe")
    elif what == "deep JSON":
        report.write_text("[" * 100_000)
    elif what == "foreign JSON":
        report.write_text(json.dumps({"name": VICTIM, "their": "own"}))
    elif what == "links to nothing":
        labels.symlink_to(out / "nowhere.seg.nrrd")
    elif what == "links that loop":
        (scans / "again").symlink_to(scans)
        (out / "again").symlink_to(out)
    elif what == "folders":
        labels.mkdir()
    elif what == "gone":
        (scans / "gone.nrrd").symlink_to(scans / "nowhere.nrrd")
        victim.unlink()
    elif what == "locked":
        victim.chmod(0)
    elif what == "pipe":
        victim.unlink()
        os.mkfifo(victim)
    elif what == "long name":
        victim.rename(scans / f"{'n' * 250}.nrrd")
    elif what == "chinese name":
        victim.rename(scans / "患者 卵巣 №2.nrrd")


def _whole(out: Path) -> list[str]:
    """Volumes whose three files are there and whole, by the sums in their reports."""
    import hashlib

    found = []
    for path in out.glob("*.json"):
        try:
            files = json.loads(path.read_text(encoding="utf-8"))["files"]
            base = str(path)[: -len(".json")]
            sums = {ending: hashlib.sha256(Path(base + ending).read_bytes()).hexdigest() for ending in files}
            if sums == {ending: each["sha256"] for ending, each in files.items()}:
                found.append(path.stem)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def _can_mount(place: Path) -> bool:
    probe = place / "probe"
    probe.mkdir()
    try:
        return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(probe)], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
