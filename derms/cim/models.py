"""The message log: every CIM message in and out, byte by byte, and the reply to replay."""

from django.db import models

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
            models.Index(fields=["correlation_id"], name="cimmessage_correlation"),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.verb} {self.noun} {self.message_id}"
