"""A bundle is adapted to a few labelled volumes: the weights of both its networks move, and it says what it was made of."""

import dataclasses
import json

import pytest
import SimpleITK as sitk
import torch
from training_samples import TINY, ball_images, tiny
from typer.testing import CliRunner

from crend import networks
from crend.bundle import bundle
from crend.bundle.metadata import describe
from crend.errors import InputError
from crend.io.kept import image_content
from crend.io.labels import write_labels
from crend_training.bundles.bundling import Overview, bundle_run
from crend_training.bundles.finetuning import FineTuning, finetune
from crend_training.bundles.finetuning import _next_version as next_version
from crend_training.bundles.maker import Maker
from crend_training.bundles.measured_table import command
from crend_training.cli.app import app
from crend_training.configuration.experiment import Data
from crend_training.data.guides import read_guide
from crend_training.data.sources import prepare_training
from crend_training.evaluation.difference import difference
from crend_training.training.train import train

BLOCK = {
    "network": "crend",
    "arguments": {"width": 2},
    "spacing_mm": [1.0, 1.0, 1.0],
    "patch": [32, 16, 16],
    "normalisation": TINY.normalisation,
}
QUICK = FineTuning(steps=4, rate=3e-3, workers=0)


def weights(folder):
    return {key: value.float().clone() for key, value in bundle.load(folder).network.state_dict().items()}


def save_base(folder, overview=True, seed=0, guided=False):
    torch.manual_seed(seed)
    own = {"width": 2, "guided": guided}
    made = [networks.build("crend", **own), networks.build("crend", width=2)]
    second = {
        **BLOCK,
        "spacing_mm": [2.0, 2.0, 2.0],
        "render": {"points": 200},
        "share": {"ovary": 0.5, "follicles": 0.0},
        "mirrored": False,
    }
    about = describe(
        **BLOCK | {"arguments": own}, version="0.3.0", changelog={"0.3.0": "for tests"}, description="for tests", trained_on="noise", measured_on="noise",
        render_points=200, overview=second if overview else None,
    )  # fmt: skip
    return bundle.save(folder, made[0], about, "# for tests\n", overview=made[1] if overview else None)


