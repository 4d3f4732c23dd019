import datetime as dt
import time
import zlib

import numpy as np
import pytest
from lxml import etree

from derms.cim import operations
from derms.cim.models import OutboundMessage, Subscription
from derms.core import clock
from derms.core.actors import Role
from derms.devices.fleet import Fleet
from derms.devices.services import store_readings, update_device
from groups import services
from groups.choices import DerFunction
from groups.cim.push import StatusPusher
from groups.rules.definition import GroupChange, GroupData, GroupKey, MemberKeys
from groups.rules.triggers import Now, Sent, Trigger, due
from groups.services import watchers
from groups.services.statuses import StatusKeeper
from tests.cim import messages as build
from tests.cim.conftest import check_reply
from tests.factories import devices
from tests.factories.partners import partner, subscription

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper(monkeypatch):
    """The status worker's memory, afresh, with its pusher."""
    monkeypatch.setattr(watchers, "status_watchers", [StatusPusher().tell])
    return StatusKeeper(Fleet(), pause_s=0)


def make_devices(count):
    return [devices.make_device().mrid for _ in range(count)]


def make_group(actor, name, members, mrid=""):
    data = GroupData(
        name=name,
        mrid=mrid,
        functions=frozenset({DerFunction.REAL_POWER_DISPATCH}),
        members=MemberKeys(mrids=tuple(members)),
    )
    return services.create_group(data=data, actor=actor)


def written():
    """The messages that wait, taken apart and validated: (operation, element)."""
    found = []
    for row in OutboundMessage.objects.order_by("id"):
        root = etree.fromstring(zlib.decompress(row.body))[0][0]
        check_reply(operations.find(row.noun, row.verb).messages, root)
        found.append((etree.QName(root).localname, root))
    return found


def texts(root, path):
    return [e.text for e in root.iterfind(path)]


def test_a_new_group_is_told_with_all_of_it(engineer):
    subscription()
    members = make_devices(2)

    make_group(engineer.actor, "NORTH", members, mrid="g-north")

    ((root, message),) = written()
    assert root == "CreatedDERGroups"
    assert texts(message, ".//{*}EndDeviceGroup/{*}mRID") == ["g-north"]
    assert texts(message, ".//{*}EndDevices/{*}mRID") == members
    assert texts(message, ".//{*}realPowerDispatch") == ["true"]
    assert OutboundMessage.objects.get().groups == ["g-north"]


def test_changes_tell_what_changed_and_removed_members_as_an_operation_set(engineer):
    first, second, third = make_devices(3)
    group = make_group(engineer.actor, "NORTH", [first, second])
    subscription()
    change = GroupChange(
        description="new", add=MemberKeys(mrids=(third,)), remove=MemberKeys(mrids=(first,))
    )

    services.change_group(key=GroupKey(mrid=group.mrid), change=change, actor=engineer.actor)

    (one, removal), (two, changed) = written()
    assert (one, two) == ("ExecutedDERGroupsOperationSet", "ChangedDERGroups")
    assert texts(removal, ".//{*}Operation/{*}verb") == ["delete"]
    assert texts(removal, ".//{*}Operation/{*}elementOperation") == ["true"]
    assert texts(removal, ".//{*}EndDevices/{*}mRID") == [first]
    assert texts(changed, ".//{*}description") == ["new"]
    assert texts(changed, ".//{*}EndDevices/{*}mRID") == [third]


def test_a_mere_removal_is_an_operation_set_alone(engineer):
    first, second = make_devices(2)
    group = make_group(engineer.actor, "NORTH", [first, second])
    subscription()

    services.change_group(
        key=GroupKey(mrid=group.mrid),
        change=GroupChange(remove=MemberKeys(mrids=(first,))),
        actor=engineer.actor,
    )

    assert [name for name, _ in written()] == ["ExecutedDERGroupsOperationSet"]


def test_a_deleted_group_is_told_by_its_identification(engineer):
    group = make_group(engineer.actor, "NORTH", make_devices(1))
    subscription()

    services.delete_group(key=GroupKey(mrid=group.mrid), actor=engineer.actor)

    ((root, message),) = written()
    assert root == "DeletedDERGroups"
    assert texts(message, ".//{*}EndDeviceGroup/{*}mRID") == [group.mrid]
    assert texts(message, ".//{*}Names/{*}name") == ["NORTH"]
    assert not texts(message, ".//{*}EndDevices/{*}mRID")


def test_not_back_to_the_client_that_made_it(dms_client):
    mine = subscription(partner())
    mine.partner.client_id = dms_client_pk(dms_client)
    mine.partner.save()
    others = subscription()

    said = dms_client.post(
        "create/executeDERGroups", build.create_groups(build.group(mrid="g1", name="G"))
    )

    assert said.result == "OK"
    assert OutboundMessage.objects.get().subscription == others


