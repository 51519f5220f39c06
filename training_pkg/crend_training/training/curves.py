"""Learning curves as CSV (and TensorBoard): train.csv and validation.csv, one row a step, none twice after a resume."""

from __future__ import annotations

import csv
import os
from pathlib import Path


class Curves:
    """Rows appended to `folder`/train.csv and validation.csv; what an interrupted run wrote after `step` is forgotten first."""

    def __init__(self, folder, step: int, tensorboard: bool):
        self.folder = Path(folder)
        self.writer = None
        for path in self.folder.glob("*.csv"):
            _forget_after(path, step)
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(self.folder / "tensorboard"), purge_step=step + 1)

    def add(self, which: str, step: int, values: dict) -> None:
        """One row of `which` ("train" or "validation"); the columns are those of the file's first row."""
        path = self.folder / f"{which}.csv"
        row = {"step": step, **values}
        known = _columns(path)
        with open(path, "a", newline="", encoding="utf-8") as f:
            writer = csv.DictWriter(f, known or list(row), restval="", extrasaction="ignore", lineterminator="\n")
            if not known:
                writer.writeheader()
            writer.writerow(row)
        if self.writer is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self.writer.add_scalar(f"{which}/{name}", value, step)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def read_curve(path) -> list[dict]:
    """Rows of a curve, numbers as floats; empty where there is no file."""
    path = Path(path)
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as f:
        return [{key: float(value) if value else None for key, value in row.items()} for row in csv.DictReader(f)]


def _columns(path: Path) -> list[str]:
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as f:
        return next(csv.reader(f), [])


def _forget_after(path: Path, step: int) -> None:
    """Drops rows later than `step`, and a last row that a kill cut short."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = lines[:1] + [line for line in lines[1:] if line.endswith("\n") and int(line.split(",", 1)[0]) <= step]
    if not lines or not lines[0].endswith("\n"):
        kept = []
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(kept), encoding="utf-8")
    os.replace(temporary, path)
