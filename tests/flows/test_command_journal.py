"""The command journal from `queue_commands` to the device and back, over real TCP."""

import datetime as dt
import threading
import uuid

import numpy as np
import pytest
from django.db import connection, transaction

from derms.core import clock
from derms.core.actors import SYSTEM
from derms.core.errors import InvalidInputError, RuleViolationError
from derms.devices.services import set_eligible
from derms.events.models import OutboxFact
from derms.southbound import gateway, runtime, selectors, services
from derms.southbound.contract import CommandKind, CommandState
from derms.southbound.models import DeviceCommand
from derms.southbound.services import sending
from tests.factories.proxy import Proxy
from tests.factories.wires import register, running_fleet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fleet(tmp_path, transactional_db):
    with running_fleet(tmp_path, count=8) as simulator:
        yield register(simulator)
        runtime.stop()
        gateway.forget_breakers()


def queue(devices, values, *, origin, revision=1, kind=CommandKind.SET_ACTIVE_POWER, valid_s=30):
    return services.queue_commands(
        origin=origin,
        revision=revision,
        kind=kind,
        device_ids=np.array([device.id for device in devices]),
        values=np.broadcast_to(np.asarray(values, dtype=float), len(devices)).copy(),
        valid_until=clock.now() + dt.timedelta(seconds=valid_s),
        reversion_s=60,
        actor=SYSTEM,
    )


def send_all(settings):
    return sum(services.send_shard(shard) for shard in range(settings.SOUTHBOUND_SHARDS))


def reconcile_all(settings):
    return sum(services.reconcile_shard(shard) for shard in range(settings.SOUTHBOUND_SHARDS))


def states(origin):
    return selectors.command_states(origin)


def facts(topic):
    return [row.payload for row in OutboxFact.objects.filter(topic=topic).order_by("id")]


def age_leases(seconds=10):
    """Let every lease have ended `seconds` ago, as if that time had passed."""
    past = clock.now() - dt.timedelta(seconds=seconds)
    DeviceCommand.objects.exclude(lease_until=None).update(lease_until=past)


def test_a_queued_command_reaches_its_device_once(fleet, settings):
    origin = uuid.uuid4()

    assert queue(fleet.devices, 1200.0, origin=origin) == 8
    assert send_all(settings) == 8
    assert send_all(settings) == 0

    assert states(origin) == {"active": 8}
    assert len(fleet.writes()) == 8
    assert set(fleet.set_points().values()) == {1200.0}
    queued = facts("southbound.commands_queued")
    assert queued == [{"shards": [0, 1, 2, 3]}]
    settled = facts("southbound.commands_settled")
    assert sum(fact["counts"]["active"] for fact in settled) == 8
    assert {(fact["origin"], fact["revision"]) for fact in settled} == {(str(origin), 1)}


