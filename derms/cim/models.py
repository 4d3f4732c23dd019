"""The message log, every CIM message in and out byte by byte; partners and what is sent to them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from derms.cim.choices import PartnerAuth, PushState
from derms.core.ids import new_mrid


class CimMessage(models.Model):
    """One exchange: the request as it came in and the reply as it went out (zlib-compressed)."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    direction = models.CharField(max_length=3, choices=[("in", "in"), ("out", "out")])
    client_id = models.CharField(max_length=64, db_index=True)
    client_name = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=120)
    verb = models.CharField(max_length=12, blank=True)
    noun = models.CharField(max_length=60, blank=True)
    message_id = models.CharField(max_length=128, blank=True)
    correlation_id = models.CharField(max_length=128, blank=True)
    request_correlation_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(db_index=True)
    duration_ms = models.FloatField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    result = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=10, blank=True)
    details = models.CharField(max_length=500, blank=True)
    request_size = models.PositiveIntegerField(default=0)
    reply_size = models.PositiveIntegerField(default=0)
    request_body = models.BinaryField(default=b"")
    reply_body = models.BinaryField(default=b"")
    digest = models.CharField(max_length=64, blank=True)
    """SHA-256 of the content; tells a repeated message from another one with the same MessageID."""
    holds_message_id = models.BooleanField(default=False)
    """True when the message was carried out: the same one again gets the stored reply."""
    replays = models.PositiveIntegerField(default=0)
    proofs = models.CharField(max_length=80, blank=True)
    """By what the sender has shown who it is, e.g. `password certificate`."""
    groups = ArrayField(models.CharField(max_length=200), default=list)
    """Groups the message names (mRIDs or names, as it names them) or has changed; for searching."""
    changed = models.JSONField(default=list)
    """What it has changed: `{action, object_type, mrid}` of each audit record it left."""
    drift_s = models.FloatField(null=True)
    """Header/Timestamp minus receipt [s]; positive: the sender's clock is ahead."""
    replay_of = models.CharField(max_length=64, blank=True, default="")
    """mRID of the exchange that a person carried out once more in the sandbox; client_id and
    client_name are then that person's."""

    class Meta:
        constraints = [
            # One effect per client and MessageID: the second sender finds the stored reply.
            models.UniqueConstraint(
                fields=["client_id", "message_id"],
                name="cimmessage_once",
                condition=models.Q(holds_message_id=True),
            ),
        ]
        indexes = [
            models.Index(fields=["noun", "verb", "-received_at"], name="cimmessage_noun"),
            # Equal to, or beginning with.
            models.Index(
                fields=["message_id"], opclasses=["varchar_pattern_ops"], name="cimmessage_message"
            ),
            models.Index(
                fields=["correlation_id"],
                opclasses=["varchar_pattern_ops"],
                name="cimmessage_follows",
            ),
            models.Index(fields=["client_name", "-received_at"], name="cimmessage_client"),
            models.Index(fields=["result", "-received_at"], name="cimmessage_result"),
            models.Index(fields=["code", "-received_at"], name="cimmessage_code"),
            GinIndex(fields=["groups"], name="cimmessage_groups"),
            # Any part of the text, in a million rows.
            GinIndex(fields=["details"], opclasses=["gin_trgm_ops"], name="cimmessage_text"),
            models.Index(
                fields=["replay_of"],
                name="cimmessage_replays",
                condition=~models.Q(replay_of=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.verb} {self.noun} {self.message_id}"


class Partner(models.Model):
    """Where one API client wants to be told: its endpoint, and how delivery to it goes."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    name = models.CharField(max_length=80, unique=True)
    client = models.OneToOneField("accounts.ApiClient", on_delete=models.PROTECT, related_name="+")
    base_url = models.CharField(max_length=500)
    service_urls = models.JSONField(default=dict)
    """Full address of a service, e.g. ReceiveDERGroups, where it is not below `base_url`."""
    auth = models.CharField(max_length=6, choices=PartnerAuth, default=PartnerAuth.NONE)
    username = models.CharField(max_length=200, blank=True)
    sealed_secret = models.TextField(blank=True)
    """Password or token, encrypted (`push/secrets.py`); leaves this room on the wire only."""
    connect_timeout_s = models.FloatField(default=3)
    timeout_s = models.FloatField(default=10)
    """For the whole exchange, from connecting to the last byte of the reply."""
    reply_addresses = ArrayField(models.CharField(max_length=500), default=list)
    """Addresses this client may name as ReplyAddress of an asynchronous request."""
    enabled = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    # One worker at a time sends to a partner; the lease ends soon after the worker dies.
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # Nobody was there: no message is tried before this instant.
    not_before = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    last_delivered_at = models.DateTimeField(null=True)
    last_failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)
    alarmed = ArrayField(models.CharField(max_length=60), default=list)
    """Nouns with an alarm that the next delivery clears."""

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """What a partner wants to be told: a noun, some or all groups, and when."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="subscriptions")
    noun = models.CharField(max_length=60)
    groups = ArrayField(models.CharField(max_length=128), default=list)
    """mRIDs of the groups; empty = all the client may see."""
    on_change = models.BooleanField(default=True)
    change_w = models.FloatField(null=True)
    """Active power has moved by this much since the last message [W]."""
    change_pct = models.FloatField(null=True)
    """The same as a share of the installed power [%]."""
    on_state = models.BooleanField(default=True)
    """The state (Online, Degraded, Offline, Empty) or the number of good members has changed."""
    min_interval_s = models.FloatField(default=1)
    period_s = models.FloatField(null=True)
    """At least every so often, changed or not [s]."""
    next_at = models.DateTimeField(null=True)
    """When the period is over next; of nouns that are pushed by period alone."""
    active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.partner_id} {self.noun}"


class OutboundMessage(models.Model):
    """One message on its way to one partner; its exchange is a CimMessage of the same mRID.

    The key is the order of delivery among messages that share a group. Every try sends the same
    bytes, so that the partner knows a message it has had before by its MessageID.
    """

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="messages")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    noun = models.CharField(max_length=60)
    verb = models.CharField(max_length=12)
    groups = ArrayField(models.CharField(max_length=128), default=list)
    message_id = models.CharField(max_length=64)
    correlation_id = models.CharField(max_length=128, blank=True)
    request_correlation_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=500, blank=True)
    """Where an asynchronous reply goes; empty = the partner's service for this noun and verb."""
    body = models.BinaryField(default=b"")
    """The SOAP message as it goes on the wire (zlib); emptied when it is delivered or discarded."""
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=PushState, default=PushState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    """Tries since it was written or last re-sent by hand."""
    not_before = models.DateTimeField(null=True)
    last_tried_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    result = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=10, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [
            # Delivery looks at what waits, status evaluation at what a subscription has waiting.
            models.Index(
                fields=["partner", "id"],
                name="outbound_waiting",
                condition=models.Q(state=PushState.WAITING),
            ),
            models.Index(fields=["partner", "state", "-id"], name="outbound_partner"),
            # Lists, newest first, of one partner and of what waits for a person.
            models.Index(fields=["partner", "-id"], name="outbound_newest"),
            models.Index(
                fields=["-id"],
                name="outbound_parked",
                condition=models.Q(state=PushState.PARKED),
            ),
            models.Index(
                fields=["finished_at"],
                name="outbound_finished",
                condition=models.Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.noun} {self.message_id}"


class DeferredRequest(models.Model):
    """A request that was acknowledged and is carried out later; gone when its reply is on its way.

    Its exchange, request and acknowledgment, is a CimMessage of its own.
    """

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    operation = models.CharField(max_length=60)
    content = models.BinaryField()
    """The Request or Payload with the profile element, as it was checked (zlib)."""
    message_id = models.TextField(blank=True)
    correlation_id = models.TextField(blank=True)
    reply_address = models.CharField(max_length=500)
    address = models.CharField(max_length=64, blank=True)
    """Network address of the sender, for audit."""
    request_correlation_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.operation} {self.message_id}"
