"""What Slicer's catalogue reads: the extension's own files agree, and every way in which they could not is noticed."""

import json
import re
import shutil
from pathlib import Path

import catalogue
import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
SLICER_FIELDS = ("scm", "scmurl", "scmrevision", "depends", "build_subdirectory", "homepage", "contributors", "category", "iconurl",
                 "description", "screenshoturls", "enabled", "status")  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """A folder with just the files that the catalogue reads."""
    for name in (*catalogue.FILES, "Resources/CRend.png", "Resources/Screenshots/overview.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_catalogue_objects_to_nothing():
    assert catalogue.complaints(ROOT) == []


def test_the_classic_description_has_every_field_of_slicers_format():
    fields = catalogue.read_description(ROOT)
    assert [field for field in SLICER_FIELDS if not fields.get(field)] == []
    assert fields["scm"] == "git" and fields["depends"] == "NA" and fields["category"] == "Ultrasound"


def test_the_description_says_what_a_stranger_must_know():
    said = catalogue.read_cmake(ROOT)["DESCRIPTION"]
    assert "simulated" in said and "research use only" in said.lower() and "Apache 2.0" in said
    patents = "No patent search has been made."
    assert patents in said and patents in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_module_points_at_the_same_home_page():
    module = (ROOT / "CRendSegmentation/CRendSegmentation.py").read_text(encoding="utf-8")
    assert f'"{catalogue.read_cmake(ROOT)["HOMEPAGE"]}#readme"' in module


@pytest.mark.parametrize("name, old, new, said", [
    ("CRend.s4ext", "depends NA", "depends PyTorch", "dependencies"),
    ("CRend.s4ext", "recommends PyTorch", "recommends NA", "recommendations"),
    ("CRend.s4ext", "category Ultrasound", "category Segmentation", "category"),
    ("CRend.s4ext", "scmrevision main", "scmrevision 1f54e8d", "revision"),
    ("CRend.s4ext", "counts the follicles", "counts follicles", "description"),
    ("CRend.s4ext", "scm git", "scm local", "scm"),
    ("CRend.json", '"tier": 1', '"tier": 3', "tier"),
    ("CRend.json", "SlicerCRend.git", "SlicerCRend2.git", "repository"),
    ("CMakeLists.txt", "Resources/CRend.png", "Resources/Other.png", "iconurl"),
    ("CITATION.cff", "title: CRend", "title: C-Rend", "name"),
    ("CITATION.cff", "SlicerCRend/SlicerCRend", "Someone/SlicerCRend", "home page"),
])  # fmt: skip
def test_a_file_that_says_something_else_is_noticed(copy, name, old, new, said):
    before = catalogue.of_agreement(copy)
    change(copy / name, old, new)
    after = catalogue.of_agreement(copy)
    assert before == [] and [line.split(":")[0] for line in after] == [said]


@pytest.mark.parametrize("name, old, new, said", [
    ("CRend.json", '"category": "Ultrasound"', '"category": "Gynaecology"', "category 'Gynaecology'"),
    ("CRend.json", '"tier": 1', '"tier": "1"', "tier must be int"),
    ("CRend.json", '"scm_type"', '"scm"', "scm is not in the catalogue's schema"),
    ("CRend.json", "https://github.com/SlicerCRend/SlicerCRend.git", "https://github.com/SlicerCRend/CRend.git", "a repository called Slicer"),
    ("CRend.json", "}", "", "not JSON"),
    ("CRend.s4ext", "status Experimental, research use only", "status", "status has no value"),
    ("CRend.s4ext", "keywords ", "tags ", "tags is no field"),
    ("CMakeLists.txt", "project(CRend)", "project(SlicerCRend)", "not the extension's name"),
    ("CMakeLists.txt", "set(EXTENSION_ICONURL", "set(ICONURL", "EXTENSION_ICONURL is not set"),
    ("CMakeLists.txt", "Screenshots/overview.png", "Screenshots/none.png", "no file for"),
    ("LICENSE.txt", "Apache License", "Licence", "not the text of the Apache License"),
    ("README.md", "# CRend\n", "# Extension\n", "must begin with the extension's name"),
    ("README.md", "\n", "\r\n", "line ends must be LF"),
])  # fmt: skip
def test_what_the_catalogue_would_refuse_is_said(copy, name, old, new, said):
    before = catalogue.complaints(copy)
    if new == "\r\n":
        (copy / name).write_bytes((copy / name).read_bytes().replace(b"\n", b"\r\n"))
    else:
        change(copy / name, old, new)
    found = [line for line in catalogue.complaints(copy) if line not in before]
    assert any(said in line for line in found), found


def test_a_missing_file_is_named(copy):
    (copy / "LICENSE.txt").unlink()
    assert catalogue.complaints(copy) == ["LICENSE.txt: missing"]


def test_an_icon_of_another_size_is_refused(copy):
    shutil.copyfile(copy / "Resources/Screenshots/overview.png", copy / "Resources/CRend.png")
    (said,) = catalogue.of_pictures(copy)
    assert said.endswith("the icon must be 128 x 128")


def test_the_screenshots_are_large_enough_to_show_something():
    for address in catalogue.read_cmake(ROOT)["SCREENSHOTURLS"].split():
        width, height = catalogue.png_size(catalogue.local_path(ROOT, address))
        assert width >= 800 and height >= 500


def test_the_version_stands_in_one_place():
    package = (ROOT / "CRendSegmentation/crend/__init__.py").read_text(encoding="utf-8")
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+"$', package, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"] and project["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "crend.__version__"
    }
    assert "version" not in json.loads((ROOT / "CRend.json").read_text(encoding="utf-8"))
    assert "VERSION" not in catalogue.read_cmake(ROOT)
    # `make release` writes it into the citation file, so only a release has it there.
    stamped = catalogue.read_citation(ROOT).get("version")
    assert stamped is None or f'"{stamped}"' in package
