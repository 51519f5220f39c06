"""A model learns from kept corrections, and is offered only where it is no worse on volumes that it did not learn from."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from crend.bundle import bundle as bundles
from crend.io.atomic import replacing
from crend.io.kept import LIST, image_content, label_content
from crend.io.locking import locked
from crend.io.tables import write_json, write_rows

from ..data.subjects import Listed
from ..data.volumes import Entry, read_as_stored
from ..evaluation.difference import difference_markdown
from ..evaluation.evaluation import FIGURES, summarise
from ..evaluation.reports import SUMMARY, about
from .finetuning import FineTuning, finetune
from .improve_plan import Plan, Steps, estimate
from .maker import NOBODY, Maker
from .timing import Costs
from .verdict import Verdict, judge

WORK, MODELS, RESULT = "improve", "models", "result.json"
ROWS = ("name", "image", "label", "ovary", "follicles", "patient", "spacing_mm")


@dataclass
class Improvement:
    """What came of it: the verdict, and the folder of the new bundle, None where none is offered. notes: what was left out."""

    verdict: Verdict
    bundle: Path | None
    base: str
    notes: list = field(default_factory=list)


def improve(
    todo: Plan,
    settings: FineTuning,
    *,
    maker: Maker = NOBODY,
    engine: str = "auto",
    progress=lambda stage, fraction: None,
    tell=print,
) -> Improvement:
    """Does what `todo` says; what an earlier, stopped call did is not done again, as long as the volumes are the same.

    FOLDER/improve/KEY holds the work; FOLDER/models/improved-N the new bundle, where it is offered, and FOLDER/improve/result.json what came of it.
    progress(stage, fraction 0 to 1). Nothing else in the folder is changed. InputError while another process does the same there.
    """
    works = todo.kept.folder / WORK
    works.mkdir(parents=True, exist_ok=True)
    with locked(works):
        return _improve(todo, settings, maker, engine, progress, tell)


def _improve(todo: Plan, settings: FineTuning, maker: Maker, engine: str, progress, tell) -> Improvement:
    loaded = bundles.load(todo.base)
    folder, kept = todo.kept.folder, todo.kept
    for note in todo.notes:
        tell(note)
    work = folder / WORK / _key(todo, loaded, settings)
    work.mkdir(parents=True, exist_ok=True)
    costs = _costs(work, todo)
    steps = Steps(todo, costs, progress)
    entries = {entry.name: entry for entry in kept.entries}
    before, after = {}, {}
    out = _out(work, folder / MODELS)
    for number, fold in enumerate(todo.rounds, 1):
        where = f"round {number} of {len(todo.rounds)}"
        made = work / f"round-{number}" / "bundle"
        before |= _measured(loaded.folder, fold.test, entries, work / "before", engine, steps, f"{where}: the model as it is")
        if not (made / bundles.METADATA).is_file():
            _train(loaded, [entries[name] for name in fold.training], made, settings, NOBODY, steps, where)
        steps.done(where)
        after |= _measured(made, fold.test, entries, work / "after", engine, steps, f"{where}: the new model")
    reports = [
        _report(work / f"{name}-report", rows, model, todo)
        for name, rows, model in (("after", after, made), ("before", before, loaded.folder))
    ]
    verdict = judge(*reports)
    found = Improvement(verdict, None, loaded.name, list(todo.notes))
    if verdict.offered:
        if len(todo.rounds) > 1:
            if not (out / bundles.METADATA).is_file():
                _train(loaded, kept.entries, out, settings, maker, steps, "last round, on all volumes")
        elif not (out / bundles.METADATA).is_file():
            _train(
                loaded, [entries[name] for name in todo.rounds[0].training], out, settings, maker, steps, "the bundle", made.parent / "work"
            )
        _tell_in_bundle(out, verdict, todo, loaded, maker)
        found.bundle = out
    write_json(_as_json(found, folder), folder / WORK / RESULT)
    for each in work.glob("round-*/work"):
        shutil.rmtree(each, ignore_errors=True)  # cases and checkpoints are large, and of no use any more
    progress("done", 1.0)
    return found


def markdown(found: Improvement) -> str:
    """The paired figures and the verdict."""
    return difference_markdown(found.verdict.rows, "after", "before") + f"\n\n{found.verdict.words()}."


def _train(loaded, entries, out: Path, settings: FineTuning, maker: Maker, steps, where: str, work=None) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    work = work or (out.parent / "work" if out.name == "bundle" else out.with_name(f".{out.name}.work"))
    work.mkdir(parents=True, exist_ok=True)
    write_rows(work / LIST, ROWS, [_row(entry) for entry in entries])
    finetune(
        loaded.folder, work / LIST, out, settings, maker=maker, work=work, progress=False, tell=lambda line: None,
        stepped=lambda which, step: steps.step(f"{where}: {which}", which, step),
    )  # fmt: skip
    if out.name != "bundle":
        shutil.rmtree(work, ignore_errors=True)


def _row(entry: Entry) -> dict:
    """The row of a list that says what this entry does, with whole paths."""
    spacing = " ".join(map(str, entry.spacing_mm)) if entry.spacing_mm else ""
    parts = {"image": entry.image, "label": entry.label, "ovary": (*entry.ovaries, None)[0], "follicles": (*entry.follicles, None)[0]}
    paths = {name: str(path.resolve()) if path else "" for name, path in parts.items()}
    return {"name": entry.name, **paths, "patient": entry.patient, "spacing_mm": spacing}


def _measured(model, names, entries: dict[str, Entry], kept: Path, engine: str, steps, where: str) -> dict[str, dict]:
    """{name: row of `evaluation`} of volumes, each in a file of its own as soon as it is done."""
    from crend.inference.engines import make_engine
    from crend.predict import segment

    from ..evaluation.evaluation import case_of

    kept.mkdir(parents=True, exist_ok=True)
    found, loaded, running = {}, None, None
    for name in names:
        path = kept / f"{name}.json"
        if not path.is_file():
            loaded = loaded or bundles.load(model)
            running = running or make_engine(loaded.model, "auto", engine)
            subject = Listed(entries[name])
            truth = subject.read()
            case = case_of(name, truth, segment(truth.volume, loaded, engine=running, name=name), subject.column)
            write_json({"row": case.row, "content": case.content}, path)
        found[name] = json.loads(path.read_text(encoding="utf-8"))
        steps.volume(where)
    return found


def _report(folder: Path, found: dict, model, todo: Plan) -> Path:
    """A report that `difference` reads, also from the command line."""
    folder.mkdir(exist_ok=True)
    rows = [found[name]["row"] for name in todo.measured]
    write_rows(folder / "per_volume.csv", list(rows[0]), rows)
    contents = {name: found[name]["content"] for name in todo.measured}
    said = about(model, rendering=True, volumes=todo.measured, listed=LIST)
    text = json.dumps({**said, "contents": contents, "figures": summarise(rows)}, indent=2)
    with replacing(folder / SUMMARY) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return folder


def _key(todo: Plan, loaded, settings: FineTuning) -> str:
    """What the work hangs on: the volumes and labels as they are, their millimetres, the weights to begin with, and the settings."""
    parts = [loaded.metadata["crend"]["sha256"], vars(settings), [vars(fold) for fold in todo.rounds]]
    for entry in sorted(todo.kept.entries, key=lambda entry: entry.name):
        image, labels = read_as_stored(entry)
        grids = [(part.GetSpacing(), part.GetOrigin(), part.GetDirection()) for part in (image, labels.ovary)]
        parts.append((entry.name, entry.patient, image_content(image), label_content(labels), grids))
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _costs(work: Path, todo: Plan) -> Costs:
    """Measured once: a run that goes on shares its progress out as before."""
    path = work / "costs.json"
    try:
        return Costs(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        costs = estimate(todo)
        write_json(vars(costs), path)
        return costs


def _out(work: Path, models: Path) -> Path:
    """The folder of the new bundle: the one that an earlier call began with, else models/improved-N with the next free N."""
    path = work / "out.txt"
    name = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if name:
        return models / name
    # Other work that was stopped has its folder's name already, and may go on.
    taken = {each.read_text(encoding="utf-8").strip() for each in work.parent.glob(f"*/{path.name}")}
    name = next(name for k in count(1) if (name := f"improved-{k}") not in taken and not (models / name).exists())
    with replacing(path) as temporary:
        temporary.write_text(f"{name}\n", encoding="utf-8")
    return models / name


def _tell_in_bundle(out: Path, verdict: Verdict, todo: Plan, loaded, maker: Maker) -> None:
    """What was measured, into card and metadata. With several rounds it is of models like this one: each knew the other volumes alone.

    maker: where somebody is named, also in a bundle that an earlier call made, when nobody was."""
    metadata = json.loads(json.dumps(bundles.info(out).metadata))
    how = (
        f"{len(todo.rounds)} models like this one, each on the volumes that it did not learn from"
        if len(todo.rounds) > 1
        else "volumes held out of its training"
    )
    metadata["crend"]["measured_on"] = f"{len(todo.measured)} kept volumes: {how}"
    found = {row["figure"]: row["first"] for row in verdict.rows}
    metadata["eval_metrics"] = {name: {"mean": found[name]} for name in FIGURES if name in found}
    card = (out / "README.md").read_text(encoding="utf-8")
    head, _, rest = card.partition("## Measured\n")
    table = difference_markdown(verdict.rows, "this", metadata["crend"]["base"]["name"])
    measured = f"## Measured\n\nOn {len(todo.measured)} kept volumes ({how}), beside its base:\n\n{table}\n\n"
    card, licence = head + measured + rest[rest.index("## Limits") :], {}
    if maker != NOBODY:
        card, licence = maker.in_card(card), {out / "LICENSE": maker.licence_text(loaded)}
        metadata |= maker.metadata(metadata["crend"]["notice"])
    contents = {**licence, out / "README.md": card, out / bundles.METADATA: bundles.as_text(metadata)}
    for path, content in contents.items():
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="\n")


def _as_json(found: Improvement, folder: Path) -> dict:
    """What the panel shows. bundle: relative to the folder, which may be moved."""
    return {
        "offered": found.verdict.offered,
        "bundle": str(found.bundle.relative_to(folder)) if found.bundle else None,
        "base": found.base,
        "words": found.verdict.words(),
        "figures": list(found.verdict.rows),
        "notes": found.notes,
    }
