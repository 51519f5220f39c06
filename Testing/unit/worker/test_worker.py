"""The worker, driven as a real subprocess over its pipes."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import SimpleITK as sitk
import tiny

from crend import __version__
from crend.errors import Cancelled
from crend.predict import segment
from crend.worker.client import FINAL, PACKAGE_FOLDER, WorkerClient
from crend.worker.server import PROTOCOL

QUIET = {"device": "cpu", "engine": "torch"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from host.bundles import writeBundle

    return str(writeBundle(tmp_path_factory.mktemp("models") / "untrained"))


@pytest.fixture
def image(tmp_path):
    from host.bundles import ultrasoundLike

    volume = sitk.GetImageFromArray(ultrasoundLike((32, 40, 32)))
    volume.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    volume.SetOrigin((5.0, 6.0, 7.0))
    path = tmp_path / "volume.nrrd"
    sitk.WriteImage(volume, str(path))
    return path


@pytest.fixture(scope="module")
def client():
    """One worker for all tests: it is alive between volumes, and is started again by the test after one that ended it."""
    made = WorkerClient()
    yield made
    made.close()


def finish(client, number, seconds=60, stop=lambda event: False):
    """Events up to the end of a request (or up to the one that `stop` wants)."""
    events, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        for event in client.poll():
            events.append(event)
            if event.get("id") == number and (event["event"] in FINAL or stop(event)):
                return events
        time.sleep(0.01)
    raise AssertionError(f"no end within {seconds} s: {events}")


def ask(client, bundle, image, tmp_path, **more):
    return client.ask("segment", image=str(image), folder=str(tmp_path), model=bundle, name="Volume", **{**QUIET, **more})


@pytest.mark.slow
def test_the_result_is_that_of_predict_voxel_by_voxel(client, bundle, image, tmp_path):
    events = finish(client, ask(client, bundle, image, tmp_path))
    result = events[-1]
    assert result["event"] == "result", result
    expected = segment(sitk.ReadImage(str(image)), bundle, **QUIET)
    for part in ("ovary", "follicles"):
        read = sitk.ReadImage(result[part])
        assert np.array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(getattr(expected, part)))
        assert read.GetDirection() == expected.ovary.GetDirection()
    assert result["measurements"] == json.loads(json.dumps(expected.measurements.as_dict()))
    fractions = [event["fraction"] for event in events if event["event"] == "progress"]
    assert fractions == sorted(fractions) and len(fractions) > 3


@pytest.mark.slow
def test_probabilities_come_when_asked_for(client, bundle, image, tmp_path):
    result = finish(client, ask(client, bundle, image, tmp_path, keep_probabilities=True))[-1]
    expected = segment(sitk.ReadImage(str(image)), bundle, keep_probabilities=True, **QUIET)
    for part, wanted in zip(("ovary_probability", "follicles_probability"), expected.probabilities):
        read = sitk.ReadImage(result[part])
        assert np.allclose(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(wanted), atol=1e-5)
        assert read.GetOrigin() == pytest.approx(wanted.GetOrigin())


@pytest.mark.slow
def test_clicks_in_one_volume_get_the_probabilities_near_them_and_read_it_once(client, bundle, image, tmp_path):
    from crend.editing import PreparedVolume, follicle_at
    from crend.errors import InputError

    volume = sitk.ReadImage(str(image))
    common = {"image": str(image), "folder": str(tmp_path), "model": bundle, "name": "Volume", **QUIET}
    assert finish(client, client.ask("outline", **common), 200)[-1]["event"] == "result", "made ready before the click"
    prepared = PreparedVolume(volume, bundle, **QUIET)
    for index in ((16, 20, 16), (3, 3, 3)):
        point = volume.TransformIndexToPhysicalPoint(index)
        result = finish(client, client.ask("outline", point=point, radius_mm=3.0, **common))[-1]
        for part, wanted in zip(("ovary", "follicles"), prepared.near(point, 3.0)):
            read = sitk.ReadImage(result[part])
            assert np.allclose(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(wanted), atol=1e-5)
            assert read.GetOrigin() == pytest.approx(wanted.GetOrigin())
    for index in ((16, 20, 16), (3, 3, 3)):
        point = volume.TransformIndexToPhysicalPoint(index)
        event = finish(client, client.ask("follicle", point=point, **common))[-1]
        if event["event"] == "result":
            wanted = sitk.GetArrayFromImage(follicle_at(volume, point, name="Volume", prepared=prepared))
            assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(event["follicle"])), wanted)
        else:
            with pytest.raises(InputError, match=re.escape(event["message"])):
                follicle_at(volume, point, name="Volume", prepared=prepared)
    outside = finish(client, client.ask("outline", point=[900.0, 0, 0], **common))[-1]
    assert outside["event"] == "input_error" and "outside the volume" in outside["message"]


@pytest.mark.slow
def test_the_second_volume_pays_no_start_up(client, bundle, image, tmp_path):
    finish(client, ask(client, bundle, image, tmp_path))
    pid, began = client.pid, time.monotonic()
    events = finish(client, ask(client, bundle, image, tmp_path))
    assert events[-1]["event"] == "result" and client.pid == pid
    assert not any(event["event"] == "hello" for event in events)
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_model_that_is_written_anew_is_loaded_anew(client, tmp_path):
    found = []
    for answer in (9.0, 9.0, -9.0):
        bundle = str(tiny.save_bundle(tmp_path / "model", ovary=answer))
        found.append(finish(client, client.ask("load", model=bundle, **QUIET))[-1])
    assert [(event["bundle"], event["version"]) for event in found] == [("model", "0.0.1")] * 3
    assert found[0]["digest"] == found[1]["digest"] != found[2]["digest"]


def test_cancel_ends_the_request_between_two_windows_and_the_worker_goes_on(client, bundle, image, tmp_path):
    number = ask(client, bundle, image, tmp_path, search=False)
    finish(client, number, stop=lambda event: event.get("stage") == "windows")
    client.cancel(number)
    assert finish(client, number)[-1]["event"] == "cancelled"
    assert finish(client, ask(client, bundle, image, tmp_path))[-1]["event"] == "result"


@pytest.mark.slow
def test_a_killed_worker_is_a_failure_in_words_and_is_started_again(client, bundle, image, tmp_path):
    number = ask(client, bundle, image, tmp_path)
    finish(client, number, stop=lambda event: event["event"] == "progress")
    os.kill(client.pid, signal.SIGKILL)
    last = finish(client, number, seconds=5)[-1]
    assert last["event"] == "failure" and "ended unexpectedly" in last["message"]
    assert not client.alive
    assert finish(client, ask(client, bundle, image, tmp_path))[-1]["event"] == "result"


@pytest.mark.slow
def test_bad_input_is_one_line_that_names_the_volume(client, bundle, tmp_path):
    flat = tmp_path / "flat.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(np.full((20, 20, 20), 7, np.uint8)), str(flat))
    last = finish(client, ask(client, bundle, flat, tmp_path))[-1]
    assert last["event"] == "input_error"
    assert last["message"].startswith("Volume: ") and "\n" not in last["message"]


def test_a_missing_model_is_bad_input_and_a_missing_image_a_failure(client, bundle, image, tmp_path):
    assert finish(client, ask(client, "no-such-model", image, tmp_path))[-1]["event"] == "input_error"
    assert finish(client, ask(client, bundle, tmp_path / "no.nrrd", tmp_path))[-1]["event"] == "failure"


NOISY = """
import crend.predict, crend.worker.server
real = crend.predict.segment
def noisy(*arguments, **more):
    print('some library says hello')
    import os; os.write(1, b'and C code, too')
    return real(*arguments, **more)
