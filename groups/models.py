"""Tables of DER groups: the group, its names, membership over time, status now and before."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models

from derms.core.ids import new_mrid


class DerGroup(models.Model):
    """A group of end devices addressed as one (CIM EndDeviceGroup).

    `functions` holds the DERFunction flags that are true. A deleted group keeps its row, so that
    "who was a member at T" stays answerable; its name becomes free.
    """

    id = models.AutoField(primary_key=True)
    mrid = models.CharField(max_length=128, unique=True, default=new_mrid)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    functions = ArrayField(models.CharField(max_length=40), default=list)
    version_major = models.IntegerField(null=True, blank=True)
    version_minor = models.IntegerField(null=True, blank=True)
    version_revision = models.IntegerField(null=True, blank=True)
    version_date = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    announced_by = models.CharField(max_length=64, blank=True)
    """mRID of the API client that told us of this group; empty for the groups we manage."""
    member_count = models.PositiveIntegerField(default=0)
    """Members that are devices of ours."""
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField(db_index=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)
    """Counts up with every change; the ETag of the group and the epoch of its membership."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="dergroup_name_once",
                condition=models.Q(deleted_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ToldMember(models.Model):
    """A member of another party's group that is no device of ours: only what it was called."""

    group = models.ForeignKey(
        DerGroup, on_delete=models.CASCADE, related_name="told_members", db_index=False
    )
    mrid = models.CharField(max_length=128, blank=True)
    name = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "mrid", "name"], name="toldmember_once"),
        ]

    def __str__(self) -> str:
        return self.mrid or self.name


class DerGroupName(models.Model):
    """A further name of a group with its type and authority (CIM Name)."""

    group = models.ForeignKey(DerGroup, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=200, db_index=True)
    name_type = models.CharField(max_length=80, blank=True)
    name_type_authority = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "name", "name_type", "name_type_authority"],
                name="dergroupname_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One device in one group for one half-open period [from, to).

    No two periods of the same pair overlap: a unique index says so among open periods, an
    exclusion constraint among closed ones, and the statement trigger of migration 0002 between
    the two kinds. One GiST constraint over all rows costs five times as much on a create of
    10,000 members (docs/adr/0010).
    """

    group = models.ForeignKey(
        DerGroup,
        on_delete=models.PROTECT,
        related_name="memberships",
        db_index=False,
        db_constraint=False,
    )
    device = models.ForeignKey(
        "devices.EndDevice",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    period = DateTimeRangeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "device"],
                name="membership_open_once",
                condition=models.Q(period__upper_inf=True),
            ),
            ExclusionConstraint(
                name="membership_closed_apart",
                expressions=[
                    ("group", RangeOperators.EQUAL),
                    ("device", RangeOperators.EQUAL),
                    ("period", RangeOperators.OVERLAPS),
                ],
                condition=models.Q(period__upper_inf=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_id}:{self.device_id}"


class GroupStatus(models.Model):
    """The aggregate of one group at the last tick. Powers in W/var/VA, positive = injection."""

    group = models.OneToOneField(
        DerGroup, on_delete=models.CASCADE, primary_key=True, related_name="status"
    )
    at = models.DateTimeField()
    active_power_w = models.FloatField()
    reactive_power_var = models.FloatField()
    apparent_power_va = models.FloatField()
    available_max_w = models.FloatField()
    """Highest active power reachable now: the upper end of the flexibility."""
    available_min_w = models.FloatField()
    available_max_var = models.FloatField()
    available_min_var = models.FloatField()
    installed_max_w = models.FloatField()
    installed_min_w = models.FloatField()
    installed_max_var = models.FloatField()
    installed_min_var = models.FloatField()
    energy_wh = models.FloatField()
    energy_capacity_wh = models.FloatField()
    soc_pct = models.FloatField(null=True)
    voltage_v = models.FloatField(null=True)
    members = models.PositiveIntegerField()
    good = models.PositiveIntegerField()
    stale = models.PositiveIntegerField()
    stale_last_w = models.FloatField()
    """What the stale members last contributed; not part of `active_power_w`."""
    coverage_pct = models.FloatField()
    counts = models.JSONField(default=dict)
    """Members by state: connected, disconnected, running, fault, ..."""

    def __str__(self) -> str:
        return f"status of {self.group_id}"


class GroupStatusSample(models.Model):
    """A thinned history of group status for trends (one row per group and 10 s)."""

    group = models.ForeignKey(DerGroup, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()
    active_power_w = models.FloatField()
    reactive_power_var = models.FloatField()
    available_max_w = models.FloatField()
    available_min_w = models.FloatField()
    soc_pct = models.FloatField(null=True)
    coverage_pct = models.FloatField()

    class Meta:
        indexes = [
            models.Index(fields=["group", "at"], name="groupstatussample_at"),
        ]

    def __str__(self) -> str:
        return f"{self.group_id} {self.at}"


class ToldStatus(models.Model):
    """The last status of a group that its party told us; never counted as measured by us.

    `values` is {DERParameterKind: {nominal, high, low, installed_max, installed_min, at}} in SI,
    positive = injection, null = not told.
    """

    group = models.OneToOneField(
        DerGroup, on_delete=models.CASCADE, primary_key=True, related_name="told_status"
    )
    received_at = models.DateTimeField()
    at = models.DateTimeField()
    """The newest instant of the values, by the party's clock."""
    values = models.JSONField(default=dict)
    state = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"told status of {self.group_id}"
