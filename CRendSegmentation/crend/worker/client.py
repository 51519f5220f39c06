"""The other end of `crend.worker`: starts the process, asks it, hears its answers, ends it. No torch, no Qt.

Everything here returns at once; whoever asks calls `poll` now and then, from one thread.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import __version__
from .child import KEPT_LINES, NO_WINDOW, kill_tree, read_lines
from .protocol import PROTOCOL

PACKAGE_FOLDER = str(Path(__file__).resolve().parents[2])
FINAL = ("result", "cancelled", "input_error", "failure", "description")
HELLO_SECONDS = 120  # until a worker must have greeted; a cold disk and a virus scanner take their time


class WorkerClient:
    """One worker process, started when first asked and again after it died.

    command: the Python to run and its options, e.g. ["/path/PythonSlicer"]; the default is this interpreter.
    arguments: what makes it a worker. hello_seconds: how long it may take to greet. environment: variables that it has beside this process's.
    """

    def __init__(self, command=None, arguments=("-m", "crend.worker"), hello_seconds: float = HELLO_SECONDS, environment=None):
        self._command = [*(command or [sys.executable]), *arguments]
        self._patience = hello_seconds
        self._environment = dict(environment or {})
        self._process: Any = None  # the subprocess.Popen
        self._lines: queue.Queue = queue.Queue()
        self._requests: queue.Queue = queue.Queue()
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
        return self._process.pid if self._process is not None and self.alive else None

    def ask(self, do: str, **what) -> int:
        """Send a request, starting the worker where needed; returns the request's id.

        OSError when it cannot be started; TypeError or ValueError, and nothing is sent, for what is no JSON.
        """
        line = json.dumps({"do": do, "id": self._next + 1, **what})
        if not self.alive:
            self.poll(number=0)  # nobody's: what the one before left behind is kept for those that wait for it
            self._start()
        self._next += 1
        self._open.add(self._next)
        self._requests.put(line)
        return self._next

    def cancel(self, number: int) -> None:
        """Ask that a request be dropped; its end comes as the event "cancelled"."""
        self._requests.put(json.dumps({"do": "cancel", "id": number}))

    def poll(self, number=None) -> list[dict]:
        """Events since the last call, oldest first; never waits. With a request's id only its events: the others are kept.

        A worker that died, that does not greet in time or take what it is asked, or that speaks another protocol, ends every open request
        with a "failure" event. Lines that are no events are passed over.
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
            self._release()
        elif self._process is not None and self._deaf.is_set():
            events += self._give_up("the worker process takes no requests any more")
        elif self._process is not None and not self._greeted and time.monotonic() - self._began > self._patience:
            events += self._give_up(f"the worker process did not greet within {self._patience:g} s; is {self._command[0]} a Python?")
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
        options = {"start_new_session": True} if os.name == "posix" else {"creationflags": NO_WINDOW}
        environment |= self._environment
        self._lines, self._errors, self._greeted = queue.Queue(), deque(maxlen=KEPT_LINES), False
        self._requests, self._deaf, self._began = queue.Queue(), threading.Event(), time.monotonic()
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
        self._reader = threading.Thread(target=read_lines, args=(self._process.stdout, self._lines.put), daemon=True)
        self._reader.start()
        threading.Thread(target=read_lines, args=(self._process.stderr, self._errors.append), daemon=True).start()
        # In a thread: a worker that does not read lets a pipe run full, and whoever writes wait.
        threading.Thread(target=_write, args=(self._process.stdin, self._requests, self._deaf), daemon=True).start()

    def _give_up(self, message: str) -> list[dict]:
        self._end()
        return self._fail(message, "\n".join(self._errors))

    def _event(self, line: str) -> list[dict]:
        try:
            event = json.loads(line)
            kind, number = event["event"], event.get("id")
            if not isinstance(number, (int, type(None))):
                raise TypeError("an id that no request has")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
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
        kill_tree(process)
        process.wait(timeout=10)
        self._release(process)

    def _release(self, process=None) -> None:
        """Let go of the threads and pipes of a process that has ended."""
        process, self._process = process or self._process, None
        self._requests.put(None)
        self._reader.join(timeout=1.0)
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):  # what was still to be written has no reader any more
                stream.close()


def _write(stream, requests, deaf) -> None:
    try:
        while (line := requests.get()) is not None:
            stream.write(line + "\n")
            stream.flush()
    except (OSError, ValueError):
        deaf.set()
