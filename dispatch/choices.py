"""Enumerations of the dispatch room."""

from django.db.models import TextChoices


class DerParameter(TextChoices):
    """DERParameterKind of IEC 61968-5; `rules.parameters` says which are carried out."""

    ACTIVE_POWER = "activePower"
    REACTIVE_POWER = "reactivePower"
    APPARENT_POWER = "apparentPower"
    VOLTAGE = "voltage"
    DECREASING_RAMP_RATE = "decreasingRampRate"
    INCREASING_RAMP_RATE = "increasingRampRate"
    HIGH_FILTER_BI_DIRECTIONAL = "highFilterBiDirectionalRegulation"
    HIGH_FILTER_DOWN = "highFilterDownRegulation"
    HIGH_FILTER_UP = "highFilterUpRegulation"
    LOW_FILTER_BI_DIRECTIONAL = "lowFilterBiDirectionalRegulation"
    LOW_FILTER_DOWN = "lowFilterDownRegulation"
    LOW_FILTER_UP = "lowFilterUpRegulation"


def unit_of(parameter: str) -> str:
    """Return the base unit of a dispatched parameter: var for reactive power, else W."""
    return "var" if parameter == DerParameter.REACTIVE_POWER else "W"


class CurveStyle(TextChoices):
    """How values between points are read. Source: IEC 61968-5 CurveStyle."""

    CONSTANT = "constantYValue"
    STRAIGHT_LINE = "straightLineYValues"


class DispatchState(TextChoices):
    """Life of a group dispatch; `rules/dispatch_states.py` holds the allowed steps."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ENDING = "ending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    FAILED = "failed"


class TrackingState(TextChoices):
    """How an active dispatch follows its target."""

    NONE = "none"
    RAMPING = "ramping"
    TRACKING = "tracking"
    SHORTFALL = "shortfall"
    OVERSHOOT = "overshoot"


class EndBehaviour(TextChoices):
    """What the devices do when the dispatch ends."""

    RELEASE = "release"
    HOLD = "hold"


class ControlAction(TextChoices):
    """What an end device control asks for; the CIM type codes are in `cim.end_device_controls`."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"

    @property
    def opposite(self) -> "ControlAction":
        """What undoes it."""
        return ControlAction.CONNECT if self == self.DISCONNECT else ControlAction.DISCONNECT


class ControlState(TextChoices):
    """Life of an end device control; `rules/control_states.py` holds the allowed steps."""

    AWAITING_RELEASE = "awaiting_release"
    SCHEDULED = "scheduled"
    EXECUTING = "executing"
    HOLDING = "holding"
    RESTORING = "restoring"
    COMPLETED = "completed"
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class DeviceOutcome(TextChoices):
    """What became of one device of a control."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
