"""The images that a request names."""

from __future__ import annotations

import os

from ..errors import InputError


def read_image(path: str):
    """The SimpleITK image that whoever asks has written. InputError where it is no file: a pipe would be waited for, for ever.

    RuntimeError where it is not there or unreadable: then whoever asks has not written it.
    """
    import SimpleITK as sitk

    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path}: is no file; ask again with the file of an image.")
    return sitk.ReadImage(path)
