"""The ways a run ends early that are not a failure of ours."""


class InputError(ValueError):
    """Bad input: one line that names the file or volume and the cure (exit code 2)."""


class Cancelled(Exception):
    """The user stopped the run (exit code 130)."""


class Kept(Cancelled):
    """The user stopped a run of many; its message says what was kept."""
