"""A group switched off and on by CIM message: real devices on TCP, real journal, events written."""

import zlib

import pytest
from lxml import etree

from derms.cim.models import OutboundMessage
from derms.events.services import relay
from derms.southbound.models import DeviceCommand
from dispatch import services
from dispatch.models import EndDeviceControl
from dispatch.selectors.snapshots import held_off_ids, members_in_database
from tests.cim.conftest import Dms
from tests.cim.messages import control, create_controls, create_groups, group
from tests.factories.partners import subscription
from tests.flows.workers import Workers, registered_fleet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
COUNT = 5
CONTROL, CREATE = "create/executeEndDeviceControls", "create/executeDERGroups"
CONNECT, DISCONNECT = "2.31.0.18", "2.31.0.23"


@pytest.fixture
def fleet(tmp_path, transactional_db):
    with registered_fleet(tmp_path, COUNT) as found:
        yield found


def last_control():
    return EndDeviceControl.objects.values("state", "done", "failed", "unknown").last()


class World(Workers):
    """A DMS, its group of all devices, and the loop of all workers."""

    def __init__(self, fleet, dms, settings):
        super().__init__(fleet, settings, decide=services.run_controls, told=last_control)
        self.dms = dms
        self.mrids = sorted(device.mrid for device in fleet.devices)
        dms.post(CREATE, create_groups(group("g", "ISLAND", self.mrids)))
        self.cycle()

    def in_service(self):
        return [row["in_service"] for row in self.fleet.ask("state")["devices"]]

    def switch(self, ref, **ids):
        """Send a control and wait for its end; returns the state it ended in."""
        said = self.dms.post(CONTROL, create_controls(control(ref, groups=["g"]), **ids))
        assert said.result == "OK"

        def ended():
            return EndDeviceControl.objects.latest("pk").ended_at is not None

        self.until(ended, within_s=60)
        relay()
        return EndDeviceControl.objects.latest("pk").state


def events():
    """(CorrelationID, type, device) of every event that waits for delivery."""
    found = []
    for row in OutboundMessage.objects.filter(noun="EndDeviceEvents"):
        message = etree.fromstring(zlib.decompress(row.body)).find(".//{*}CreatedEndDeviceEvents")
        correlation = message.findtext("{*}Header/{*}CorrelationID")
        for event in message.iter("{*}EndDeviceEvent"):
            ref = event.find("{*}EndDeviceEventType").get("ref")
            found.append((correlation, ref, event.findtext("{*}Assets/{*}mRID")))
    return sorted(found)


def test_group_is_disconnected_and_connected_again(fleet, dms, settings):
    subscription(noun="EndDeviceEvents")
    world = World(fleet, Dms(dms), settings)
    assert world.in_service() == [True] * COUNT

    assert world.switch(DISCONNECT, message_id="off-1") == "completed"
    assert world.in_service() == [False] * COUNT
    off = {("off-1", "2.31.0.68", mrid) for mrid in world.mrids}
    assert events() == sorted(off)
    ids = held_off_ids()
    assert ids.size == COUNT
    assert not members_in_database(ids, reactive=False).usable.any()

    assert world.switch(CONNECT, correlation_id="on-1") == "completed"
    assert sorted(set(events()) - off) == [("on-1", "2.31.0.42", mrid) for mrid in world.mrids]
    assert held_off_ids().size == 0
    assert DeviceCommand.objects.count() == 2 * COUNT
    assert len(fleet.writes()) == 2 * COUNT  # each device was written to once for each control

    def back_on_the_grid():
        usable = members_in_database(ids, reactive=False).usable
        return world.in_service() == [True] * COUNT and bool(usable.all())

    # Allowed to, they still keep their enter-service delay of 3 s.
    world.until(back_on_the_grid, within_s=30)


def test_devices_that_fail_are_told_of_one_by_one(fleet, dms, settings):
    settings.CONTROL_VALID_S = settings.CONTROL_DEADLINE_S = 6.0
    subscription(noun="EndDeviceEvents")
    world = World(fleet, Dms(dms), settings)
    faults = dict(zip(("dead", "ignore", "local"), fleet.devices, strict=False))
    for fault, device in faults.items():
        fleet.ask("fault", fault=fault, device=device.name)

    assert world.switch(DISCONNECT, message_id="off-2") == "partly_failed"

    told = {device: ref for _, ref, device in events()}
    assert len(told) == COUNT
    assert {told.pop(device.mrid) for device in faults.values()} == {"2.31.0.84"}
    assert set(told.values()) == {"2.31.0.68"}
    assert set(world.in_service()) == {True, False}
    assert held_off_ids().size == COUNT - len(faults)
