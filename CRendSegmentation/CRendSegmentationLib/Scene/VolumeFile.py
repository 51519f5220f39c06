"""What the file that a volume was loaded from says of its voxels' size, where Slicer may have read something else."""

import os

import numpy as np

from crend.errors import InputError
from crend.io.headers.header import format_sizes
from crend.io.image_files import CURE as CURE_OF_FILES
from crend.io.volumes import stated_spacing

AGREE = 1e-3  # relative
CURE = "enter the true spacing in the Volumes module, or correct the file"


def headerWarnings(volumeNode):
    """What the user must know of the header of the volume's file; nothing for a volume without a file, or one that was changed since it was loaded.

    Raises InputError, one line, where the file holds no volume (a clip, tracked 2D frames), and where it states no spacing, two different ones, or
    another one than Slicer has read. A spacing is the user's once it was entered: then only the former.
    """
    path = _fileOf(volumeNode)
    if path is None:
        return []
    name, changed = volumeNode.GetName(), volumeNode.GetModifiedSinceRead()
    try:
        stated = stated_spacing(path)
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ")
        if CURE_OF_FILES not in reason:
            raise InputError(f"{name}: {reason}") from error
        if changed:
            return []
        raise InputError(f"{name}: {reason.replace(CURE_OF_FILES, CURE)}") from error
    except OSError:
        return []  # it is not there any more
    if stated is None or changed:
        return []
    spacing, warnings = stated
    if len(spacing) == 3 and not np.allclose(volumeNode.GetSpacing(), spacing, rtol=AGREE):
        raise InputError(
            f"{name}: Slicer has read voxels of {format_sizes(volumeNode.GetSpacing())} mm where {os.path.basename(path)} states "
            f"{format_sizes(spacing)} mm; {CURE}."
        )
    return warnings


def _fileOf(volumeNode):
    storage = volumeNode.GetStorageNode()
    path = storage.GetFileName() if storage is not None else None
    return path if path and storage.GetNumberOfFileNames() <= 1 and os.path.isfile(path) else None
