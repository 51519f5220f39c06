"""What a worker is told that is no request, and what a client does about a worker that is none."""

import json
import os
import subprocess
import sys
import time

import pytest

from crend.worker.client import PACKAGE_FOLDER, WorkerClient
from crend.worker.protocol import REQUESTS, id_of, problem_of

AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
SEGMENT = {"do": "segment", "id": 1, "image": "v.nrrd", "folder": "d"}
GARBAGE = {
    "bytes that are no UTF-8": b"\xff\xfe\x00\xc3(",
    "an image's bytes": bytes(range(1, 10)) + bytes(range(11, 256)),
    "deep JSON": b"[" * 200_000,
    "deep objects": b'{"do":' * 50_000,
    "a long number": b'{"do": "describe", "id": ' + b"9" * 10_000 + b"}",
    "an empty line": b"",
    "a list": b"[1, 2]",
    "null": b"null",
    "no order": b'{"id": 3}',
    "a list as order": b'{"do": ["segment"], "id": 3}',
    "cancel with a list as id": b'{"do": "cancel", "id": [1]}',
    "cancel with an object as id": b'{"do": "cancel", "id": {}}',
    "cancel without an id": b'{"do": "cancel"}',
    "no image": b'{"do": "segment", "id": 4, "image": null, "folder": "d"}',
    "a path for a list": b'{"do": "batch", "id": 5, "inputs": "/", "out": "d"}',
    "a NUL in a path": b'{"do": "segment", "id": 6, "image": "a\\u0000b", "folder": "d"}',
    "half a character": b'{"do": "segment", "id": 6, "image": "\\ud800", "folder": "d"}',
    "an infinite number": b'{"do": "follicle", "id": 7, "image": "v", "folder": "d", "point": [Infinity, 0, 0]}',
}


def worker(**more):
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER}
    command = [sys.executable, "-m", "crend.worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **more)


@pytest.mark.slow
def test_whatever_is_no_request_is_a_failure_in_words_and_the_worker_goes_on_and_ends_with_its_input():
    lines = b"\n".join(GARBAGE.values()) + b"\n" + b'{"do": "describe", "id": "last", "device": "cpu", "engine": "nonsense"}\n'
    with worker() as process:
        # communicate would close the input at once, and with it the worker, before it has answered.
        process.stdin.write(lines)
        process.stdin.flush()
        events = [json.loads(process.stdout.readline()) for _ in range(len(GARBAGE) + 2)]
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    assert [event["event"] for event in events] == ["hello"] + ["failure"] * len(GARBAGE) + ["input_error"]
    assert events[-1]["id"] == "last" and "nonsense" in events[-1]["message"]
    by_kind = dict(zip(GARBAGE, events[1:]))
    assert by_kind["no image"]["id"] == 4 and "'image' must be a path, not None" in by_kind["no image"]["message"]
    assert "'inputs' must be a list of paths" in by_kind["a path for a list"]["message"]
    assert "'id' must be" in by_kind["cancel with a list as id"]["message"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_an_image_that_is_a_pipe_or_a_folder_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.nrrd")
    masks = [
        {"do": "surfaces", "id": k, "folder": str(tmp_path), "masks": {"a": path}}
        for k, path in enumerate((str(tmp_path / "pipe.nrrd"), str(tmp_path)))
    ]
    with worker() as process:
        process.stdin.write("".join(json.dumps(each) + "\n" for each in masks).encode())
        process.stdin.flush()
        answers = []
        while len(answers) < 2:
            event = json.loads(process.stdout.readline())
            answers += [event] if event["event"] not in ("hello", "progress") else []
        process.stdin.close()
    assert [each["event"] for each in answers] == ["input_error"] * 2 and "is no file" in answers[0]["message"]


@pytest.mark.parametrize("end", [b"", b'{"do": "quit"}\n', b"\xff\xff half a line, and no end"])
def test_the_worker_ends_when_its_input_does_whatever_came_last(end):
    with worker() as process:
        process.communicate(b'{"do": "cancel", "id": [1]}\n\xc3\x28\n' + b"[" * 100_000 + b"\n" + end, timeout=20)
        assert process.returncode == 0


def test_a_worker_whose_answers_nobody_reads_ends():
    with worker() as process:
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"nonsense\n")
        process.stdin.flush()
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    "request_, words",
    [
        ({**SEGMENT, "serach": True}, "unknown key 'serach'"),
        ({**SEGMENT, "search": "yes"}, "'search' must be true or false"),
        ({**SEGMENT, "smallest_follicle_mm": float("nan")}, "must be a length"),
        ({**SEGMENT, "smallest_follicle_mm": 10**400}, "must be a length"),
        ({**SEGMENT, "smallest_follicle_mm": True}, "must be a length"),
        ({**SEGMENT, "id": True}, "'id' must be"),
        ({key: value for key, value in SEGMENT.items() if key != "folder"}, "'folder' is missing"),
        ({"do": "batch", "id": 1, "inputs": [], "out": "o"}, "list of paths"),
        ({"do": "batch", "id": 1, "inputs": ["a", None], "out": "o"}, "list of paths"),
        ({"do": "follicle", "id": 1, "image": "a", "folder": "d", "point": [1, 2]}, "three numbers"),
        ({**SEGMENT, "box": [0, 1, 2, 3, 4, 5]}, "'box' must be null, or an object with the numbers of centre"),
        ({**SEGMENT, "box": {"centre": [0, 0, 0], "axes": [[1, 0], [0, 1], [0, 0]], "size": [9, 9, 9]}}, "'box' must be"),
        ({**SEGMENT, "box": {"centre": [0, 0, float("nan")], "axes": AXES, "size": [9, 9, 9]}}, "'box' must be"),
        ({"do": "review", "id": 1, "folder": "d", "reference": {"ovary": "a"}, "compared": {}}, "ovary and follicles"),
    ],
)
def test_a_request_that_does_not_fit_the_protocol_says_which_key_and_why(request_, words):
    assert words in problem_of(request_)


