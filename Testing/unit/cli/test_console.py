"""What the commands print, in a terminal, a pipe, and without a stderr."""

import os
import subprocess
import sys
from pathlib import Path

import crend

NAMES = [f"hospital/{'a-very-long-name-of-a-study/' * 4}patient-{k}" for k in range(2)]
PRINTS = f"""
from crend.cli.console import stdout, table
rows = table("volume", "ovary ml>", "doubts")
for name in {NAMES}:
    rows.add_row(name, "1.0", "failed: " + 100 * "x")
stdout().print(rows)
"""
READS = """
from crend.cli.console import progress_bar, quiet
kept = open("kept.txt", "w")
with progress_bar() as progress, quiet():
    progress("reading", 0.5)
kept.write("whole")
kept.close()
print("done")
"""


def python(program, folder, **environment):
    paths = {"PYTHONPATH": str(Path(crend.__file__).resolve().parents[1]), "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["sh", "-c", program, sys.executable], cwd=folder, stdout=subprocess.PIPE, encoding="utf-8", timeout=60, env=paths | environment
    )


def test_a_table_in_a_pipe_is_not_cut(tmp_path):
    (tmp_path / "prints.py").write_text(PRINTS)
    said = python('"$0" prints.py', tmp_path).stdout
    assert all(name in said for name in NAMES) and 100 * "x" in said


def test_a_name_in_a_narrow_terminal_is_folded(tmp_path):
    (tmp_path / "prints.py").write_text(PRINTS)
    said = python('"$0" prints.py', tmp_path, FORCE_COLOR="1", TERM="dumb", COLUMNS="60").stdout
    assert max(map(len, said.splitlines())) <= 80 and "…" not in said


def test_reading_without_a_stderr_works_and_touches_no_other_file(tmp_path):
    (tmp_path / "reads.py").write_text(READS)
    done = python('"$0" reads.py 2>&-', tmp_path)
    assert (done.returncode, done.stdout) == (0, "done\n") and (tmp_path / "kept.txt").read_text() == "whole"
