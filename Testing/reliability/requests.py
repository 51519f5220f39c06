"""Requests to a real worker, whole, changed or garbage: each gets an answer, and the worker ends with its input."""

from __future__ import annotations

import json
import os
import queue
import random
import subprocess
import sys
import threading
from pathlib import Path

from reliability.bundles import odd_value
from reliability.outcome import Tally

ANSWERS = ("failure", "input_error", "result", "description", "cancelled")
SECONDS = 60


def garbage(rng: random.Random) -> bytes:
    """A line that is no request."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randint(1, 200)).replace(b"\n", b" ") + b"\xff"
    if kind == 1:
        return rng.choice((b"[", b'{"do":')) * rng.randint(1000, 100_000)
    if kind == 2:
        return b'{"do": "describe", "id": ' + b"9" * rng.randint(400, 9000) + b"}"
    return json.dumps(rng.choice(([], None, 1, "quit", {"id": 1}, {"do": ["quit"]}))).encode()


def run(count: int, seed: int, folder: Path) -> Tally:
    """`count` lines to workers, a third of them garbage; a worker is asked ten of them and a last one that it must answer."""
    from crend.worker.client import PACKAGE_FOLDER

    tally, rng = Tally("requests to a worker"), random.Random(seed)
    base = {
        "segment": {"image": str(folder / "no.nrrd"), "folder": str(folder), "model": "no-such-model", "device": "cpu"},
        "batch": {"inputs": [str(folder / "no.nrrd")], "out": str(folder / "out"), "model": "no-such-model", "device": "cpu"},
        "follicle": {"image": str(folder / "no.nrrd"), "folder": str(folder), "point": [0, 0, 0], "model": "no-such-model"},
        "describe": {"device": "cpu", "engine": "nonsense"},
        "cancel": {},
    }
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER}
    for first in range(0, count, 10):
        command = [sys.executable, "-m", "crend.worker"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            events = _events(process.stdout)
            events.get(timeout=SECONDS)  # its greeting
            for number in range(first, min(first + 10, count)):
                if rng.random() < 1 / 3:
                    what, line = "garbage", garbage(rng)
                else:
                    do = rng.choice(list(base))
                    request = {"do": do, "id": number, **base[do]}
                    for _ in range(rng.randrange(3)):
                        request[rng.choice(list(request))] = odd_value(rng)
                    if request.get("do") == "quit":
                        continue
                    what, line = json.dumps(request)[:200], json.dumps(request).encode()
                process.stdin.write(
                    line + b"\n" + json.dumps({"do": "describe", "id": f"after {number}", "engine": "nonsense"}).encode() + b"\n"
                )
                process.stdin.flush()
                answered = _until(events, f"after {number}")
                tally.count(f"{number}: {what}", answered, "answered" if answered else "no answer")
            process.stdin.close()
            try:
                code = process.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                code = None
            if code != 0:
                tally.lost.append((f"the worker asked {first} to {first + 9}", f"ended with {code} after its input had"))
    return tally


def _events(stream) -> queue.Queue:
    events: queue.Queue = queue.Queue()

    def read():
        for line in stream:
            events.put(json.loads(line))
        events.put(None)

    threading.Thread(target=read, daemon=True).start()
    return events


def _until(events: queue.Queue, number) -> bool:
    while True:
        try:
            event = events.get(timeout=SECONDS)
        except queue.Empty:
            return False
        if event is None:
            return False
        if event.get("id") == number and event["event"] in ANSWERS:
            return True
