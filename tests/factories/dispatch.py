"""A small utility whose devices follow the journal, for tests of the dispatch services.

No wire: `step` does what senders, devices and polling do together, through the rooms' services.
"""

import datetime as dt

import numpy as np

from derms.accounts.choices import OrganisationKind
from derms.core import bulk, clock
from derms.core.actors import SYSTEM
from derms.core.quantities import Quantity
from derms.devices.fleet import get_fleet
from derms.devices.services import store_readings
from derms.southbound.contract import CommandKind
from dispatch.rules.request import DispatchData
from groups.choices import DerFunction
from groups.rules.definition import GroupData, GroupKey, MemberKeys
from groups.services import create_group
from tests.factories.devices import make_batch, make_device, make_owner

ALL_FUNCTIONS = frozenset(DerFunction)
RATED_W = 10_000.0


class Utility:
    """`n` batteries of 10 kW in one group, all measured just now."""

    def __init__(self, n=10, *, functions=ALL_FUNCTIONS, kind="battery", plate=None):
        make_owner(kind=OrganisationKind.UTILITY)
        ratings = {
            "rated_w": RATED_W,
            "rated_charge_w": 0.0 if kind == "pv" else RATED_W,
            "rated_va": 1.2 * RATED_W,
            "rated_wh": 4 * RATED_W if kind == "battery" else None,
            "rated_var_injected": RATED_W,
            "rated_var_absorbed": RATED_W,
        }
        self.devices = [make_device(kind=kind, plate=ratings | (plate or {})) for _ in range(n)]
        self.ids = np.array([d.pk for d in self.devices], dtype="int32")
        self.output = np.zeros(n)
        self.output_var = np.zeros(n)
        self.cap = np.full(n, RATED_W)
        self.dead = np.zeros(n, dtype=bool)
        self.refusing = np.zeros(n, dtype=bool)
        self.done = 0
        self.group = self.make_group(self.devices, functions=functions)
        self.measure()

    def make_group(self, devices, *, functions=ALL_FUNCTIONS, name=""):
        mrids = tuple(d.mrid for d in devices)
        data = GroupData(
            name=name or f"Group of {len(devices)} from {devices[0].name}",
            functions=frozenset(functions),
            members=MemberKeys(mrids=mrids),
        )
        return create_group(data=data, actor=SYSTEM)

    def data(self, *values, group=None, **more):
        fields = {
            "group": GroupKey(mrid=(group or self.group).mrid),
            "parameter": "activePower",
            "interval_s": 3600.0,
            "values": values,
        }
        return DispatchData(**fields | more)

    def measure(self):
        """Store what every living device measures now."""
        alive = ~self.dead
        soon = clock.now() + dt.timedelta(milliseconds=1)
        for quantity, values in (
            (Quantity.ACTIVE_POWER_W, self.output),
            (Quantity.REACTIVE_POWER_VAR, self.output_var),
            (Quantity.SOC_PCT, np.full(self.ids.size, 50.0)),
        ):
            store_readings(make_batch(self.ids[alive], values[alive], quantity=quantity, at=soon))
        get_fleet().load()

    def step(self):
        """Carry out what the journal says since the last step, then measure."""
        rows = bulk.execute(
            "SELECT id, device_id, kind, value FROM southbound_devicecommand"
            " WHERE state = 1 AND id > %(done)s ORDER BY id",
            {"done": self.done},
        ).fetchall()
        for key, device, kind, value in rows:
            at = int(np.flatnonzero(self.ids == device)[0])
            state = 8 if self.refusing[at] else (1 if self.dead[at] else 5)
            bulk.execute(
                "UPDATE southbound_devicecommand SET state = %(state)s WHERE id = %(key)s",
                {"state": state, "key": key},
            )
            if state != 5:
                continue
            self.done = max(self.done, key)
            if kind == CommandKind.SET_ACTIVE_POWER:
                self.output[at] = np.clip(value, -self.cap[at], self.cap[at])
            elif kind == CommandKind.SET_REACTIVE_POWER:
                self.output_var[at] = value
            elif kind == CommandKind.RELEASE:
                self.output[at] = self.output_var[at] = 0.0
        self.measure()
        return rows