def write_list(folder, size=28):
    """list.csv of three labelled volumes, cubes of `size` voxels, in `folder`; returns its path."""
    lines = ["image,label,split"]
    for number, split in enumerate(("training", "training", "validation")):
        volume, ovary, follicles = ball_images(number, size)
        sitk.WriteImage(volume, str(folder / f"site{number}.nrrd"))
        write_labels(folder / f"site{number}-labels.nrrd", ovary, follicles)
        lines.append(f"site{number}.nrrd,site{number}-labels.nrrd,{split}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


@pytest.fixture
def volumes(tmp_path):
    return write_list(tmp_path)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A folder with a bundle base, that was fine-tuned to ours by list.csv; no test changes what is in it."""
    folder = tmp_path_factory.mktemp("tuned")
    finetune(save_base(folder / "base", overview=False), write_list(folder), folder / "ours", QUICK, progress=False, tell=lambda line: None)
    return folder


def test_a_fine_tuned_bundle_differs_from_its_base_only_in_what_was_trained(tmp_path, volumes):
    base = save_base(tmp_path / "base")
    made = finetune(base, volumes, tmp_path / "ours", QUICK, progress=False, tell=lambda line: None)
    before, after = bundle.load(base), bundle.load(made)
    for model in (after.model, after.overview_model):
        assert model.graph is not None  # written anew from the new weights: a graph of others would not load
    for old, new in ((before.network, after.network), (before.overview, after.overview)):
        assert any(not torch.equal(a, b) for a, b in zip(old.state_dict().values(), new.state_dict().values()))
        moved = max(float((a - b).detach().abs().max()) for a, b in zip(old.parameters(), new.parameters()))
        assert moved < 0.1, "the weights began elsewhere"
    block = after.metadata["crend"]
    assert block["base"]["sha256"] == before.metadata["crend"]["sha256"] and block["sha256"] != block["base"]["sha256"]
    assert block["overview"]["spacing_mm"] == [2.0, 2.0, 2.0] and block["overview"]["share"] == {"ovary": 0.5, "follicles": 0.0}
    assert block["trained_on"].startswith("noise; then ") and "on 2 volumes of its user, chosen on 1 others" in block["trained_on"]
    assert block["spacing_mm"] == [1.0, 1.0, 1.0] and block["render"] == {"points": 200}
    card = (made / "README.md").read_text(encoding="utf-8")
    assert "site" not in card + json.dumps(after.metadata), "names of files are often those of patients"
    assert (
        "base 0.3.0" in card and "| 2 volumes; `learned_from` in" in card and "overview: " in block["trained_on"] and "first look" in card
    )


def test_the_weights_lie_between_those_of_the_base_and_the_trained_ones(tmp_path, volumes):
    base, out = save_base(tmp_path / "base", overview=False), tmp_path / "ours"
    finetune(base, volumes, out, dataclasses.replace(QUICK, share=1.0), progress=False, tell=lambda line: None)
    trained = weights(out)
    assert "weights |" not in (out / "README.md").read_text()
    finetune(base, volumes, out, dataclasses.replace(QUICK, share=0.25), progress=False, tell=lambda line: None)
    before, mixed = weights(base), weights(out)
    for key, value in mixed.items():
        assert torch.allclose(value, 0.75 * before[key] + 0.25 * trained[key], atol=1e-3)
    assert any(not torch.allclose(mixed[key], trained[key], atol=2e-3) for key in mixed)
    words = "0.25 of the trained weights, 0.75 of the base's"
    assert f"| weights | {words} |" in (out / "README.md").read_text() and words in bundle.info(out).metadata["crend"]["trained_on"]


def test_a_finished_run_is_not_trained_again(tuned):
    ours, curve = tuned / "ours", tuned / "ours.finetuning" / "run" / "train.csv"
    before = (ours / "model.safetensors").read_bytes(), curve.read_text()
    finetune(tuned / "base", tuned / "list.csv", ours, QUICK, progress=False, tell=lambda line: None)
    assert before == ((ours / "model.safetensors").read_bytes(), curve.read_text())
    assert json.loads((ours / "metadata.json").read_text())["version"] == "0.3.0-finetuned"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"settings": FineTuning(steps=4, rate=1e-5, workers=0)}, "trained with learning_rate 0.003, not 1e-05; give another folder"),
        ({"list": "image,label\nsite2.nrrd,site2-labels.nrrd\n"}, "ours.finetuning/data/training/site0: .*; give another folder"),
        ({"base": 1}, "began with weights of sha256 [0-9a-f]{12}, not weights of sha256 [0-9a-f]{12}; give another folder"),
    ],
)
def test_a_finished_run_is_not_taken_for_one_at_another_rate_on_other_volumes_or_from_other_weights(tuned, tmp_path, change, message):
    base, volumes, made = tuned / "base", tuned / "list.csv", tuned / "ours"
    card = (made / "README.md").read_bytes()
    if "base" in change:
        base = save_base(tmp_path / "other", overview=False, seed=1)
    if "list" in change:
        volumes = tuned / "other.csv"
        volumes.write_text(change["list"])
    with pytest.raises(InputError, match=message):
        finetune(base, volumes, made, change.get("settings", QUICK), progress=False, tell=lambda line: None)
    assert (made / "README.md").read_bytes() == card


def test_more_steps_go_on_from_where_the_run_ended(tmp_path, volumes):
    base = save_base(tmp_path / "base", overview=False)
    for steps in (4, 40):
        finetune(base, volumes, tmp_path / "ours", FineTuning(steps=steps, rate=3e-3, workers=0), progress=False, tell=lambda line: None)
    lines = (tmp_path / "ours.finetuning" / "run" / "history.jsonl").read_text().splitlines()
    assert [(line["step"], line["steps"]) for line in map(json.loads, lines)] == [(0, 4), (4, 40)]


def test_a_guided_close_look_is_tuned_on_the_maps_of_the_overview_tuned_before_it(tmp_path):
    volumes = write_list(tmp_path, 40)  # in smaller ones a few steps more change no map
    base = save_base(tmp_path / "base", guided=True)
    made = finetune(base, volumes, tmp_path / "ours", QUICK, progress=False, tell=lambda line: None)
    close = [bundle.load(folder).network.encoder.stem[0].weight for folder in (base, made)]
    assert not torch.equal(close[0][:, 1:], close[1][:, 1:])
    folder = tmp_path / "ours.finetuning" / "data" / "training"
    first = read_guide(folder, "site0").astype(float)
    finetune(base, volumes, tmp_path / "ours", dataclasses.replace(QUICK, steps=24), progress=False, tell=lambda line: None)
    assert abs(read_guide(folder, "site0") - first).max() > 0  # the overview went on, so its maps did


def test_the_base_is_not_overwritten(tmp_path, volumes):
    base = save_base(tmp_path / "base", overview=False)
    with pytest.raises(InputError, match="another folder"):
        finetune(base, volumes, base, QUICK)


def test_what_lies_in_the_folder_of_the_new_bundle_is_never_replaced(tmp_path, volumes):
    base = save_base(tmp_path / "base", overview=False)
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path, save_base(tmp_path / "another", overview=False)):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(InputError, match="is there already, and would be replaced; give another folder with --out"):
            finetune(base, volumes, out, QUICK)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_list_without_labels_is_refused(tmp_path, volumes):
    (tmp_path / "bare.csv").write_text("image\nsite0.nrrd\n")
    with pytest.raises(InputError, match="no labelled volume"):
        finetune(save_base(tmp_path / "base", overview=False), tmp_path / "bare.csv", tmp_path / "ours", QUICK, tell=lambda line: None)


def test_a_users_bundle_says_whose_it_is_and_never_that_it_is_ours(tmp_path, volumes):
    base, said = save_base(tmp_path / "base", overview=False), Maker("Clinic A", "CC-BY-4.0", "Counting follicles in our scans.")
    with pytest.raises(InputError, match="crend-sim is the name of a model that comes with CRend; give yours another name"):
        finetune(base, volumes, tmp_path / "crend-sim", QUICK, maker=said)
    made = finetune(base, volumes, tmp_path / "ours", QUICK, maker=said, progress=False, tell=lambda line: None)
    metadata, card, licence = bundle.info(made).metadata, (made / "README.md").read_text(), (made / "LICENSE").read_text()
    assert metadata["authors"] == "Clinic A" and metadata["copyright"] == "Copyright (c) Clinic A"
    assert metadata["intended_use"].startswith("Counting follicles in our scans. Research use only, not for diagnosis.")
    assert (
        card.startswith("# ours\n") and "| made by | Clinic A |" in card and "| intended use | Counting follicles in our scans. |" in card
    )
    assert "SPDX-License-Identifier: CC-BY-4.0" in licence and "They were made from base 0.3.0 (not stated)" in licence
    again = finetune(base, volumes, tmp_path / "ours", QUICK, progress=False, tell=lambda line: None)
    metadata = bundle.info(again).metadata
    assert (metadata["authors"], metadata["copyright"]) == ("not stated", "not stated") and "CRend authors" not in json.dumps(metadata)
    assert "| made by | not stated |" in (again / "README.md").read_text() and "No licence is stated" in (again / "LICENSE").read_text()


@pytest.mark.parametrize("licence", ["LICENCE.txt", "texts/licence", "two\nlines", "{folder}/volume.nrrd"])
def test_a_licence_that_is_no_file_is_refused_before_anything_is_trained(tmp_path, licence):
    (tmp_path / "volume.nrrd").write_bytes(b"NRRD0004\n\n\xff\xfe")
    with pytest.raises(InputError, match="--licence.*: (no such file|must be one line|cannot be read as text)"):
        Maker(licence=licence.format(folder=tmp_path))


def test_an_intended_use_and_the_notice_are_two_sentences():
    for use in ("Counting follicles", "Counting follicles."):
        assert Maker(intended_use=use).metadata("Research use only.")["intended_use"] == "Counting follicles. Research use only."


def test_versions_stay_short_however_often_a_bundle_is_calibrated_and_tuned():
    version = "0.10.0"
    for expected in ("0.10.0-finetuned", "0.10.0-finetuned.2", "0.10.0-finetuned.3"):
        version = next_version(version + "-calibrated")
        assert version == expected


def test_only_a_licence_that_spdx_knows_is_marked_as_one_and_a_bar_breaks_no_table():
    assert "SPDX-License-Identifier: CC-BY-4.0\n" in Maker(licence="cc-by-4.0").licence_text()
    own = Maker("A | B", "proprietary")
    assert "Licence of the weights in this folder: proprietary" in own.licence_text() and "SPDX" not in own.licence_text()
    assert own.card_rows()[:2] == [r"| made by | A \| B |", "| licence | proprietary |"]


def test_what_the_base_had_learned_from_is_refused_after_further_trainings_too(tuned, tmp_path):
    volume, ovary, follicles = ball_images(7, 28)
    sitk.WriteImage(sitk.Cast(volume, sitk.sitkFloat32), str(tmp_path / "more.nrrd"))
    write_labels(tmp_path / "more.seg.nrrd", ovary, follicles)
    again = f"{tuned / 'site0.nrrd'},{tuned / 'site0-labels.nrrd'},validation"
    (tmp_path / "list.csv").write_text(f"image,label,split\nmore.nrrd,more.seg.nrrd,\n{again}\n")
    told = []
    twice = finetune(tuned / "ours", tmp_path / "list.csv", tmp_path / "twice", QUICK, progress=False, tell=told.append)
    assert [line for line in told if line.startswith("warning: site0 of split 'validation': trained on before")]
    known = bundle.info(twice).metadata["crend"]["learned_from"]
    assert bundle.info(twice).metadata["version"] == "0.3.0-finetuned.2"
    assert len(known["training"]) == 3 and len(known["validation"]) == 1 and len(known["sketches"]) == 3
    assert refused(twice, tuned / "list.csv", tmp_path).startswith("twice: 2 of the 3 volumes (site0, site1) were trained on")
    experiment = tiny(arguments={"width": 2}, data=Data(kind="datalist", path=str(tmp_path / "list.csv")), steps=1)
    prepared = prepare_training(experiment, tmp_path / "data")
    train(experiment, tmp_path / "data", tmp_path / "run", cases=prepared, progress=False)
    trained = bundle_run(experiment, tmp_path / "run", tmp_path / "trained", start=str(tuned / "ours"))
    assert bundle.info(trained).metadata["crend"]["learned_from"] == known
    assert "They were made from ours 0.3.0-finetuned (not stated), which says:" in (trained / "LICENSE").read_text()
    simulated = dataclasses.replace(experiment, data=Data())
    for more in ({"start": str(tuned / "ours")}, {"overview": Overview(experiment, tmp_path / "run")}):
        begun = bundle_run(simulated, tmp_path / "run", tmp_path / "begun", **more)
        assert "simulated ultrasound" not in bundle.info(begun).metadata["description"] + (begun / "README.md").read_text()
    assert refused(trained, tmp_path / "list.csv", tmp_path) == (
        "trained: 2 of the 2 volumes (more, site0) were trained on; measure others, such as --split test"
    )
    (tmp_path / "report").mkdir()
    summary = {"figures": {}, "list": "list.csv", "volumes": ["more"], "contents": {"more": image_content(volume)}}
    (tmp_path / "report" / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match=r"report: 1 of the 1 volumes \(more\) were trained on"):
        bundle_run(experiment, tmp_path / "run", tmp_path / "trained", [tmp_path / "report"])


def refused(model, volumes, folder):
    """What `evaluate` says of volumes that it does not measure."""
    error = CliRunner().invoke(app, ["evaluate", str(model), "--list", str(volumes), "--out", str(folder / "refused")]).exception
    assert isinstance(error, InputError)
    return str(error)


def test_follicles_with_one_number_for_all_are_counted_apart_when_asked_and_a_note_says_so(tuned, tmp_path):
    volume, ovary, _ = ball_images(9, 28)
    follicles = sitk.Image(28, 28, 28, sitk.sitkUInt16)
    follicles.CopyInformation(volume)
    follicles[12:14, 12:14, 12:14] = follicles[16:18, 16:18, 16:18] = 1
    sitk.WriteImage(volume, str(tmp_path / "own.nrrd"))
    write_labels(tmp_path / "own-labels.nrrd", ovary, follicles)
    (tmp_path / "list.csv").write_text("image,label,split\nown.nrrd,own-labels.nrrd,test\n")
    words = ["evaluate", str(tuned / "base"), "--list", str(tmp_path / "list.csv"), "--engine", "torch", "--split", "test"]
    for more, count in (([], 1.0), (["--components"], 2.0)):
        ended = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "report"), *more])
        assert ended.exit_code == 0 and ("one number for 2 separate follicles; --components" in ended.stderr) == (not more)
        summary = json.loads((tmp_path / "report" / "summary.json").read_text())
        assert summary["figures"]["count_reference"]["mean"] == count and summary["split"] == "test"
        assert command("base", summary).endswith(f"--list list.csv --split test{' --components' * bool(more)} --out REPORT")


def test_evaluate_measures_on_a_list_and_refuses_volumes_that_were_learned_from(tuned, tmp_path):
    made = tuned / "ours"

    def run(model, name, *more):
        words = ["evaluate", str(model), "--list", str(tuned / "list.csv"), "--engine", "torch", "--out", str(tmp_path / name), *more]
        return CliRunner().invoke(app, words)

    refused = run(made, "refused").exception
    assert isinstance(refused, InputError) and "2 of the 3 volumes (site0, site1) were trained on; measure others" in str(refused)
    ended = run(made, "after", "--split", "validation")
    assert "checking the list: 100%" in ended.stderr
    assert ended.exit_code == 0 and "1 was used to watch the training" in ended.stderr and "ovary_dsc" in ended.stdout
    assert run(tuned / "base", "before").exit_code == 0
    summary = json.loads((tmp_path / "before" / "summary.json").read_text())
    assert summary["list"] == "list.csv" and summary["volumes"] == list(summary["contents"]) == ["site0", "site1", "site2"]
    assert (tmp_path / "before" / "per_volume.csv").read_text().startswith("volume,ovary_dsc,")
    assert (tmp_path / "before" / "per_follicle.csv").read_text().startswith("volume,kind,")
    assert {row["pairs"] for row in difference(tmp_path / "after", tmp_path / "before")} == {1}
    (tmp_path / "file").write_text("")
    for words, said in (
        (("x", "--empty"), "--list and --empty: the second belongs to simulated volumes; leave one out"),
        (("x", "--volumes", "2"), "--list and --volumes: the second belongs to simulated volumes; leave one out"),
        (("file", "--split", "Validation"), "file: cannot be made a folder"),  # said before anything is measured
    ):
        error = run(made, *words).exception
        assert isinstance(error, InputError) and said in str(error)
