"""How long the window stands still at each step of an edit or a review: the longest single call on its thread, under the stand-in for Slicer.

    OMP_NUM_THREADS=1 python Testing/benchmarks/bench_steps.py [--simulator trial] [--seed 481] [--repeats 5]

The panel segments a volume of a simulator; then follicles are split, merged, deleted, and each is undone; the ovary is painted at; a second result of the same volume is reviewed
against the first. Printed are medians of the longest call of a step, in seconds of the clock and of the processor (what a free machine would take).
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from bench_tools import table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import host
from driven_panel import panel_with


class Window:
    """Runs a step to its end as Slicer's event loop would, and notes its longest call."""

    def __init__(self, made):
        self.made, self.steps = made, {}

    def step(self, name, do, runs, done=lambda: True):
        """do(), then the timers of whatever runs, `runs`: objects with `running` and `onTimer`; then Qt's own, until done()."""
        import slicer

        calls = [self._timed(do)]
        calls.append(self._timed(slicer.app.processEvents))
        while any(run.running for run in runs):
            calls += [self._timed(run.onTimer) for run in runs if run.running]
            calls.append(self._timed(slicer.app.processEvents))
            time.sleep(0.01)
        while not done():
            calls.append(self._timed(slicer.app.processEvents))
            time.sleep(0.01)
        calls.append(self._timed(slicer.app.processEvents))
        self.steps.setdefault(name, []).append(max(calls, key=lambda call: call[1]))

    def _timed(self, do):
        wall, cpu = time.perf_counter(), time.thread_time()
        do()
        return time.perf_counter() - wall, time.thread_time() - cpu


def runs_of(panel):
    """Whatever of the panel works in a process of its own and looks after it by a timer."""
    found, owners = {}, [panel, *vars(panel).values()]
    for owner in owners:
        for each in [owner, *getattr(owner, "__dict__", {}).values()]:
            if hasattr(each, "onTimer") and hasattr(each, "running"):
                found[id(each)] = each
    return list(found.values())


def paint(segmentationNode, volumeNode):
    """Take the first layer of voxels off the ovary, as a stroke of Segment Editor does: what that takes is not the module's."""
    import slicer

    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, "Ovary", volumeNode)
    array[np.flatnonzero(array.any(axis=(1, 2)))[0]] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentationNode, "Ovary", volumeNode)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulator", default="trial")
    parser.add_argument("--seed", type=int, default=481)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    import SimpleITK as sitk

    from crend_training.data.simulators import simulate

    phantom = simulate(options.simulator, options.seed, empty=False)
    host.install()
    from CRendSegmentationLib.Runs.Predictors import WorkerPredictor

    with panel_with(phantom.volume, WorkerPredictor()) as (made, volume):
        ui = made.ui
        window = Window(made)
        runs = runs_of(made.panel)
        print("runs:", [type(each).__name__ for each in runs], file=sys.stderr)
        window.step("Apply", ui.applyButton.click, runs)
        first = made.logic.getParameterNode().segmentation
        select = made.panel.result.table.select
        for _ in range(options.repeats):
            ids = sorted((name for name in first.GetSegmentation().GetSegmentIDs() if name.startswith("Follicle")), key=len)
            for name, button, chosen in (
                ("Merge", ui.mergeButton, ids[:2]),
                ("Split", ui.splitButton, ids[:1]),
                ("Delete", ui.deleteButton, ids[:1]),
            ):
                select(chosen)
                window.step(name, button.click, runs)
                if ui.undoButton.enabled:
                    window.step(f"Undo of {name}", ui.undoButton.click, runs)
        select(ids[:1])
        window.step("Delete", ui.deleteButton.click, runs)  # an edited result is not written over
        window.step("Apply again", ui.applyButton.click, runs)
        result = made.panel.result
        for _ in range(options.repeats):
            paint(result.segmentationNode, volume)
            window.step("Stroke in Segment Editor", lambda: None, runs, lambda: result.settled)
        review = made.panel.review
        review.ui.referenceSelector.setCurrentNode(first)
        review.ui.comparedSelector.setCurrentNode(made.logic.getParameterNode().segmentation)
        assert review.ui.computeButton.enabled, review.ui.computeButton.toolTip
        for _ in range(options.repeats):
            window.step("Review", review.ui.computeButton.click, [review.run])
            window.step("Back to the ordinary layout", review.ui.ordinaryLayoutButton.click, [])
        size = sitk.GetArrayViewFromImage(phantom.volume).shape
        count = len([name for name in first.GetSegmentation().GetSegmentIDs() if name.startswith("Follicle")])
        print(f"Volume of {size} voxels, {count} follicles.\n")
        rows = [(name, *np.median(calls, axis=0)) for name, calls in window.steps.items()]
        print(table(["step", "longest call, s", "of the processor, s"], [[name, f"{wall:.2f}", f"{cpu:.2f}"] for name, wall, cpu in rows]))


if __name__ == "__main__":
    main()
