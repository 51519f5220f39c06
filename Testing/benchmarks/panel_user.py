"""A user of the panel who knows the truth: presses its buttons under the stand-in for Slicer until the table is right, and counts clicks, points and seconds."""

import time

CLICK_S, POINT_S = 1.5, 3.0
NEAR_MM, DIAMETER_MM = 2.0, 1.0
CONTOURS, POINTS = 3, 8
MOST_ROUNDS = 5  # of corrections: what is wrong after that needs painting
DIRECTIONS = 8  # in which a user looks at a follicle before measuring it
MOST_CLICKS = 3  # on the outline of one follicle: after that it is added anew


class User:
    """Presses the panel's buttons and counts. truth: follicles (D, H, W) and their mean diameters {label: mm}."""

    def __init__(self, made, volume, phantom):
        import SimpleITK as sitk

        from crend.structures.measurements import measure

        self.made, self.ui, self.volume = made, made.ui, volume
        self.labels = sitk.GetArrayFromImage(phantom.follicles)
        self.image = phantom.volume
        self.sizes = {f.id: f.mean_diameter_mm for f in measure(phantom.ovary, phantom.follicles).follicles}
        self.ovary = phantom.ovary
        self.measures = False  # whether every follicle is added by its diameter
        self.unseen = set()  # true follicles that a click of Add did not give rightly: these are, too
        self.clicks = self.points = 0
        self.predictor = made.logic.predictor
        self.began = self._processor()

    @property
    def seconds(self):
        return round(self._processor() - self.began + CLICK_S * self.clicks + POINT_S * self.points, 1)

    def _processor(self):
        """What the machine took so far, or would have taken."""
        return self.predictor.processor() + self.predictor.saved

    def press(self, button):
        self.clicks += 1
        button.click()
        self.wait()

    def wait(self):
        import slicer

        while self.made.panel.run.running:
            self.made.panel.run.onTimer()
            slicer.app.processEvents()
            time.sleep(0.01)
        slicer.app.processEvents()

    def clickAt(self, world):
        """A click into a slice view, while one is waited for."""
        import slicer

        self.clicks += 1
        selection = slicer.app.applicationLogic().GetSelectionNode()
        slicer.mrmlScene.GetNodeByID(selection.GetActivePlaceNodeID()).AddControlPointWorld(*world)
        for _ in range(20):  # the seed is taken after the event
            slicer.app.processEvents()
            time.sleep(0.01)
        self.wait()

    def placeBox(self):
        """Place the box and draw its faces to where a careful user wants them, 4 mm round the ovary."""
        from box_figures import points_of

        self.press(self.ui.placeBoxButton)
        import SimpleITK as sitk

        points = points_of(self.ovary, sitk.GetArrayViewFromImage(self.ovary) > 0)
        low, high = points.min(axis=0) - 4, points.max(axis=0) + 4
        roi = self.made.logic.getParameterNode().box
        centre, size = (list(roi.GetCenter()), list(roi.GetSize()))
        faces = [(centre[k] - size[k] / 2, centre[k] + size[k] / 2) for k in range(3)]
        self.clicks += sum(bool(abs(a - b) > NEAR_MM) for k in range(3) for a, b in zip(faces[k], (low[k], high[k])))
        roi.SetCenter(*((low + high) / 2).tolist())
        roi.SetSize(*(high - low).tolist())

    def drawContours(self):
        """Three contours through the ovary's middle, in planes that turn about its long axis, from its true outline."""
        import numpy as np
        import SimpleITK as sitk
        from box_figures import points_of

        mask = sitk.GetArrayViewFromImage(self.ovary) > 0
        points = points_of(self.ovary, mask)
        middle = points.mean(axis=0)
        long, second, third = np.linalg.svd(points[:: len(points) // 4000 + 1] - middle, full_matrices=False)[2]
        inverse = np.linalg.inv(np.reshape(self.image.GetDirection(), (3, 3)) * np.array(self.image.GetSpacing()))

        def inside(point):
            index = np.rint(inverse @ (point * [-1, -1, 1] - np.array(self.image.GetOrigin()))).astype(int)[::-1]
            return bool(((index >= 0) & (index < mask.shape)).all() and mask[tuple(index)])

        for number in range(CONTOURS):
            turn = np.pi * number / CONTOURS
            across = np.cos(turn) * second + np.sin(turn) * third
            if number:
                self.press(self.ui.turnButton)
            self.press(self.ui.drawContourButton)
            for angle in 2 * np.pi * np.arange(POINTS) / POINTS:
                direction = np.cos(angle) * long + np.sin(angle) * across
                reach = next(r for r in np.arange(0, 80, 0.3) if not inside(middle + r * direction))
                self.clickAt((middle + reach * direction).tolist())
                self.clicks, self.points = self.clicks - 1, self.points + 1
            self.press(self.ui.drawContourButton)
        self.press(self.ui.contoursButton)

    def wrong(self):
        """What is not right: (false: segment IDs, missed: truth labels, merged: segment IDs, off: [(segment ID, truth label)])."""
        from crend.comparison.matching import overlaps
        from CRendSegmentationLib.Scene.Masks import on
        from CRendSegmentationLib.Scene.SegmentMeasurements import maskOf, measureWithIDs

        node = self.made.logic.getParameterNode().segmentation
        measured, ids = measureWithIDs(node)
        array = self.labels * 0
        for number, segmentID in enumerate(ids, start=1):
            array[on(self.image, maskOf(node, segmentID))] = number
        found = overlaps(self.labels, array)
        pairs = sorted(((v, r, p) for r, row in enumerate(found.iou()) for p, v in enumerate(row) if v > 0.05), reverse=True)
        mine, yours, off, merged = {}, {}, [], set()
        for _, r, p in pairs:
            truth, number = int(found.reference_ids[r]), int(found.prediction_ids[p])
            if number in yours and truth not in mine and found.rho()[0][r, p] > 0.5:
                merged.add(ids[number - 1])
            if truth not in mine and number not in yours:
                mine[truth], yours[number] = number, truth
        for truth, number in mine.items():
            if abs(measured.follicles[number - 1].mean_diameter_mm - self.sizes[truth]) > DIAMETER_MM:
                off.append((ids[number - 1], truth))
        false = [segmentID for number, segmentID in enumerate(ids, start=1) if number not in yours]
        return false, [truth for truth in self.sizes if truth not in mine], sorted(merged), off

    def select(self, segmentIDs):
        self.clicks += len(segmentIDs)
        self.made.panel.result.table.select(segmentIDs)

    def add(self, truth):
        """Press Add and click into the middle of a true follicle; one that was tried before, or is not found, by its diameter."""
        import numpy as np
        from scipy import ndimage

        depth = ndimage.distance_transform_edt(self.labels == truth, sampling=self.image.GetSpacing()[::-1])
        place = np.unravel_index(depth.argmax(), depth.shape)
        if not self.measures and truth not in self.unseen:
            self.unseen.add(truth)
            before = len(self._follicles())
            self.press(self.ui.addButton)
            self.clickAt(self._world(place))
            if len(self._follicles()) > before:
                return
        self.press(self.ui.diameterButton)
        for end in self._diameter(self.labels[place[0]] == truth):
            self.clickAt(self._world([place[0], *end]))

    def _follicles(self):
        from CRendSegmentationLib.Scene.SegmentMeasurements import follicleIDs

        return follicleIDs(self.made.logic.getParameterNode().segmentation.GetSegmentation())

    def _world(self, place):
        """A position in voxels (z, y, x) in the world."""
        point = self.image.TransformContinuousIndexToPhysicalPoint([float(v) for v in place[::-1]])
        return [-point[0], -point[1], point[2]]

    def _diameter(self, section):
        """Both ends, in voxels (y, x), of a diameter of a follicle's section (H, W): of those in DIRECTIONS the one of middling length."""
        import numpy as np

        spacing = np.array(self.image.GetSpacing()[1::-1])
        points = np.argwhere(section) * spacing
        middle = points.mean(axis=0)
        chords = []
        for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
            along = np.array([np.sin(angle), np.cos(angle)])
            reach = (points - middle) @ along
            near = np.abs((points - middle) @ [-along[1], along[0]]) <= spacing.max() / 2
            low, high = reach[near].min() - spacing.mean() / 2, reach[near].max() + spacing.mean() / 2
            chords.append((high - low, (middle + low * along) / spacing, (middle + high * along) / spacing))
        return sorted(chords, key=lambda chord: chord[0])[DIRECTIONS // 2][1:]

    def moveOutlines(self):
        """Grow and shrink follicles of a wrong size by clicks where their outline is furthest from the true one."""
        for segmentID, truth in self.wrong()[3]:
            self.select([segmentID])
            for _ in range(MOST_CLICKS):
                self._moveOutline(segmentID, truth)
                if segmentID not in [each for each, _ in self.wrong()[3]]:
                    break
        for button in (self.ui.growButton, self.ui.shrinkButton):
            if button.checked:
                self.press(button)

    def _moveOutline(self, segmentID, truth):
        """One click on the side of the outline on which more voxels are wrong."""
        import numpy as np
        from scipy import ndimage

        from CRendSegmentationLib.Scene.Masks import on
        from CRendSegmentationLib.Scene.SegmentMeasurements import maskOf
        from CRendSegmentationLib.Scene.SegmentTags import segmentsOf

        node = self.made.logic.getParameterNode().segmentation
        mine = on(self.image, maskOf(node, segmentID))
        others = [name for name, segment in segmentsOf(node.GetSegmentation()) if name != segmentID and "ollicle" in segment.GetName()]
        taken = np.any([on(self.image, maskOf(node, name)) for name in others] or [mine & False], axis=0)
        there = self.labels == truth
        missing, excess = there & ~mine & ~taken, mine & ~there
        grow = np.count_nonzero(missing) >= np.count_nonzero(excess)
        spacing = self.image.GetSpacing()[::-1]
        # How far the outline has to move at each place; a click must lie within the brush of it.
        away = ndimage.distance_transform_edt(mine if not grow else ~mine, sampling=spacing)
        away[~(missing if grow else excess) | (away > 0.9 * self.ui.brushSpinBox.value)] = 0
        if not away.any():
            return
        button = self.ui.growButton if grow else self.ui.shrinkButton
        if not button.checked:
            self.press(button)
        point = self.image.TransformIndexToPhysicalPoint([int(v) for v in np.unravel_index(away.argmax(), away.shape)[::-1]])
        self.clickAt([-point[0], -point[1], point[2]])

    def correct(self):
        """Correct what is wrong, follicle by follicle. Returns what is still wrong, in words; "" when the table is right."""
        for number in range(MOST_ROUNDS + 1):
            false, missed, merged, off = self.wrong()
            if not (false or missed or merged or off):
                return ""
            if number == MOST_ROUNDS:
                break
            if number:
                merged = []  # what a split has not parted rightly is deleted, and added one by one
            for segmentID in merged:
                self.select([segmentID])
                self.press(self.ui.splitButton)
            gone = [*false, *(segmentID for segmentID, _ in off if segmentID not in merged)]
            if gone and not merged:
                self.select(gone)
                self.press(self.ui.deleteButton)
            for truth in [*missed, *(truth for segmentID, truth in off if segmentID in gone)] if not merged else ():
                self.add(truth)
        return f"{len(false)} false, {len(missed)} missed, {len(off)} of a wrong size"
