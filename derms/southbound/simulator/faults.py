"""Faults a device can be given on demand, and how each shows.

For `server.py` and `control_port.py`. A device may have several at once.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault: what it does and its one number."""

    says: str
    default: float = 0.0
    low: float = 0.0
    high: float = 0.0


FAULTS = {
    "dead": FaultKind("connections are dropped and refused"),
    "silent": FaultKind("connections are taken, nothing is ever answered"),
    "slow": FaultKind("every answer comes `value` seconds late", 5.0, 0.0, 600.0),
    "half": FaultKind("answers break off in the middle of the frame"),
    "short": FaultKind("well-framed answers carry half of the registers asked for"),
    "exception": FaultKind("every request gets the Modbus exception `value`", 4.0, 1.0, 11.0),
    "ignore": FaultKind("writes are acknowledged and dropped"),
    "stuck": FaultKind("writes read back as written, the power does not move"),
    "frozen": FaultKind("measurements stand still, the physics goes on"),
    "drift": FaultKind(
        "the device's clock runs `value` times as fast: reversion timers and heartbeat",
        1.5, 0.01, 100.0,
    ),
    "trip": FaultKind("protection has tripped: no power, alarm, until AlarmReset or clear"),
    "local": FaultKind("the switch at the device is on local: remote writes are refused"),
}  # fmt: skip


def check_fault(name: str, value: float | None) -> float:
    """Return the fault's number.

    Raises:
        ValueError: unknown fault or number out of its range.
    """
    kind = FAULTS.get(name)
    if kind is None:
        raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
    if value is None:
        return kind.default
    if kind.high == 0.0:
        raise ValueError(f"fault {name} takes no value")
    if not kind.low <= value <= kind.high:
        raise ValueError(f"fault {name} takes a value from {kind.low:g} to {kind.high:g}")
    return value
