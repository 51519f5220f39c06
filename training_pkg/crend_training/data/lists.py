"""Lists of images and labels: MONAI's JSON datalist, or a CSV with one row a volume."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from crend.errors import InputError
from crend.io.csv_list import check_columns, lengths_in, path_in, read_list
from crend.io.kept import CONTENTS, PREFIX, REMARKS
from crend.io.text_files import read_table_text

from .volumes import Entry

SPLITS = ("training", "validation", "test", "unlabelled")
FILES = ("image", "label", "ovary", "follicles")
COLUMNS = (*FILES, "name", "split", "patient", "spacing_mm")
LONGEST = 150  # bytes of a volume's name: files have endings beside it
_NO_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f]|^[. ]|[. ]$')
#: How lists for `crend batch` call these columns.
SYNONYMS = {"volume": "image", "spacing": "spacing_mm"}
#: Words in a column of another name that seem to mean one that is read.
_MEANT = {
    "label": ("label", "labels", "mask", "masks", "segmentation", "seg", "truth"),
    "ovary": ("ovary", "ovaries"),
    "follicles": ("follicle", "follicles"),
    "split": ("split", "set", "subset", "fold", "partition"),
    "patient": ("patient", "subject"),
    "spacing_mm": ("spacing", "spacings", "voxel", "pixel"),
}
#: MONAI's names of lists and keys that say the same, or nothing here.
_LISTS = {"testing": "test"}
_PASSED_OVER = ("fold",)


def read_datalist(path, *, components: bool = False) -> list[Entry]:
    """Entries of a list; relative paths start at the list's folder.

    CSV with commas, semicolons or tabs, its columns in any case: image (or volume, as `crend batch` has it) and label (or ovary and follicles,
    two files); optional name, split (training, validation, test or unlabelled), patient, spacing_mm ("0.3 0.3 0.4", x y z, or one for all); further
    columns are passed over, unless they seem to be meant for one of these. JSON: {"training": [{"image": ..., "label": ...}], "validation": [...]}
    with the same keys; what it says beside these lists (name, licence, ...) is not regarded. Rows without labels are unlabelled. A row that is there twice counts once.
    InputError, naming the line or item, for anything else.
    """
    path = Path(path)
    rows = _json(path) if path.suffix.lower() == ".json" else _csv(path)
    entries = _named_once([(_entry(row, where, path.parent, components), where) for row, where in rows], path)
    if not entries:
        raise InputError(f"{path}: lists no volumes")
    return entries


def _csv(path: Path):
    columns, rows = read_list(path)
    for name, ours in SYNONYMS.items():
        if {name, ours} <= columns:
            raise InputError(f"{path}: has the columns {name} and {ours}; leave one out")
    columns = {SYNONYMS.get(name, name) for name in columns}
    if "image" not in columns:
        raise InputError(f"{path}: no column 'image'; columns are {', '.join(COLUMNS)}")
    drawn = {"label"} if {"ovary", "follicles"} & columns else {"ovary", "follicles"} if "label" in columns else set()
    check_columns(path, columns - {*REMARKS, "image", "name"}, {name: words for name, words in _MEANT.items() if name not in drawn})
    for number, row in rows:
        named = {SYNONYMS.get(key, key): value for key, value in row.items() if value}
        yield {key: value for key, value in named.items() if key in (*COLUMNS, *CONTENTS)}, f"{path}, line {number}"


def _json(path: Path):
    try:
        content = json.loads(read_table_text(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); give a CSV or JSON list of images and labels") from None
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f'{path}: must be a JSON object with lists such as "training"')
    for theirs, ours in _LISTS.items():
        if theirs in content and ours not in content:
            content[ours] = content.pop(theirs)
    lists = [key for key, value in content.items() if isinstance(value, list) and key not in SPLITS]
    if lists:
        raise InputError(f"{path}: unknown list '{lists[0]}'; known are {', '.join(SPLITS)}")
    for split in SPLITS:
        items = content.get(split, [])
        if not isinstance(items, list):
            raise InputError(f"{path}: '{split}' must be a list")
        for number, item in enumerate(items):
            where = f"{path}, {split}[{number}]"
            if isinstance(item, str):
                item = {"image": item}
            if not isinstance(item, dict):
                raise InputError(f'{where}: must be an object such as {{"image": ..., "label": ...}}')
            item = {key: value for key, value in item.items() if key not in _PASSED_OVER}
            _check_item(item, where)
            yield {"split": split, **{key: value for key, value in item.items() if value is not None}}, where


def _check_item(item: dict, where: str) -> None:
    """InputError for what a CSV cannot hold: unknown keys, and values that are no text. null is as good as left out."""
    for key, value in item.items():
        if key not in COLUMNS:
            raise InputError(f"{where}: unknown key '{key}'; known are {', '.join(COLUMNS)}")
        if key in (*FILES, "split") and not isinstance(value, (str, type(None))):
            raise InputError(f"{where}: '{key}' must be text, not {json.dumps(value)}")
        if key in ("name", "patient") and (isinstance(value, bool) or not isinstance(value, (str, int, type(None)))):
            raise InputError(f"{where}: '{key}' must be text or a whole number, not {json.dumps(value)}")


def _entry(row: dict, where: str, folder: Path, components: bool) -> Entry:
    if not row.get("image"):
        raise InputError(f"{where}: names no image")
    split = row.get("split", "training").lower()
    if split not in SPLITS:
        raise InputError(f"{where}: unknown split '{split}'; known are {', '.join(SPLITS)}")
    if bool(row.get("ovary")) != bool(row.get("follicles")) or (row.get("label") and row.get("ovary")):
        raise InputError(f"{where}: give either label, or both ovary and follicles")
    image = path_in(folder, row["image"])
    named = bool(row.get("label") or row.get("ovary"))
    labelled = named and split != "unlabelled"
    kept = bool(row.get(CONTENTS[0])) or image.name.startswith(PREFIX)
    return Entry(
        name=str(row.get("name") or _stem(image)),
        image=image,
        label=path_in(folder, row["label"]) if labelled and row.get("label") else None,
        ovaries=(path_in(folder, row["ovary"]),) if labelled and row.get("ovary") else (),
        follicles=(path_in(folder, row["follicles"]),) if labelled and row.get("follicles") else (),
        split=split if labelled else "unlabelled",
        patient=str(row.get("patient", "")),
        spacing_mm=_spacing(row.get("spacing_mm"), where),
        components=components,
        contents=(row.get(CONTENTS[0], ""), row.get(CONTENTS[1], "")),
        labels_lost=kept and not named and split != "unlabelled",
    )


def _spacing(value, where: str):
    if not value:
        return None
    try:
        return lengths_in(" ".join(map(str, value)) if isinstance(value, list) else str(value))
    except ValueError:
        raise InputError(f"{where}: spacing_mm must be three lengths, x y z, such as '0.3 0.3 0.4', not {value!r}") from None


def _stem(path: Path) -> str:
    name = path.name
    for ending in (".nii.gz", ".seg.nrrd"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem


def _named_once(entries, path: Path) -> list[Entry]:
    """The entries with names of their own. Rows that say the same are one; the second of two that say different things of one image gets its
    line's number into its name, so that `checking` can say what they contradict each other in. InputError for one name of two images."""
    found: dict[str, Entry] = {}
    for entry, where in entries:
        if _NO_NAME.search(entry.name) or len(entry.name.encode()) > LONGEST:
            raise InputError(
                f"{path}: {entry.name!r} cannot be a volume's name, since files are called by it; give one of at most {LONGEST} letters, "
                'without slashes and any of :*?"<>|, that does not begin with a point or end with one'
            )
        key = normalize("NFC", entry.name).casefold()  # many disks know one form of a letter only
        other = found.get(key)
        if other is None:
            found[key] = entry
        elif replace(other, rows=1) == entry:
            found[key] = replace(other, rows=other.rows + 1)
        elif other.image == entry.image:
            name = f"{entry.name} ({where.rpartition(', ')[2]})"
            found[name] = replace(entry, name=name)
        else:
            raise InputError(f"{path}: two volumes are called '{entry.name}' ({other.image}, {entry.image}); name them in a column 'name'")
    return list(found.values())
