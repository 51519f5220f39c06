"""crend models: what is installed."""

from __future__ import annotations

import typer


def command(json: bool = typer.Option(False, "--json", help="As JSON, for programs.")) -> None:
    """List the models at hand; the first is the default."""
    from ..bundle.bundle import available

    infos = available()
    if json:
        print(_as_json(infos))
        return
    from ..inference.model_grid import describe_grid
    from .console import stdout, table

    console = stdout()
    if not infos:
        console.print("no model is installed; segment with --model FOLDER, or install CRend again.")
        return
    rows = table("model", "version", "network", "grid", "what it does")
    for info in infos:
        settings = info.metadata["crend"]
        network = " ".join([settings["network"], *(f"{key} {value}" for key, value in settings["arguments"].items())])
        spacing = describe_grid(settings)
        rows.add_row(info.name, info.metadata["version"], network, spacing, info.summary)
    console.print(rows)
    for info in infos:
        console.print(f"{info.name}: {info.metadata['crend']['notice']}")


def _as_json(infos) -> str:
    import json

    return json.dumps(
        [
            {
                "name": info.name,
                "folder": str(info.folder),
                "summary": info.summary,
                "version": info.metadata["version"],
                "default": number == 0,
                **{
                    key: info.metadata["crend"].get(key)
                    for key in ("network", "arguments", "spacing_mm", "in_plane", "patch", "trained_on", "measured_on", "notice")
                },
            }
            for number, info in enumerate(infos)
        ],
        indent=2,
        ensure_ascii=False,
    )