def test_parallel_senders_write_each_command_once(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 900.0, origin=origin)

    threads = [threading.Thread(target=_send_and_close, args=(settings,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send_all(settings)

    assert states(origin) == {"active": 8}
    assert len(fleet.writes()) == 8


def _send_and_close(settings):
    send_all(settings)
    connection.close()


def test_newer_command_supersedes_one_still_waiting(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 500.0, origin=origin, revision=1)

    queue(fleet.devices[:3], 700.0, origin=origin, revision=2)
    send_all(settings)

    assert states(origin) == {"superseded": 3, "active": 8}
    assert len(fleet.writes()) == 8
    latest = selectors.latest_commands(origin)
    assert latest.revision.tolist() == [2, 2, 2, 1, 1, 1, 1, 1]
    assert latest.value.tolist() == [700.0] * 3 + [500.0] * 5


def test_commands_of_another_sort_stand_side_by_side(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 500.0, origin=origin, revision=1)
    queue(fleet.devices, 100.0, origin=origin, revision=2, kind=CommandKind.SET_REACTIVE_POWER)

    send_all(settings)

    assert states(origin) == {"active": 16}


def test_release_ends_what_was_set(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 500.0, origin=origin, revision=1)
    send_all(settings)

    queue(fleet.devices, 0.0, origin=origin, revision=2, kind=CommandKind.RELEASE)
    send_all(settings)

    assert states(origin) == {"completed": 16}
    assert fleet.set_points() == {}


def test_command_past_its_time_is_never_sent(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 500.0, origin=origin, valid_s=-1)

    send_all(settings)

    assert states(origin) == {"expired": 8}
    assert fleet.writes() == []


def test_same_revision_twice_is_refused_and_changes_nothing(fleet):
    origin = uuid.uuid4()
    queue(fleet.devices, 500.0, origin=origin)

    with pytest.raises(RuleViolationError) as caught:
        queue(fleet.devices, 600.0, origin=origin)

    assert caught.value.code == "revision_exists"
    assert set(DeviceCommand.objects.values_list("value", "state")) == {(500.0, 1)}


@pytest.mark.parametrize("values", [np.nan, np.inf])
def test_refuses_what_is_no_number(fleet, values):
    with pytest.raises(InvalidInputError):
        queue(fleet.devices, values, origin=uuid.uuid4())

    assert DeviceCommand.objects.count() == 0


def test_refuses_a_device_listed_twice(fleet):
    with pytest.raises(InvalidInputError):
        queue([fleet.devices[0]] * 2, 1.0, origin=uuid.uuid4())


def test_dead_device_fails_alone_and_the_rest_go_through(fleet, settings):
    origin = uuid.uuid4()
    fleet.ask("fault", fault="dead", device=fleet.rows[0]["name"])
    queue(fleet.devices, 800.0, origin=origin)

    send_all(settings)

    assert states(origin) == {"failed": 1, "active": 7}


@pytest.fixture
def lossy(fleet):
    """The first device, reached through a proxy that can lose frames."""
    device = fleet.devices[0]
    _host, _, rest = device.address.partition(":")
    proxy = Proxy(int(rest.split("/")[0]))
    type(device).objects.filter(pk=device.pk).update(address=proxy.address)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("reached", [True, False])
def test_unanswered_write_is_unknown_until_the_device_is_asked(fleet, lossy, settings, reached):
    origin = uuid.uuid4()
    lossy.lose_replies, lossy.lose_requests = True, not reached
    queue(fleet.devices[:1], 640.0, origin=origin)
    send_all(settings)
    assert states(origin) == {"unknown": 1}

    reconcile_all(settings)
    assert states(origin) == {"unknown": 1}, "bytes may still be under way"
    age_leases()
    reconcile_all(settings)

    assert states(origin) == ({"active": 1} if reached else {"failed": 1})
    assert len(fleet.writes()) == (1 if reached else 0)


def test_unknown_command_of_a_silent_device_ends_with_its_reversion_time(fleet, lossy, settings):
    origin = uuid.uuid4()
    lossy.lose_replies = True
    queue(fleet.devices[:1], 640.0, origin=origin)
    send_all(settings)
    fleet.ask("fault", fault="dead", device=fleet.rows[0]["name"])
    age_leases()
    reconcile_all(settings)
    assert states(origin) == {"unknown": 1}

    long_ago = clock.now() - dt.timedelta(hours=1)
    DeviceCommand.objects.update(valid_until=long_ago, created_at=long_ago)
    reconcile_all(settings)

    assert states(origin) == {"failed": 1}


def test_lease_of_a_dead_worker_runs_out_and_the_device_decides(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 300.0, origin=origin)
    DeviceCommand.objects.update(
        state=CommandState.LEASED,
        lease_token=uuid.uuid4(),
        lease_until=clock.now() - dt.timedelta(seconds=10),
    )

    reconcile_all(settings)

    assert states(origin) == {"failed": 8}
    assert fleet.writes() == []
    counts = [fact["counts"] for fact in facts("southbound.commands_settled")]
    assert sum(count.get("unknown", 0) for count in counts) == 8
    assert sum(count.get("failed", 0) for count in counts) == 8


def test_newer_command_waits_for_a_lease(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices[:1], 300.0, origin=origin, revision=1)
    soon = clock.now() + dt.timedelta(seconds=60)
    DeviceCommand.objects.update(
        state=CommandState.LEASED, lease_token=uuid.uuid4(), lease_until=soon
    )
    queue(fleet.devices[:1], 400.0, origin=origin, revision=2)

    assert send_all(settings) == 0
    age_leases()
    reconcile_all(settings)
    assert send_all(settings) == 1

    assert states(origin) == {"superseded": 1, "active": 1}
    assert [w["decoded"]["704.WSet"] for w in fleet.writes()] == [400.0]


def test_a_claim_sees_what_another_is_leasing(fleet, settings):
    """Found by the kill test: the newer command overtook the older one of the same device."""
    origin, shard = uuid.uuid4(), fleet.devices[0].id % settings.SOUTHBOUND_SHARDS
    queue(fleet.devices[:1], 300.0, origin=origin, revision=1)
    leased, go_on = threading.Event(), threading.Event()

    def claim_slowly():
        with transaction.atomic():
            sending._claim(shard)
            leased.set()
            go_on.wait(5)
        connection.close()

    other = threading.Thread(target=claim_slowly)
    other.start()
    leased.wait(5)
    queue(fleet.devices[:1], 400.0, origin=origin, revision=2)
    threading.Timer(0.3, go_on.set).start()

    claimed = sending._claim(shard)
    other.join()

    assert claimed is None
    assert states(origin) == {"leased": 1, "queued": 1}


def test_command_held_back_is_not_sent_after_a_newer_one(fleet, settings):
    """Found by the kill test: a round of sending had passed the older command while it waited."""
    origin = uuid.uuid4()
    queue(fleet.devices[:1], 300.0, origin=origin, revision=1)
    queue(fleet.devices[:1], 400.0, origin=origin, revision=2)
    DeviceCommand.objects.filter(revision=2).update(state=CommandState.ACTIVE)

    send_all(settings)

    assert states(origin) == {"superseded": 1, "active": 1}
    assert fleet.writes() == []


def test_release_and_newer_set_point_keep_their_order(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 300.0, origin=origin, revision=1)
    send_all(settings)
    queue(fleet.devices, 0.0, origin=origin, revision=2, kind=CommandKind.RELEASE)
    queue(fleet.devices, 500.0, origin=origin, revision=3)

    send_all(settings)

    assert states(origin) == {"completed": 16, "active": 8}
    assert set(fleet.set_points().values()) == {500.0}


def test_device_not_eligible_is_not_commanded_but_released(fleet, settings):
    origin = uuid.uuid4()
    device = fleet.devices[0]
    set_eligible(mrids=[device.mrid], eligible=False, reason="left the programme", actor=SYSTEM)
    queue([device], 300.0, origin=origin, revision=1)
    send_all(settings)
    queue([device], 0.0, origin=origin, revision=2, kind=CommandKind.RELEASE)
    send_all(settings)

    assert states(origin) == {"rejected": 1, "completed": 1}
    assert fleet.writes() == []


def test_forgets_settled_commands_past_their_retention(fleet, settings):
    origin = uuid.uuid4()
    queue(fleet.devices, 300.0, origin=origin, valid_s=-1)
    send_all(settings)
    queue(fleet.devices, 300.0, origin=origin, revision=2)
    DeviceCommand.objects.update(created_at=clock.now() - dt.timedelta(days=400))

    assert services.forget_commands() == 8
    assert states(origin) == {"queued": 8}
