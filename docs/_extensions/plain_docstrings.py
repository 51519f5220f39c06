"""Docstrings that are plain text, shown as they are meant by autodoc, which expects reStructuredText.

Paragraphs stay paragraphs, with `code` in single backticks; whatever is aligned in columns or indented is shown as it stands.
"""

import re

_CODE = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"([*|_\\])")
#: "name:    text", the way parameters and fields are listed.
_ENTRY = re.compile(r"^[\w*., ]{1,40}: {2,}\S")


def paragraphs(lines):
    """The lines of a docstring in groups that were separated by empty lines."""
    group = []
    for line in [*lines, ""]:
        if line.strip():
            group.append(line.rstrip())
        elif group:
            yield group
            group = []


def as_it_stands(group):
    """Whether the layout of these lines means something."""
    return any(line[0] == " " for line in group) or any(_ENTRY.match(line) for line in group)


def to_rst(lines):
    """A docstring's lines as reStructuredText."""
    result = []
    for group in paragraphs(lines):
        if as_it_stands(group):
            result += ["::", "", *(f"    {line}" for line in group), ""]
        else:
            result += [*map(_inline, group), ""]
    return result


def _inline(line):
    """One line with `code` as inline literals and everything else escaped."""
    parts = _CODE.split(line)
    return "".join(f"``{part}``" if number % 2 else _SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts))


def process(app, what, name, obj, options, lines):
    """Rewrite the lines of a docstring in place."""
    lines[:] = to_rst(lines)


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
