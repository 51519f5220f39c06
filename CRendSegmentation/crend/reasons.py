"""What is said of one of many that failed, in a table's cell."""

from .errors import InputError


def reason_of(error: Exception) -> str:
    """One line: what an InputError says; of any other error its kind, too."""
    said = " ".join(str(error).split())
    if isinstance(error, InputError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
