"""Tasks of a Dask client: handed back as they end, ended when the user stops, and a word where no worker takes them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from ..errors import Cancelled, InputError
from ..numerals import number_in

if TYPE_CHECKING:
    from distributed import Client, Future

PAUSE = 0.05  # seconds between two looks
PATIENCE = 10.0  # seconds without a worker before that is said
AGAIN = 120.0  # seconds until it is said again


def run_tasks(
    client: Client,
    function: Callable,
    calls: Iterable[tuple[Any, tuple]],
    *,
    retries: int = 0,
    resources: dict | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[Any, Future]]:
    """Runs function(*arguments) on the client's workers for each (item, arguments) of `calls`; yields (item, its future) as they end.

    retries: of a call that raises, beside Dask's own for workers that die. resources: what a call needs of a worker, e.g. {"GPU": 1}. Raises
    Cancelled when `cancelled` says True, and InputError when the scheduler is gone; then, and when the caller goes on to something
    else, calls that are not done are given up.
    """
    from distributed import as_completed

    given = {"pure": False, "retries": retries, "resources": resources or None}
    tasks = {client.submit(function, *arguments, **given): item for item, arguments in calls}
    waiting = as_completed(tasks, loop=client.loop)
    speak = time.monotonic() + PATIENCE
    try:
        while tasks:
            if cancelled():
                raise Cancelled("stopped amid the tasks")
            for done in waiting.next_batch(block=False):
                if done.status == "cancelled":
                    raise InputError(_GONE)
                yield tasks.pop(done), done
            if client.status not in ("running", "connecting"):
                raise InputError(_GONE)
            if time.monotonic() > speak:
                speak = time.monotonic() + AGAIN
                why = why_nobody_works(client, resources)
                if why:
                    tell(why)
            time.sleep(PAUSE)
    finally:
        with suppress(Exception):  # of a scheduler that is gone; what ended the run counts
            client.cancel(list(tasks), force=True)


_GONE = "the Dask scheduler is gone; start it, and the same command again: it goes on."


def why_nobody_works(client: Client, resources: dict | None = None) -> str:
    """ "waiting: ..." as long as no worker could take a call that needs `resources`; "" where one could."""
    try:
        workers = client.scheduler_info()["workers"].values()
    except Exception:  # it is being connected to again; whether it is gone is told elsewhere
        return ""
    if not workers:
        return "waiting: the scheduler has no worker yet."
    needed = resources or {}
    if any(all(worker.get("resources", {}).get(name, 0) >= amount for name, amount in needed.items()) for worker in workers):
        return ""
    wanted = ",".join(f"{name}={amount:g}" for name, amount in needed.items())
    return f'waiting: none of the {len(workers)} workers offers {wanted}; start some with: dask worker ADDRESS --resources "{wanted}".'


def resources_of(texts: Iterable[str]) -> dict[str, float]:
    """["GPU=1", "MEMORY=4"], or with commas between them, as {"GPU": 1.0, "MEMORY": 4.0}. InputError, one line, for anything else."""
    found = {}
    for text in (part for given in texts for part in given.split(",")):
        name, equals, amount = (part.strip() for part in text.partition("="))
        try:
            number = number_in(amount)
        except ValueError:
            number = 0.0
        if not name or not equals or number <= 0:
            raise InputError(f"--resources {text}: give NAME=NUMBER, such as GPU=1.")
        found[name] = number
    return found
