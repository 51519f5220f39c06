"""crend compare --batch PAIRS: many comparisons, a table a case and a follicle, and what they say together."""

from __future__ import annotations

from pathlib import Path

PRINTED = ("ovary_dsc", "ovary_hd95", "ovary_asd", "follicles_dsc", "follicles_hd95", "follicles_asd", "fd", "md", "count_error")
AGREEMENT = {
    "ovary_volume_ml": "ovary volume, ml",
    "follicle_volume_ml": "follicle volume, ml",
    "follicle_count": "follicle count",
    "follicle_diameter_mm": "follicle diameter, mm",
}


def run(pairs: Path, out: Path, percentiles, components=False) -> None:
    """Compare all pairs, write cases.csv, follicles.csv and summary.json into `out`, print the summary. SomeFailed at the end if any failed."""
    from ..batch import make_folder
    from ..comparison.pairs import FILES, compare_batch, read_pairs
    from ..errors import InputError, SomeFailed
    from .console import progress_bar, stdout

    todo = read_pairs(pairs)
    files = [out / name for name in FILES]
    clash = {path.resolve() for path in files} & {Path(p).resolve() for _, a, b in todo for p in (a, b, pairs)}
    if clash:
        raise InputError(f"{clash.pop()}: is one of the inputs; give another folder with --out.")
    make_folder(out, FILES)
    with progress_bar() as progress:
        batch = compare_batch(todo, percentiles=percentiles, components=components, progress=progress)
    batch.write(out)
    _show(batch)
    for path in files:
        stdout().print(f"wrote {path}")
    failed = batch.summary["failed"]
    if failed:
        raise SomeFailed(f"{files[0]}: {failed} of {len(todo)} pairs failed; correct what it says of them, and start again.")


def _show(batch) -> None:
    from .compare import show_notes
    from .console import number, stdout, table

    console = stdout()
    summary = batch.summary
    rows = table(f"{summary['cases'] - summary['failed']} of {summary['cases']} cases", "mean>", "sd>", "median>", "quartiles>", "missing>")
    for name in PRINTED:
        found = summary["figures"].get(name)
        if found:
            values = (number(found[key], 3) for key in ("mean", "sd", "median"))
            rows.add_row(name, *values, f"{number(found['q1'], 3)} to {number(found['q3'], 3)}", str(found["missing"]))
    console.print(rows)
    rows = table("agreement", "pairs>", "bias>", "95 % limits>", "ICC(A,1)>")
    for key, name in AGREEMENT.items():
        found = summary["agreement"][key]
        limits = f"{number(found['lower'], 3)} to {number(found['upper'], 3)}"
        rows.add_row(name, str(found["n"]), number(found["bias"], 3), limits, number(found["icc"], 3))
    console.print(rows)
    for row in batch.cases:
        if row["status"] == "failed":
            console.print(f"failed: {row['case']}: {row['reason']}")
        elif row["notes"]:
            show_notes(console, [row["notes"]], f"note: {row['case']}: ")
