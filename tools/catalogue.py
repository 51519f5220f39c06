"""What Slicer's catalogue of extensions would object to in a checked-out folder, one line each.

The catalogue clones the repository and checks the entry (CRend.json), CMakeLists.txt, icon, screenshots, licence and size. Here that is
done without a network: addresses below the repository's own are looked up in the folder. CRend.s4ext and CITATION.cff must say the same.
"""

import json
import re
import struct
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME = "CRend"
#: The catalogue allows 100 MB for a clone with its history; the rest is room for later versions.
LIMIT_BYTES = 60_000_000
#: Those of the catalogue's categories that fit.
CATEGORIES = ("Ultrasound", "Segmentation", "Quantification")
#: Keys of the catalogue's schema for an entry, with their types.
ENTRY_KEYS = {
    "$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str, "build_dependencies": list,
    "dicom_support_rule": str, "build_subdirectory": str, "enabled": bool, "tier": int,
}  # fmt: skip
REQUIRED_KEYS = ("$schema", "category", "scm_url")
#: Fields of a classic extension description.
DESCRIPTION_FIELDS = (
    "scm", "scmurl", "scmrevision", "depends", "recommends", "build_subdirectory", "homepage", "contributors", "category", "iconurl",
    "status", "tier", "description", "screenshoturls", "enabled", "keywords",
)  # fmt: skip
FILES = ("CMakeLists.txt", f"{NAME}.json", f"{NAME}.s4ext", "CITATION.cff", "LICENSE.txt", "README.md")


def complaints(folder: Path) -> list[str]:
    """All objections to the tree in `folder`; empty where there are none. Its size is not looked at."""
    folder = Path(folder)
    missing = [f"{name}: missing" for name in FILES if not (folder / name).is_file()]
    if missing:
        return missing
    return [*of_entry(folder), *of_fields(folder), *of_pictures(folder), *of_texts(folder), *of_agreement(folder)]


def read_entry(folder: Path) -> dict:
    """The catalogue entry, CRend.json."""
    return json.loads((folder / f"{NAME}.json").read_text(encoding="utf-8"))


