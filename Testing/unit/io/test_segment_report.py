"""The report of a volume against its JSON Schema, which other programs rely on."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from standin import BACKGROUND, bundle_for, image_of, scene

import crend.io
from crend.batch import segment_batch
from crend.io.inputs import Volume
from crend.io.tables import SCHEMA_VERSION, write_json
from crend.predict import segment

SCHEMA = json.loads((Path(crend.io.__file__).parent / "segment_report.schema.json").read_text(encoding="utf-8"))
SPACING = (0.9, 1.0, 1.1)
FOLLICLES = [(slice(16, 22),) * 3, (slice(26, 34), slice(24, 32), slice(24, 33))]


@pytest.fixture(scope="module")
def array():
    return scene((48, 44, 40), (slice(10, 38),) * 3, FOLLICLES)


@pytest.fixture(scope="module")
def bundle(array):
    return bundle_for(array)


def result_of(array, bundle, box=None):
    result = segment(image_of(array, SPACING), bundle, device="cpu", engine="torch", box=box)
    result.provenance["input"] = "/scans/volume.nrrd"
    return result


@pytest.fixture(scope="module")
def reports(array, bundle, tmp_path_factory):
    """Reports as they lie in files: of an ovary with follicles, of a volume without an ovary, and of a volume in a folder."""
    folder = tmp_path_factory.mktemp("reports")
    write_json(result_of(array, bundle), folder / "found.json")
    empty = np.where(array > BACKGROUND, BACKGROUND, array)
    empty[0, 0, 0] += 1  # a volume of one value is refused
    write_json(result_of(empty, bundle), folder / "empty.json")
    write_json(result_of(array, bundle, box=(-38, 0, -42, 0, 0, 20)), folder / "box.json")
    write_json(result_of(empty, bundle, box=(-38, 0, -42, 0, 0, 20)), folder / "guide.json")
    volume = folder / "scan.nrrd"
    volume.write_bytes(b"not read here")
    segment_batch([Volume(volume, "scan")], folder / "out", lambda path, progress: result_of(array, bundle), model=("test", "1"))
    paths = [folder / "found.json", folder / "empty.json", folder / "out" / "scan.json", folder / "box.json", folder / "guide.json"]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def unknown_keys(data, schema, where=""):
    """Keys of a report that the schema does not describe."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for branch in schema.get("anyOf", []):
        if "properties" in branch or "$ref" in branch:
            schema = branch if "properties" in branch else SCHEMA["$defs"][branch["$ref"].rpartition("/")[2]]
    if isinstance(data, list):
        return [key for each in data for key in unknown_keys(each, schema.get("items", {}), where)]
    if not isinstance(data, dict) or "properties" not in schema:
        return []
    properties = schema["properties"]
    found = [f"{where}{key}" for key in data if key not in properties]
    return found + [
        key for name, value in data.items() if name in properties for key in unknown_keys(value, properties[name], f"{where}{name}.")
    ]


@pytest.mark.slow
def test_real_reports_are_valid(reports):
    found, empty, of_folder, box, guide = reports
    assert box["provenance"]["ovary_source"] == "model" and guide["provenance"]["ovary_source"] == "box" and guide["ovary"] is None
    assert found["ovary"] and found["follicles"] and empty["ovary"] is None and of_folder["name"] == "scan"
    for report in reports:
        jsonschema.validate(report, SCHEMA, jsonschema.Draft202012Validator)


def test_the_schema_describes_every_key_of_a_report(reports):
    assert [unknown_keys(report, SCHEMA) for report in reports] == [[]] * 5


def test_the_schema_is_valid_and_of_the_version_that_is_written():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report.pop("flags"),
        lambda report: report.update(schema_version=0),
        lambda report: report["summary"].pop("antral_count"),
        lambda report: report["follicles"][0].update(volume_ml="0.3"),
        lambda report: report["follicles"][0].update(confidence=1.5),
    ],
)
def test_a_report_that_is_not_one_is_refused(reports, change):
    broken = json.loads(json.dumps(reports[0]))
    change(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA, jsonschema.Draft202012Validator)