def dms_client_pk(client):
    from derms.accounts.models import ApiClient

    return ApiClient.objects.get(mrid=client.actor.mrid).pk


def test_an_aggregator_is_told_of_its_own_groups_only(engineer):
    mine = subscription(partner(Role.AGGREGATOR, kind="aggregator"))

    make_group(engineer.actor, "NORTH", make_devices(1))

    assert not OutboundMessage.objects.exists()
    assert mine.active


def told(name=None):
    """Which groups each message named, oldest first."""
    return [sorted(texts(m, ".//{*}EndDeviceGroup/{*}mRID")) for _, m in written()]


def read(device, power_w):
    store_readings(devices.make_batch([device.pk], power_w))


def delivered():
    OutboundMessage.objects.update(state="delivered")


def test_a_status_is_told_first_and_then_by_threshold(engineer, keeper):
    one, two = (devices.make_device(poll_interval_s=5) for _ in range(2))
    make_group(engineer.actor, "A", [one.mrid], mrid="a")
    make_group(engineer.actor, "B", [two.mrid], mrid="b")
    subscription(noun="DERGroupStatuses", change_w=100, on_state=False, min_interval_s=0)
    read(one, 1000.0)
    read(two, 500.0)
    keeper.tick()
    assert told() == [["a", "b"]]
    delivered()

    read(one, 1099.0)
    keeper.tick()
    assert len(told()) == 1, "99 W is below the threshold"
    read(one, 1100.0)
    keeper.tick()

    assert told()[1:] == [["a"]]
    name, last = written()[-1]
    assert name == "ChangedDERGroupStatuses"
    assert texts(last, ".//{*}nominalYValue")[0] == "1.1"


def test_a_lost_device_is_a_change_of_state(engineer, keeper):
    device = devices.make_device(poll_interval_s=1)
    make_group(engineer.actor, "A", [device.mrid], mrid="a")
    subscription(noun="DERGroupStatuses", min_interval_s=0)
    almost = clock.now() - dt.timedelta(seconds=2)
    store_readings(devices.make_batch([device.pk], 1000.0, at=almost))
    keeper.tick()
    assert texts(written()[-1][1], ".//{*}status/{*}value") == ["Online"]
    delivered()
    keeper.tick()
    assert len(told()) == 1

    time.sleep(1.2)  # now the value is older than three periods
    keeper.tick()

    assert len(told()) == 2
    assert texts(written()[-1][1], ".//{*}status/{*}value") == ["Offline"]


def test_another_capability_is_a_change_of_state(engineer, keeper):
    device = devices.make_device(poll_interval_s=60)
    make_group(engineer.actor, "A", [device.mrid], mrid="a")
    subscription(noun="DERGroupStatuses", min_interval_s=0)
    read(device, 0.0)
    keeper.tick()
    delivered()
    keeper.tick()
    assert len(told()) == 1

    update_device(
        mrid=device.mrid, changes={"nameplate": {"rated_w": 1234.0}}, actor=engineer.actor
    )
    keeper.tick()

    assert len(told()) == 2
    assert texts(written()[-1][1], ".//{*}yUnitInstalledMax") == ["1.234"]


def test_nothing_new_while_one_waits_and_then_the_newest(engineer, keeper):
    device = devices.make_device(poll_interval_s=5)
    make_group(engineer.actor, "A", [device.mrid], mrid="a")
    subscription(noun="DERGroupStatuses", change_w=1, min_interval_s=0)
    for power in (100.0, 200.0, 300.0):
        read(device, power)
        keeper.tick()
    assert len(told()) == 1
    delivered()

    keeper.tick()

    assert texts(written()[-1][1], ".//{*}nominalYValue")[0] == "0.3"


def test_listed_groups_periods_and_pauses(engineer, keeper):
    device = devices.make_device(poll_interval_s=5)
    for name in ("a", "b"):
        make_group(engineer.actor, name, [device.mrid], mrid=name)
    subscription(noun="DERGroupStatuses", groups=["b"], on_change=False, period_s=0.3)
    keeper.tick()
    delivered()
    keeper.tick()
    assert told() == [["b"]]

    time.sleep(1.05)
    keeper.tick()

    assert told() == [["b"], ["b"]], "the least interval is 1 s"


def test_a_new_group_is_told_and_a_deleted_one_is_forgotten(engineer, keeper):
    device = devices.make_device(poll_interval_s=5)
    first = make_group(engineer.actor, "a", [device.mrid], mrid="a")
    subscription(noun="DERGroupStatuses", min_interval_s=0)
    keeper.tick()
    delivered()
    make_group(engineer.actor, "b", [device.mrid], mrid="b")
    services.delete_group(key=GroupKey(mrid=first.mrid), actor=engineer.actor)

    keeper.tick()

    assert told()[1:] == [["b"]]


