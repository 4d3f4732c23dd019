"""A group dispatch from acceptance to release: real devices on TCP, real journal, closed loop."""

import pytest
from django.db import connection

from derms.core.actors import SYSTEM
from derms.southbound.models import DeviceCommand
from dispatch import services
from dispatch.models import GroupDispatch
from dispatch.rules.request import DispatchData
from dispatch.services import tick
from groups.choices import DerFunction
from groups.rules.definition import GroupData, GroupKey, MemberKeys
from groups.services import create_group
from tests.factories.accounts import actor
from tests.flows.workers import Workers, registered_fleet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
COUNT, KILLED = 20, 4


@pytest.fixture
def fleet(tmp_path, transactional_db, settings):
    settings.DISPATCH_RESPONSE_S = 1.0
    tick._tracks.clear()
    tick._members.clear()
    with registered_fleet(tmp_path, COUNT) as found:
        yield found


def last_dispatch():
    fields = ("state", "tracking", "measured_now", "members_silent")
    return GroupDispatch.objects.values(*fields).last()


class World(Workers):
    """A group of all devices, the loop of all workers, and the truth at the devices."""

    def __init__(self, fleet, settings):
        super().__init__(fleet, settings, decide=services.run_tick, told=last_dispatch)
        functions = frozenset({DerFunction.REAL_POWER_DISPATCH})
        mrids = tuple(device.mrid for device in fleet.devices)
        data = GroupData(name="FLOW", functions=functions, members=MemberKeys(mrids=mrids))
        self.group = create_group(data=data, actor=SYSTEM)
        self.cycle()

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

    tracked_s = world.until(tracks, within_s=90, every_s=1)

    dead = [device.name for device in fleet.devices[:KILLED]]
    for name in dead:
        fleet.ask("fault", fault="dead", device=name)

    def others_took_over():
        now = fresh()
        alive = world.power_w(but=dead)
        return now.members_silent == KILLED and abs(alive - target) <= 0.02 * target

    recovered_s = world.until(others_took_over, within_s=90, every_s=1)

    services.cancel_dispatch(mrid=row.mrid, reason="flow test", actor=actor())

    def released():
        points = fleet.set_points()
        return not set(points) - set(dead)

    released_s = world.until(released, within_s=60, every_s=1)

    assert fresh().state == "cancelled"
    doubled = "SELECT count(*) FROM southbound_devicecommand GROUP BY origin, device_id, revision"
    with connection.cursor() as cursor:
        cursor.execute(f"{doubled} HAVING count(*) > 1")
        assert cursor.fetchall() == []
    assert DeviceCommand.objects.filter(origin=row.journal_key, revision=2).count() == COUNT
    print(f"tracked {tracked_s:.1f} s, recovered {recovered_s:.1f} s, released {released_s:.1f} s")
