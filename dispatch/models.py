"""Tables of dispatches and controls: what was asked, how it goes, what came of it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from derms.core.ids import new_mrid
from dispatch.choices import (
    ControlAction,
    ControlState,
    CurveStyle,
    DerParameter,
    DeviceOutcome,
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


class EndDeviceControl(models.Model):
    """Connect or disconnect groups or single devices (CIM EndDeviceControl).

    Which devices it touches is settled when it is accepted, so that what somebody releases is
    what will be done. `phase` is the revision of its commands in the journal: 1 is the action, 2
    what undoes it after `duration_s`.
    """

    mrid = models.CharField(max_length=128, unique=True, default=new_mrid)
    journal_key = models.UUIDField(unique=True)
    """Origin of the device commands in the southbound journal."""
    action = models.CharField(max_length=10, choices=ControlAction)
    group_mrids = ArrayField(models.CharField(max_length=128), default=list)
    group_names = ArrayField(models.CharField(max_length=200), default=list)
    target = models.CharField(max_length=300, blank=True)
    """What it switches, for people: its groups, its one device, or how many."""
    group_members = models.PositiveIntegerField(default=0)
    """How many different members the groups had when it was accepted."""
    reason = models.CharField(max_length=500, blank=True)
    issuer_id = models.CharField(max_length=200, blank=True)
    issuer_tracking_id = models.CharField(max_length=200, blank=True)
    start_at = models.DateTimeField()
    duration_s = models.FloatField(null=True)
    """After this time the devices go back; None = they stay."""

    state = models.CharField(max_length=16, choices=ControlState)
    state_reason = models.CharField(max_length=300, blank=True)
    revision = models.PositiveIntegerField(default=1)
    """Counts up with every change; the ETag."""
    phase = models.PositiveSmallIntegerField(default=0)
    devices = models.PositiveIntegerField()
    rated_w = models.FloatField()
    """Sum of the larger of both ratings of every device."""
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    needs_release = models.BooleanField(default=False)
    release_until = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    requested_by = models.CharField(max_length=150)
    requested_by_kind = models.CharField(max_length=10)
    requested_by_mrid = models.CharField(max_length=128, blank=True)
    source = models.CharField(max_length=20)
    correlation_id = models.CharField(max_length=64, blank=True)
    message_correlation_id = models.CharField(max_length=200, blank=True)
    """CorrelationID, else MessageID, of the CIM message that asked for it."""
    created_at = models.DateTimeField(db_index=True)
    modified_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    """Until then outcomes of the running phase are waited for."""
    end_at = models.DateTimeField(null=True)
    """When the devices go back; known once it has started."""
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["start_at"],
                name="enddevicecontrol_open",
                condition=models.Q(
                    state__in=[
                        "awaiting_release",
                        "scheduled",
                        "executing",
                        "holding",
                        "restoring",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.devices} devices"


class ControlledDevice(models.Model):
    """One device in one phase of a control, and what became of it."""

    control = models.ForeignKey(
        EndDeviceControl, on_delete=models.CASCADE, related_name="controlled", db_index=False
    )
    phase = models.PositiveSmallIntegerField()
    device_id = models.IntegerField()
    mrid = models.CharField(max_length=128, db_index=True)
    name = models.CharField(max_length=200)
    rated_w = models.FloatField()
    outcome = models.CharField(max_length=10, choices=DeviceOutcome, default=DeviceOutcome.PENDING)
    detail = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["control", "phase", "device_id"], name="controlleddevice_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["control"],
                name="controlleddevice_open",
                condition=models.Q(outcome__in=["pending", "unknown"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.outcome}"


class DeviceSwitch(models.Model):
    """The last control that switched a device, and whether it holds the device off the grid.

    A device held off stays out of dispatch until a later control has connected it, whatever it
    measures meanwhile.
    """

    device_id = models.IntegerField(primary_key=True)
    control = models.ForeignKey(EndDeviceControl, on_delete=models.CASCADE, related_name="+")
    phase = models.PositiveSmallIntegerField()
    held_off = models.BooleanField()
    was_held_off = models.BooleanField()
    """Before this phase: what holds again when the command certainly failed."""

    class Meta:
        indexes = [
            models.Index(
                fields=["device_id"],
                name="deviceswitch_held_off",
                condition=models.Q(held_off=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {'off' if self.held_off else 'free'}"
