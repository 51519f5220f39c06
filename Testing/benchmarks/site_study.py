"""What a model gains from the corrections of another hospital: the trial simulator as its scanner, its truth as what its readers corrected.

    python Testing/benchmarks/site_study.py OUT [--site usual|dark] [--volumes 5 10 20] [--others 40] [--steps 300] [--model BUNDLE] [--rule] [--minutes 60]

For each number of volumes a bundle is fine-tuned on them and measured, beside the model as it is, on others of the site that it has not seen. With --rule
`crend_training improve` decides on the corrections alone whether it would offer the new model, which takes four trainings instead of one. May be stopped at any time, and stops
by itself after --minutes: what is in OUT already is not done again, as long as the model's weights are the same. Prints a Markdown table of what is there, and
writes site_study_SITE.json.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

from crend.io.kept import LIST, Correction, keep
from crend.io.labels import Labels

#: Changes of the trial simulator's settings. "dark": another probe with a wide beam, little gain, and much smoothing.
SITES = {
    "usual": {},
    "dark": {
        "probe": "phased",
        "pulse_mm": 0.8,
        "lateral_mm": 1.5,
        "elevation_mm": 1.9,
        "tissue_share": 0.25,
        "range_db": 45.0,
        "smoothing": "opening",
        "noise_db": -30.0,
        "voxel_mm": 0.5,
    },
}
FIRST_CORRECTED, FIRST_OTHER = 600, 700  # seeds
SHOWN = ("ovary_dsc", "ovary_hd95_mm", "follicles_dsc", "md_percent", "fd_percent", "count_error")


class OutOfTime(Exception):
    """The minutes are over; what was done is kept."""


class Clock:
    """Ends the study after some minutes, and notes the processor seconds of its parts in a file."""

    def __init__(self, minutes, path):
        self._end, self._path = time.monotonic() + 60 * minutes, path
        self.seconds = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def check(self, *_):
        """OutOfTime when there is none left; called before each volume and after each step."""
        if time.monotonic() > self._end:
            raise OutOfTime

    def note(self, part, seconds, count=1):
        """One more of a part has taken this long."""
        from crend.io.tables import write_json

        known = self.seconds.setdefault(part, [0.0, 0])
        self.seconds[part] = [known[0] + seconds, known[1] + count]
        write_json(self.seconds, self._path)

    def words(self):
        """The mean of each part."""
        return "; ".join(f"{part} {total / count:.1f}" for part, (total, count) in self.seconds.items() if count)


def simulate(site, seed):
    """The site's volume of a seed, with its truth."""
    from crend_training.trial_phantom import make_trial_volume

    return make_trial_volume(seed, **SITES[site])


def stored(site, seed, folder, clock):
    """The same from `folder`, where it is put when it is not there: (volume, Labels, parameters)."""
    import SimpleITK as sitk

    from crend.io.atomic import replacing
    from crend.io.labels import read_labels, write_labels
    from crend.io.tables import write_json
    from crend.io.volumes import read_image
    from crend_training.data.subjects import Truth

    image, labels, about = (folder / f"{seed}{ending}" for ending in (".nrrd", "-labels.nrrd", ".json"))
    if not about.is_file():
        clock.check()
        folder.mkdir(parents=True, exist_ok=True)
        began = time.process_time()
        made = simulate(site, seed)
        with replacing(image) as temporary:
            sitk.WriteImage(made.volume, str(temporary), True)
        write_labels(labels, made.ovary, made.follicles)
        write_json(made.parameters, about)
        clock.note("simulating a volume", time.process_time() - began)
    truth = read_labels(labels)
    return Truth(read_image(image), truth.ovary, truth.follicles, json.loads(about.read_text(encoding="utf-8")))


def correct(site, count, folder, volumes, clock):
    """Keep the first `count` volumes of the site in `folder`, as its readers would."""
    for seed in range(FIRST_CORRECTED, FIRST_CORRECTED + count):
        note = folder / f".seed-{seed}"
        if not note.exists():
            made = stored(site, seed, volumes, clock)
            keep(
                folder,
                made.volume,
                Labels(made.ovary, made.follicles),
                Correction("the simulator's truth", f"seed {seed}", patient=str(seed)),
            )
            note.touch()
    return folder


