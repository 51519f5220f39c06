"""Small volumes with known follicles, as MRML nodes and as arrays. Arrays are (D, H, W) = (z, y, x)."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from crend.errors import Cancelled
from crend.result import Segmentation
from crend.structures.brush import crop_around
from crend.structures.measurements import measure

#: (centre z y x, radius) in voxels: an ovary, and three follicles in it, largest first.
OVARY = ((20, 24, 28), 16)
FOLLICLES = (((20, 24, 35), 6), ((16, 18, 22), 5), ((26, 32, 26), 3))
SHAPE = (40, 48, 56)

#: Oblique: turned about two axes; flipped: one axis reversed as well; spacing differs on each axis.
SPACING = (0.6, 0.5, 0.8)

NOTICE = "Research use only, not for diagnosis. Trained on simulated ultrasound."  # as the bundled model has one


def ball(centre, radius, shape=SHAPE):
    """bool array, True within `radius` voxels of `centre` (z, y, x)."""
    grids = np.ogrid[tuple(slice(size) for size in shape)]
    return sum((grid - c) ** 2 for grid, c in zip(grids, centre)) <= radius**2


def voxels(seed=0):
    """uint8 speckle with dark follicles in a grey ovary."""
    generator = np.random.default_rng(seed)
    image = generator.integers(60, 100, SHAPE)
    image[ball(*OVARY)] += 60
    for follicle in FOLLICLES:
        image[ball(*follicle)] = generator.integers(1, 10)
    return image.astype(np.uint8)


def ijkToRas(kind="oblique"):
    """4 x 4 array: "axial", "oblique" or "flipped" (oblique, and left-handed)."""
    matrix = np.eye(4)
    if kind != "axial":
        turn = vtk.vtkTransform()
        turn.RotateZ(25)
        turn.RotateX(-40)
        matrix = slicer.util.arrayFromVTKMatrix(turn.GetMatrix())
    scale = np.diag([*SPACING, 1.0])
    if kind == "flipped":
        scale[1, 1] *= -1
    matrix = matrix @ scale
    matrix[:3, 3] = (11.0, -23.0, 37.0)
    return matrix


def addVolume(kind="oblique", name="Ultrasound", array=None):
    """A scalar volume node with `voxels()` in the scene."""
    return slicer.util.addVolumeFromArray(voxels() if array is None else array, ijkToRAS=ijkToRas(kind), name=name)


def addSequence(step):
    """A sequence of three volumes, `step` seconds apart, in the scene; none of them is a node there."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    node.SetIndexName("time")
    node.SetIndexUnit("s")
    for number in range(3):
        volume = addVolume(name="frame", array=voxels(seed=number))
        node.SetDataNodeAtValue(volume, f"{step * number}")
        slicer.mrmlScene.RemoveNode(volume)
    return node


