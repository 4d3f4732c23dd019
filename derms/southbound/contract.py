"""The driver contract: what every southbound protocol offers, and the words both sides use.

For whoever writes or calls a driver; pure Python, no framework. Rules every driver keeps:

- Every call carries a deadline (an instant of `time.monotonic()`); nothing outlives it.
- A command is put on the wire at most once; a driver never sends it again by itself.
- A value is checked against the device's own limits before it is encoded; NaN is refused.
- Power is in W and var, positive = injection; absent is a missing key, never 0.
- One bad device never spoils the call for the others: its place in the answer holds its error.

Source: ours, after IEEE 1547-2018 clause 10 (interoperability) and house rules in docs/drivers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol, runtime_checkable

from derms.core.errors import DriverError
from derms.core.quantities import Quantity


class CommandKind(IntEnum):
    """What a device command sets."""

    SET_ACTIVE_POWER = 1
    LIMIT_ACTIVE_POWER = 2
    SET_REACTIVE_POWER = 3
    CONNECT = 4
    DISCONNECT = 5
    RELEASE = 6
    """Give active and reactive power back to the device's own control."""


class CommandState(IntEnum):
    """Life of one device command. Small integers because the journal holds millions of rows."""

    QUEUED = 1
    """In the journal; nothing has been sent."""
    LEASED = 2
    """A worker is sending it now."""
    DELIVERED = 3
    """The peer took the bytes; no statement from the device yet."""
    ACKNOWLEDGED = 4
    """A positive reply was decoded; not yet read back."""
    ACTIVE = 5
    """Read back: the device holds it."""
    COMPLETED = 6
    SUPERSEDED = 7
    REJECTED = 8
    """The device or its limits refuse it; the same command can never succeed."""
    EXPIRED = 9
    FAILED = 10
    """It is certain that the device does not hold it."""
    UNKNOWN = 11
    """Bytes may have gone out and no statement came back; it must be read back."""


class OperatingState(IntEnum):
    """What a device says it is doing; the numbers the device register stores."""

    UNKNOWN = 0
    OFF = 1
    STANDBY = 2
    STARTING = 3
    RUNNING = 4
    THROTTLED = 5
    SHUTTING_DOWN = 6
    FAULT = 7


@dataclass(frozen=True, slots=True)
class Target:
    """One device as a driver sees it.

    Attributes:
        device_id: Key of the device inside the product, echoed back only.
        address: Wire address in the protocol's own form.
    """

    device_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one device measured, at one instant.

    Attributes:
        measured_at_s: Unix time of the measurement [s], our clock unless the device has one.
        values: SI values by quantity; what the device does not have is missing.
        connected: Whether it says it is connected to the grid; None when it does not say.
        operating: What it says it is doing.
        alarm_bits: The protocol's own alarm bits, 0 for none.
        local_control: True when it obeys its front panel and refuses remote commands.
        round_trip_ms: Time the exchange took on the wire [ms].
    """

    measured_at_s: float
    values: Mapping[Quantity, float]
    connected: bool | None = None
    operating: OperatingState = OperatingState.UNKNOWN
    alarm_bits: int = 0
    local_control: bool = False
    round_trip_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class NameplateReading:
    """Ratings a device states (IEEE 1547-2018 table 28), SI; None = not stated."""

    rated_w: float | None = None
    rated_charge_w: float | None = None
    rated_va: float | None = None
    rated_charge_va: float | None = None
    rated_var_injected: float | None = None
    rated_var_absorbed: float | None = None
    rated_wh: float | None = None
    rated_voltage_v: float | None = None
    max_voltage_v: float | None = None
    min_voltage_v: float | None = None
    rated_current_a: float | None = None
    rated_w_over_excited: float | None = None
    over_excited_pf: float | None = None
    rated_w_under_excited: float | None = None
    under_excited_pf: float | None = None
    reactive_susceptance_s: float | None = None
    normal_category: str = ""
    abnormal_category: str = ""
    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    firmware_version: str = ""


@dataclass(frozen=True, slots=True)
class SettingsReading:
    """What a device is set to now, SI; None = as rated."""

    max_w: float | None = None
    """Most it may inject."""
    max_charge_w: float | None = None
    """Most it may absorb."""
    base_w: float | None = None
    """What the protocol's percentages of active power are taken of."""
    max_va: float | None = None
    max_var_injected: float | None = None
    max_var_absorbed: float | None = None
    ramp_w_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One command to one device.

    Attributes:
        target: The device.
        kind: What to set.
        value: Set point or limit [W or var], positive = injection; unused by connect, disconnect
            and release.
        reversion_s: The device falls back on its own control after this time [s], where the
            protocol can say so; 0 = the protocol's default.
    """

    target: Target
    kind: CommandKind
    value: float = 0.0
    reversion_s: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of one command after a call.

    Attributes:
        state: QUEUED when nothing was sent and it may be tried later; else how far it came.
        code: The protocol's own code as text, or ours in snake_case.
        detail: One sentence for the operator.
        sent_at_s: Unix time at which bytes began to leave [s]; None when none did.
    """

    state: CommandState
    code: str = ""
    detail: str = ""
    sent_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a protocol can do; one device may do less.

    Attributes:
        kinds: Commands it can carry.
        quantities: Quantities it can measure.
        reversion: The device falls back by itself after a time we give.
        read_back: A command in force can be read from the device.
    """

    kinds: frozenset[CommandKind] = field(default_factory=frozenset)
    quantities: frozenset[Quantity] = field(default_factory=frozenset)
    reversion: bool = False
    read_back: bool = False


@runtime_checkable
class Driver(Protocol):
    """One protocol. All answers are in the order of what was asked, same length.

    `deadline` is an instant of `time.monotonic()`. A write begins only before it; the driver's
    own time-out bounds how long the reply to a write that has begun is waited for.
    """

    protocol: str
    capabilities: Capabilities

    async def open(self) -> None:
        """Get ready; called once in the event loop that will make all other calls."""

    async def close(self) -> None:
        """Drop every connection; the driver can be opened again."""

    async def read_many(
        self, targets: Sequence[Target], *, deadline: float
    ) -> Sequence[Measurement | DriverError]:
        """Measure each target."""

    async def read_nameplates(
        self, targets: Sequence[Target], *, deadline: float
    ) -> Sequence[NameplateReading | DriverError]:
        """Read what each target states of its ratings."""

    async def read_settings(
        self, targets: Sequence[Target], *, deadline: float
    ) -> Sequence[SettingsReading | DriverError]:
        """Read what each target is set to."""

    async def write_many(
        self, commands: Sequence[Command], *, deadline: float
    ) -> Sequence[Receipt]:
        """Send each command once; commands of one device in the order given."""

    async def read_back(self, commands: Sequence[Command], *, deadline: float) -> Sequence[Receipt]:
        """Say for each command whether its device holds it now, sending nothing.

        ACTIVE or COMPLETED when it does, FAILED when it certainly does not, UNKNOWN when the
        device could not be asked.
        """