def test_a_changed_subscription_counts_at_once(engineer, keeper):
    device = devices.make_device(poll_interval_s=5)
    make_group(engineer.actor, "a", [device.mrid], mrid="a")
    subscription(noun="DERGroupStatuses", groups=["other"])
    keeper.tick()
    assert told() == []

    Subscription.objects.update(groups=["a"], revision=2)
    keeper.tick()

    assert told() == [["a"]]


def test_a_tick_without_anything_due_asks_one_query_for_a_thousand_groups(
    engineer, django_assert_num_queries
):
    pusher = StatusPusher()
    (mrid,) = make_devices(1)
    for i in range(3):
        make_group(engineer.actor, f"g{i}", [mrid])
    for _ in range(20):
        subscription(noun="DERGroupStatuses", change_w=100)
    keys = np.arange(1, 1001)
    zeros = np.zeros(1000)
    columns = columns_of(zeros)
    pusher.tell(watchers.Statuses(keys, columns, clock.now()))

    with django_assert_num_queries(1):
        started = time.perf_counter()
        pusher.tell(watchers.Statuses(keys, columns, clock.now()))
        took = time.perf_counter() - started

    assert took < 0.1, "aim 20 ms; the machine may be busy"


def columns_of(power):
    from dataclasses import fields

    from groups.rules.aggregate import GroupColumns

    count = len(power)
    whole = {"members", "good", "stale", "connected", "disconnected", "running", "throttled"}
    values = {
        f.name: np.zeros(count, dtype=np.int64 if f.name in whole | {"fault"} else float)
        for f in fields(GroupColumns)
    }
    return GroupColumns(**values | {"active_power_w": power})


@pytest.mark.parametrize(
    ("trigger", "power", "good", "age", "wanted"),
    [
        ({"change_w": 100.0}, 99.0, 5, 10, False),
        ({"change_w": 100.0}, -100.0, 5, 10, True),
        ({"change_w": 100.0, "on_change": False}, 500.0, 5, 10, False),
        ({"change_pct": 10.0}, 199.0, 5, 10, False),
        ({"change_pct": 10.0}, 200.0, 5, 10, True),
        ({"change_pct": 10.0}, 200.0, 5, 0.5, False),
        ({"on_state": True}, 0.0, 4, 10, True),
        ({"on_state": False}, 0.0, 4, 10, False),
        ({"period_s": 10.0}, 0.0, 5, 9.9, False),
        ({"period_s": 10.0}, 0.0, 5, 10.0, True),
        ({"change_w": 0.0}, 0.0, 5, 10, False),
        ({}, 1e9, 5, 1e9, False),
    ],
)
def test_triggers(trigger, power, good, age, wanted):
    asked = {"on_change": True, "change_w": None, "change_pct": None, "on_state": False}
    asked |= {"min_interval_s": 1.0, "period_s": None}
    ones = np.ones(1, dtype=np.int64)
    now = now_of(active_power_w=np.array([power]), members=ones * 5, good=ones * good)
    sent = Sent.nothing(1)
    sent.note(np.array([0]), now_of(members=ones * 5, good=ones * 5), 100.0 - age)

    assert due(Trigger(**asked | trigger), now, sent, 100.0).tolist() == [wanted]


def now_of(**more):
    whole = np.zeros(1, dtype=np.int64)
    values = {
        "active_power_w": np.zeros(1),
        "installed_w": np.array([2000.0]),
        "members": whole,
        "good": whole,
        "available_w": np.zeros((1, 2)),
        "ratings": np.zeros((1, 4)),
    }
    return Now(**values | more)


@pytest.mark.parametrize(
    ("trigger", "moved", "wanted"),
    [
        ({"change_w": 100.0}, {"available_w": np.array([[0.0, -100.0]])}, True),
        ({"change_w": 100.0}, {"available_w": np.array([[99.0, 0.0]])}, False),
        ({"change_w": 100.0}, {"ratings": np.array([[500.0, 0.0, 0.0, 0.0]])}, False),
        ({"on_state": True}, {"available_w": np.array([[500.0, 0.0]])}, False),
        ({"on_state": True}, {"ratings": np.array([[0.0, 0.0, 0.0, 500.0]])}, True),
        ({"on_state": True}, {"ratings": np.array([[1e-6, 0.0, 0.0, 0.0]])}, False),
    ],
)
def test_triggers_of_capability(trigger, moved, wanted):
    asked = {"on_change": True, "change_w": None, "change_pct": None, "on_state": False}
    asked |= {"min_interval_s": 1.0, "period_s": None}
    sent = Sent.nothing(1)
    sent.note(np.array([0]), now_of(), 0.0)

    assert due(Trigger(**asked | trigger), now_of(**moved), sent, 100.0).tolist() == [wanted]
