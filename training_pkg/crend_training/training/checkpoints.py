"""Reading a checkpoint, or one line on why it is none."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from crend.errors import InputError


def read_checkpoint(path) -> dict:
    """A checkpoint of a run, on the CPU; executes nothing.

    InputError, one line with the cure, for a file that is missing, cut off or no checkpoint: it has "state_dict" (tensors by name) and
    "global_step"; "crend", what is needed to train on, may be missing, and is whole where it is there.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no checkpoint there; give the last.ckpt or best.ckpt of a run")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler ends in whatever the bytes make of it
        words = str(error).strip().splitlines() or [""]
        kind = type(error).__name__ + (f": {words[0][:100]}" if words[0] else "")
        raise InputError(f"{path}: damaged, or no checkpoint ({kind}); give another one of the run, or train again") from None
    found = state.get("state_dict") if isinstance(state, dict) else None
    weights: dict[Any, Any] = found if isinstance(found, dict) else {None: None}
    whole = all(isinstance(name, str) and torch.is_tensor(value) for name, value in weights.items())
    if not (whole and isinstance(state.get("global_step"), int) and _is_whole(state.get("crend", {}))):
        raise InputError(f"{path}: is no checkpoint of a training run; give its last.ckpt or best.ckpt")
    if not all(torch.isfinite(value).all() for value in weights.values() if value.is_floating_point()):
        raise InputError(f"{path}: holds NaN or infinite weights; give an earlier checkpoint, or train again with a lower learning rate")
    return state


def _is_whole(own) -> bool:
    if own == {}:
        return True
    if not isinstance(own, dict) or not all(isinstance(own.get(key), int) for key in ("step", "phase", "seed")) or "best" not in own:
        return False
    numbers = (own.get("seconds"), (own.get("before") or {}).get("seconds") if isinstance(own.get("before") or {}, dict) else "")
    return all(value is None or isinstance(value, (int, float)) for value in numbers) and isinstance(own.get("identity", {}), dict)
