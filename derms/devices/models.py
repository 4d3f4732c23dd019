"""Tables of the device register and its readings.

Nameplate, settings, availability and status are apart on purpose: they come from different
sources at different rates. `Reading` and `ReadingRollup` are partitioned by time; their
partitions are made and dropped by `services/retention.py`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from derms.core.ids import new_mrid
from derms.core.quantities import Quality
from derms.devices.choices import (
    AbnormalCategory,
    ConnectionState,
    DeviceKind,
    ImportState,
    LifecycleState,
    NormalCategory,
    OperatingState,
)


class EndDevice(models.Model):
    """A registered end device (CIM EndDevice): PV, battery, EV charger, load, genset.

    `protocol` and `address` name the southbound driver and the wire address it understands
    (SunSpec Modbus: `host:port/unit`); `poll_interval_s` is the rate it is read at.
    """

    id = models.AutoField(primary_key=True)
    mrid = models.CharField(max_length=128, unique=True, default=new_mrid)
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=12, choices=DeviceKind)
    lifecycle_state = models.CharField(
        max_length=12, choices=LifecycleState, default=LifecycleState.PLANNED
    )
    eligible = models.BooleanField(default=False)
    eligibility_reason = models.CharField(max_length=200, blank=True, default="not yet approved")
    owner = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    usage_point = models.ForeignKey(
        "grid.UsagePoint", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    protocol = models.CharField(max_length=32, blank=True)
    address = models.CharField(max_length=200, blank=True)
    poll_interval_s = models.PositiveIntegerField(default=5)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField(db_index=True)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "id"], name="enddevice_kind"),
            models.Index(fields=["protocol", "poll_interval_s", "id"], name="enddevice_poll"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["protocol", "address"],
                name="enddevice_one_per_address",
                # A retired device's successor may sit at its address.
                condition=~models.Q(address="") & ~models.Q(lifecycle_state="retired"),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EndDeviceName(models.Model):
    """A further name of a device with its type and authority (CIM Name, NameType)."""

    device = models.ForeignKey(EndDevice, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=120)
    name_type = models.CharField(max_length=80, blank=True)
    name_type_authority = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "name_type", "name_type_authority"], name="enddevicename_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Nameplate(models.Model):
    """Ratings of a device, IEEE 1547-2018 table 28 items (SunSpec 702). All SI, all >= 0."""

    device = models.OneToOneField(
        EndDevice, on_delete=models.CASCADE, primary_key=True, related_name="nameplate"
    )
    rated_w = models.FloatField()
    """Active power rating at unity power factor, injection [W]."""
    rated_charge_w = models.FloatField(default=0)
    """Active power rating of absorption (charging or load) [W]."""
    rated_va = models.FloatField()
    rated_var_injected = models.FloatField(default=0)
    rated_var_absorbed = models.FloatField(default=0)
    rated_wh = models.FloatField(null=True, blank=True)
    rated_w_over_excited = models.FloatField(null=True, blank=True)
    over_excited_pf = models.FloatField(null=True, blank=True)
    rated_w_under_excited = models.FloatField(null=True, blank=True)
    under_excited_pf = models.FloatField(null=True, blank=True)
    rated_charge_va = models.FloatField(null=True, blank=True)
    rated_voltage_v = models.FloatField(null=True, blank=True)
    max_voltage_v = models.FloatField(null=True, blank=True)
    min_voltage_v = models.FloatField(null=True, blank=True)
    rated_current_a = models.FloatField(null=True, blank=True)
    reactive_susceptance_s = models.FloatField(null=True, blank=True)
    ramp_w_per_s = models.FloatField(null=True, blank=True)
    normal_category = models.CharField(max_length=1, choices=NormalCategory, blank=True)
    abnormal_category = models.CharField(max_length=3, choices=AbnormalCategory, blank=True)
    manufacturer = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=80, blank=True)
    serial_number = models.CharField(max_length=80, blank=True)
    firmware_version = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return f"{self.rated_w:g} W"


class DeviceSettings(models.Model):
    """The settings twin of the nameplate: what the device is set to now (None = as rated)."""

    device = models.OneToOneField(
        EndDevice, on_delete=models.CASCADE, primary_key=True, related_name="settings"
    )
    max_w = models.FloatField(null=True, blank=True)
    max_charge_w = models.FloatField(null=True, blank=True)
    max_va = models.FloatField(null=True, blank=True)
    max_var_injected = models.FloatField(null=True, blank=True)
    max_var_absorbed = models.FloatField(null=True, blank=True)
    ramp_w_per_s = models.FloatField(null=True, blank=True)
    min_soc_pct = models.FloatField(default=5)
    max_soc_pct = models.FloatField(default=100)
    read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"settings of {self.device_id}"


class DeviceStatus(models.Model):
    """The last state a device told us, and when it last answered."""

    device = models.OneToOneField(
        EndDevice, on_delete=models.CASCADE, primary_key=True, related_name="status"
    )
    connection = models.PositiveSmallIntegerField(
        choices=ConnectionState, default=ConnectionState.UNKNOWN
    )
    operating = models.PositiveSmallIntegerField(
        choices=OperatingState, default=OperatingState.UNKNOWN
    )
    alarm_bits = models.BigIntegerField(default=0)
    local_control = models.BooleanField(default=False)
    last_contact_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"status of {self.device_id}"


class LatestReading(models.Model):
    """The newest reading of each device and quantity; its age is now minus `measured_at`."""

    pk = models.CompositePrimaryKey("device_id", "quantity")
    device = models.ForeignKey(
        EndDevice, on_delete=models.CASCADE, related_name="latest", db_index=False
    )
    quantity = models.PositiveSmallIntegerField()
    measured_at = models.DateTimeField()
    value = models.FloatField()
    quality = models.PositiveSmallIntegerField(default=Quality.GOOD)
    source = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "devices_latestreading"

    def __str__(self) -> str:
        return f"{self.device_id} {self.quantity}={self.value}"


class Reading(models.Model):
    """One measured value; partitioned by day of `measured_at` (made in the migration by SQL)."""

    pk = models.CompositePrimaryKey("device_id", "quantity", "measured_at")
    device_id = models.IntegerField()
    quantity = models.PositiveSmallIntegerField()
    measured_at = models.DateTimeField()
    value = models.FloatField()
    quality = models.PositiveSmallIntegerField()
    source = models.PositiveSmallIntegerField()

    class Meta:
        managed = False
        db_table = "devices_reading"

    def __str__(self) -> str:
        return f"{self.device_id} {self.quantity} {self.measured_at}"


class ReadingRollup(models.Model):
    """15-minute roll-up of the readings of one device and quantity, good values only."""

    pk = models.CompositePrimaryKey("device_id", "quantity", "start_at")
    device_id = models.IntegerField()
    quantity = models.PositiveSmallIntegerField()
    start_at = models.DateTimeField()
    mean = models.FloatField()
    minimum = models.FloatField()
    maximum = models.FloatField()
    count = models.PositiveIntegerField()

    class Meta:
        managed = False
        db_table = "devices_readingrollup"

    def __str__(self) -> str:
        return f"{self.device_id} {self.quantity} {self.start_at}"


class RollupState(models.Model):
    """How far the roll-ups are: every interval that ended by then has been rolled up once."""

    singleton = models.BooleanField(primary_key=True, default=True)
    rolled_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(singleton=True), name="rollupstate_one_row"),
        ]

    def __str__(self) -> str:
        return f"rolled up until {self.rolled_until}"


class RollupDue(models.Model):
    """An interval of a device that got a late reading and must be rolled up again."""

    pk = models.CompositePrimaryKey("device_id", "start_at")
    device_id = models.IntegerField()
    start_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.device_id} {self.start_at}"


class DeviceImport(models.Model):
    """One CSV import of devices: what was asked, how far it is, which rows were bad."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.QUEUED)
    dry_run = models.BooleanField(default=False)
    skip_bad = models.BooleanField(default=False)
    content = models.BinaryField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    actor = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    bad = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)
    warnings = ArrayField(models.CharField(max_length=200), default=list)

    def __str__(self) -> str:
        return f"{self.mrid} {self.state}"
