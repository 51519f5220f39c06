"""index.html: all volumes of a folder of results in a table to sort and to filter, with previews and reasons. One file, nothing from a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..confidence.plausibility import SHORT
from ..io.atomic import replacing

COLUMNS = (
    ("volume", "Volume", ""), ("status", "Status", ""), ("ovary_volume_ml", "Ovary, ml", ".1f"), ("follicle_count", "Follicles", "d"),
    ("antral_count", "Antral", "d"), ("leading_mean_diameter_mm", "Leading, mm", ".1f"), ("expected_ovary_dsc", "Expected Dice", ".2f"),
    ("study_date", "Study date", ""), ("remark", "Result, warnings or reason", ""),
)  # fmt: skip
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px sans-serif; margin: 1.5em; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid #ccc; padding: 4px 8px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }}
th, thead td {{ background: #eee; position: sticky; top: 0; overflow-wrap: normal; }}
th button {{ all: unset; cursor: pointer; }}
th button:focus-visible {{ outline: 2px solid; }}
th[aria-sort=ascending] button::after {{ content: " \\25B2"; }}
th[aria-sort=descending] button::after {{ content: " \\25BC"; }}
img {{ max-height: 110px; max-width: 26vw; background: #000; }}
tr.failed td {{ background: #fdecea; }}
tr.left td {{ color: #777; }}
.number {{ text-align: right; }}
@media (max-width: 1000px) {{
  body {{ font-size: 12px; margin: 0.7em; }}
  th, td {{ padding: 3px 4px; }}
  img {{ max-width: 20vw; }}
}}
</style></head><body>
<h1>{title}</h1>
<p>{summary}</p>
<p><strong>{notice}</strong></p>
<p><label>Filter: <input id="filter" size="40" placeholder="any words, all of which a row must have"></label> <span id="shown"></span></p>
<table><thead><tr><td></td>{heads}</tr></thead><tbody>
{rows}
</tbody></table>
<script>
const body = document.querySelector("tbody"), all = [...body.rows], box = document.getElementById("filter");
function filter() {{
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const row of all) {{
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
    shown += !row.hidden;
  }}
  document.getElementById("shown").textContent = shown + " of " + all.length;
}}
const heads = document.querySelectorAll("th");
heads.forEach(head => {{
  head.querySelector("button").addEventListener("click", () => {{
    const up = head.ariaSort !== "ascending", column = head.cellIndex;
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (a, b) => {{
      const x = key(a), y = key(b);
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, undefined, {{numeric: true}}) : x - y;
      return up ? order : -order;
    }};
    body.append(...[...body.rows].sort(compare));
  }});
}});
box.addEventListener("input", filter);
filter();
</script></body></html>
"""


def write_page(out: Path, rows: Sequence[dict]) -> None:
    """Write index.html into the folder `out`. rows: of volumes.csv."""
    counts = {status: sum(row["status"] == status for row in rows) for status in ("done", "failed", "left out")}
    columns = [column for column in COLUMNS if column[0] != "study_date" or any(row.get("study_date") for row in rows)]
    text = _PAGE.format(
        title=escape(f"CRend: {out.resolve().name}"),
        summary=escape(", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no volumes"),
        notice=escape(next((row["notice"] for row in rows if row.get("notice")), "Research use only. Not for diagnosis.")),
        heads="".join(f'<th{_class(form)} scope="col"><button type="button">{escape(title)}</button></th>' for _, title, form in columns),
        rows="\n".join(_row(out, row, columns) for row in rows),
    )
    with replacing(out / "index.html") as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def _class(form: str) -> str:
    return ' class="number"' if form else ""


def _row(out: Path, row: dict, columns) -> str:
    name = str(row["volume"])
    # The message says in words what it can of the flags.
    others = " ".join(key for key in str(row.get("flags") or "").split() if key not in SHORT and key != "no_ovary")
    remark = row.get("reason") or "; ".join(filter(None, (row.get("message"), others)))
    picture = f'<img loading="lazy" alt="" src="{quote(name + ".png")}">' if (out / f"{name}.png").is_file() else ""
    cells = []
    for key, _, form in columns:
        value = remark if key == "remark" else row.get(key)
        if isinstance(value, (int, float)) and form:
            cells.append(f'<td{_class(form)} data-value="{value}">{value:{form}}</td>')
        else:
            cells.append(f"<td>{escape('' if value is None else str(value))}</td>")
    kind = str(row["status"]).split()[0]
    return f'<tr class="{escape(kind)}"><td>{picture}</td>{"".join(cells)}</tr>'
