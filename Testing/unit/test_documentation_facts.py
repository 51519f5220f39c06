"""What the documentation says of messages, columns, keys and files, against the code."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
CODE = (ROOT / "CRendSegmentation", ROOT / "training_pkg")
SCHEMA = ROOT / "CRendSegmentation" / "crend" / "io" / "segment_report.schema.json"


def text_of(name):
    return (DOCS / name).read_text(encoding="utf-8")


def plain(text):
    """A message with its blanks evened and "…" for every placeholder."""
    return re.sub(r"\{[^{}]*\}|…", "…", " ".join(text.split()))


@pytest.fixture(scope="module")
def messages():
    """All texts in the code, with "…" for what is filled in."""
    found = set()
    for path in (path for folder in CODE for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(plain(node.value))
            elif isinstance(node, ast.JoinedStr):
                found.add(plain("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)))
    return found


@pytest.mark.slow
def test_every_message_in_troubleshooting_is_one_of_the_code(messages):
    quoted = re.findall(r"^\| `(.+?)` \|", text_of("troubleshooting.md"), re.MULTILINE)
    assert len(quoted) > 40
    assert [message for message in quoted if plain(message) not in messages] == []


def first_cells(page, after):
    """Names in backticks in the first column of the first table below a line of a page."""
    lines = page[page.index(after) :].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows += re.findall(r"`([^`]+)`", line.split("|")[1])
    return rows


def test_the_columns_of_all_tables_are_documented_in_their_order():
    from crend.batch import VOLUME_COLUMNS
    from crend.clinic.followup import SIZE_COLUMNS, VISIT_COLUMNS
    from crend.structures.measurements import Measurements

    page = text_of("files.md")
    assert first_cells(page, "## Follicle table") == list(Measurements.COLUMNS)
    assert first_cells(page, "`volumes.csv`, one row a volume") == list(VOLUME_COLUMNS)
    assert first_cells(page, "`crend followup --table`") == list(VISIT_COLUMNS)
    assert first_cells(page, "`crend followup --follicles`") == list(SIZE_COLUMNS)


def test_the_keys_of_a_report_are_documented_and_in_the_schema():
    page, schema = text_of("files.md"), json.loads(SCHEMA.read_text(encoding="utf-8"))
    parts = {"## Segment report": schema, "`summary`:": schema["$defs"]["summary"], "`provenance`:": schema["$defs"]["provenance"]}
    for after, part in parts.items():
        known = set(part["properties"]) - ({"name", "source", "options", "files"} if part is schema else set())
        assert set(first_cells(page, after)) == known, after


def test_the_findings_of_both_ovaries_are_documented_in_their_order():
    from crend.clinic.lines import KEYS

    assert first_cells(text_of("files.md"), "The table (`.csv`) has the columns") == list(KEYS)


def test_the_size_classes_and_the_warnings_are_documented():
    from crend.confidence.plausibility import TEXTS
    from crend.structures.measurements import SIZE_CLASSES

    page = text_of("files.md")
    assert first_cells(page, "## How sizes are counted") == ["<2", *(name for name, *_ in SIZE_CLASSES)]
    assert first_cells(page, "### Warnings") == list(TEXTS)


def test_the_exit_codes_are_documented():
    import crend.cli

    codes = {value for name, value in vars(crend.cli).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text_of("commands.md"), re.MULTILINE)} == codes


def test_every_option_of_the_commands_has_a_text():
    from typer.main import get_command

    import crend.cli
    import crend_training.cli.app as trainer

    silent = [
        f"{name} {option.opts[0]}"
        for app in (crend.cli.app, trainer.app)
        for name, command in get_command(app).commands.items()
        for option in command.params
        if not getattr(option, "help", None) and "--help" not in option.opts
    ]
    assert silent == []


def test_every_file_and_module_that_the_pages_name_exists():
    missing = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"(?:`|blob/main/)((?:CRendSegmentation|training_pkg|Testing|tools|docs|Resources)/[\w./-]+)", text):
            if not (ROOT / name).exists():
                missing.append(f"{page.name}: {name}")
        for name in re.findall(r"`((?:crend|crend_training)/[\w./]+)`", text):
            if not any((base / name).exists() for base in CODE):
                missing.append(f"{page.name}: {name}")
    assert missing == []


def test_every_picture_is_shown_on_a_page():
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = [*(DOCS / "pictures").glob("*.png"), *(ROOT / "Resources" / "Screenshots").glob("*.png")]
    assert len(pictures) > 8
    assert [picture.name for picture in pictures if f"{picture.parent.name}/{picture.name}" not in shown] == []


def test_the_sonographers_part_of_the_readme_fits_two_screens():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    part = readme[readme.index("## For the sonographer") : readme.index("## For Python and the command line")]
    assert len(part.splitlines()) <= 70


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff", "CRendSegmentation/CRendSegmentation.py"])
def test_the_authors_of_the_paper_are_named_rightly(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    places = [text.find(author) for author in ("Li", "Yang", "Liang")]
    assert -1 not in places and "Li, Yang, Gao" not in text
