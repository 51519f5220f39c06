"""Being stopped from outside (Ctrl-C, SIGTERM, a terminal that is closed): one line and exit code 130, wherever the work is, within seconds."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

CANCELLED = 130
GRACE = 10.0  # seconds in which the work may end by itself; checkpoints and results are whole files at any moment
_LINE = "cancelled; what was done is kept, and the same command goes on"


def stoppable(work: Callable[[], int]) -> int:
    """The exit code that `work` returns, or 130 when it was stopped, which is said in one line; after a signal the process ends in here."""
    stopping = Stopping()
    try:
        with stopping:
            return work()
    except BaseException as error:
        if stopping.asked:  # it met a library amid its work, which may have made any error of it
            stopping.end()
        if isinstance(error, (KeyboardInterrupt, SystemExit)):  # Lightning makes the second of the first
            return stopping.say()
        raise


class Stopping:
    """While it is entered, a signal to stop raises KeyboardInterrupt in the main thread, once. `asked`: whether one came.

    Libraries may swallow that: Python itself does, in a `__del__` such as that of a loader of patches. So a thread counts GRACE seconds from the signal on
    and then ends the process and those that it started; a second signal ends it at once. Processes forked from this one end at once, without a word.
    In another thread than the main one nothing is changed.
    """

    def __init__(self):
        self._process, self._before = os.getpid(), {}
        # `put` may be called from a signal's handler, whatever the interrupted code holds.
        self._signals: queue.SimpleQueue = queue.SimpleQueue()
        self.asked = self._said = False

    def __enter__(self):
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # In a shell's background job, and under nohup, one is ignored, and that it stays.
            if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                with suppress(ValueError):
                    self._before[number] = signal.signal(number, self._stop)
        if self._before:
            self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
            threading.Thread(target=self._watch, daemon=True, name="stopping").start()
        return self

    def __exit__(self, *_):
        self._signals.put(None)
        if self.asked:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            sys.unraisablehook = self._hook

    def say(self) -> int:
        """Say that the work was stopped, once; returns the exit code."""
        if not self._said:
            self._said = True
            with suppress(OSError, ValueError):  # the terminal may be gone
                print(_LINE, file=sys.stderr, flush=True)
        return CANCELLED

    def end(self) -> NoReturn:
        """End the process and those that it started, now: Python would wait for its children, and with PyTorch takes seconds of the processor to end."""
        for child in multiprocessing.active_children():
            child.kill()
            child.join(1.0)  # or it stays as a zombie until somebody else asks for it
        self.say()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(CANCELLED)

    def _stop(self, number, frame):
        if os.getpid() != self._process:
            os._exit(CANCELLED)
        first, self.asked = not self.asked, True
        self._signals.put(number)
        if first:
            raise KeyboardInterrupt

    def _watch(self):
        if self._signals.get() is None:
            return
        with suppress(queue.Empty):
            if self._signals.get(timeout=GRACE) is None:
                return
        self.end()

    def _unraisable(self, error):
        if not self.asked:
            self._hook(error)
