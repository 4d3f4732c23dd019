"""Tables of the partner bench: runs and their steps."""

from django.db import models

from derms.conformance.choices import RunState, StepState
from derms.core.ids import new_mrid


class PartnerRun(models.Model):
    """One run of a scenario by one API client."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    client = models.ForeignKey("accounts.ApiClient", on_delete=models.PROTECT, related_name="+")
    scenario = models.CharField(max_length=40)
    scenario_version = models.CharField(max_length=12, blank=True)
    """Fingerprint of the steps it goes through."""
    state = models.CharField(max_length=10, choices=RunState, default=RunState.RUNNING)
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=150)
    finished_at = models.DateTimeField(null=True)
    step_timeout_s = models.FloatField()
    values = models.JSONField(default=dict)
    """What samples and checks are filled with: mRIDs of sandbox devices and of the group made."""
    clock_drift_s = models.FloatField(null=True)
    """Median of Header/Timestamp minus receipt [s]; positive: the partner's clock is ahead."""
    certificate_days = models.IntegerField(null=True)
    """Days until the last certificate of the client ends; null = it has none."""
    endpoint_certificate_days = models.IntegerField(null=True)
    """Days until the TLS certificate of its endpoint ends; null = not TLS, or not asked."""
    comment = models.CharField(max_length=500, blank=True)
    """Why it was abandoned."""
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=150, blank=True)
    acceptance_comment = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client"],
                name="partnerrun_one_at_a_time",
                condition=models.Q(state=RunState.RUNNING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.scenario} {self.state}"


class RunStep(models.Model):
    """One step of a run: what is expected, what came, and the difference in one sentence."""

    run = models.ForeignKey(PartnerRun, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=40)
    # As the scenario said when the run began: an update changes scenarios, not old runs.
    title = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=10, default="send")
    operation = models.CharField(max_length=60, blank=True)
    expected = models.CharField(max_length=500, blank=True)
    expected_result = models.CharField(max_length=10, blank=True)
    expected_code = models.CharField(max_length=10, blank=True)
    sample = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, choices=StepState, default=StepState.PENDING)
    opened_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    message_mrid = models.CharField(max_length=64, blank=True)
    """The exchange in the message log."""
    difference = models.CharField(max_length=500, blank=True)
    remark = models.CharField(max_length=500, blank=True)
    """What was taken although it is not by the letter."""
    latency_ms = models.FloatField(null=True)
    drift_s = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="runstep_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.number} {self.key}"
