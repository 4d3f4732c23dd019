"""Which devices a simulated utility has: names, places, ratings; and the CSV to import them.

The same seed gives the same devices, and a larger fleet begins with the smaller one.
For `run.py`.
"""

import csv
import os
import random
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

KINDS = ("pv", "battery", "ev_charger", "load", "genset", "wind")
DEFAULT_MIX = {
    "pv": 0.45, "battery": 0.28, "ev_charger": 0.13, "load": 0.10, "genset": 0.02, "wind": 0.02,
}  # fmt: skip
OWNER = "Simulated utility"
SANDBOX_OWNER = "Sandbox utility"

_NAMESPACE = uuid.UUID("6b2b9d1c-0d0e-5c2e-9a53-3c1f1f6f7a10")
_LABEL = {
    "pv": "PV", "battery": "BESS", "ev_charger": "EV", "load": "LOAD", "genset": "GEN",
    "wind": "WIND",
}  # fmt: skip
_AREAS = ("NORTH", "EAST", "SOUTH", "WEST")
_LARGE_W = 50_000.0


@dataclass(frozen=True, slots=True)
class Vendor:
    """A make with its own habits of scaling; a driver must read scale factors, not assume them."""

    manufacturer: str
    model: str
    pct_sf: int
    set_sf: int


_VENDORS = {
    "pv": (Vendor("Heliodyne", "HX", -1, 0), Vendor("Sunfold", "SF Three", -2, 1)),
    "battery": (Vendor("Voltrade", "Vault", -1, 0), Vendor("Ionhaus", "IH Store", 0, -1)),
    "ev_charger": (Vendor("Kerbside", "K2", -1, 0),),
    "load": (Vendor("Loadwise", "LW Relay", 0, 0),),
    "genset": (Vendor("Brandt Motoren", "BM", -1, 0),),
    "wind": (Vendor("Kestrel", "KW", -1, 0),),
}


@dataclass(frozen=True, slots=True)
class SimDevice:
    """One device as built: identity, place and nameplate (SI units, all >= 0)."""

    mrid: str
    name: str
    kind: str
    feeder: int
    transformer: str
    phase: str
    rated_w: float
    rated_charge_w: float
    rated_va: float
    rated_var: float
    rated_wh: float
    ramp_pct_s: int
    voltage_v: float
    serial: str
    vendor: Vendor
    owner: str = OWNER

    @property
    def base_w(self) -> float:
        """WMax, the base of the device's percentages; of an absorber its absorption rating."""
        return self.rated_w or self.rated_charge_w

    @property
    def three_phase(self) -> bool:
        """Connected to all three phases."""
        return self.phase == "ABC"

    @property
    def feeder_name(self) -> str:
        """Name of its feeder, `F07`."""
        return f"F{self.feeder + 1:02d}"


def build_fleet(
    *, count: int, seed: int, mix: dict[str, float], feeders: int = 8
) -> list[SimDevice]:
    """Make the devices.

    Args:
        count: How many, >= 1.
        seed: Same seed, same devices.
        mix: Share per kind, any positive numbers; kinds left out do not occur.
        feeders: How many feeders they are spread over.

    Raises:
        ValueError: no share is positive.
    """
    total = sum(mix.values())
    if total <= 0 or min(mix.values()) < 0:
        raise ValueError("the mix needs at least one positive share and no negative one")
    made: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    devices = []
    for index in range(count):
        # The kind furthest behind its share: every beginning of the fleet has the mix.
        kind = max(mix, key=lambda k: mix[k] / total * (index + 1) - made[k])
        made[kind] += 1
        devices.append(_build(kind, random.Random(f"{seed}/{index}"), numbers, seed, feeders))  # noqa: S311 - a simulation, not a secret
    return devices


def build_sandbox(*, count: int, seed: int) -> list[SimDevice]:
    """Make the devices of the sandbox utility, of mixed kinds: identities of their own, no place.

    Args:
        count: How many, >= 0.
        seed: Same seed, same devices.
    """
    found = []
    for number, device in enumerate(
        build_fleet(count=count, seed=seed, mix=dict.fromkeys(KINDS, 1.0), feeders=1), start=1
    ):
        name = f"SANDBOX-{_LABEL[device.kind]}-{number:02d}"
        mrid = str(uuid.uuid5(_NAMESPACE, f"{seed}/{name}"))
        found.append(replace(device, mrid=mrid, name=name, owner=SANDBOX_OWNER))
    return found


