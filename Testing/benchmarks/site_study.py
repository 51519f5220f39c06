"""What a model gains from the corrections of another hospital: the trial simulator as its scanner, its truth as what its readers corrected.

    python Testing/benchmarks/site_study.py OUT [--site usual|dark] [--volumes 5 10 20] [--others 40] [--steps 400] [--model BUNDLE] [--rule]

For each number of volumes a bundle is fine-tuned on them and measured, beside the model as it is, on others of the site that it has not seen. With --rule
`crend_training improve` decides on the corrections alone whether it would offer the new model, which takes four trainings instead of one. What is in OUT already is not
done again. Prints a Markdown table, and writes site_study.json.
"""

import argparse
import json
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


def simulate(site, seed):
    """The site's volume of a seed, with its truth."""
    from crend_training.trial_phantom import make_trial_volume

    return make_trial_volume(seed, **SITES[site])


def correct(site, count, folder):
    """Keep the first `count` volumes of the site in `folder`, as its readers would."""
    for seed in range(FIRST_CORRECTED, FIRST_CORRECTED + count):
        note = folder / f".seed-{seed}"
        if not note.exists():
            made = simulate(site, seed)
            keep(
                folder,
                made.volume,
                Labels(made.ovary, made.follicles),
                Correction("the simulator's truth", f"seed {seed}", patient=str(seed)),
            )
            note.touch()
    return folder


def measure(model, site, others, folder, engine="auto"):
    """{seed: row} of the site's other volumes, one file each."""
    from crend.bundle.bundle import load
    from crend.inference.engines import make_engine
    from crend.io.tables import write_json
    from crend.predict import segment
    from crend_training.evaluation.evaluation import case_of

    folder.mkdir(parents=True, exist_ok=True)
    loaded = load(model)
    running = make_engine(loaded.model, "auto", engine)
    rows = {}
    for seed in range(FIRST_OTHER, FIRST_OTHER + others):
        path = folder / f"{seed}.json"
        if not path.is_file():
            made = simulate(site, seed)
            write_json(case_of(seed, made, segment(made.volume, loaded, engine=running)).row, path)
        rows[seed] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def compare(before, after):
    """[(figure, volumes, before, after, p)] of SHOWN, paired."""
    from crend_training.evaluation.significance import wilcoxon

    found = []
    for figure in SHOWN:
        pairs = [(before[seed][figure], after[seed][figure]) for seed in before if None not in (before[seed][figure], after[seed][figure])]
        if pairs:
            means = [sum(column) / len(pairs) for column in zip(*pairs)]
            found.append((figure, len(pairs), *means, wilcoxon([b - a for a, b in pairs])[0]))
    return found


def study(given, tell=print):
    """One dict for each number of volumes: volumes, figures, verdict."""
    from crend_training.bundles.finetuning import FineTuning, finetune

    place = given.out / given.site
    before = measure(given.model, given.site, given.others, place / "before", given.engine)
    tell(f"{len(before)} others measured with the model as it is")
    results = []
    for count in given.volumes:
        here = place / f"{count}-volumes-{given.steps}-steps"
        kept = correct(given.site, count, here / "kept")
        made = finetune(given.model, kept / LIST, here / "adapted", FineTuning(given.steps), progress=False, tell=tell)
        after = measure(made, given.site, given.others, here / "after", given.engine)
        verdict = decide(kept, given) if given.rule else None
        results.append({"volumes": count, "figures": compare(before, after), "verdict": verdict})
        tell(f"{count} volumes: done")
    return results


def decide(kept, given):
    """What `improve` says, which knows the corrections alone."""
    from crend_training.bundles import improving
    from crend_training.bundles.finetuning import FineTuning
    from crend_training.bundles.improve_plan import plan
    from crend_training.bundles.kept_folder import read_kept_folder

    todo = plan(read_kept_folder(kept), given.model, steps=given.steps)
    return improving.improve(todo, FineTuning(given.steps), engine=given.engine, tell=lambda line: None).verdict.words()


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
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--model", default="crend-sim")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--rule", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    results = study(given, lambda line: print(line, flush=True))
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(given).items()}
    (given.out / f"site_study_{given.site}.json").write_text(
        json.dumps({**settings, "results": results}, indent=2) + "\n", encoding="utf-8"
    )
    print(markdown(given, results))


if __name__ == "__main__":
    main()
