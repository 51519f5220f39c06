"""What ITK warns of while it reads, as sentences for the user instead of lines on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import SimpleITK as sitk

#: Said by ITK of slices whose places are rounded, too; `dicom_stack` has looked at them already.
KNOWN_BETTER = ("Non uniform sampling",)


@contextmanager
def heard() -> Iterator[list[str]]:
    """A list that fills with what ITK warns of within the block, each once. Where SimpleITK is too old to say it, ITK is silenced."""
    warnings: list[str] = []
    if not hasattr(sitk, "LoggerBase"):
        sitk.ProcessObject.GlobalWarningDisplayOff()
        yield warnings
        return

    class Logger(sitk.LoggerBase):
        def DisplayText(self, text):  # noqa: N802 - the library's names
            words = " ".join(text.split("\n", 1)[-1].split()) if text.startswith("WARNING: In ") else " ".join(text.split())
            words = words.partition("): ")[2] or words
            if words and words not in warnings and not words.startswith(KNOWN_BETTER):
                warnings.append(words)

        DisplayErrorText = DisplayWarningText = DisplayGenericOutputText = DisplayText

        def DisplayDebugText(self, text):  # noqa: N802
            pass

    logger, display = Logger(), sitk.ProcessObject.GetGlobalWarningDisplay()
    before = logger.SetAsGlobalITKLogger()
    sitk.ProcessObject.GlobalWarningDisplayOn()
    try:
        yield warnings
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(display)
        before.SetAsGlobalITKLogger()