def write_csv(path: Path, devices: list[SimDevice], addresses: list[str], poll_s: int) -> None:
    """Write the fleet for the import of devices, replacing the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    rows = [_row(*pair, poll_s) for pair in zip(devices, addresses, strict=True)]
    with fresh.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    fresh.replace(path)


def _build(
    kind: str, rng: random.Random, numbers: Counter[str], seed: int, feeders: int
) -> SimDevice:
    power = _rating(kind, rng)
    feeder = rng.randrange(feeders)
    large = power >= _LARGE_W
    place = _AREAS[feeder % len(_AREAS)] if large else f"F{feeder + 1:02d}"
    stem = f"{place}-{_LABEL[kind]}"
    numbers[stem] += 1
    name = f"{stem}-{numbers[stem]:03d}"
    injects = kind not in {"ev_charger", "load"}
    three_phase = power > 12_000
    return SimDevice(
        mrid=str(uuid.uuid5(_NAMESPACE, f"{seed}/{name}")),
        name=name,
        kind=kind,
        feeder=feeder,
        transformer=f"F{feeder + 1:02d}-T{rng.randrange(1, 13):02d}",
        phase="ABC" if three_phase else rng.choice("ABC"),
        rated_w=power if injects else 0.0,
        rated_charge_w=power if kind in {"battery", "ev_charger", "load"} else 0.0,
        rated_va=round(power * 1.1, -2),
        rated_var=round(power * 0.44, -2) if injects else 0.0,
        rated_wh=power * rng.choice((2.0, 2.0, 4.0)) if kind == "battery" else 0.0,
        ramp_pct_s=_RAMP_PCT_S[kind],
        voltage_v=480.0 if three_phase else 240.0,
        serial=f"{_LABEL[kind]}{seed:02d}{rng.randrange(10**8):08d}",
        vendor=rng.choice(_VENDORS[kind]),
    )


_RAMP_PCT_S = {"pv": 10, "battery": 20, "ev_charger": 10, "load": 10, "genset": 4, "wind": 5}
"""How fast the device moves its power, percent of WMax per second."""


def _rating(kind: str, rng: random.Random) -> float:
    """Rating [W] from a realistic spread: mostly small, a few large."""
    draw = rng.random()
    if kind == "pv":
        return _pick(rng, 5, 15) if draw < 0.85 else _pick(rng, 100, 500, 10)
    if kind == "battery":
        if draw < 0.6:
            return _pick(rng, 5, 15)
        return _pick(rng, 30, 100, 5) if draw < 0.85 else _pick(rng, 200, 500, 25)
    if kind == "ev_charger":
        return rng.choice((7_400.0, 7_400.0, 11_000.0, 22_000.0))
    if kind == "load":
        return _pick(rng, 5, 40) if draw < 0.7 else _pick(rng, 80, 250, 10)
    return _pick(rng, 250, 800, 50) if kind == "genset" else _pick(rng, 50, 600, 50)


def _pick(rng: random.Random, low_kw: int, high_kw: int, step_kw: int = 1) -> float:
    return 1000.0 * rng.randrange(low_kw, high_kw + 1, step_kw)


def _row(device: SimDevice, address: str, poll_s: int) -> dict[str, object]:
    house_w = 15_000.0
    placed = device.owner == OWNER
    return {
        "mrid": device.mrid,
        "name": device.name,
        "kind": device.kind,
        "owner": device.owner,
        "feeder": device.feeder_name if placed else "",
        "transformer": device.transformer if placed else "",
        "usage_point": f"UP-{device.name}" if placed else "",
        "phase": device.phase,
        "import_limit_w": f"{device.rated_charge_w + house_w:g}" if placed else "",
        "export_limit_w": f"{device.rated_w:g}" if placed else "",
        "protocol": "sunspec-modbus",
        "address": address,
        "poll_interval_s": poll_s,
        "rated_w": f"{device.rated_w:g}",
        "rated_charge_w": f"{device.rated_charge_w:g}",
        "rated_va": f"{device.rated_va:g}",
        "rated_var_injected": f"{device.rated_var:g}",
        "rated_var_absorbed": f"{device.rated_var:g}",
        "rated_wh": f"{device.rated_wh:g}" if device.rated_wh else "",
        "ramp_w_per_s": f"{device.base_w * device.ramp_pct_s / 100:g}",
        "rated_voltage_v": f"{device.voltage_v:g}",
        "normal_category": "B",
        "abnormal_category": "I" if device.kind == "genset" else "III",
        "manufacturer": device.vendor.manufacturer,
        "model": f"{device.vendor.model} {device.base_w / 1000:g}",
        "serial_number": device.serial,
        "lifecycle_state": "registered",
        "eligible": "true",
    }
