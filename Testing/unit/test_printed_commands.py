"""Every command that pages, model cards, results and scripts print has options that the program takes."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "training_pkg").rglob("*.md"),
    *(ROOT / "CRendSegmentation" / "Resources" / "Models").rglob("*.md"),
    *(ROOT / "Testing" / "benchmarks").glob("*.md"),
    *(ROOT / "training_pkg" / "crend_training" / "configs").rglob("*.yaml"),
]
PROGRAMS = {"crend-training": "training", "crend_training": "training", "crend": "crend"}
SHELL = re.compile(r"\s*(?:\$ )?(?:python(?:3)? -m )?(crend-training|crend_training|crend)\s+(.*)")


def printed(text):
    """(program, words) of each command in backticks, after "$ ", or in a script's line, those with a placeholder in them left out."""
    text = text.replace("\\\n", " ")
    lines = re.findall(r"^\s*\$ (.+)$", text, re.MULTILINE) + re.findall(r"`((?:python -m )?crend[-_ ][^`\n]+)`", text)
    for line in lines:
        found = SHELL.fullmatch(line.partition("  #")[0].rstrip())
        if found and not re.search(r"\.\.\.|[;|&<>*$]|\[", found[2]):
            yield found[1], ["1" if re.fullmatch("[A-Z]", word) else word for word in shlex.split(found[2], comments=True)]


def commands():
    import crend.cli
    import crend_training.cli.app as trainer

    return {"training": get_command(trainer.app), "crend": get_command(crend.cli.app)}


def of_script(path):
    """The commands of a shell script; a variable stands for 7, "$@" for nothing."""
    text = re.sub(r'"\$[{]?@[^"]*"', "", path.read_text(encoding="utf-8").replace("\\\n", " "))
    text = re.sub(r'"?\$(?:\{[^}]*\}|\([^)]*\)|[\w@*]+)[\w./-]*(?:\$\w+[\w./-]*)*"?', "7", text)
    for found in re.finditer(r"^(?!crend_training\(\)).*?\bcrend_training ([a-z]+ .*)$", text, re.MULTILINE):
        words = shlex.split(
            re.sub(r"[;|>)].*| #.*", "", re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: re.sub("[;|>)#]", ",", quoted[0]), found[1]))
        )
        yield "crend_training", [*words, *(("--out", "7") if "=(" in found[0] else ())]  # what an array of words leaves to a function


def wrong(program, words, known):
    """What the program says of the words, "" where it takes them. One without its required options is a mention, no call."""
    group = known[PROGRAMS[program]]
    if not words or words[0].startswith("-"):
        return ""
    command = group.commands.get(words[0])
    if command is None:
        return f"{program} has no command {words[0]}"
    try:
        command.make_context(words[0], list(words[1:]))
    except Exception as error:  # click's own, which typer brings
        kind = type(error).__name__
        mention = kind == "Exit" or (kind == "MissingParameter" and len(words) <= 5) or (kind == "BadOptionUsage" and len(words) == 2)
        return "" if mention else error.format_message() if hasattr(error, "format_message") else repr(error)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_on_a_page_parse(page):
    known = commands()
    said = {f"{program} {' '.join(words)}": wrong(program, words, known) for program, words in printed(page.read_text(encoding="utf-8"))}
    assert {line: why for line, why in said.items() if why} == {}


@pytest.mark.parametrize("script", sorted((ROOT / "tools").glob("*.sh")), ids=lambda script: script.name)
def test_the_commands_of_a_script_parse(script):
    known = commands()
    found = list(of_script(script))
    said = {f"{program} {' '.join(words)}": wrong(program, words, known) for program, words in found}
    assert {line: why for line, why in said.items() if why} == {}
    assert found or "crend_training" not in script.read_text(encoding="utf-8")
