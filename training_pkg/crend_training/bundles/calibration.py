"""What a bundle's follicles and volumes look like when it is right: its confidences and flags, fitted on volumes with their truth.

Written into the bundle's metadata as "confidence" and "familiar" (see crend.confidence.follicle_confidence and
crend.confidence.familiarity); the weights stay as they are.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from crend.bundle import bundle as bundles
from crend.confidence.familiarity import FEATURES as DESCRIPTION
from crend.confidence.familiarity import describe, distance
from crend.confidence.familiarity import fit as fit_familiar
from crend.confidence.follicle_confidence import FEATURES, confidence, fit
from crend.confidence.plausibility import LEAST_EXPECTED, fit_least_drawn, fit_least_expected
from crend.errors import InputError
from crend.io.atomic import replacing

from ..data.cases import grid_settings
from ..data.subjects import OfSeveral
from ..evaluation.evaluation import GOOD, POOR
from ..evaluation.reports import settings_of

BINS = (0.0, 0.2, 0.5, 0.8, 0.95, 1.0)
FEWEST_FOLLICLES, FEWEST_VOLUMES, FEWEST_OVARIES = 30, 40, 10
COLUMNS = ["has_ovary", "ovary_dsc", "expected_ovary_dsc", *DESCRIPTION]
FOLLICLES, VOLUMES, ABOUT = "follicles.csv", "volumes.csv", "about.json"


def observe(model, subjects, out, *, engine: str = "auto", tell=print) -> tuple[list[dict], list[dict]]:
    """(a row a predicted follicle, a row a volume) of `subjects` (see `data.subjects`), kept in `out`; what is there already is not redone.

    Follicle: seed (or volume, of a list: its name), id, matched (overlaps a true one by more than 30 % IoU) and its FEATURES. Volume: seed or volume,
    has_ovary (0 or 1), ovary_dsc, expected_ovary_dsc (empty when no ovary was found) and its DESCRIPTION. Rows of another bundle, of other settings, of another
    simulator or of other volumes of the same name in `out` are an InputError.
    """
    loaded, out = bundles.load(model), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    block = loaded.metadata["crend"]
    block.get("familiar", {}).pop("least_drawn_dsc", None)  # whatever a calibration before left out must be seen again
    column = subjects[0].column if subjects else "seed"
    about = {
        "sha256": block.get("sha256"),
        **grid_settings(block["spacing_mm"], block.get("in_plane") or ()),
        "settings": settings_of(block),
        **_source_of(subjects),
        "columns": [column, *COLUMNS],
    }
    _check_rows(out / ABOUT, about)
    volumes = _read(out / VOLUMES)
    done = {row[column] for row in volumes}
    follicles = _read_done(out / FOLLICLES, done, column)
    from crend.inference.engines import make_engine

    running = make_engine(loaded.model, "auto", engine)
    for number, subject in enumerate(subjects, 1):
        if str(subject.name) in done:
            continue
        new, volume = _observe_one(loaded, running, subject)
        _append(out / FOLLICLES, [column, "id", "matched", *FEATURES], new)
        # The volume's row comes last: it says that the follicles' rows are all there.
        _append(out / VOLUMES, [column, *COLUMNS], [volume])
        follicles, volumes = [*follicles, *new], [*volumes, volume]
        tell(
            f"{column} {subject.name}: {len(new)} follicles, {sum(row['matched'] for row in new)} of them true ({number} of {len(subjects)})"
        )
    wanted = {str(subject.name) for subject in subjects}
    return [row for row in follicles if str(row[column]) in wanted], [row for row in volumes if str(row[column]) in wanted]


def _source_of(subjects) -> dict:
    """What tells these volumes from others of the same names."""
    if subjects and isinstance(subjects[0], OfSeveral):  # whose names say it
        return {"simulator": "several"}
    if subjects and subjects[0].column == "volume":
        return {"contents": {subject.name: subject.state() for subject in subjects}}
    return {"simulator": subjects[0].simulator if subjects else "training"}


def _check_rows(path: Path, about: dict) -> None:
    """Writes `about`, together with what is there of other volumes of a list. InputError where what is there contradicts it."""
    if path.is_file():
        there = json.loads(path.read_text(encoding="utf-8"))
        known, mine = there.get("contents", {}), about.get("contents", {})
        other = [name for name in known.keys() & mine.keys() if known[name] != mine[name]]
        if {**there, "contents": {}} != {**about, "contents": {}} or other:
            raise InputError(
                f"{path.parent}: holds the rows of another bundle, other settings, another simulator, other labels or other volumes; give another folder."
            )
        about = {**about, "contents": {**known, **mine}} if mine else about
    path.write_text(json.dumps(about) + "\n", encoding="utf-8")


def calibrate_confidence(rows) -> dict:
    """The "confidence" block: the fit, and its reliability on volumes that were left out of it one by one. InputError for too few rows."""
    if len(rows) < FEWEST_FOLLICLES:
        raise InputError(f"{len(rows)} predicted follicles are too few to calibrate on (at least {FEWEST_FOLLICLES}); give more volumes.")
    features = np.array([[float(row[name]) for name in FEATURES] for row in rows])
    matched = np.array([int(row["matched"]) for row in rows], bool)
    names = np.array([str(row["volume"] if "volume" in row else row["seed"]) for row in rows])
    if not matched.any():
        raise InputError(f"none of the {len(rows)} predicted follicles is a true one; are these the labels of these volumes?")
    if len(np.unique(names)) < 2:
        raise InputError(f"all {len(rows)} predicted follicles are of one volume, which cannot be judged by others; give more volumes.")
    left_out = np.zeros(len(rows))
    for name in np.unique(names):
        model = fit(features[names != name], matched[names != name])
        left_out[names == name] = [confidence(each, model) for each in features[names == name]]
    plain = np.array([confidence(each, None) for each in features])
    table = reliability(left_out, matched)
    return {
        **fit(features, matched),
        "measured": {
            "follicles": len(rows),
            "true": int(matched.sum()),
            "volumes": len(np.unique(names)),
            "reliability": table,
            "calibration_error": _round(sum(row["follicles"] * abs(row["confidence"] - row["true"]) for row in table) / len(rows)),
            "brier": _round(np.mean((left_out - matched) ** 2)),
            "brier_uncalibrated": _round(np.mean((plain - matched) ** 2)),
        },
    }


def reliability(confidences, matched) -> list[dict]:
    """Follicles by confidence: in each bin their number, mean confidence and share of true ones; empty bins are left out."""
    confidences, matched = np.asarray(confidences, float), np.asarray(matched, bool)
    table = []
    for low, high in zip(BINS, BINS[1:]):
        inside = (confidences >= low) & ((confidences < high) | (high == BINS[-1]))
        if inside.any():
            table.append(
                {
                    "from": low,
                    "to": high,
                    "follicles": int(inside.sum()),
                    "confidence": _round(confidences[inside].mean()),
                    "true": _round(matched[inside].mean()),
                }
            )
    return table


def descriptions_of(volumes) -> list[list[float]]:
    """Of volumes' rows."""
    return [[float(row[name]) for name in DESCRIPTION] for row in volumes]


