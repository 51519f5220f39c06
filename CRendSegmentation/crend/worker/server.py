"""The worker process: `python -m crend.worker` segments and compares on request and stays alive between volumes (see protocol)."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path

from .. import __version__
from ..errors import Cancelled, InputError
from .asked_images import read_image
from .protocol import PROTOCOL, id_of, problem_of

PROGRESS_INTERVAL = 0.05  # seconds


class Worker:
    """Answers requests one after the other; `cancel` and the end of the input are heeded at once."""

    def __init__(self, source, sink):
        """source: lines of bytes; sink: a file for text."""
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self._requests: queue.Queue = queue.Queue()
        self._open: set = set()
        self._cancelled: set = set()
        self._loaded: tuple = (None, None, None)
        self._prepared: tuple = (None, None)

    def run(self) -> None:
        """Serve until told to quit."""
        self.say("hello", protocol=PROTOCOL, crend=__version__, pid=os.getpid())
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._answer(self._requests.get())

    def say(self, event: str, **what) -> None:
        """Write one event. Where nobody reads them any more the process ends."""
        line = json.dumps({"event": event, **what})
        try:
            with self._lock:
                self._sink.write(line + "\n")
                self._sink.flush()
        except (OSError, ValueError):
            os._exit(0)

    def _listen(self) -> None:
        try:
            for line in self._source:
                if not self._heed(line):
                    break
        finally:
            # Whoever asked is gone or done: a network amid a volume has nothing to clean up. And a process that nobody can ask any more,
            # whatever ended this thread, must not stay.
            os._exit(0)

    def _heed(self, line: bytes) -> bool:
        """Take a request; False when it is the last."""
        try:
            request = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError, MemoryError) as error:
            start = line.strip()[:100].decode("utf-8", "backslashreplace")
            self.say("failure", id=None, message=f"not a request: {start} ({type(error).__name__})", details="")
            return True
        problem, number = problem_of(request), id_of(request)
        if not problem and request["do"] not in ("cancel", "quit") and number in self._open:
            problem, number = f"{request['do']}: the id {number!r} is in use", None
        if problem:
            self.say("failure", id=number, message=problem, details="")
        elif request["do"] == "cancel":
            if number in self._open:
                self._cancelled.add(number)
        elif request["do"] == "quit":
            return False
        else:
            self._open.add(number)
            self._requests.put(request)
        return True

    def _answer(self, request: dict) -> None:
        number = request["id"]
        answers = {
            "load": self._load_only,
            "volume": self._volume,
            "segment": self._segment,
            "follicle": self._follicle,
            "outline": self._outline,
            "batch": self._batch,
            "review": self._review,
            "surfaces": self._surfaces,
            "describe": self._describe,
        }
        try:
            self._check_cancelled(number)
            event, said = "result", answers[request["do"]](request)
            if request["do"] == "describe":
                event, said = "description", {"text": said}
        except Cancelled:
            event, said = "cancelled", {}
        except InputError as error:
            event, said = "input_error", {"message": str(error)}
        except Exception as error:
            event, said = "failure", {"message": f"{type(error).__name__}: {error}", "details": traceback.format_exc()}
        self._open.discard(number)
        self._cancelled.discard(number)
        try:
            self.say(event, id=number, **dict(said))
        except (TypeError, RecursionError) as error:
            self.say("failure", id=number, message=f"its result is no JSON: {error}", details=traceback.format_exc())

    def _segment(self, request: dict) -> dict:
        import SimpleITK as sitk

        number = request["id"]
        self._prepared = (None, None)  # what clicks in the last volume needed: never two large ones at a time
        self.say("progress", id=number, stage="loading", fraction=0.0)
        from ..predict import segment

        image = read_image(request["image"])
        bundle, engine = self._load(request)
        self._check_cancelled(number)
        result = segment(
            image,
            bundle,
            engine=engine,
            progress=_Throttle(lambda stage, fraction: self.say("progress", id=number, stage=stage, fraction=fraction)),
            cancelled=lambda: number in self._cancelled,
            search=request.get("search", True),
            smallest_follicle_mm=request.get("smallest_follicle_mm"),
            split=request.get("split", True),
            keep_probabilities=request.get("keep_probabilities", False),
            box=request.get("box"),
            name=request.get("name", "the volume"),
        )
        self._check_cancelled(number)
        parts = {"ovary": result.ovary, "follicles": result.follicles}
        if result.ovaries is not None:
            parts["ovaries"] = result.ovaries
        parts.update(zip(("ovary_probability", "follicles_probability"), result.probabilities or ()))
        files: dict = {part: str(Path(request["folder"]) / f"{part}.nrrd") for part in parts}
        for part, volume in parts.items():
            sitk.WriteImage(volume, files[part])
        if request.get("surfaces", False):
            from .surface_files import write_result_surfaces

            files["surfaces"] = write_result_surfaces(request["folder"], result.ovary, result.follicles)
        return {**files, "measurements": result.measurements.as_dict(), "provenance": result.provenance}

    def _follicle(self, request: dict) -> dict:
        import SimpleITK as sitk

        self.say("progress", id=request.get("id"), stage="loading", fraction=0.0)
        from ..editing import follicle_at

        prepared = self._prepare(request)
        found = follicle_at(prepared.image, request["point"], name=request.get("name", "the volume"), prepared=prepared)
        self._check_cancelled(request.get("id"))
        path = str(Path(request["folder"]) / "follicle.nrrd")
        sitk.WriteImage(found, path)
        return {"follicle": path}

    def _outline(self, request: dict) -> dict:
        import SimpleITK as sitk

        self.say("progress", id=request["id"], stage="loading", fraction=0.0)
        from ..structures.brush import RADIUS_MM

        prepared = self._prepare(request)
        self._check_cancelled(request["id"])
        if "point" not in request:
            return {}
        found = prepared.near(request["point"], request.get("radius_mm", RADIUS_MM))
        files = {part: str(Path(request["folder"]) / f"{part}.nrrd") for part in ("ovary", "follicles")}
        for part, volume in zip(files, found):
            sitk.WriteImage(volume, files[part])
        return files

    def _prepare(self, request: dict):
        """The `editing.PreparedVolume` of a request for a click, kept for the next one in the same file."""
        from ..editing import PreparedVolume

        bundle, engine = self._load(request)
        state = os.stat(request["image"])
        wanted = (request["image"], state.st_mtime_ns, state.st_size, self._loaded[0])
        if self._prepared[0] != wanted:
            self._prepared = (None, None)  # never two large volumes at a time
            image = read_image(request["image"])
            self._prepared = (wanted, PreparedVolume(image, bundle, engine=engine, name=request.get("name", "the volume")))
        return self._prepared[1]

    def _batch(self, request: dict) -> dict:
        from ..batch import make_folder, segment_batch
        from ..io.inputs import search_inputs
        from .pool import Pool

        number = request["id"]
        there = search_inputs(request["inputs"], request["out"])
        make_folder(request["out"])
        self.say("progress", id=number, stage="loading", fraction=0.0)
        defaults = {"search": True, "smallest_follicle_mm": None, "split": True}
        options = {name: request[name] for name, default in defaults.items() if request.get(name, default) != default}
        model, device, engine = request.get("model"), request.get("device", "auto"), request.get("engine", "auto")
        # Another process: a file that crashes a library takes that one with it, and this one goes on.
        with Pool(1, model=model, device=device, engine=engine, cancelled=lambda: number in self._cancelled) as pool:
            rows = segment_batch(
                there.volumes,
                request["out"],
                pool,
                model=pool.load(),
                options=options,
                again=request.get("again", False),
                left_out=there.left_out,
                progress=_Throttle(lambda stage, fraction: self.say("progress", id=number, stage=stage, fraction=fraction)),
                done=lambda row: self.say("row", id=number, row=row),
            )
        left_out = [row for row in rows if row["status"] == "left out"]
        return {"rows": [row for row in rows if row not in left_out], "left_out": left_out}

    def _load_only(self, request: dict) -> dict:
        bundle, _ = self._load(request)
        return dict(zip(("bundle", "version", "digest"), bundle.identity))

    def _volume(self, request: dict) -> dict:
        from ..batch import segment_file
        from ..io.folders import Volume
        from ..results.volume_files import segment_volume

        number, options = request["id"], dict(request["options"])
        bundle, engine = self._load(request)

        def one(path, progress, **reading):
            run = {"engine": engine, "progress": progress, "cancelled": lambda: number in self._cancelled}
            return segment_file(path, bundle, **run, **reading, **options)

        tell = _Throttle(lambda stage, fraction: self.say("progress", id=number, stage=stage, fraction=fraction))
        spacing, box = (tuple(request[key]) if request.get(key) else None for key in ("spacing", "box"))
        volume = Volume(Path(request["path"]), request["name"], request.get("frame"), spacing, box)
        return {"message": segment_volume(volume, Path(request["out"]), one, request["options"], tell)}

    def _review(self, request: dict) -> dict:
        from .review_files import answer

        number = request.get("id")
        tell = _Throttle(lambda stage, fraction: self.say("progress", id=number, stage=stage, fraction=fraction))
        found = answer(request, tell, lambda: number in self._cancelled)
        self._check_cancelled(number)
        return found

    def _surfaces(self, request: dict) -> dict:
        from .surface_files import answer

        number = request.get("id")
        tell = _Throttle(lambda stage, fraction: self.say("progress", id=number, stage=stage, fraction=fraction))
        return answer(request, tell, lambda: number in self._cancelled)

    def _describe(self, request: dict) -> str:
        # Imported to try them out: whoever asks wants to know whether they work here.
        import safetensors.numpy  # noqa: F401
        import scipy.ndimage  # noqa: F401
        import SimpleITK  # noqa: F401

        from ..inference.devices import describe, try_out

        wanted = request.get("device", "auto"), request.get("engine", "auto")
        try_out(*wanted)
        return describe(*wanted)

    def _load(self, request: dict):
        """(bundle, engine), kept from the last volume when model, device and engine are the same, and nobody wrote the model anew."""
        from ..bundle import bundle as bundles
        from ..inference.engines import make_engine

        wanted = [request.get("model"), request.get("device", "auto"), request.get("engine", "auto")]
        stamped = [*wanted, bundles.stamp(wanted[0])]
        if self._loaded[0] != stamped:
            loaded = bundles.load(wanted[0])
            self._loaded = (stamped, loaded, make_engine(loaded.model, wanted[1], wanted[2]))
        return self._loaded[1:]

    def _check_cancelled(self, number) -> None:
        if number in self._cancelled:
            raise Cancelled("stopped before the first window")


class _Throttle:
    """Passes progress on when the stage changes or some time went by."""

    def __init__(self, tell):
        self._tell = tell
        self._stage = None
        self._when = 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage != self._stage or now - self._when >= PROGRESS_INTERVAL:
            self._stage, self._when = stage, now
            self._tell(stage, fraction)


def main() -> None:
    """Keep standard output for the protocol alone, then serve."""
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # Bytes: a line that is no UTF-8 is that line's trouble, not the stream's.
    with open(0, "rb", closefd=False) as source:
        Worker(source, sink).run()
