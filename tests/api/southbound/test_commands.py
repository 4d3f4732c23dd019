import datetime as dt
import uuid

import numpy as np
import pytest

from derms.core import clock
from derms.core.actors import SYSTEM
from derms.southbound import services
from derms.southbound.contract import CommandKind
from derms.southbound.models import DeviceLink
from tests.factories.devices import make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def journal():
    """Two devices, each with a set point and a release."""
    devices = [make_device(), make_device()]
    origin = uuid.uuid4()
    for revision, kind in enumerate((CommandKind.SET_ACTIVE_POWER, CommandKind.RELEASE), 1):
        services.queue_commands(
            origin=origin,
            revision=revision,
            kind=kind,
            device_ids=np.array([device.id for device in devices]),
            values=np.array([100.0, 200.0]),
            valid_until=clock.now() + dt.timedelta(minutes=1),
            reversion_s=60,
            actor=SYSTEM,
        )
    return devices, origin


def test_commands_are_listed_newest_first(viewer, journal):
    devices, origin = journal

    rows = viewer.get("/api/v1/commands").json()["results"]

    assert [row["revision"] for row in rows] == [2, 2, 1, 1]
    assert {row["device"] for row in rows} == {device.mrid for device in devices}
    assert rows[-1] == rows[-1] | {
        "device_name": devices[0].name,
        "origin": str(origin),
        "kind": "set_active_power",
        "value": 100.0,
        "state": "queued",
        "sent_at": None,
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("device={device}", 2),
        ("origin={origin}", 4),
        ("origin=00000000-0000-4000-8000-000000000000", 0),
        ("state=queued", 4),
        ("state=active", 0),
    ],
)
def test_queries_narrow_the_list(viewer, journal, query, count):
    devices, origin = journal
    text = query.format(device=devices[0].mrid, origin=origin)

    assert len(viewer.get(f"/api/v1/commands?{text}").json()["results"]) == count


@pytest.mark.parametrize("query", ["state=nonsense", "origin=1"])
def test_nonsense_is_refused(viewer, query):
    assert viewer.get(f"/api/v1/commands?{query}").status_code == 422


def test_commands_of_one_device(viewer, journal):
    devices, _ = journal

    rows = viewer.get(f"/api/v1/devices/{devices[1].mrid}/commands").json()["results"]

    assert [row["kind"] for row in rows] == ["release", "set_active_power"]
    assert viewer.get("/api/v1/devices/nobody/commands").status_code == 404


def test_links_are_listed_by_state(viewer, journal):
    devices, _ = journal
    DeviceLink.objects.create(device=devices[0], state="down", last_error="no answer")

    rows = viewer.get("/api/v1/links?state=down").json()["results"]

    assert [(row["device"], row["last_error"]) for row in rows] == [(devices[0].mrid, "no answer")]
    assert viewer.get("/api/v1/links?state=up").json()["results"] == []


@pytest.mark.parametrize("path", ["commands", "links"])
def test_strangers_see_nothing(stranger, path):
    assert stranger.get(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize("path", ["commands", "links"])
def test_commands_are_not_for_customer_service(csr, path):
    assert csr.get(f"/api/v1/{path}").status_code == 403
