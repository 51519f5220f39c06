"""Options of the commands that Dask can spread over machines, and the client that they ask for."""

from __future__ import annotations

from contextlib import contextmanager

import typer

SCHEDULER = typer.Option(
    None,
    "--scheduler",
    metavar="ADDRESS|slurm|pbs",
    help="Workers of Dask do it instead of this machine: those of a scheduler, such as tcp://host:8786, or jobs that a queue runs.",
)
OPTIONS = typer.Option(
    None, "--scheduler-options", metavar="FILE", help="Of slurm and pbs: a YAML file with jobs, cores, memory, walltime, queue."
)
RESOURCES = typer.Option(
    None, "--resources", metavar="NAME=NUMBER", help="What a task needs of a worker, such as GPU=1; may be given again."
)


@contextmanager
def cluster_client(scheduler, options, resources):
    """(client, resources as a dictionary) for what the three options were given; (None, {}) without --scheduler. InputError for a mixture."""
    from ..cluster.schedulers import open_client
    from ..cluster.tasks import resources_of
    from ..errors import InputError

    needed = resources_of(resources or ())
    if scheduler is None:
        if options is not None or needed:
            raise InputError(f"{'--scheduler-options' if options is not None else '--resources'} goes with --scheduler; give that, too.")
        yield None, {}
        return
    with open_client(scheduler, options, needed) as client:
        yield client, needed
