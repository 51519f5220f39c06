"""crend doctor: does everything work here, how fast, and what to do if not."""

from __future__ import annotations

import typer

MARKS = {"ok": "ok  ", "note": "note", "wrong": "BAD "}


def command() -> None:
    """Check this installation and say in words what to do. Exit code 1 when something is broken."""
    from ..doctor import checks
    from .console import stdout

    console = stdout()
    broken = 0
    for check in checks():
        broken += check.state == "wrong"
        console.print(f"{MARKS[check.state]} {check.what}: {check.found}")
        if check.cure:
            console.print(f"     -> {check.cure}")
    console.print("everything works." if not broken else f"{broken} of these must be put right before CRend can work.")
    if broken:
        raise typer.Exit(1)
