"""A process that works for us and says so line by line: started without a window, read without waiting, ended with all that it started."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress

NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows alone
KEPT_LINES = 200  # of standard error, for whoever wants details


class Child:
    """command: what to run. environment: all of its variables. OSError when it cannot be started.

    `lines` gives what it has written to standard error since the last call, `output` all of standard output once it has ended.
    """

    def __init__(self, command, environment):
        options = {"start_new_session": True} if os.name == "posix" else {"creationflags": NO_WINDOW}
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment,
            **options,
        )
        self._new: queue.Queue = queue.Queue()
        self._said: list[str] = []
        self.details: deque = deque(maxlen=KEPT_LINES)
        self._readers = [
            threading.Thread(target=read_lines, args=(stream, take), daemon=True)
            for stream, take in ((self._process.stdout, self._said.append), (self._process.stderr, self._new.put))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def lines(self) -> list[str]:
        """New lines of standard error; the last KEPT_LINES are `details`, too."""
        found = []
        with suppress(queue.Empty):
            while True:
                found.append(self._new.get_nowait())
        self.details += found
        return found

    def ended(self) -> int | None:
        """The exit code, when the process has ended and all that it said has been read; None before."""
        if self._process.poll() is None:
            return None
        for reader in self._readers:
            reader.join(timeout=1.0)
        return self._process.returncode

    def output(self) -> str:
        """What it has written to standard output."""
        return "\n".join(self._said)

    def end(self) -> None:
        """End the process and everything that it started, at once."""
        kill_tree(self._process)
        with suppress(subprocess.TimeoutExpired):  # it is on its way out, at a priority at which that may take long
            self._process.wait(timeout=10)


def read_lines(stream, take) -> None:
    """Hand every line of a pipe to `take`, to its end."""
    try:
        for line in stream:
            take(line.rstrip("\n"))
    except ValueError:
        pass  # closed while reading


def kill_tree(process) -> None:
    """End a process and everything that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(process.pid, signal.SIGKILL)
    else:
        kill = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(kill, capture_output=True, check=False, creationflags=NO_WINDOW)
