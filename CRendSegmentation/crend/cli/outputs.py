"""Whether everything can be written, asked before the long work starts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import InputError
from ..io.atomic import check_writable


def check_outputs(inputs, outputs) -> None:
    """InputError unless every path of `outputs` ((path or None, wanted ending, several of them or None)) can be written.

    No output may be an input (a path in `inputs`) or another output: it would replace it.
    """
    taken = {_real(path): path for path in inputs}
    for path, ending in outputs:
        if path is None:
            continue
        if ending is not None and not str(path).lower().endswith(ending):
            wanted = ending if isinstance(ending, str) else " or ".join(ending)
            raise InputError(f"{path}: must end with {wanted}; give another name.")
        if _real(path) in taken:
            raise InputError(f"{path}: is given twice, one file would replace the other; give another name for the output.")
        taken[_real(path)] = path
        check_writable(path)


def check_label_format(path, image) -> None:
    """InputError unless labels written to a file with the ending of `path` come back with the geometry of `image`.

    It is tried, with a few voxels in a temporary folder: what a format keeps (.tif no direction, .png no third axis) is
    known best by the library that writes it.
    """
    import SimpleITK as sitk

    from ..io.labels import TWO_FILES, same_geometry
    from ..io.volumes import LABEL_FORMATS

    name = Path(path).name.lower()
    if name.endswith(".seg.nrrd"):
        return
    if name.endswith(".dcm"):
        from ..io.dicom_seg import require_highdicom

        require_highdicom(path)
        return
    if name.endswith(TWO_FILES):
        raise InputError(f"{path}: this format is two files; use {LABEL_FORMATS}.")
    if not Path(name).suffix:
        raise InputError(f"{path}: has no ending that names a format; use {LABEL_FORMATS}.")
    sample = sitk.Image(4, 5, 6, sitk.sitkUInt16)
    for part in ("Spacing", "Origin", "Direction"):
        getattr(sample, f"Set{part}")(getattr(image, f"Get{part}")())
    sitk.ProcessObject.GlobalWarningDisplayOff()
    with tempfile.TemporaryDirectory() as folder:
        # Only the endings matter, and the name may be too long for another folder.
        file = os.path.join(folder, "sample" + "".join(Path(name).suffixes[-2:]))
        try:
            sitk.WriteImage(sample, file)
            kept = sitk.ReadImage(file)
        except RuntimeError as error:
            raise InputError(f"{path}: no format for 3D labels; use {LABEL_FORMATS}.") from error
    if not same_geometry(kept, sample):
        raise InputError(f"{path}: this format does not keep where the volume lies in space; use {LABEL_FORMATS}.")


def _real(path) -> str:
    return os.path.normcase(os.path.realpath(path))
