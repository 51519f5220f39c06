"""What must hold for any input, tried by hypothesis, which looks for the odd ones itself and gives the smallest that fails."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from crend.errors import InputError
from reliability.bundles import places, rich_bundle
from reliability.outcome import Tally, is_clear, last_lines

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    PLAIN, lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=9), inside, max_size=4), max_leaves=12
)
LENGTH = st.floats(0.05, 10)


def run(count: int, seed: int, folder: Path) -> Tally:
    """Each property with about `count` divided by their number of inputs."""
    tally = Tally("properties that hypothesis tries to break")
    properties = (_metadata(folder), _requests(), _csv(folder), _reports(folder), _grids())
    for name, strategy, holds in properties:
        _try(tally, name, strategy, holds, max(1, count // len(properties)), seed)
    return tally


def _try(tally: Tally, name: str, strategy, holds, count: int, seed: int) -> None:
    """Counts how often `holds` held; the smallest input that breaks it is one loss."""

    @seeded(seed)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def attempt(value):
        outcome = holds(value)
        outcomes.append(outcome)

    outcomes: list[str] = []
    try:
        attempt()
    except Exception as error:  # of the property, or hypothesis' own of several that failed
        tally.count(name, False, type(error).__name__, last_lines(error, 12))
    for outcome in outcomes:
        tally.count(name, True, outcome)


def _refusal(work) -> str:
    """How `work()` ended: it must return, or refuse in one clear line."""
    try:
        work()
    except InputError as error:
        if not is_clear(str(error)):
            raise AssertionError(f"no clear line: {error}") from error
        return "refused"
    return "taken"


def _metadata(folder: Path):
    from crend.bundle.metadata_check import check

    whole = json.loads((rich_bundle(folder / "bundle") / "metadata.json").read_text(encoding="utf-8"))
    where = [path for path in places(whole) if path]

    def holds(given):
        metadata = copy.deepcopy(whole)
        for path, value in given:
            inside = metadata
            try:
                for key in path[:-1]:
                    inside = inside[key]
                inside[path[-1]] = value
            except (KeyError, IndexError, TypeError):
                continue  # what another change took away
        return _refusal(lambda: check(metadata, "metadata.json"))

    return "metadata of a bundle", st.lists(st.tuples(st.sampled_from(where), JSON), min_size=1, max_size=3), holds


def _requests():
    from crend.worker.protocol import problem_of

    names = (
        "do",
        "id",
        "image",
        "folder",
        "model",
        "device",
        "engine",
        "inputs",
        "out",
        "options",
        "point",
        "path",
        "name",
        "spacing",
        "frame",
    )
    request = st.dictionaries(st.sampled_from(names), JSON, max_size=6) | JSON
    doing = st.sampled_from(("segment", "batch", "volume", "follicle", "describe", "cancel", "load", "quit"))

    def holds(given):
        request, do = given
        problem = problem_of({**request, "do": do} if isinstance(request, dict) and do else request)
        assert "\n" not in problem and len(problem) < 2000, problem
        return "refused" if problem else "taken"

    return "requests to the worker", st.tuples(request, st.none() | doing), holds


def _csv(folder: Path):
    from crend.io.inputs import search_inputs

    path, out = folder / "list.csv", folder / "out"
    cells = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
        ("volume", "frame", "spacing", "box", "1", "0.5 0.5 0.5", "../x")
    )
    lines = st.lists(st.lists(cells, max_size=4), max_size=5)

    def holds(given):
        rows, delimiter = given
        path.write_text(
            "volume" + delimiter + "frame\n" + "\n".join(delimiter.join(row) for row in rows), encoding="utf-8", errors="replace"
        )
        return _refusal(lambda: search_inputs([path], out))

    return "lists of volumes", st.tuples(lines, st.sampled_from(",;\t")), holds


def _reports(folder: Path):
    from crend.results.tables import write_tables
    from crend.results.volume_files import read_report

    out = folder / "results"
    out.mkdir()
    path = out / "a.json"
    facts = st.dictionaries(
        st.sampled_from(("name", "provenance", "summary", "ovary", "follicles", "source", "files", "flags", "message")), JSON
    )

    def holds(given):
        path.write_bytes(
            given if isinstance(given, bytes) else json.dumps({"name": "a", "provenance": {}, "summary": {}, **given}).encode()
        )
        read = read_report(path)
        assert read is None or isinstance(read, dict)
        write_tables(out, [], {"a"})
        return "another program's" if read is None else "read"

    return "reports of a folder, and the tables made of them", st.binary(max_size=60) | facts, holds


def _grids():
    import SimpleITK as sitk

    from crend.inference.grey_values import to_model_grid

    sizes = st.tuples(*[st.integers(4, 24)] * 3)

    def holds(given):
        size, spacing, model = given
        image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 200, size).astype(np.uint8))
        image.SetSpacing(spacing)
        if np.prod([max(1, n * s / model) for n, s in zip(size[::-1], spacing)]) > 1e6:
            return "too large to try"
        values, grid = to_model_grid(image, [model] * 3)
        back = np.full(grid.image_shape, np.nan, np.float32)
        for where, part in grid.image_slabs(values, tuple(slice(0, n) for n in grid.shape)):
            back[where] = part
        assert grid.image_shape == size and np.isfinite(back).all()
        # Averages of neighbours lie between them; a tenth of a grey is what single precision may add.
        assert values.min() >= -0.1 and back.max() <= float(sitk.GetArrayViewFromImage(image).max()) + 0.1
        return "there and back"

    return "grids of any size and spacing", st.tuples(sizes, st.tuples(LENGTH, LENGTH, LENGTH), st.sampled_from((0.4, 0.6, 1.2))), holds
