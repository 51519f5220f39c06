"""A phantom on disk."""

import json
from pathlib import Path

import SimpleITK as sitk

from .volume import Phantom


def write_phantom(phantom: Phantom, folder):
    """Write volume.nrrd (uint8), labels.nrrd (uint16) and parameters.json into `folder`, made if missing.

    Labels: 1 = ovary, k + 1 = follicle k.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(phantom.volume, str(folder / "volume.nrrd"), useCompression=True)
    sitk.WriteImage(label_image(phantom), str(folder / "labels.nrrd"), useCompression=True)
    (folder / "parameters.json").write_text(json.dumps(phantom.parameters, indent=1) + "\n", encoding="utf-8")


def label_image(phantom: Phantom):
    """The truth as one uint16 image: 0 background, 1 ovary, k + 1 follicle k."""
    ovary = sitk.Cast(phantom.ovary, sitk.sitkUInt16)
    inside = sitk.Cast(phantom.follicles > 0, sitk.sitkUInt16)
    return ovary * (1 - inside) + phantom.follicles + inside
