import time

import msgpack
import numpy as np
import orjson
import pytest
from django.conf import settings

from derms.core import clock, valkey
from derms.core.actors import Actor, ActorKind, Role
from derms.core.errors import NotFoundError
from derms.core.quantities import Quantity
from derms.devices import services
from derms.devices.models import EndDevice
from derms.live import services as live
from derms.live import topics
from tests.factories.devices import make_batch, make_device, make_owner
from tests.unit.devices.test_fleet import statuses


@pytest.fixture
def heard(db):
    """Listen to everything pushed to browsers; returns the (topic, data) heard until now."""
    prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
    listener = valkey.client().pubsub()
    listener.psubscribe(f"{prefix}__group__*")
    assert listener.get_message(timeout=2)["type"] == "psubscribe"

    def hear():
        found = []
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline:
            message = listener.get_message(timeout=0.05)
            if message is not None:
                frame = msgpack.unpackb(message["data"])
                body = frame["body"]
                text = body.encode() if isinstance(body, str) else body
                data = orjson.loads(b"{" + text + b"}")["data"]
                found.append((frame["topic"], data))
        return found

    yield hear
    listener.close()


@pytest.fixture
def watch(db):
    def note(**wanted):
        live._watched.clear()
        live.note_watched(wanted)

    yield note
    for base in ("devices", "device"):
        valkey.client().delete(live._watch_key(base))
    live._watched.clear()


def test_pushes_rows_that_are_looked_at(heard, watch, django_capture_on_commit_callbacks):
    seen, unseen = make_device(), make_device()
    services.store_readings(make_batch([seen.pk], 40.0, quantity=Quantity.SOC_PCT))
    watch(devices=[seen.mrid])

    with django_capture_on_commit_callbacks(execute=True):
        services.store_readings(make_batch([seen.pk, unseen.pk], 1200.0))

    [(topic, [row])] = heard()
    assert topic == "devices"
    assert (row["mrid"], row["p_w"], row["soc_pct"], row["q_var"]) == (seen.mrid, 1200, 40, None)
    assert (row["quality"], row["stale"]) == ("good", False)
    assert row["measured_at"] == pytest.approx(time.time(), abs=5)


def test_pushes_the_page_of_an_open_device(heard, watch, django_capture_on_commit_callbacks):
    device = make_device()
    watch(device=[device.mrid])

    with django_capture_on_commit_callbacks(execute=True):
        services.store_status(statuses([device.pk], local_control=True))

    [(topic, page)] = heard()
    assert topic == f"device:{device.mrid}"
    assert page["status"]["local_control"] is True
    assert page["status"]["connection"] == "connected"
    assert page["latest"] == {}


def test_late_readings_are_not_pushed(heard, watch, django_capture_on_commit_callbacks):
    device = make_device()
    now = clock.now()
    services.store_readings(make_batch([device.pk], 2.0, at=now))
    watch(devices=[device.mrid])

    with django_capture_on_commit_callbacks(execute=True):
        late = make_batch([device.pk], 1.0, at=now.replace(microsecond=0))
        services.store_readings(late)

    assert heard() == []


def test_nobody_looking_costs_nothing(heard, watch, django_capture_on_commit_callbacks):
    device = make_device()
    watch()

    with django_capture_on_commit_callbacks(execute=True):
        services.store_readings(make_batch([device.pk]))

    assert heard() == []


def test_snapshot_shows_only_ones_own_devices(db):
    owner = make_owner("Aggregator", "aggregator")
    mine, other = make_device(owner=owner), make_device()
    aggregator = Actor(
        kind=ActorKind.CLIENT,
        mrid="c",
        name="c",
        roles=frozenset({Role.AGGREGATOR}),
        organisation_mrid=owner.mrid,
    )
    rows, _ = topics.find_topic("devices")
    page, _ = topics.find_topic(f"device:{other.mrid}")

    found = rows.snapshot({"ids": [mine.mrid, other.mrid, "nobody"]}, aggregator)

    assert [row["mrid"] for row in found] == [mine.mrid]
    with pytest.raises(NotFoundError):
        page.snapshot({"mrid": other.mrid}, aggregator)
    assert page.snapshot({"mrid": mine.mrid}, aggregator)["mrid"] == mine.mrid


def test_row_of_a_silent_device_is_stale(db):
    device = make_device()
    rows, _ = topics.find_topic("devices")
    services.store_readings(make_batch([device.pk], np.float64(1.5)))
    EndDevice.objects.update(poll_interval_s=0)

    [row] = rows.snapshot({"ids": [device.mrid]}, Actor(ActorKind.SYSTEM, "", "x"))

    assert (row["stale"], row["p_w"]) == (True, 1.5)
