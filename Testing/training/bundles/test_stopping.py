"""A command that is stopped from outside says one line and ends within seconds with 130, whatever the library that it was in made of that."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from test_finetuning import save_base, write_list
from training_samples import tiny

from crend_training.training.running import PatchData

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such signals there")
LINE = "cancelled; what was done is kept, and the same command goes on\n"
HELD = """
import multiprocessing, signal, sys, time
import crend_training.phantom
from crend_training.cli import app, stopping

stopping.GRACE = 1.0

class Loader:
    def __del__(self):  # Python prints what is raised in here, and goes on
        print("at work", flush=True)
        time.sleep(100)

def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(100)

def swallow(*_, **__):
    Loader()
    time.sleep(100)

def spoil(*_, **__):
    try:
        print("at work", flush=True)
        time.sleep(100)
    except KeyboardInterrupt:
        raise ConnectionResetError("the worker is gone")

def never_end(*_, **__):  # Python waits for its children at the end
    child = multiprocessing.get_context("fork").Process(target=deaf, daemon=True)
    child.start()
    time.sleep(0.3)
    print(child.pid, flush=True)
    time.sleep(100)

crend_training.phantom.make_phantom = globals()[sys.argv.pop(1)]
app.main()
"""


def started(*command, **options):
    """The process, in a group of its own, as a terminal gives one to each command: Ctrl-C reaches all in it."""
    return subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "held, number", [("swallow", signal.SIGINT), ("spoil", signal.SIGINT), ("never_end", signal.SIGINT), ("never_end", signal.SIGTERM)]
)
def test_a_stop_is_one_line_and_130_though_it_was_swallowed_or_became_another_error_or_a_child_does_not_end(held, number, tmp_path):
    running = started("-c", HELD, held, "phantom", "--out", tmp_path / "out")
    try:
        first = running.stdout.readline().strip()
        os.killpg(running.pid, number)
        said = running.communicate(timeout=30)[1]
    finally:
        running.kill()
    assert (running.returncode, said) == (130, LINE)
    if first.isdigit():
        with pytest.raises(ProcessLookupError):
            os.kill(int(first), 0)


def test_ctrl_c_does_not_end_a_process_that_loads_patches_amid_handing_one_over_and_being_told_to_ends_it(tmp_path):
    class Steps(torch.utils.data.Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, number):
            time.sleep(0.02)
            return torch.full((1,), number)

    inherited = signal.signal(signal.SIGTERM, lambda *_: None)  # as Lightning's, while it trains
    try:
        patches = iter(PatchData(tiny(workers=1), None, tmp_path)._loader(Steps(), 1))
        assert next(patches).item() == 0
        (worker,) = patches._workers
        os.kill(worker.pid, signal.SIGINT)
        assert [each.item() for each in patches] == list(range(1, 40))
        patches = iter(PatchData(tiny(workers=1), None, tmp_path)._loader(Steps(), 1))
        next(patches)
        (worker,) = patches._workers
        handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # PyTorch's says that a loader's process ended
        try:
            worker.terminate()
            worker.join(10)
            assert worker.exitcode == -signal.SIGTERM
        finally:
            signal.signal(signal.SIGCHLD, handler)
            del patches
    finally:
        signal.signal(signal.SIGTERM, inherited)


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_amid_fine_tuning_is_one_line_and_the_same_command_goes_on(tmp_path):
    words = ["finetune", save_base(tmp_path / "base", overview=False), write_list(tmp_path), "--out", tmp_path / "ours", "--steps"]
    run = tmp_path / "ours.finetuning" / "run"
    running = started("-m", "crend_training", *words, 100_000)
    try:
        end = time.monotonic() + 200
        while not (run / "last.ckpt").is_file() and running.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        said = running.communicate(timeout=60)[1]
    finally:
        running.kill()
    assert running.returncode == 130 and said.endswith(LINE) and "Traceback" not in said and said.count("cancelled") == 1
    assert (run / "last.ckpt").is_file() and not list(run.glob(".*.saving"))