def learn_familiar(descriptions, volumes, *, fresh: bool = True) -> dict:
    """The "familiar" block from descriptions (n, DESCRIPTION) and the volumes' rows, of which it says what share it would flag.

    fresh: whether the descriptions are of others than these volumes. An ovary is not drawn where it promises so little that there
    is rather none, or a wrong one (Dice below POOR). It is uncertain where it promises less Dice than good ones, of GOOD or more, mostly do;
    each is judged by the others.
    """
    descriptions = np.asarray(descriptions, float)
    descriptions = descriptions[np.isfinite(descriptions).all(axis=1)]
    if len(descriptions) < FEWEST_VOLUMES:
        raise InputError(
            f"{len(descriptions)} volumes are too few to say what is familiar (at least {FEWEST_VOLUMES}); name a folder of cases."
        )
    block = fit_familiar(descriptions)
    far = [distance(np.array([float(row[name]) for name in DESCRIPTION]), block) > block["threshold"] for row in volumes]
    everything = [
        (float(row["expected_ovary_dsc"]), float(row["ovary_dsc"]), bool(int(row["has_ovary"])))
        for row in volumes
        if row["expected_ovary_dsc"] not in ("", None)
    ]
    least = fit_least_drawn(*zip(*((expected, dsc >= POOR, there) for expected, dsc, there in everything))) if everything else 0.0
    drawn = [(expected, dsc) for expected, dsc, _ in everything if expected >= least]
    uncertain = [expected < _least(drawn[:k] + drawn[k + 1 :]) for k, (expected, _) in enumerate(drawn)]
    block.update({"least_drawn_dsc": least} if least else {})
    block.update({"least_expected_dsc": _least(drawn)} if sum(dsc >= GOOD for _, dsc in drawn) >= FEWEST_OVARIES else {})
    wrong = [doubted for doubted, (_, dsc) in zip(uncertain, drawn) if dsc < POOR]
    block["measured"] = {"volumes": len(volumes), "unfamiliar": sum(far), "uncertain": sum(uncertain), "fresh": fresh}
    block["measured"] |= {"wrong": len(wrong), "wrong_uncertain": sum(wrong)}
    return block


