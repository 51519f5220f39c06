"""The two simulators by name: `training`, which models learn from, and `trial`, which none has ever learned from."""

from __future__ import annotations

from crend.errors import InputError

NAMES = ("training", "trial")


def check_simulator(name: str) -> None:
    """InputError for a name that is none of NAMES."""
    if name not in NAMES:
        raise InputError(f"--simulator {name}: unknown; use {' or '.join(NAMES)}")


def simulate(name: str, seed: int, *, empty: bool = False):
    """The Phantom of `seed`, an ovary in it, or none where it shall be `empty`. InputError as `check_simulator`."""
    check_simulator(name)
    if name == "trial":
        from ..trial_phantom import make_trial_volume

        return make_trial_volume(seed, empty=empty)
    from ..phantom import make_phantom

    return make_phantom(seed, empty=empty)
