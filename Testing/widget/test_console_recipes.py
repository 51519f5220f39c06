"""The recipes for Slicer's Python console, as they stand in docs/console.md."""

import re
from pathlib import Path

import slicer
from host import readers, samples
from host.fixtures import known  # noqa: F401

PAGE = Path(__file__).resolve().parents[2] / "docs" / "console.md"
BLOCK = re.compile(r"^<!-- runnable: slicer -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_recipes_work_one_after_the_other(known, reviewer, layouts, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    known.reviewer = reviewer
    volume = samples.addVolume(name="volume")
    readers.addReader(volume, "reader A")
    readers.addReader(volume, "reader B", readers.OVARY, readers.FOLLICLES)
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 5
    names = {"slicer": slicer}
    for text in blocks:
        exec(compile(text, PAGE.name, "exec"), names)
    said = capsys.readouterr().out
    assert "1 ovary of" in said and "Follicle 1: " in said and "1 matched" in said
    assert {path.name for path in tmp_path.iterdir()} == {"follicles.csv", "ovary.nii.gz", "report.html"}
    assert names["run"].fraction > 0
