"""Lines of the panel that say something, and widgets that let go of the focus."""

import re

import qt

#: What went wrong is said in one of these, on a light and on a dark ground: at least 4.5 to 1 against Slicer's.
ON_LIGHT, ON_DARK = "#b71c1c", "#ff9a8f"
_LONG_WORD = re.compile(r"\S{25,}")
_BREAK = "\N{ZERO WIDTH SPACE}"


def say(label, text, failed=False):
    """Put `text` into a label, in the colour of a warning when something went wrong."""
    label.styleSheet = f"color: {alertColour(label)}" if failed else ""
    label.text = breakable(text)


def sayBelow(label, text, failed=False):
    """As `say`, into a label below buttons that takes no room without words."""
    say(label, text, failed)
    label.visible = bool(text)


def alertColour(widget):
    """The colour for what went wrong, as a name, on the ground that a widget has in Slicer's present theme."""
    return ON_DARK if widget.palette.color(qt.QPalette.Window).lightness() < 128 else ON_LIGHT


def breakable(text):
    """The text with places where a long path may be broken: as one word it would widen the panel."""
    return _LONG_WORD.sub(lambda word: re.sub(r"(?<=[/\\_])", _BREAK, word.group()), text)


def enable(widget, enabled):
    """Enable or disable a widget that may have the focus: Qt would hand it to the next one, and the panel would jump there."""
    if not enabled and widget.focus:
        widget.clearFocus()
    widget.enabled = bool(enabled)
