"""What the file that a volume was loaded from says of its voxels' size, where Slicer may have read something else."""

import os

import numpy as np

from crend.errors import InputError
from crend.io.headers.header import format_sizes
from crend.io.volumes import stated_spacing

AGREE = 1e-3  # relative
CURE = "enter the true spacing in the Volumes module"


def headerWarnings(volumeNode):
    """What the user must know of the header of the volume's file; nothing for a volume that was changed since it was loaded, or has no file.

    Raises InputError, one line, where the file states no spacing, two different ones, or another one than Slicer has read.
    """
    path = _fileOf(volumeNode)
    if path is None:
        return []
    try:
        stated = stated_spacing(path)
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ").partition(";")[0].rstrip(".")
        raise InputError(f"{volumeNode.GetName()}: {reason} ({os.path.basename(path)}); {CURE}, or correct the file.") from error
    except OSError:
        return []  # it is not there any more
    if stated is None:
        return []
    spacing, warnings = stated
    if len(spacing) == 3 and not np.allclose(volumeNode.GetSpacing(), spacing, rtol=AGREE):
        raise InputError(
            f"{volumeNode.GetName()}: Slicer has read voxels of {format_sizes(volumeNode.GetSpacing())} mm where "
            f"{os.path.basename(path)} states {format_sizes(spacing)} mm; {CURE}."
        )
    return warnings


def _fileOf(volumeNode):
    storage = volumeNode.GetStorageNode()
    path = storage.GetFileName() if storage is not None else None
    if not path or volumeNode.GetModifiedSinceRead() or storage.GetNumberOfFileNames() > 1 or not os.path.isfile(path):
        return None
    return path
