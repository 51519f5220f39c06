"""What a segmentation run hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK

    from .structures.measurements import Measurements

NOTHING_FOUND = "no ovary found"
FROM_BOX = "the ovary's outline is from the box, not measured"


@dataclass(frozen=True)
class Segmentation:
    """Ovary, follicles and measurements of one volume, on exactly the volume's own grid.

    ovary:        uint8, 1 = the whole organ, its follicles included; both where the volume shows two
    follicles:    uint16, 0 outside, k = follicle k, 1 = the largest
    measurements: of both (empty when nothing was found)
    probabilities: None, or two float images, ovary and follicles, 0..1 on the model grid, which lies on the volume in space
    provenance:   how it was made: bundle, versions, device, engine, seconds, windows, notice; plain JSON data
    ovaries:      None, or where the volume shows two ovaries uint8, k = ovary k, 1 = the larger
    """

    ovary: SimpleITK.Image
    follicles: SimpleITK.Image
    measurements: Measurements
    provenance: dict = field(default_factory=dict)
    probabilities: tuple | None = None
    ovaries: SimpleITK.Image | None = None

    @property
    def organs(self) -> SimpleITK.Image:
        """The ovary's labels as files have them: `ovaries` where there are two, else `ovary`."""
        return self.ovary if self.ovaries is None else self.ovaries

    @property
    def flags(self) -> list:
        """What makes the result doubtful: dicts of `key` (for programs) and `text` (a sentence), as `plausibility.flags` gives them."""
        return self.provenance.get("flags", [])

    @property
    def ovary_source(self) -> str | None:
        """Whose outline the ovary has: "model"; "box", the ellipsoid of the box, a guide that is not measured; None without an ovary."""
        return self.provenance.get("ovary_source", "model" if self.measurements.ovary is not None else None)

    def save(self, path) -> None:
        """Write the labels, the follicle table or the report to `path`, whichever its ending says.

        .csv: one row a follicle; .json: everything that is said about the volume; anything else: labels, as a .seg.nrrd for Slicer or an
        image with 1 = ovary, k + 1 = follicle k (.nrrd, .nii.gz, .mha). Raises InputError where that cannot be written.
        """
        from .io.labels import write_labels
        from .io.tables import write_csv, write_json

        name = str(path).lower()
        if name.endswith(".csv"):
            write_csv(self.measurements, path, self.flags)
        elif name.endswith(".json"):
            write_json(self, path)
        else:
            write_labels(path, self.organs, self.follicles, ovary_source=self.ovary_source)

    def follicles_table(self):
        """One row a follicle, largest first, sizes in mm: a pandas DataFrame where pandas is installed, else a list of dicts.

        The columns are those of follicles.csv (`Measurements.COLUMNS`).
        """
        rows = self.measurements.rows()
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows, columns=list(self.measurements.COLUMNS))

    @property
    def message(self) -> str:
        """One line for people: "no ovary found" or "1 ovary of 8.2 ml with 7 follicles", with "; doubtful: ..." after it where flags say so.

        Where the ovary's outline is that of a box: "7 follicles in the box; the ovary's outline is from the box, not measured".
        """
        from .confidence.plausibility import short_words

        ovary, count = self.measurements.ovary, len(self.measurements.follicles)
        doubts = short_words(self.flags)
        doubts = f"; doubtful: {doubts}" if doubts else ""
        if self.ovary_source == "box":
            found = {0: "no follicles", 1: "1 follicle"}.get(count, f"{count} follicles")
            return f"{found} in the box; {FROM_BOX}{doubts}"
        if ovary is None:
            return NOTHING_FOUND
        ovaries = self.provenance.get("ovaries", 1)
        organ = "1 ovary of" if ovaries == 1 else f"{ovaries} ovaries, together"
        follicles = {0: "without follicles", 1: "with 1 follicle"}.get(count, f"with {count} follicles")
        return f"{organ} {ovary.volume_ml:.1f} ml {follicles}{doubts}"
