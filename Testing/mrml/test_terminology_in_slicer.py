"""The terminology that the extension ships, in Slicer's own terminology logic."""

from pathlib import Path

import pytest

slicer_core = pytest.importorskip("slicer_core")

import crend  # noqa: E402
from crend.structures import segments  # noqa: E402

FILE = Path(crend.__file__).parents[1] / "Resources/Terminology/CRend.term.json"


def test_slicer_loads_the_list_and_finds_the_follicle_in_it():
    logic = slicer_core.vtkSlicerTerminologiesModuleLogic()
    assert logic.LoadTerminologyFromFile(str(FILE)) == segments.CREND_CONTEXT
    entry = slicer_core.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(segments.FOLLICLE_TERMINOLOGY, entry)
    assert logic.UpdateEntryFromLoadedTerminologies(entry, [], [])
    assert entry.GetTypeObject().GetCodeMeaning() == "Ovarian follicle"
    assert entry.GetTypeObject().GetRecommendedDisplayRGBValue() == (252, 216, 36)


@pytest.mark.parametrize("text", [segments.OVARY_TERMINOLOGY, segments.FOLLICLE_TERMINOLOGY])
def test_slicer_writes_the_entries_as_we_do(text):
    logic = slicer_core.vtkSlicerTerminologiesModuleLogic()
    entry = slicer_core.vtkSlicerTerminologyEntry()
    assert logic.DeserializeTerminologyEntry(text, entry)
    assert logic.SerializeTerminologyEntry(entry) == text
