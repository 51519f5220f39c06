"""The other end of `crend.worker`: starts the process, asks it, hears its answers, ends it. No torch, no Qt.

Everything here returns at once; whoever asks calls `poll` now and then, from one thread.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from .. import __version__
from .protocol import PROTOCOL

PACKAGE_FOLDER = str(Path(__file__).resolve().parents[2])
FINAL = ("result", "cancelled", "input_error", "failure", "description")
KEPT_LINES = 200  # of standard error, for whoever wants details


class WorkerClient:
    """One worker process, started when first asked and again after it died.

    command: the Python to run and its options, e.g. ["/path/PythonSlicer"]; the default is this interpreter.
    arguments: what makes it a worker.
    """

    def __init__(self, command=None, arguments=("-m", "crend.worker")):
        self._command = [*(command or [sys.executable]), *arguments]
        self._process = None
        self._lines: queue.Queue = queue.Queue()
        self._errors: deque = deque(maxlen=KEPT_LINES)
        self._greeted = False
        self._next = 0
        self._open: set = set()
        self._kept: list[dict] = []

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        """The process, or None."""
        return self._process.pid if self.alive else None

    def ask(self, do: str, **what) -> int:
        """Send a request, starting the worker where needed; returns the request's id. OSError when it cannot be started."""
        if not self.alive:
            self._start()
        self._next += 1
        self._open.add(self._next)
        self._send({"do": do, "id": self._next, **what})
        return self._next

    def cancel(self, number: int) -> None:
        """Ask that a request be dropped; its end comes as the event "cancelled"."""
        self._send({"do": "cancel", "id": number})

    def poll(self, number=None) -> list[dict]:
        """Events since the last call, oldest first; never waits. With a request's id only its events: the others are kept.

        A worker that died, or that speaks another protocol, ends every open request with a "failure" event. Lines that are no
        events are passed over.
        """
        events = []
        dead = self._process is not None and not self.alive
        if dead:
            # All it said before it died is still on the way through the reader thread.
            self._reader.join(timeout=1.0)
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                break
            events += self._event(line)
        if dead and self._process is not None:
            code = self._process.returncode
            events += self._fail(f"the worker process ended unexpectedly (exit code {code})", "\n".join(self._errors))
            self._process = None
        self._kept += events
        events = [event for event in self._kept if number in (None, event.get("id"))]
        self._kept = [event for event in self._kept if event not in events]
        return events

    def close(self, number=None) -> None:
        """End the process and everything it started, at once.

        Whoever waits hears of it: every open request ends with a "failure" event, but for the one with the id `number`, whose end this is.
        """
        self._open.discard(number)
        self._kept += self._fail("the worker process was ended together with another run; start this one again", "")
        self._end()

    def _start(self) -> None:
        self._process = None
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [PACKAGE_FOLDER, environment.get("PYTHONPATH")]))
        options = {"start_new_session": True} if os.name == "posix" else {"creationflags": subprocess.CREATE_NO_WINDOW}
        self._lines, self._errors, self._greeted = queue.Queue(), deque(maxlen=KEPT_LINES), False
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment,
            **options,
        )
        self._reader = threading.Thread(target=_read, args=(self._process.stdout, self._lines.put), daemon=True)
        self._reader.start()
        threading.Thread(target=_read, args=(self._process.stderr, self._errors.append), daemon=True).start()

    def _send(self, request: dict) -> None:
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError, AttributeError):
            pass  # it is dead: the next poll says so

    def _event(self, line: str) -> list[dict]:
        try:
            event = json.loads(line)
            kind = event["event"]
        except (ValueError, TypeError, KeyError):
            self._errors.append(line)
            return []
        if kind == "hello":
            self._greeted = True
            if event.get("protocol") != PROTOCOL or event.get("crend") != __version__:
                other = f"version {event.get('crend')}, protocol {event.get('protocol')}"
                self._end()
                return self._fail(
                    f"the worker is another CRend ({other}; wanted {__version__}, protocol {PROTOCOL}); "
                    "remove the other one from Slicer's Python, then restart Slicer",
                    line,
                )
            return [event]
        if not self._greeted or event.get("id") not in self._open:
            return []
        if kind in FINAL:
            self._open.discard(event["id"])
        return [event]

    def _fail(self, message: str, details: str) -> list[dict]:
        failed = [{"event": "failure", "id": number, "message": message, "details": details} for number in sorted(self._open)]
        self._open.clear()
        return failed

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _kill_tree(process)
        process.wait(timeout=10)
        self._reader.join(timeout=1.0)
        for stream in (process.stdin, process.stdout, process.stderr):
            try:
                stream.close()
            except OSError:
                pass  # what was still to be written has no reader any more


def _read(stream, take) -> None:
    try:
        for line in stream:
            take(line.rstrip("\n"))
    except ValueError:
        pass  # closed while reading


def _kill_tree(process) -> None:
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself
    else:
        kill = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(kill, capture_output=True, check=False, creationflags=subprocess.CREATE_NO_WINDOW)
