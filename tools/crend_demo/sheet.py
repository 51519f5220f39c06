"""The layout of overview.png: three slices above, the 3D view and the list of follicles below."""

from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

GAP = 6
GROUND, INK, PALE = (255, 255, 255), (28, 34, 43), (103, 113, 126)
CARD = (244, 246, 249)
ROWS = 14


def compose(panels, follicles, message, notice):
    """The finished sheet, RGB. panels: three slices and the 3D view; follicles: rows of the list, largest first."""
    *slices, space = panels
    list_width = sum(panel.picture.width for panel in slices) + 2 * GAP - space.picture.width - GAP
    width = space.picture.width + list_width + 3 * GAP
    top = slices[0].picture.height
    sheet = Image.new("RGB", (width, top + space.picture.height + 3 * GAP), GROUND)
    for index, panel in enumerate(slices):
        sheet.paste(_with_marks(panel), (GAP + index * (panel.picture.width + GAP), GAP))
    sheet.paste(_with_marks(space, dark_text=True), (GAP, top + 2 * GAP))
    card = _card((list_width, space.picture.height), follicles, message, notice)
    sheet.paste(card, (space.picture.width + 2 * GAP, top + 2 * GAP))
    return sheet


def compose_row(panels):
    """Panels of one height side by side, RGB."""
    row = Image.new("RGB", (sum(panel.picture.width + GAP for panel in panels) - GAP, panels[0].picture.height), GROUND)
    for index, panel in enumerate(panels):
        row.paste(_with_marks(panel), (index * (panel.picture.width + GAP), 0))
    return row


def _with_marks(panel, dark_text=False):
    """The panel's picture with its name, its follicles' numbers and a scale."""
    picture = panel.picture.copy()
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, picture.width, 4), fill=panel.colour)
    pen.text((12, 14), panel.title, font=_font(19, bold=True), fill=INK if dark_text else (255, 255, 255))
    for x, y, text in panel.labels:
        pen.text((x, y), text, font=_font(19, bold=True), fill=(255, 255, 255), anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))
    if panel.millimetre:
        _scale(pen, picture.height - 18, panel.millimetre)
    return picture


def _scale(pen, y, millimetre):
    """A bar of 10 mm in the lower left corner."""
    end = 16 + 10 * millimetre
    for width, colour in ((6, (0, 0, 0)), (3, (255, 255, 255))):
        pen.line((16, y, end, y), fill=colour, width=width)
    pen.text((end + 10, y), "10 mm", font=_font(16), fill=(255, 255, 255), anchor="lm", stroke_width=2, stroke_fill=(0, 0, 0))


def _card(size, follicles, message, notice):
    """What was found, in words, and the follicles with number, colour, diameter and volume."""
    card = Image.new("RGB", size, CARD)
    pen = ImageDraw.Draw(card)
    margin, y = 28, 30
    notice = _wrap(notice, _font(16), size[0] - 2 * margin)
    for line in _wrap(message, _font(25, bold=True), size[0] - 2 * margin):
        pen.text((margin, y), line, font=_font(25, bold=True), fill=INK)
        y += 33
    y += 14
    right = size[0] - margin
    columns = (margin + 34, right - 140, right)
    for x, text, anchor in zip(columns, ("Follicle", "dV mm", "V ml"), ("la", "ra", "ra")):
        pen.text((x, y), text, font=_font(17), fill=PALE, anchor=anchor)
    y += 30
    step = min(36, (size[1] - y - 30 - 24 * len(notice)) // min(len(follicles) or 1, ROWS))
    for follicle in follicles[:ROWS]:
        pen.ellipse((margin, y + 1, margin + 18, y + 19), fill=follicle.colour, outline=INK)
        cells = (str(follicle.number), f"{follicle.diameter:.1f}", f"{follicle.volume:.3f}")
        for x, text, anchor in zip(columns, cells, ("la", "ra", "ra")):
            pen.text((x, y), text, font=_font(19), fill=INK, anchor=anchor)
        y += step
    y = size[1] - 20 - 24 * len(notice)
    for line in notice:
        pen.text((margin, y), line, font=_font(16), fill=PALE)
        y += 24
    return card


def _wrap(text, font, width):
    """The text in lines no wider than `width` pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _font(size, bold=False):
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(files("matplotlib") / "mpl-data" / "fonts" / "ttf" / name), size)
