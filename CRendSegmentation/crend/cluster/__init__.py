"""More than one machine: tasks of Dask, on workers that are there or that a queue (SLURM, PBS) starts."""