crend.predict.segment = noisy
print('noise before the worker')
crend.worker.server.main()
"""


@pytest.mark.slow
def test_garbage_on_standard_output_is_passed_over(bundle, image, tmp_path):
    client = WorkerClient(arguments=("-c", NOISY))
    try:
        assert finish(client, ask(client, bundle, image, tmp_path))[-1]["event"] == "result"
    finally:
        client.close()


@pytest.mark.parametrize("protocol, version", [(PROTOCOL + 1, __version__), (PROTOCOL, "99.0")])
def test_another_version_of_the_worker_is_refused_with_the_cure(protocol, version):
    hello = json.dumps({"event": "hello", "protocol": protocol, "crend": version})
    client = WorkerClient(arguments=("-c", f"print({hello!r}, flush=True); input(); input()"))
    number = client.ask("segment")
    last = finish(client, number, seconds=10)[-1]
    assert last["event"] == "failure" and "another CRend" in last["message"] and "restart Slicer" in last["message"]
    assert not client.alive


def test_an_unknown_request_is_a_failure_and_the_worker_goes_on(client):
    assert "unknown request" in finish(client, client.ask("dance"))[-1]["message"]
    assert finish(client, client.ask("describe", engine="torch", device="cpu"))[-1]["text"] == "CPU, torch"


@pytest.mark.slow
def test_the_worker_ends_when_its_input_closes_even_amid_a_volume(bundle, image, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "crend.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PACKAGE_FOLDER},
    )
    request = {"do": "segment", "id": 1, "image": str(image), "folder": str(tmp_path), "model": bundle, **QUIET}
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    while json.loads(process.stdout.readline()).get("stage") != "windows":
        pass
    process.stdin.close()
    assert process.wait(timeout=5) == 0
    process.stdout.close()


@pytest.mark.slow
def test_close_ends_the_process_at_once(client, bundle, image, tmp_path):
    ask(client, bundle, image, tmp_path, search=False)
    while not client.poll():
        time.sleep(0.01)
    pid, began = client.pid, time.monotonic()
    client.close()
    assert time.monotonic() - began < 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


SILENT = f"""
import time
print('{json.dumps({"event": "hello", "protocol": PROTOCOL, "crend": __version__})}', flush=True)
time.sleep(600)
"""


@pytest.fixture
def silent():
    """A worker that greets and then never answers."""
    made = WorkerClient(arguments=("-c", SILENT))
    yield made
    made.close()


def test_close_ends_every_other_request_with_a_failure(silent):
    cancelled, other = silent.ask("segment"), silent.ask("segment")
    silent.close(cancelled)
    assert silent.poll(cancelled) == []
    (event,) = silent.poll(other)
    assert event["event"] == "failure" and "start this one again" in event["message"]


@pytest.mark.slow
def test_a_result_that_nobody_has_fetched_yet_outlives_the_process(client):
    described, other = client.ask("describe", engine="torch", device="cpu"), client.ask("describe", device="nonsense")
    until = time.monotonic() + 60
    while not client.poll(other) and time.monotonic() < until:
        time.sleep(0.01)
    client.close()
    assert [event["event"] for event in client.poll(described)] == ["description"]


def test_a_run_that_does_not_stop_in_time_ends_without_leaving_another_in_wait(silent, tmp_path):
    from CRendSegmentationLib.Runs.WorkerJobs import PredictionFailed, WorkerJob

    class Hasty(WorkerJob):
        patience = 0.0

    hasty, other = (Hasty(silent, "segment", lambda folder: {}) for _ in range(2))
    hasty.cancel()
    time.sleep(0.01)
    with pytest.raises(Cancelled):
        hasty.poll()
    with pytest.raises(PredictionFailed, match="start this one again"):
        other.poll()


@pytest.mark.slow
def test_surfaces_of_masks_come_back_in_ras_with_their_measurements(tmp_path):
    from crend.worker.surface_files import read_surface, write_masks

    grids = np.ogrid[:30, :30, :30]
    ball = sitk.GetImageFromArray((sum((grid - 15) ** 2 for grid in grids) <= 100).astype(np.uint8))
    ball.SetSpacing((0.5, 0.5, 0.5))
    ball.SetOrigin((10.0, 20.0, 30.0))
    nothing = sitk.Image(ball.GetSize(), sitk.sitkUInt8)
    client = WorkerClient()
    try:
        masks = write_masks(tmp_path, {"Ovary": ball, "Empty": nothing})
        number = client.ask("surfaces", folder=str(tmp_path), measure=True, **masks)
        until = time.monotonic() + 60
        events = []
        while not (events and events[-1]["event"] in FINAL) and time.monotonic() < until:
            events += client.poll(number)
            time.sleep(0.02)
    finally:
        client.close()
    answer = events[-1]
    assert answer["event"] == "result" and list(answer["surfaces"]) == list(answer["measured"]) == ["Ovary"]
    bounds = np.reshape(read_surface(answer["surfaces"]["Ovary"]).GetBounds(), (3, 2))
    assert np.allclose(bounds.mean(axis=1), (-17.5, -27.5, 37.5), atol=0.1)
    assert np.allclose(bounds[:, 1] - bounds[:, 0], 10.0, atol=0.6)
    assert answer["measured"]["Ovary"]["dv_mm"] == pytest.approx(10.0, abs=0.3)