def _least(drawn) -> float:
    """The expected Dice below which an ovary counts as uncertain, given (expected Dice, Dice) of others. What is neither good nor wrong has no say."""
    told = [(expected, dsc >= GOOD) for expected, dsc in drawn if dsc >= GOOD or dsc < POOR]
    return fit_least_expected(*zip(*told)) if sum(right for _, right in told) >= FEWEST_OVARIES else LEAST_EXPECTED


def describe_cases(folder, settings: dict, most: int = 200) -> list[np.ndarray]:
    """Descriptions of training cases, of up to `most` spread evenly over the folder. InputError when there are none on the grid of `settings`,
    the bundle's."""
    from ..data.cases import case_facts, case_names, check_grid, open_case

    folder = Path(folder)
    names = case_names(folder)
    if not names:
        raise InputError(f"{folder}: holds no cases; run `crend_training prepare` first.")
    chosen = [names[int(k)] for k in np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).astype(int))]
    found = []
    for name in chosen:
        check_grid(folder, name, settings, "the bundle")
        spacing = case_facts(folder, name)["spacing_mm"]
        found.append(describe(np.asarray(open_case(folder, name)[0]), spacing[::-1]))
    return found


def _observe_one(loaded, engine, subject):
    import SimpleITK as sitk

    from crend.comparison.matching import HIT, overlaps
    from crend.comparison.metrics import dice
    from crend.confidence.assessment import features_of
    from crend.confidence.expected_dice import select_ovary_threshold
    from crend.inference.grey_values import GreyValues, Normalised, Scale
    from crend.inference.model_grid import grid_spacing
    from crend.predict import segment
    from crend.structures.ovary import clean_up_masks

    truth, settings = subject.read(), loaded.metadata["crend"]
    found = segment(truth.volume, loaded, engine=engine, keep_probabilities=True)
    values = GreyValues(truth.volume, grid_spacing(truth.volume, settings))
    scale, grid = Scale.of(values.slabs(), settings["normalisation"]), values.grid
    seen = np.stack([sitk.GetArrayFromImage(each) for each in found.probabilities or ()])
    thresholds, expected = select_ovary_threshold(seen[0], settings["thresholds"], grid.spacing[::-1])
    probabilities, organ, _ = clean_up_masks(seen, thresholds, float(np.prod(grid.spacing)) / 1000)
    shared = overlaps(sitk.GetArrayFromImage(truth.follicles), sitk.GetArrayFromImage(found.follicles))
    best = shared.iou().max(axis=0, initial=0.0)
    matched = {int(label): bool(iou > HIT) for label, iou in zip(shared.prediction_ids, best)}
    features = features_of(values, scale, ((slice(None),) * 3, probabilities), found.follicles, found.measurements)
    rows = [
        {subject.column: subject.name, "id": label, "matched": int(matched[label]), **dict(zip(FEATURES, each))}
        for label, each in features.items()
    ]
    description = describe(Normalised(values, scale), grid.spacing)
    right = dice(*(sitk.GetArrayViewFromImage(each.ovary) > 0 for each in (truth, found)))
    return rows, {
        subject.column: subject.name,
        "has_ovary": int(sitk.GetArrayViewFromImage(truth.ovary).any()),
        "ovary_dsc": right,
        "expected_ovary_dsc": expected if organ.any() else "",
        **dict(zip(DESCRIPTION, description)),
    }


def _read(path: Path) -> list[dict]:
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def _read_done(path: Path, done: set, column: str) -> list[dict]:
    """The rows of volumes that are done. Those of one that was stopped before it was leave the file, as it will be looked at again."""
    rows = _read(path)
    kept = [row for row in rows if row[column] in done]
    if len(kept) < len(rows):
        with replacing(path) as temporary:
            _append(temporary, list(rows[0]), kept)
    return kept


def _append(path: Path, columns, rows) -> None:
    fresh = not path.is_file() or not path.stat().st_size
    with open(path, "a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, columns, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows)


def _round(value) -> float:
    return float(f"{value:.4g}")
