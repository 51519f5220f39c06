"""Draws the extension's icon: the sector of an ultrasound probe, an ovary in it, its follicles coloured.

python tools/draw_icon.py Resources/CRend.png 128
"""

import math
import sys

from PIL import Image, ImageDraw, ImageFilter

FINE = 8  # drawn this many times larger, then reduced
FOLLICLES = [  # centre x, y and radius in 128ths of the side, colour
    (51, 72, 13.0, (74, 190, 214)),
    (77, 66, 10.0, (120, 130, 226)),
    (70, 85, 7.0, (226, 110, 170)),
    (88, 80, 5.0, (246, 190, 84)),
    (60, 53, 5.0, (126, 206, 120)),
]


def draw(side: int) -> Image.Image:
    """The icon, side x side pixels, RGBA with a transparent ground."""
    size = 128 * FINE

    def scale(*values):
        return [value * FINE for value in values]

    sector = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(sector)
    apex = (64, -14)
    pen.pieslice(scale(apex[0] - 134, apex[1] - 134, apex[0] + 134, apex[1] + 134), 62, 118, fill=255)
    pen.ellipse(scale(apex[0] - 26, apex[1] - 26, apex[0] + 26, apex[1] + 26), fill=0)

    # Depth-dependent grey with arcs, as speckle looks from far.
    beam = Image.new("RGBA", (size, size))
    pen = ImageDraw.Draw(beam)
    for depth in range(140, 10, -2):
        grey = int(58 + 26 * math.exp(-(((depth - 70) / 45) ** 2)) + 9 * math.sin(depth * 1.9))
        pen.ellipse(scale(apex[0] - depth, apex[1] - depth, apex[0] + depth, apex[1] + depth), fill=(grey, grey, grey + 6, 255))
    icon = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    icon.paste(beam, mask=sector)

    ovary = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = ImageDraw.Draw(ovary)
    box = scale(30, 43, 102, 101)
    pen.ellipse(box, fill=(236, 168, 140, 90), outline=(250, 196, 168, 255), width=int(2.2 * FINE))
    icon.alpha_composite(ovary.rotate(-8, center=(66 * FINE, 72 * FINE), resample=Image.BICUBIC))

    for x, y, radius, colour in FOLLICLES:
        pen = ImageDraw.Draw(icon)
        pen.ellipse(scale(x - radius, y - radius, x + radius, y + radius), fill=colour + (255,))
        shine = Image.new("RGBA", (size, size), (0, 0, 0, 0))
        ImageDraw.Draw(shine).ellipse(
            scale(x - 0.62 * radius, y - 0.68 * radius, x + 0.1 * radius, y + 0.02 * radius), fill=(255, 255, 255, 120)
        )
        icon.alpha_composite(shine.filter(ImageFilter.GaussianBlur(radius * FINE / 7)))
    return icon.resize((side, side), Image.LANCZOS)


if __name__ == "__main__":
    draw(int(sys.argv[2])).save(sys.argv[1], optimize=True)
