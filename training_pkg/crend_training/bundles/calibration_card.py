"""A calibration goes into its bundle: metadata and model card; the weights and their checksum stay."""

from __future__ import annotations

import json
from pathlib import Path

from crend.bundle import bundle as bundles
from crend.bundle.metadata import check
from crend.confidence.plausibility import least_drawn, least_expected
from crend.io.atomic import replacing

from ..evaluation.evaluation import POOR
from .bundling import NOTICE

CALIBRATED, BY_USER = "-calibrated", " (weights; confidences by a user)"
NOTICE_FITTED = (
    "Research use only, not for diagnosis. Trained on simulated ultrasound; its confidences are fitted on volumes of its user's choice."
)
START, END = "<!-- confidence -->", "<!-- /confidence -->"


def write_into_bundle(folder, confidence: dict, familiar: dict | None, measured_on: str, *, own: bool = False) -> None:
    """Put both blocks (familiar None: the first alone) into metadata.json and a section into README.md of the bundle in `folder`.

    own: on volumes of a user, whose calibration is another version, and of a bundle that comes with CRend no more its authors'. InputError when it is no bundle."""
    folder = Path(folder)
    metadata = json.loads(json.dumps(bundles.info(folder).metadata))
    made_by = metadata["authors"]
    if own:
        metadata = _of_its_user(metadata, measured_on)
    metadata["crend"]["confidence"] = {**confidence, "fitted_on": measured_on}
    if familiar is not None:
        metadata["crend"]["familiar"] = familiar
    check(metadata, str(folder / bundles.METADATA))
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else f"# {folder.resolve().name}\n"
    if own:
        text = text.replace(NOTICE, NOTICE_FITTED).replace(f"| made by | {made_by} |", f"| made by | {metadata['authors']} |")
    contents = {
        card: with_section(text, section(confidence, familiar, measured_on)),
        folder / bundles.METADATA: bundles.as_text(metadata),
    }
    for path, content in contents.items():
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="\n")


def _of_its_user(metadata: dict, measured_on: str) -> dict:
    """metadata as a user's calibration leaves it: named as such in version, changelog and authors, with a notice that holds of it."""
    metadata = json.loads(json.dumps(metadata).replace(json.dumps(NOTICE)[1:-1], json.dumps(NOTICE_FITTED)[1:-1]))
    if not metadata["version"].endswith(CALIBRATED):
        metadata["version"] += CALIBRATED
    metadata["changelog"] = {**metadata.get("changelog", {}), metadata["version"]: f"confidences fitted on {measured_on}"}
    if metadata["authors"] in {info.metadata["authors"] for info in bundles.available()}:
        metadata["authors"] += BY_USER
    return metadata


def with_section(card: str, text: str) -> str:
    """The model card with this section in place of the one that it had, or before its limits."""
    block = f"{START}\n{text}\n{END}\n"
    if START in card and END in card:
        return card[: card.index(START)] + block + card[card.index(END) + len(END) + 1 :]
    before, limits, after = card.partition("## Limits")
    return f"{before}{block}\n{limits}{after}" if limits else f"{card.rstrip()}\n\n{block}"


def section(confidence: dict, familiar: dict | None, measured_on: str) -> str:
    """What the model card says of confidences and flags. measured_on: which volumes."""
    measured = confidence["measured"]
    lines = [
        "## Confidence and flags",
        "",
        f"Reliability of the confidences on {measured_on}: {measured['follicles']} predicted follicles, {measured['true']} of them true (more "
        "than 30 % IoU). Each volume's follicles were judged by a calibration that did not know the volume.",
        "",
        "| confidence | follicles | mean confidence | true |",
        "|---|---|---|---|",
        *(
            f"| {row['from']:.2f} to {row['to']:.2f} | {row['follicles']} | {row['confidence']:.2f} | {row['true']:.2f} |"
            for row in measured["reliability"]
        ),
        "",
        f"Mean calibration error {measured['calibration_error']:.3f}; Brier score {measured['brier']:.3f} (mean probability inside, uncalibrated: "
        f"{measured['brier_uncalibrated']:.3f}).",
    ]
    return "\n".join([*lines, "", _flags_words(familiar)])


def _flags_words(familiar: dict | None) -> str:
    if familiar is None:
        return "What the bundle calls unlike its training data, and when it calls an ovary uncertain, is that of its base: these volumes are too few."
    flagged = familiar["measured"]
    return (
        f"Volumes are flagged as unlike the training data beyond {familiar['threshold']:.2f} times the usual distance of {familiar['volumes']} "
        f"of its volumes: {flagged['unfamiliar']} of {flagged['volumes']} "
        f"{'other volumes' if flagged.get('fresh', True) else 'volumes that this was fitted on'} "
        f"were. {_least_words(familiar)}An ovary is called uncertain where the probabilities promise a Dice below {least_expected({'familiar': familiar}):.2f}: "
        f"{flagged['uncertain']} of them "
        f"had one, among them {flagged['wrong_uncertain']} of the {flagged['wrong']} whose ovary is wrong (Dice below {POOR:g}), each judged by a limit "
        "that did not know the volume."
    )


def _least_words(familiar: dict) -> str:
    least = least_drawn({"familiar": familiar})
    return f"No ovary is drawn where the probabilities promise a Dice below {least:.2f}. " if least else ""


def draw(confidence: dict, path) -> Path:
    """The reliability diagram as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    table = confidence["measured"]["reliability"]
    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axes.plot([row["confidence"] for row in table], [row["true"] for row in table], "o-")
    for row in table:
        axes.annotate(str(row["follicles"]), (row["confidence"], row["true"]), textcoords="offset points", xytext=(6, -12))
    axes.set(
        xlabel="confidence",
        ylabel="share of true follicles (IoU > 30 %)",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        title=f"Reliability: {confidence['measured']['follicles']} follicles, number at each point",
    )
    figure.savefig(path, dpi=120)
    return Path(path)
