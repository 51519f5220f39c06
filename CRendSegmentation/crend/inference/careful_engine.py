"""An engine that goes on with the next one where the first fails: a graphics card that is busy, too old or full is no reason to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from ..errors import InputError

WORDS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "torch"}


class NotANumber(ArithmeticError):
    """A network gave values that are no probabilities: a failure, and no result."""


class CarefulEngine:
    """The first of `choices` that loads and runs, and from there on the next whenever one fails.

    choices: (engine, device) pairs; of a single one, what somebody asked for by name, a failure is the caller's. start(model, engine, device)
    makes an engine. `warnings` says each time what failed and what went on.
    """

    def __init__(self, model, choices: Sequence[tuple[str, str]], start: Callable):
        self.warnings: list[str] = []
        self.model = model
        self.choices = list(choices)
        self._start = start
        self._failures: list[Exception] = []
        self._engine = None
        while self._engine is None:
            try:
                self._engine = start(model, *self.choices[0])
            except Exception as error:
                self._next(error)

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._engine, name)

    def predict(self, window: np.ndarray, points: int = 0) -> np.ndarray:
        """Probabilities (2, D, H, W) of one window (D, H, W); the `points` most uncertain voxels are rendered where there is a head."""
        while True:
            try:
                if self._engine is None:
                    self._engine = self._start(self.model, *self.choices[0])
                found = self._engine.predict(window, points)
                # Half precision overflows where single does not.
                if self._engine.device != "cpu" and not np.isfinite(found).all():
                    raise NotANumber("NaN or infinite probabilities")
                return found
            except Exception as error:
                self._next(error)

    def _next(self, error: Exception) -> None:
        """Turn to the next choice; raises where there is none."""
        name, device = self.choices[0]
        self._failures.append(error.with_traceback(None))  # a traceback would keep the memory of the frames that failed
        if len(self.choices) == 1:
            first = self._failures[0]
            raise (_refusal(first, name, device) if len(self._failures) == 1 else first) from None
        self._engine = None
        del self.choices[0]
        after, where = self.choices[0]
        went_on = "the CPU" if device != "cpu" else WORDS[after]
        self.warnings.append(f"{device if device != 'cpu' else WORDS[name]}: {reason_of_engine(error)}, went on with {went_on}")
        if device != "cpu" and where == "cpu":
            _leave_card(self.model)


def reason_of_engine(error: BaseException) -> str:
    """What an engine's error says, in its first line; "out of memory" for all the ways to say that."""
    lines = str(error).strip().splitlines()
    text = lines[0].strip().rstrip(".") if lines else type(error).__name__
    if isinstance(error, MemoryError) or "out of memory" in text.lower() or "ALLOC_FAILED" in text or "bad_alloc" in text:
        return "out of memory"
    return text[:200]


def _refusal(error: Exception, name: str, device: str) -> Exception:
    """One line for a card that somebody asked for by name; of other failures the error itself."""
    if isinstance(error, (InputError, MemoryError)) or device == "cpu":
        return error
    return InputError(f'device "{device}": {reason_of_engine(error)}; use --device cpu, or auto, which goes on with the CPU.')


def _leave_card(model) -> None:
    """Give a card's memory back, and have the network made anew: one on a card that failed may not come off it any more."""
    if hasattr(model, "tensors"):
        vars(model).pop("network", None)
    with suppress(Exception):
        import torch

        torch.cuda.empty_cache()