class KnownPredictor:
    """Stands where the network stands: returns the known ovary and follicles in the image's geometry, and counts its calls.

    follicles: how many of FOLLICLES it finds; 0 with ovary=False is "no ovary found". error: raised instead of a
    result. hold: never comes to an end. flags: what it says of the volume. guide: in a box it sees follicles, and no ovary.
    """

    def __init__(self, ovary=True, follicles=len(FOLLICLES), error=None, hold=False, flags=(), guide=False):
        self.ovary = ovary
        self.follicles = follicles
        self.error = error
        self.hold = hold
        self.flags = list(flags)
        self.guide = guide
        self.settings = []

    def start(self, image, name, settings):
        self.settings.append(settings)
        return _KnownJob(self, image)

    def describe(self, settings):
        """Says at once what it "runs" on."""
        return _KnownDescription()

    def startFollicle(self, image, name, point, settings):
        """Finds a ball of 3 voxels around the point."""
        index = image.TransformPhysicalPointToIndex(point)[::-1]
        return _KnownJob(self, image, lambda: maskOf(ball(index, 3), image))

    def startOutline(self, image, name, point, radiusMm, settings):
        """Knows the ovary and the follicles: probability 0.9 in them, 0.1 elsewhere."""
        part = crop_around(image, point, radiusMm)
        known = (ball(*OVARY), np.any([ball(*follicle) for follicle in FOLLICLES], axis=0))
        chances = [sitk.Cast(maskOf(array, image), sitk.sitkFloat32) * 0.8 + 0.1 for array in known]
        return _KnownJob(self, image, lambda: tuple(sitk.Resample(chance, part) for chance in chances))

    def prepareOutline(self, image, name, settings):
        """Is always ready."""

    def close(self):
        pass

    def predict(self, image):
        """The Segmentation that a job ends with."""
        whole = ball(*OVARY) if self.ovary else np.zeros(SHAPE, bool)
        labels = np.zeros(SHAPE, np.uint16)
        for number, follicle in enumerate(FOLLICLES[: self.follicles], start=1):
            labels[ball(*follicle)] = number
        kept = None
        if self.settings and self.settings[-1].keepProbabilities:
            kept = tuple(sitk.Cast(sitk.BinShrink(maskOf(array, image), [2, 2, 2]), sitk.sitkFloat32) for array in (whole, labels > 0))
        found = segmentationOf(whole, labels, image, kept, self.flags)
        if not (self.guide and self.settings and self.settings[-1].box):
            return found
        said = {"ovary_source": "box", "flags": [*found.flags, {"key": "ovary_from_box", "text": "The model sees no ovary in the box."}]}
        return replace(found, measurements=replace(found.measurements, ovary=None), provenance=found.provenance | said)


class _KnownDescription:
    def poll(self):
        return "known answers"


class _KnownJob:
    """Two polls without a result, then the result, or the error."""

    def __init__(self, predictor, image, result=None):
        self._predictor = predictor
        self._result = result or (lambda: predictor.predict(image))
        self._polls = 0
        self._cancelled = False
        self.stage, self.fraction = "starting", 0.0

    def poll(self):
        self._polls += 1
        self.stage, self.fraction = "windows", self._polls / 4
        if self._cancelled:
            raise Cancelled
        if self._polls < 3 or self._predictor.hold:
            return None
        if self._predictor.error:
            raise self._predictor.error
        return self._result()

    def cancel(self):
        self._cancelled = True


def addTwoOvaries(name):
    """(volume node, Segmentation): two ovaries, the second of which has the largest follicle."""
    from CRendSegmentationLib.Scene.VolumeImage import imageFromVolumeNode

    volume = addVolume(name=name)
    organs, follicles = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    for number, place in enumerate((((20, 24, 16), 12), ((20, 24, 42), 11)), start=1):
        organs[ball(*place)] = number
    for number, place in enumerate((((20, 24, 42), 6), ((20, 22, 14), 5), ((16, 28, 20), 3)), start=1):
        follicles[ball(*place)] = number
    organs, follicles = (sitk.GetImageFromArray(array) for array in (organs, follicles))
    for labels in (organs, follicles):
        labels.CopyInformation(imageFromVolumeNode(volume))
    provenance = {"bundle": "known", "bundle_version": "0", "ovaries": 2}
    return volume, Segmentation(organs > 0, follicles, measure(organs, follicles), provenance, ovaries=organs)


def maskOf(array, image):
    """A bool array as a SimpleITK mask in the geometry of `image`."""
    mask = sitk.GetImageFromArray(array.astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def segmentationOf(whole, labels, image, probabilities=None, flags=()):
    """A crend Segmentation of two arrays in the geometry of `image`; follicle k has the confidence 1 - k / 10."""
    ovary, follicles = sitk.GetImageFromArray(whole.astype(np.uint8)), sitk.GetImageFromArray(labels.astype(np.uint16))
    ovary.CopyInformation(image)
    follicles.CopyInformation(image)
    measured = measure(ovary, follicles)
    measured = replace(measured, follicles=tuple(replace(each, confidence=1 - each.id / 10) for each in measured.follicles))
    return Segmentation(
        ovary=ovary,
        follicles=follicles,
        measurements=measured,
        provenance={"bundle": "known", "bundle_version": "0", "flags": list(flags), "notice": NOTICE},
        probabilities=probabilities,
    )
