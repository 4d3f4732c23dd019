"""Tables of the audit chain. Sealing (seq, prev_hash, hash) happens in the database at commit."""

from django.db import models


class AuditRecord(models.Model):
    """One state change or refused command.

    `payload` is the canonical JSON text that the hash covers; the other columns repeat parts of
    it for searching, and verification checks that they still agree. A deferred constraint
    trigger seals the record at commit, in commit order; another refuses UPDATE and DELETE.
    """

    seq = models.BigIntegerField(unique=True, null=True, editable=False)
    at = models.DateTimeField(db_index=True)
    actor_kind = models.CharField(max_length=10)
    actor_mrid = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=150)
    source = models.CharField(max_length=20)
    address = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=10)
    object_type = models.CharField(max_length=60)
    object_mrid = models.CharField(max_length=128, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    payload = models.TextField()
    prev_hash = models.CharField(max_length=64, default="", blank=True, editable=False)
    hash = models.CharField(max_length=64, default="", blank=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["object_type", "object_mrid"], name="audit_object"),
            models.Index(fields=["actor_name", "at"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"


class AuditHead(models.Model):
    """The single row that knows the length and last hash of the chain, so truncation shows."""

    singleton = models.BooleanField(primary_key=True, default=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(singleton=True), name="audithead_one_row"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"