def test_what_the_protocol_describes_fits_it():
    assert problem_of(SEGMENT) == "" and id_of(SEGMENT) == 1
    assert problem_of({**SEGMENT, "model": None, "smallest_follicle_mm": 2, "search": False, "name": "Ödem, 患者"}) == ""
    assert (
        problem_of({**SEGMENT, "box": {"centre": [0, 0, 0], "axes": AXES, "size": [9, 9, 9]}}) == "" == problem_of({**SEGMENT, "box": None})
    )
    assert [do for do in REQUESTS if "is missing" in problem_of({"do": do, "id": 1})] == [
        "segment",
        "follicle",
        "outline",
        "batch",
        "volume",
        "review",
        "surfaces",
    ]
    assert id_of({"id": [1]}) is None and id_of("x") is None


def ended(client, number, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for event in client.poll(number):
            return event
        time.sleep(0.02)
    raise AssertionError("no end")


def test_a_worker_that_never_greets_is_given_up_after_the_time_limit_and_ended():
    client = WorkerClient(arguments=("-c", "import time; time.sleep(600)"), hello_seconds=0.5)
    event = ended(client, client.ask("describe"))
    assert event["event"] == "failure" and "did not greet within 0.5 s" in event["message"]
    assert not client.alive


def test_a_request_larger_than_the_pipe_does_not_hold_up_whoever_asks_a_worker_that_does_not_read():
    client = WorkerClient(arguments=("-c", "import time; time.sleep(600)"))
    began = time.monotonic()
    client.ask("batch", inputs=["x" * 1000] * 1000, out="o")
    assert time.monotonic() - began < 5
    client.close()
    assert not client.alive


@pytest.mark.slow
def test_an_id_that_could_not_be_sent_is_closed_as_a_failure():
    deaf = "import os, sys, time; os.close(0); print('{}', flush=True); time.sleep(600)"
    client = WorkerClient(arguments=("-c", deaf))
    first = client.ask("describe")
    time.sleep(1.0)
    second = client.ask("describe") if client.alive else first
    events = [ended(client, number) for number in {first, second}]
    assert all(event["event"] == "failure" for event in events)
    assert not client.alive


def test_what_a_dead_worker_leaves_open_is_closed_though_the_next_one_is_started_first():
    client = WorkerClient(arguments=("-c", "input()"))
    first = client.ask("describe")
    while client.alive:
        time.sleep(0.02)
    second = client.ask("describe")
    assert ended(client, first)["event"] == "failure"
    client.close()
    assert ended(client, second)["event"] == "failure"


def test_what_is_no_json_is_refused_before_anything_is_sent():
    client = WorkerClient()
    with pytest.raises(TypeError):
        client.ask("segment", image=object())
    assert not client.alive and client.poll() == []
