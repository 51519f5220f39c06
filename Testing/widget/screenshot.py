"""Pictures of the panel, as drawn by the stand-in: python Testing/widget/screenshot.py STATE OUT.png [--demo FOLDER] [--width N] [--dark]

STATE is one of panel_states.STATES. FOLDER is what `make demo` leaves (volume.nrrd, truth.nrrd): with it the module's own
worker segments the sample volume. Without it, a small volume is shown whose answer is known.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import host
from panel_session import Session
from panel_states import MARGIN, STATES

WIDTH, WIDE = 430, 560


def savePicture(made, path, widgets=(), width=WIDTH, height=960):
    """Save the panel of a module widget as a PNG file; where widgets are named, the part that holds them.

    The panel lies in a scroll area, as in Slicer: so it is as high as its texts are at this width.
    """
    from PySide6.QtWidgets import QApplication, QFrame, QScrollArea

    panel = made.parent._qt
    area = QScrollArea()
    area.setFrameShape(QFrame.NoFrame)
    area.setWidgetResizable(True)
    area.setWidget(panel)
    area.resize(width, height)
    area.show()
    for _ in range(3):  # labels of rich text ask for their height once they have their width
        QApplication.processEvents()
        area.resize(width, max(height, panel.height()))  # no bar at the side
    picture = panel.grab()
    if widgets:
        picture = picture.copy(frameOf(made, widgets))
    assert picture.save(str(path)), path
    area.takeWidget()


def darken():
    """Colours as those of Slicer's dark theme."""
    from PySide6.QtGui import QColor, QPalette
    from PySide6.QtWidgets import QApplication

    QApplication.setStyle("Fusion")
    palette = QPalette(QColor("#323232"))
    for role, colour in ((QPalette.Base, "#2b2b2b"), (QPalette.AlternateBase, "#353535"), (QPalette.Highlight, "#3d6ea5")):
        palette.setColor(role, QColor(colour))
    QApplication.setPalette(palette)


def frameOf(made, widgets):
    """The rectangle (QRect) of the panel around named widgets, as wide as the panel."""
    from PySide6.QtCore import QPoint, QRect

    shown = [getattr(made.ui, name) for name in widgets]
    tops = [widget.mapTo(made.parent, QPoint(0, 0)).y() for widget in shown]
    ends = [top + widget.size.height() for top, widget in zip(tops, shown)]
    return QRect(0, max(min(tops) - MARGIN, 0), made.parent.width, max(ends) - min(tops) + MARGIN + 2)


def main():
    """Draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", choices=STATES)
    parser.add_argument("out", type=lambda text: Path(text).resolve())
    parser.add_argument("--demo", type=lambda text: Path(text).resolve())
    parser.add_argument("--width", type=int, help="pixels")
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    host.install()
    if given.dark:
        darken()
    host.newScene()
    made = host.loadModule()
    shown = STATES[given.state](Session(made, given.demo))
    if not isinstance(shown, list):
        assert shown.save(str(given.out)), given.out
        return made.logic.close()
    wide, tall = given.state in ("correct", "folder"), given.state in ("panel", "read", "correct", "review", "learning")
    savePicture(made, given.out, shown, given.width or (WIDE if wide else WIDTH), 1250 if tall else 700)
    return made.logic.close()


if __name__ == "__main__":
    main()
