"""Enumerations of the devices room."""

from django.db.models import IntegerChoices, TextChoices


class DeviceKind(TextChoices):
    """What an end device is."""

    PV = "pv", "PV"
    BATTERY = "battery", "Battery"
    EV_CHARGER = "ev_charger", "EV charger"
    LOAD = "load", "Controllable load"
    GENSET = "genset", "Genset"
    WIND = "wind", "Wind"
    OTHER = "other", "Other"


class LifecycleState(TextChoices):
    """Where a device stands between planning and removal."""

    PLANNED = "planned"
    REGISTERED = "registered"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class NormalCategory(TextChoices):
    """IEEE 1547-2018 normal operating performance category."""

    A = "A"
    B = "B"


class AbnormalCategory(TextChoices):
    """IEEE 1547-2018 abnormal operating performance category."""

    I = "I"  # noqa: E741 - the standard's own name
    II = "II"
    III = "III"


class ConnectionState(IntegerChoices):
    """Whether the device says it is connected to the grid."""

    UNKNOWN = 0
    DISCONNECTED = 1
    CONNECTED = 2


class OperatingState(IntegerChoices):
    """What the device says it is doing (SunSpec 701 InvSt, protocol-neutral)."""

    UNKNOWN = 0
    OFF = 1
    STANDBY = 2
    STARTING = 3
    RUNNING = 4
    THROTTLED = 5
    SHUTTING_DOWN = 6
    FAULT = 7


class ReadingSource(IntegerChoices):
    """Where a reading came from."""

    POLL = 1
    PUSH = 2
    METER = 3
    MANUAL = 4


class ImportState(TextChoices):
    """Progress of a device import."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
