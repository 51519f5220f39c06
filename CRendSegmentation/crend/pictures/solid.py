"""The surfaces of ovary and follicles as one picture."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..structures import segments

PICTURE_PIXELS = 480


def solid_picture(ovary: sitk.Image, follicles: sitk.Image):
    """The surfaces in 3D from anterior, the head up, the ovary translucent: RGB (h, w, 3) uint8, or None when there is nothing to show.

    Letters say which way is which.
    """
    from ..comparison.surfaces import surface_of
    from .lettering import GREY, paint_directions
    from .rendering import Studio, anterior_view, mesh

    whole = surface_of(ovary)
    if whole is None:
        return None
    props = [mesh(whole, segments.OVARY_COLOUR, segments.OVARY_OPACITY_3D)]
    for number in np.unique(sitk.GetArrayViewFromImage(follicles)):
        if number:
            props.append(mesh(surface_of(follicles == int(number)), segments.colour(int(number))))
    with Studio((PICTURE_PIXELS, PICTURE_PIXELS)) as studio:
        picture = studio.render(props, anterior_view(whole))
    paint_directions(picture, "S", "I", "R", "L", GREY)
    return picture
