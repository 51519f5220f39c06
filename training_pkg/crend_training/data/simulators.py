"""The simulators by name: `training`, which models learn from, and `trial`, which none has ever learned from.

Both draw plain scenes. `training-mixed` and `trial-crowded` are the same two with all that lies around an ovary, and with artefacts.
"""

from __future__ import annotations

from crend.errors import InputError

NAMES = {"training": "plain", "trial": "plain", "training-mixed": "mixed", "trial-crowded": "crowded"}


def check_simulator(name: str) -> None:
    """InputError for a name that is none of NAMES."""
    if name not in NAMES:
        raise InputError(f"--simulator {name}: unknown; use one of {', '.join(NAMES)}")


def simulate(name: str, seed: int, *, empty: bool = False):
    """The Phantom of `seed`, an ovary in it, or none where it shall be `empty`. InputError as `check_simulator`."""
    check_simulator(name)
    if name.startswith("trial"):
        from ..trial_phantom import make_trial_volume

        return make_trial_volume(seed, empty=empty, scene=NAMES[name])
    from ..phantom import make_phantom

    return make_phantom(seed, empty=empty, scene=NAMES[name])
