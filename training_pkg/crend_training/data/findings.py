"""What is found out about a volume before anything is trained on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`text` about `name`; wrong: the volume must not be used as it is; spare: it is in the set already, and is passed over; else it is worth knowing."""

    name: str
    file: str
    text: str
    wrong: bool
    spare: bool = False

    @property
    def unused(self) -> bool:
        return self.wrong or self.spare

    def __str__(self):
        return f"{'wrong' if self.wrong else 'note '}  {self.name}  {self.file}: {self.text}"
