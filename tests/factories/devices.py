"""Devices and readings for tests, valid by default, made by the room's own services."""

import itertools

import numpy as np

from derms.accounts.choices import OrganisationKind
from derms.accounts.models import Organisation
from derms.core import clock
from derms.core.actors import SYSTEM
from derms.core.quantities import Quality, Quantity
from derms.devices import services
from derms.devices.choices import ReadingSource
from derms.devices.models import EndDevice
from derms.devices.rules.readings import microseconds
from derms.devices.services import DeviceData, NameplateData, ReadingBatch

_numbers = itertools.count(1)


def make_owner(name="Test utility", kind=OrganisationKind.UTILITY):
    return Organisation.objects.get_or_create(name=name, defaults={"kind": kind})[0]


def make_device(*, kind="battery", owner=None, plate=None, **more) -> EndDevice:
    number = next(_numbers)
    ratings = {
        "rated_w": 5000.0,
        "rated_charge_w": 5000.0,
        "rated_va": 6000.0,
        "rated_wh": 10_000.0,
    }
    data = {
        "name": f"Device {number}",
        "kind": kind,
        "owner_mrid": (owner or make_owner()).mrid,
        "nameplate": NameplateData(**ratings | (plate or {})),
        "lifecycle_state": "registered",
        "eligible": True,
        **more,
    }
    return services.register_device(data=DeviceData(**data), actor=SYSTEM)


def make_batch(
    ids, values=1000.0, *, quantity=Quantity.ACTIVE_POWER_W, at=None, quality=Quality.GOOD
) -> ReadingBatch:
    """One reading of one quantity for each device; `at` is a datetime or microseconds."""
    n = len(ids)
    moment = clock.now() if at is None else at
    us = moment if isinstance(moment, int) else microseconds(moment)
    return ReadingBatch(
        device_id=np.asarray(ids, dtype="int32"),
        quantity=np.full(n, quantity, dtype="int16"),
        measured_at=np.full(n, us, dtype="int64"),
        value=np.broadcast_to(np.asarray(values, dtype="float64"), (n,)).copy(),
        quality=np.full(n, quality, dtype="int16"),
        source=ReadingSource.POLL,
    )
