"""Tables of group dispatches: what was asked, how it goes, what was measured."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from derms.core.ids import new_mrid
from dispatch.choices import (
    CurveStyle,
    DerParameter,
    DispatchState,
    EndBehaviour,
    TrackingState,
)


class GroupDispatch(models.Model):
    """One parameter of one group over one schedule (CIM DERGroupDispatch).

    `values` are in SI base units (W or var), positive = injection; N for constantYValue and
    N + 1 for straightLineYValues. Interval k (from 0) starts at start_at + k * interval_s.
    """

    mrid = models.CharField(max_length=128, unique=True, default=new_mrid)
    name = models.CharField(max_length=200, blank=True)
    journal_key = models.UUIDField(unique=True)
    """Origin of the device commands in the southbound journal."""
    group_key = models.IntegerField()
    """Key of the group; it answers for its members even when it is deleted."""
    group_mrid = models.CharField(max_length=128, db_index=True)
    group_name = models.CharField(max_length=200)
    parameter = models.CharField(max_length=40, choices=DerParameter)
    curve_style = models.CharField(max_length=24, choices=CurveStyle)
    start_at = models.DateTimeField()
    interval_s = models.FloatField()
    values = ArrayField(models.FloatField())
    end_at = models.DateTimeField()
    priority = models.PositiveSmallIntegerField(default=3)
    """1 is the highest; the same priority is won by the later dispatch."""
    allow_partial = models.BooleanField(default=True)
    end_behaviour = models.CharField(
        max_length=10, choices=EndBehaviour, default=EndBehaviour.RELEASE
    )
    comment = models.CharField(max_length=500, blank=True)

    state = models.CharField(max_length=12, choices=DispatchState)
    tracking = models.CharField(max_length=10, choices=TrackingState, default=TrackingState.NONE)
    state_reason = models.CharField(max_length=300, blank=True)
    deliverable = ArrayField(models.FloatField(), default=list)
    """What was deliverable of each value at acceptance, same shape as `values`."""
    superseded_by = models.CharField(max_length=128, blank=True)

    revision = models.PositiveIntegerField(default=0)
    """Revision of the last set of device commands journaled; the guard of every step."""
    commanded_at = models.DateTimeField(null=True)
    """When that set was journaled."""
    renewed_at = models.DateTimeField(null=True)
    """When every member last got its set point again, before its reversion time ran out."""
    settlement = models.PositiveIntegerField(default=0)
    """Counts up when commands were rejected or failed: the closed loop reads the journal again."""
    memory = models.BinaryField(default=bytes)
    """What the loop remembers of some members, rows of `rules.memory.DTYPE`."""
    target_now = models.FloatField(null=True)
    commanded_now = models.FloatField(null=True)
    measured_now = models.FloatField(null=True)
    headroom_now = models.FloatField(null=True)
    members = models.PositiveIntegerField(default=0)
    members_delivering = models.PositiveIntegerField(default=0)
    members_limited = models.PositiveIntegerField(default=0)
    members_silent = models.PositiveIntegerField(default=0)

    requested_by = models.CharField(max_length=150)
    requested_by_kind = models.CharField(max_length=10)
    source = models.CharField(max_length=20)
    correlation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_index=True)
    modified_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    first_tracked_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["start_at"],
                name="groupdispatch_open",
                condition=models.Q(state__in=["scheduled", "active", "ending"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parameter} of {self.group_name}"


class DispatchSample(models.Model):
    """Asked, commanded and measured power of an active dispatch, about once a second."""

    dispatch = models.ForeignKey(
        GroupDispatch, on_delete=models.CASCADE, related_name="samples", db_index=False
    )
    at = models.DateTimeField()
    target = models.FloatField()
    commanded = models.FloatField(null=True)
    measured = models.FloatField(null=True)
    headroom = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["dispatch", "at"], name="dispatchsample_at")]

    def __str__(self) -> str:
        return f"{self.dispatch_id} {self.at}"


class DispatchEvent(models.Model):
    """The timeline of a dispatch: accepted, activated, corrected, shortfall, cancelled, ended."""

    dispatch = models.ForeignKey(GroupDispatch, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    text = models.CharField(max_length=300)
    actor_name = models.CharField(max_length=150, blank=True)

    def __str__(self) -> str:
        return f"{self.dispatch_id} {self.kind}"
