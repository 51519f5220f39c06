"""Where the workers are: a Dask scheduler that was started by hand, or jobs of a queue (SLURM, PBS), started here and ended here."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..io.text_files import read_text
from ..numerals import yaml_in

if TYPE_CHECKING:
    from distributed import Client

#: What --scheduler may be beside an address: the class of dask_jobqueue, and the command that submits a job.
QUEUES = {"slurm": ("SLURMCluster", "sbatch"), "pbs": ("PBSCluster", "qsub")}
EXAMPLE = "jobs: 10, cores: 4, memory: 8GB, walltime: '02:00:00', queue: NAME"
ANSWER_WITHIN = 15.0  # seconds that a scheduler at an address may take
LOOK_EVERY = 20.0  # seconds between two looks whether a job ended before its time
NEEDS = '--scheduler needs the package {}, which is not installed; install it: pip install "crend[cluster]"'


@contextmanager
def open_client(scheduler: str, options: Path | None = None, resources: dict | None = None) -> Iterator[Client]:
    """A client of tcp://HOST:PORT, or of jobs that "slurm" or "pbs" runs as `options`, a YAML file, says; they end with the block.

    resources: what each job's worker offers, e.g. {"GPU": 1}. InputError, one line, where there is no such scheduler or queue, a package
    is missing or the file will not do.
    """
    if scheduler not in QUEUES:
        if options is not None:
            raise InputError(f"--scheduler-options is for {' and '.join(QUEUES)}; a scheduler at an address has its workers already.")
        with _no_tracebacks(), connect(scheduler) as client:
            yield client
        return
    with _queue(scheduler, _options(scheduler, options), resources or {}) as cluster:
        from distributed import Client

        with _no_tracebacks(), Client(cluster, set_as_default=False) as client:
            yield client


@contextmanager
def _no_tracebacks():
    """A scheduler that goes is told in one line by the caller; Dask's client would log the traceback of its last try beside it.

    By a filter, since the first import of distributed sets levels and handlers anew.
    """
    logger = logging.getLogger("distributed.client")
    logger.addFilter(_nothing)
    try:
        yield
    finally:
        logger.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def connect(address: str) -> Client:
    """A client of the scheduler at tcp://HOST:PORT. InputError where there is none, or the package is missing."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(NEEDS.format("distributed")) from error
    if not address.startswith(("tcp://", "tls://", "ucx://")):
        raise InputError(
            f"--scheduler {address}: give the address of a Dask scheduler, such as tcp://host:8786, or one of {', '.join(QUEUES)}."
        )
    try:
        return Client(address, timeout=ANSWER_WITHIN, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"--scheduler {address}: no scheduler answers there ({words[0]}); start one with `dask scheduler`.") from error


def make_cluster(scheduler: str, options: dict[str, Any], resources: dict[str, float]):
    """The cluster of dask_jobqueue, without a job yet: `.job_script()` is what its jobs will be.

    options: of its class, as dask-jobqueue's documentation has them. A job is one worker, which does one task at a time with all its
    cores. InputError where they will not do.
    """
    try:
        import dask_jobqueue
    except ImportError as error:
        raise InputError(NEEDS.format("dask-jobqueue")) from error
    given: dict[str, Any] = {"processes": 1, **options}
    # Any free port for its page: a second batch on this machine would find the usual one taken.
    given["scheduler_options"] = {"dashboard": False, "dashboard_address": ":0", **(given.get("scheduler_options") or {})}
    extra = [*given.get("worker_extra_args", ()), "--nthreads", "1"]
    if resources:
        extra += ["--resources", "'" + ",".join(f"{name}={amount:g}" for name, amount in resources.items()) + "'"]
    given["worker_extra_args"] = extra
    if type(given.get("cores")) is int and type(given["processes"]) is int and given["processes"] > 0:
        # Dask's own default is one thread a worker, whatever its cores.
        threads = f"export OMP_NUM_THREADS=${{OMP_NUM_THREADS:-{max(1, given['cores'] // given['processes'])}}}"
        given["job_script_prologue"] = [threads, *given.get("job_script_prologue", ())]
    try:
        return getattr(dask_jobqueue, QUEUES[scheduler][0])(**given)
    except (TypeError, ValueError, AttributeError, RuntimeError, OSError) as error:
        words = " ".join(str(error).split()).partition(". Very likely")[0]
        raise InputError(f"--scheduler-options: {words[:300]}; give what dask-jobqueue takes, such as {EXAMPLE}.") from error


@contextmanager
def _queue(scheduler: str, options: dict[str, Any], resources: dict[str, float]):
    """The cluster with its jobs submitted; a job that ends before the block does (its time was up) is submitted again."""
    command = QUEUES[scheduler][1]
    if shutil.which(command) is None:
        raise InputError(f"--scheduler {scheduler}: the command {command} is not here; run this where jobs are submitted from.")
    jobs = options.pop("jobs", 1)
    if type(jobs) is not int or jobs < 1:
        raise InputError(f"--scheduler-options: jobs: {jobs!r} is no number of jobs; give 1 or more.")
    ended = threading.Event()
    with make_cluster(scheduler, options, resources) as cluster:
        for _ in range(jobs):
            cluster.worker_spec.update(cluster.new_worker_spec())
        try:
            cluster.sync(_submitted, cluster)
        except (RuntimeError, ValueError, OSError) as error:
            from distributed.core import Status

            for job in cluster.workers.values():
                if job.job_id is None:
                    job.status = Status.failed  # else closing the cluster waits for jobs that never were
            raise InputError(
                f"--scheduler {scheduler}: {command} refused the job ({_last_words(error)}); correct --scheduler-options."
            ) from error

        def renew():
            while not ended.wait(LOOK_EVERY):
                cluster.scale(jobs=jobs)

        upkeep = threading.Thread(target=renew, daemon=True)
        upkeep.start()
        try:
            yield cluster
        finally:
            ended.set()
            upkeep.join()


async def _submitted(cluster) -> None:
    await cluster


def _options(scheduler: str, path: Path | None) -> dict[str, Any]:
    if path is None:
        raise InputError(f"--scheduler {scheduler} needs --scheduler-options FILE, a YAML file such as: {EXAMPLE}.")
    import yaml

    try:
        found = yaml_in(read_text(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"--scheduler-options {path}: cannot be read as YAML; give lines such as {EXAMPLE}.") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise InputError(f"--scheduler-options {path}: holds no names with values; give lines such as {EXAMPLE}.")
    return {key.replace("-", "_"): value for key, value in found.items()}


def _last_words(error: Exception) -> str:
    """What a command that failed said last, of dask_jobqueue's report on it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.strip().endswith(":")]
    return lines[-1][:300] if lines else type(error).__name__
