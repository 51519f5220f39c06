"""Where a dialog opens: in the folder that was used last, of this kind, in this or an earlier session."""

from pathlib import Path

import slicer


def lastFolder(kind, volumeNode=None):
    """The folder of the last dialog of this kind; before there was one that of the volume's file, or the user's own."""
    known = slicer.app.userSettings().value(_key(kind))
    if known and Path(str(known)).is_dir():
        return str(known)
    storage = volumeNode.GetStorageNode() if volumeNode is not None else None
    folder = Path(storage.GetFileName()).parent if storage is not None and storage.GetFileName() else None
    return str(folder if folder is not None and folder.is_dir() else Path.home())


def keepFolder(kind, folder):
    """Let the next dialog of this kind open there."""
    slicer.app.userSettings().setValue(_key(kind), str(folder))


def _key(kind):
    return f"CRend/{kind}Folder"
