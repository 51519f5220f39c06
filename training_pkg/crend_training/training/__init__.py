"""The training run: loop, optimizers, teacher, curves, and how it goes on after a stop."""
