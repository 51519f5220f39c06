"""When a run validates, changes its phase and ends: a function of the step alone, so that a resumed run does the same."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """`phases` trainings of `steps` steps each follow one another; every `validate_every` steps, and where a phase ends, is a boundary."""

    steps: int
    phases: int
    validate_every: int

    @property
    def total(self) -> int:
        return self.steps * self.phases

    def phase(self, step: int) -> int:
        """The phase that the step after `step` belongs to; Plan(10, 2, 5).phase(10) == 1."""
        return min(step // self.steps, self.phases - 1)

    def is_boundary(self, step: int) -> bool:
        return step % self.validate_every == 0 or step % self.steps == 0

    def boundaries_after(self, step: int) -> list[int]:
        """Plan(10, 2, 4).boundaries_after(8) == [10, 12, 16, 20]."""
        return [b for b in range(step + 1, self.total + 1) if self.is_boundary(b)]


def learning_rate(experiment, step: int, steps: int) -> float:
    """Of the step after `step` within a phase of `steps`: warmed up linearly, then a cosine down to the final rate."""
    warm = min(1.0, (step + 1) / max(experiment.warmup_steps, 1))
    last = experiment.final_learning_rate / experiment.learning_rate
    return experiment.learning_rate * warm * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Of torch's generator in one step on one device: whatever was drawn before, the step draws the same."""
    return (seed * 10_000_019 + step) * 1_009 + rank