def measure(model, given, folder, volumes, clock):
    """{seed: row} of the site's other volumes, one file each."""
    from crend.bundle.bundle import load
    from crend.inference.engines import make_engine
    from crend.io.tables import write_json
    from crend.predict import segment
    from crend_training.evaluation.evaluation import case_of

    folder.mkdir(parents=True, exist_ok=True)
    rows, loaded, running = {}, None, None
    for seed in range(FIRST_OTHER, FIRST_OTHER + given.others):
        path = folder / f"{seed}.json"
        if not path.is_file():
            clock.check()
            loaded = loaded or load(model)
            running = running or make_engine(loaded.model, "auto", given.engine)
            made = stored(given.site, seed, volumes, clock)
            began = time.process_time()
            write_json(case_of(seed, made, segment(made.volume, loaded, engine=running)).row, path)
            clock.note("measuring a volume", time.process_time() - began)
        rows[seed] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def adapt(given, kept, out, clock, tell):
    """The bundle that learned from the kept volumes."""
    from crend.bundle.bundle import METADATA
    from crend_training.bundles.finetuning import FineTuning, finetune

    if not (out / METADATA).is_file():
        began, steps = time.process_time(), []

        def stepped(which, step):
            steps.append(which)
            clock.check()

        try:
            finetune(given.model, kept / LIST, out, FineTuning(given.steps, workers=0), progress=False, tell=tell, stepped=stepped)
        finally:
            clock.note("a step of a network, with its share of the preparation", time.process_time() - began, len(steps))
    return out


def compare(before, after):
    """[[figure, volumes, before, after, p]] of SHOWN, paired."""
    from crend_training.evaluation.significance import wilcoxon

    found = []
    for figure in SHOWN:
        pairs = [(before[seed][figure], after[seed][figure]) for seed in before if None not in (before[seed][figure], after[seed][figure])]
        if pairs:
            means = [sum(column) / len(pairs) for column in zip(*pairs)]
            found.append([figure, len(pairs), *means, wilcoxon([b - a for a, b in pairs])[0]])
    return found


def study(given, tell=print):
    """([dict of each number of volumes that is done: volumes, figures, verdict], whether all are)."""
    from crend.bundle.bundle import info

    weights = info(given.model).metadata["crend"]["sha256"]
    place = given.out / given.site / hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()[:8]
    place.mkdir(parents=True, exist_ok=True)
    volumes, clock = given.out / given.site / "volumes", Clock(given.minutes, place / "seconds.json")
    results = []
    try:
        before = measure(given.model, given, place / "before", volumes, clock)
        tell(f"{len(before)} others measured with the model as it is")
        for count in given.volumes:
            here = place / f"{count}-volumes-{given.steps}-steps"
            kept = correct(given.site, count, here / "kept", volumes, clock)
            made = adapt(given, kept, here / "adapted", clock, tell)
            after = measure(made, given, here / "after", volumes, clock)
            results.append(
                {"volumes": count, "figures": compare(before, after), "verdict": decide(kept, given, clock) if given.rule else None}
            )
            tell(f"{count} volumes: done")
    except OutOfTime:
        tell("out of time; the same command goes on")
    tell(f"processor seconds: {clock.words()}")
    return results, len(results) == len(given.volumes)


def decide(kept, given, clock):
    """What `improve` says, which knows the corrections alone."""
    from crend_training.bundles import improving
    from crend_training.bundles.finetuning import FineTuning
    from crend_training.bundles.improve_plan import plan
    from crend_training.bundles.kept_folder import read_kept_folder

    todo = plan(read_kept_folder(kept), given.model, steps=given.steps)
    began = time.process_time()
    try:
        found = improving.improve(
            todo, FineTuning(given.steps, workers=0), engine=given.engine, progress=clock.check, tell=lambda line: None
        )
    finally:
        clock.note("deciding by the rule", time.process_time() - began)
    return found.verdict.words()


def markdown(given, results):
    """The study as a table."""
    lines = [
        f"Site {given.site}: {given.steps} steps of each network, {given.others} others (seeds {FIRST_OTHER} on).",
        "",
        "| volumes | figure | others | before | after | p |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        for figure, pairs, before, after, p in result["figures"]:
            lines.append(f"| {result['volumes']} | {figure} | {pairs} | {before:.3f} | {after:.3f} | {'–' if p is None else f'{p:.4f}'} |")
    return "\n".join([*lines, *(f"\n{r['volumes']} volumes: {r['verdict']}." for r in results if r["verdict"])])


def main():
    """Run the study and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--site", choices=SITES, default="usual")
    parser.add_argument("--volumes", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--others", type=int, default=40)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--model", default="crend-sim")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rule", action="store_true")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time; the same command goes on")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    results, complete = study(given, lambda line: print(line, flush=True))
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(given).items()}
    (given.out / f"site_study_{given.site}.json").write_text(
        json.dumps({**settings, "complete": complete, "results": results}, indent=2) + "\n", encoding="utf-8"
    )
    print(markdown(given, results))


if __name__ == "__main__":
    main()
