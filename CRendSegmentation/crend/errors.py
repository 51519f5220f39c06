"""The ways a run ends early that are not a failure of ours, and what is said of one of many that failed."""


class InputError(ValueError):
    """Bad input: one line that names the file or volume and the cure (exit code 2)."""


class NoVolume(InputError):
    """A file that is sound, but nothing to segment (a label image): left out of a batch, which it does not fail."""


class SomeFailed(InputError):
    """Of many, some failed and the others are done (exit code 3); one line that says where the reasons are."""


class Cancelled(Exception):
    """The user stopped the run (exit code 130)."""


class Kept(Cancelled):
    """The user stopped a run of many; its message says what was kept."""


def reason_of(error: Exception) -> str:
    """One line for a table's cell: what an InputError says; of any other error its kind, too."""
    said = " ".join(str(error).split())
    if isinstance(error, InputError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
