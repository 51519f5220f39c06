"""Who made a bundle, under which licence and for what: a user's bundle says so itself, and never claims to be one that comes with CRend."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crend.bundle import bundle as bundles
from crend.errors import InputError

UNSTATED = "not stated"
PATH = re.compile(r"[/\\]|\.(txt|md|rst|html?|pdf|docx?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Maker:
    """author: a person or an institution; licence: an SPDX identifier such as CC-BY-4.0, the path of a text, or words; intended_use: words.

    Each "" where nobody said it.
    """

    author: str = ""
    licence: str = ""
    intended_use: str = ""

    def __post_init__(self):
        for option, text in (("--author", self.author), ("--intended-use", self.intended_use), ("--licence", self.licence)):
            if not text.isprintable():
                raise InputError(f"{option}: must be one line of text")
        if PATH.search(self.licence) and not Path(self.licence).is_file():
            raise InputError(f"--licence {self.licence}: no such file; give a text file, or an SPDX identifier such as CC-BY-4.0")
        self._own_text()  # what cannot be read is said before anything is trained

    def metadata(self, notice: str) -> dict:
        """What metadata.json says of authors, copyright and intended use; notice: what holds of every such bundle."""
        owner = f"Copyright (c) {self.author}" if self.author else UNSTATED
        use = self.intended_use.strip()
        use = f"{use}{'' if use.endswith(('.', '!', '?')) else '.'} {notice}" if use else notice
        return {"authors": self.author or UNSTATED, "copyright": owner, "intended_use": use}

    def card_rows(self) -> list[str]:
        """The rows of a model card's table."""
        rows = {"made by": self.author, "licence": self._licence_name(), "intended use": self.intended_use}
        told = {name: text.replace("|", r"\|") or UNSTATED for name, text in rows.items()}
        return [f"| {name} | {text} |" for name, text in told.items()]

    def in_card(self, card: str) -> str:
        """The model card `card` with the rows of this maker in place of another's."""
        for row in self.card_rows():
            head = row[: row.index("|", 1) + 1]
            card = "\n".join(row if line.startswith(head) else line for line in card.split("\n"))
        return card

    def licence_text(self, base: bundles.Bundle | bundles.BundleInfo | None = None) -> str:
        """LICENSE of the bundle. base: the bundle whose weights it began with."""
        who = self.author or "their maker"
        text = self._own_text()
        if text is None:
            text = f"No licence is stated for the weights in this folder. Ask {who} before you use them or pass them on.\n"
        if base is None:
            return text
        return f"{text.rstrip()}\n\nThey were made from {base.name} {base.metadata['version']} ({base.metadata['authors']}), which says:\n\n{_licence_of(base)}"

    def check_name(self, out, cure: str = "give yours another name with --out") -> None:
        """InputError, which ends with `cure`, where the folder `out` bears the name of a bundle that comes with CRend and that others made."""
        name = Path(out).resolve().name
        for info in bundles.available():
            if info.name.casefold() == name.casefold() and info.metadata["authors"] != self.author:
                raise InputError(f"{out}: {info.name} is the name of a model that comes with CRend; {cure}")

    def _own_text(self) -> str | None:
        if not self.licence:
            return None
        if Path(self.licence).is_file():
            try:
                return Path(self.licence).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                raise InputError(f"--licence {self.licence}: cannot be read as text; give a UTF-8 file, or an SPDX identifier") from None
        identifier = _spdx(self.licence)
        marked = f"\nSPDX-License-Identifier: {identifier}\n" if identifier else ""
        return f"Copyright (c) {self.author or 'the maker of this bundle'}\n\nLicence of the weights in this folder: {identifier or self.licence}\n{marked}"

    def _licence_name(self) -> str:
        return "see LICENSE" if self.licence and Path(self.licence).is_file() else _spdx(self.licence) or self.licence


def _spdx(licence: str) -> str:
    """The licence as SPDX writes it; "" where SPDX knows none of this name: a bundle must not say that it does."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return canonicalize_license_expression(licence) if licence else ""
    except InvalidLicenseExpression:
        return ""


def _licence_of(base: bundles.Bundle | bundles.BundleInfo) -> str:
    try:
        return (base.folder / "LICENSE").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "(no licence lies beside it)\n"


NOBODY = Maker()
