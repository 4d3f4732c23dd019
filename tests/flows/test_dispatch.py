"""A group dispatch from acceptance to release: real devices on TCP, real journal, closed loop.

What workers do in processes of their own happens here in one loop: poll, tick, send.
"""

import time

import pytest
from django.db import connection

from derms.accounts.choices import OrganisationKind
from derms.core.actors import SYSTEM
from derms.devices.fleet import get_fleet
from derms.events.services import relay
from derms.southbound import gateway, runtime
from derms.southbound import services as southbound
from derms.southbound.models import DeviceCommand
from dispatch import services
from dispatch.models import GroupDispatch
from dispatch.rules.request import DispatchData
from dispatch.services import tick
from groups.choices import DerFunction
from groups.rules.definition import GroupData, GroupKey, MemberKeys
from groups.services import create_group
from tests.factories.accounts import actor
from tests.factories.devices import make_owner
from tests.factories.wires import register, running_fleet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
COUNT, KILLED, RATE_S = 20, 4, 3


@pytest.fixture
def fleet(tmp_path, transactional_db, settings):
    settings.DISPATCH_RESPONSE_S = 1.0
    tick._tracks.clear()
    tick._members.clear()
    get_fleet.cache_clear()
    make_owner(kind=OrganisationKind.UTILITY)
    with running_fleet(tmp_path, "--poll-interval", str(RATE_S), count=COUNT) as simulator:
        yield register(simulator)
        runtime.stop()
        gateway.forget_breakers()


class World:
    """The loop of all workers, and the truth at the devices."""

    def __init__(self, fleet, settings):
        self.fleet, self.shards = fleet, range(settings.SOUTHBOUND_SHARDS)
        functions = frozenset({DerFunction.REAL_POWER_DISPATCH})
        mrids = tuple(device.mrid for device in fleet.devices)
        data = GroupData(name="FLOW", functions=functions, members=MemberKeys(mrids=mrids))
        self.group = create_group(data=data, actor=SYSTEM)
        self.cycle()

    def cycle(self):
        for shard in self.shards:
            southbound.poll_shard(shard, RATE_S)
        relay()
        services.run_tick()
        for shard in self.shards:
            southbound.send_shard(shard)
            southbound.reconcile_shard(shard)

    def until(self, holds, *, within_s):
        begun = time.monotonic()
        while time.monotonic() - begun < within_s:
            started = time.monotonic()
            self.cycle()
            if holds():
                return time.monotonic() - begun
            time.sleep(max(0.0, 1.0 - (time.monotonic() - started)))
        row = GroupDispatch.objects.values("state", "tracking", "measured_now", "members_silent")
        raise AssertionError(f"{holds.__name__} not within {within_s} s: {row.last()}")

    def power_w(self, *, but=()):
        rows = self.fleet.ask("state")["devices"]
        return sum(row["p_w"] for row in rows if row["name"] not in but)


def test_group_tracks_survives_dead_members_and_is_released(fleet, settings):
    world = World(fleet, settings)
    rated = sum(float(row["rated_w"]) for row in fleet.rows)
    target = 0.4 * rated

    row = services.create_dispatch(
        data=DispatchData(
            group=GroupKey(mrid=world.group.mrid),
            parameter="activePower",
            interval_s=900.0,
            values=(target,),
        ),
        actor=actor(),
    )

    def fresh():
        return GroupDispatch.objects.get(pk=row.pk)

    def tracks():
        return fresh().tracking == "tracking" and abs(world.power_w() - target) <= 0.02 * target

    tracked_s = world.until(tracks, within_s=90)

    dead = [device.name for device in fleet.devices[:KILLED]]
    for name in dead:
        fleet.ask("fault", fault="dead", device=name)

    def others_took_over():
        now = fresh()
        alive = world.power_w(but=dead)
        return now.members_silent == KILLED and abs(alive - target) <= 0.02 * target

    recovered_s = world.until(others_took_over, within_s=90)

    services.cancel_dispatch(mrid=row.mrid, reason="flow test", actor=actor())

    def released():
        points = fleet.set_points()
        return not set(points) - set(dead)

    released_s = world.until(released, within_s=60)

    assert fresh().state == "cancelled"
    doubled = "SELECT count(*) FROM southbound_devicecommand GROUP BY origin, device_id, revision"
    with connection.cursor() as cursor:
        cursor.execute(f"{doubled} HAVING count(*) > 1")
        assert cursor.fetchall() == []
    assert DeviceCommand.objects.filter(origin=row.journal_key, revision=2).count() == COUNT
    print(f"tracked {tracked_s:.1f} s, recovered {recovered_s:.1f} s, released {released_s:.1f} s")
