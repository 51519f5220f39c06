"""Sequences in a list of volumes: each frame becomes a volume of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from unicodedata import normalize

from ..errors import InputError
from .folders import Volume
from .volumes import count_frames


def each_frame(volumes: Iterable[Volume]) -> list[Volume]:
    """The volumes, with every frame of a sequence (NAME_frame1, NAME_frame2, ...) in place of the file.

    A file that cannot be read stays one volume: reading says what is wrong with it. InputError for two that would have results of the same name.
    """
    found: dict[str, Volume] = {}
    for volume in volumes:
        for each in _frames(volume):
            other = found.setdefault(normalize("NFC", each.name).casefold(), each)
            if other is not each:
                raise InputError(f"{each.path}: its results ({each.name}) would replace those of {other.path}; name both in a CSV list.")
    return list(found.values())


def _frames(volume: Volume) -> list[Volume]:
    if volume.frame is not None:
        return [volume]
    try:
        count = count_frames(volume.path)
    except (InputError, OSError):
        return [volume]
    if count < 2:
        return [volume]
    digits = len(str(count))
    return [replace(volume, name=f"{volume.name}_frame{k:0{digits}}", frame=k) for k in range(1, count + 1)]
