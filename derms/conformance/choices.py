"""Enumerations of the partner bench."""

from django.db.models import TextChoices


class RunState(TextChoices):
    """How a run stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ABANDONED = "abandoned"


class StepState(TextChoices):
    """How one step stands."""

    PENDING = "pending"
    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped", "Not run: a step it needs has failed"


OVER = (StepState.PASSED, StepState.FAILED, StepState.SKIPPED)