def read_description(folder: Path) -> dict[str, str]:
    """{field: value} of the classic extension description, CRend.s4ext."""
    lines = (folder / f"{NAME}.s4ext").read_text(encoding="utf-8").splitlines()
    pairs = [line.strip().partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return {field: value.strip() for field, _, value in pairs}


def read_cmake(folder: Path) -> dict[str, str]:
    """{field: value} of CMakeLists.txt: PROJECT and the EXTENSION_ variables, lists joined by a space, read as the catalogue does."""
    text = (folder / "CMakeLists.txt").read_text(encoding="utf-8")
    project = re.findall(r"project\s*\(\s*([^\s\)\n\r]+)", text, re.IGNORECASE)
    lines = re.findall(r"set\s*\(EXTENSION_(\w+)\s+(.+?)\s*\)", text)
    fields = {field: " ".join(re.findall(r'"([^"]*)"', value)) or value for field, value in lines}
    return {"PROJECT": project[0] if project else "", **fields}


def read_citation(folder: Path) -> dict:
    """{field: value} of CITATION.cff at its top level; `keywords` is a list, `authors` the first author's name."""
    text = (folder / "CITATION.cff").read_text(encoding="utf-8")
    fields: dict = dict(re.findall(r"^([\w-]+): +([^>\n]+)$", text, re.MULTILINE))
    keywords = re.search(r"^keywords:\n((?:  - .+\n)+)", text, re.MULTILINE)
    author = re.search(r"^authors:\n  - name: (.+)$", text, re.MULTILINE)
    fields["keywords"] = re.findall(r"- (.+)", keywords.group(1)) if keywords else []
    fields["authors"] = author.group(1) if author else ""
    return fields


def of_entry(folder: Path) -> list[str]:
    """Objections to CRend.json."""
    try:
        entry = read_entry(folder)
    except ValueError as error:
        return [f"{NAME}.json: not JSON: {error}"]
    found = [f"{NAME}.json: {key} is missing" for key in REQUIRED_KEYS if not entry.get(key)]
    found += [f"{NAME}.json: {key} is not in the catalogue's schema" for key in entry if key not in ENTRY_KEYS]
    found += [f"{NAME}.json: {key} must be {ENTRY_KEYS[key].__name__}" for key, value in entry.items()
              if key in ENTRY_KEYS and type(value) is not ENTRY_KEYS[key]]  # fmt: skip
    if entry.get("category") not in CATEGORIES:
        found.append(f"{NAME}.json: category {entry.get('category')!r} is not one of {', '.join(CATEGORIES)}")
    address = urlsplit(str(entry.get("scm_url")))
    if address.scheme not in ("https", "git") or not address.path.rsplit("/", 1)[-1].startswith("Slicer"):
        found.append(f"{NAME}.json: scm_url must be an https address of a repository called Slicer...")
    if entry.get("tier", 1) not in range(1, 6):
        found.append(f"{NAME}.json: tier must be 1 to 5")
    return found


def of_fields(folder: Path) -> list[str]:
    """Objections to the fields of CMakeLists.txt and CRend.s4ext."""
    cmake, description = read_cmake(folder), read_description(folder)
    wanted = ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS", "BUILD_SUBDIRECTORY")
    found = [f"CMakeLists.txt: EXTENSION_{name} is not set" for name in wanted if not cmake.get(name)]
    if cmake["PROJECT"] != NAME:
        found.append(f"CMakeLists.txt: project({cmake['PROJECT']}) is not the extension's name, {NAME}")
    found += [f"{NAME}.s4ext: {field} has no value" for field in DESCRIPTION_FIELDS if not description.get(field)]
    found += [f"{NAME}.s4ext: {field} is no field of an extension description" for field in description if field not in DESCRIPTION_FIELDS]
    return found


def of_pictures(folder: Path) -> list[str]:
    """Objections to the icon (PNG, 128 x 128) and the screenshots (PNG), wherever CMakeLists.txt says they are."""
    cmake = read_cmake(folder)
    found = []
    for address in [cmake.get("ICONURL", ""), *cmake.get("SCREENSHOTURLS", "").split()]:
        path = local_path(folder, address)
        size = png_size(path) if path and path.is_file() else None
        if path is None or not path.is_file():
            found.append(f"CMakeLists.txt: no file for {address!r}")
        elif size is None:
            found.append(f"{path.relative_to(folder)}: not a PNG")
        elif address == cmake.get("ICONURL") and size != (128, 128):
            found.append(f"{path.relative_to(folder)}: {size[0]} x {size[1]} pixels, but the icon must be 128 x 128")
    return found


def of_texts(folder: Path) -> list[str]:
    """Objections to line ends, the licence and the README, which is the extension's home page."""
    found = []
    for path in tree(folder):
        content = path.read_bytes()
        if b"\0" not in content[:8000] and b"\r" in content:
            found.append(f"{path.relative_to(folder)}: line ends must be LF alone")
    if "Apache License" not in (folder / "LICENSE.txt").read_text(encoding="utf-8")[:200]:
        found.append("LICENSE.txt: not the text of the Apache License")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    if not readme.startswith(f"# {NAME}\n"):
        found.append(f"README.md: must begin with the extension's name, # {NAME}")
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", readme)
    if not any(mark and urlsplit(link).path.endswith(".png") for mark, link in links):
        found.append("README.md: shows no picture")
    for word in ("Apache", "arxiv.org"):
        if word not in readme:
            found.append(f"README.md: the licence's name and the publication's address belong there, and {word} is missing")
    for _, link in links:
        target = unquote(urlsplit(link).path)
        if not urlsplit(link).scheme and target and not (folder / target).exists():
            found.append(f"README.md: links to {target}, which is not there")
    return found


def of_agreement(folder: Path) -> list[str]:
    """Where the four files that describe the extension contradict each other."""
    try:
        entry = read_entry(folder)
    except ValueError:
        return []
    cmake, description, citation = read_cmake(folder), read_description(folder), read_citation(folder)
    address = cmake.get("HOMEPAGE", "")
    said = {
        "name": [cmake["PROJECT"], citation.get("title")],
        "home page": [address, description.get("homepage"), citation.get("repository-code")],
        "repository": [address + ".git", description.get("scmurl"), entry.get("scm_url")],
        "scm": [description.get("scm"), entry.get("scm_type", "git")],
        "revision": [description.get("scmrevision"), entry.get("scm_revision")],
        "dependencies": [cmake.get("DEPENDS") or "NA", description.get("depends"), " ".join(entry.get("build_dependencies", [])) or "NA"],
        "recommendations": [cmake.get("RECOMMENDS") or "NA", description.get("recommends")],
        "category": [cmake.get("CATEGORY"), description.get("category"), entry.get("category")],
        "tier": [str(cmake.get("TIER", 1)), description.get("tier"), str(entry.get("tier", 1))],
        "contributors": [cmake.get("CONTRIBUTORS"), description.get("contributors"), citation.get("authors")],
        "keywords": [cmake.get("KEYWORDS"), description.get("keywords"), " ".join(word for word in citation["keywords"] if word.islower())],
    }
    same = {"build_subdirectory", "iconurl", "status", "description", "screenshoturls", "enabled"}
    said |= {field: [cmake.get(field.upper()), description.get(field)] for field in sorted(same)}
    return [f"{what}: the files disagree: {' | '.join(map(str, values))}" for what, values in said.items() if len(set(values)) > 1]


def local_path(folder: Path, address: str) -> Path | None:
    """The file in `folder` that a raw address of the repository's own main branch names; None for any other address."""
    owner_and_name = urlsplit(read_cmake(folder).get("HOMEPAGE", "")).path.strip("/")
    start = f"https://raw.githubusercontent.com/{owner_and_name}/main/"
    return folder / unquote(address.removeprefix(start)) if address.startswith(start) else None


def png_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from a PNG's header; None where the file is no PNG."""
    head = path.read_bytes()[:24]
    return struct.unpack(">II", head[16:24]) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 24 else None


def tree(folder: Path) -> list[Path]:
    """The files of a checked-out repository as git knows them; without git all that lie there."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached"]
    answer = subprocess.run(command, capture_output=True) if (folder / ".git").exists() else None
    if answer is None or answer.returncode:
        return sorted(path for path in folder.rglob("*") if path.is_file() and not {".git", "__pycache__"} & set(path.parts))
    return sorted(path for name in answer.stdout.decode().split("\0") if name and (path := folder / name).is_file())


def size_bytes(folder: Path) -> int:
    """Bytes of all files in a folder, those of .git included, as the catalogue counts a clone."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
