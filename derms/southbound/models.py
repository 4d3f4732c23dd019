"""Tables of the wires: link state of each device and the journal of device commands."""

from django.db import models

from derms.southbound.choices import CommandKind, CommandState, LinkState, labels

OPEN_STATES = [
    CommandState.LEASED.value,
    CommandState.DELIVERED.value,
    CommandState.ACKNOWLEDGED.value,
    CommandState.UNKNOWN.value,
]
"""Something went out, or may have, and the end is not known yet."""


class DeviceLink(models.Model):
    """Health of the wire to one device, kept by polling."""

    device = models.OneToOneField(
        "devices.EndDevice", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=LinkState, default=LinkState.UNKNOWN)
    last_ok_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    round_trip_ms = models.FloatField(null=True)
    changed_at = models.DateTimeField(null=True)
    fault = models.BooleanField(default=False)
    """The device said at its last answer that it has a fault."""

    def __str__(self) -> str:
        return f"{self.device_id} {self.state}"


class DeviceCommand(models.Model):
    """One command to one device, written before anything is sent.

    (origin, device, revision) is unique: `origin` is the mRID of what caused it (a dispatch, a
    control), `revision` counts up within it. A row is sent at most once; when the outcome is not
    known it is read back, and only a new revision may try again.
    """

    device_id = models.IntegerField()
    origin = models.UUIDField()
    revision = models.PositiveIntegerField()
    kind = models.PositiveSmallIntegerField(choices=labels(CommandKind))
    value = models.FloatField(default=0)
    """Set point or limit [W or var], positive = injection; 0 for connect, disconnect, release."""
    shard = models.PositiveSmallIntegerField()
    state = models.PositiveSmallIntegerField(
        choices=labels(CommandState),
        default=CommandState.QUEUED.value,
        db_default=CommandState.QUEUED.value,
    )
    valid_until = models.DateTimeField()
    """Never sent after this instant."""
    reversion_s = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    """LEASED: a worker is at it until then. UNKNOWN: its bytes may be under way until then."""
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    protocol_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    detail = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "device_id", "revision"], name="devicecommand_once"
            ),
        ]
        # Partial indexes keep what the workers look at small, however long the journal grows. Only
        # the last one grows at random places; every other makes journaling cheap by appending.
        indexes = [
            models.Index(
                fields=["shard", "id"],
                name="devicecommand_queued",
                condition=models.Q(state=CommandState.QUEUED.value),
            ),
            models.Index(
                fields=["device_id"],
                name="devicecommand_open",
                condition=models.Q(state__in=OPEN_STATES),
            ),
            models.Index(
                fields=["device_id"],
                name="devicecommand_active",
                condition=models.Q(state=CommandState.ACTIVE.value),
            ),
            models.Index(fields=["device_id", "-id"], name="devicecommand_device"),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind}={self.value:g} r{self.revision}"


class ShardRun(models.Model):
    """How the last poll of one shard and rate went; overruns are reported, never stacked."""

    pk = models.CompositePrimaryKey("shard", "rate_s")
    shard = models.PositiveSmallIntegerField()
    rate_s = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.FloatField(default=0)
    devices = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    overruns = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.shard}/{self.rate_s}s"
