import datetime as dt
import json

import pytest

from derms.accounts.models import Organisation
from derms.core import clock
from derms.devices.models import LatestReading, Reading
from derms.devices.services import roll_up, store_readings
from tests.factories.devices import make_batch, make_device

URL = "/api/v1/readings"


def reading(device, /, **more):
    return {
        "device": device.mrid,
        "quantity": "active_power_w",
        "measured_at": clock.now().isoformat(),
        "value": 1000.5,
    } | more


def test_stores_readings_in_bulk(engineer):
    device = make_device()
    at = "2026-01-01T12:00:00+01:00"
    now = clock.now()
    rows = [
        reading(device, measured_at=(now - dt.timedelta(seconds=s)).isoformat(), value=s)
        for s in range(5)
    ]

    response = engineer.post(URL, {"readings": rows})

    assert response.status_code == 200
    assert response.json() == {"stored": 5, "repeated": 0, "late": 0, "refused": []}
    assert LatestReading.objects.get().value == 0
    assert Reading.objects.filter(source=2, quality=0).count() == 5
    assert engineer.post(URL, {"readings": rows}).json()["repeated"] == 5
    old = engineer.post(URL, {"readings": [reading(device, measured_at=at)]})
    assert old.json()["refused"][0]["code"] == "too_old"


def test_refuses_row_by_row(engineer):
    device = make_device()
    rows = [
        reading(device),
        reading(device, device="nobody"),
        reading(device, quantity="smell"),
        reading(device, quality="great", value=1),
        reading(device, measured_at=(clock.now() + dt.timedelta(hours=1)).isoformat()),
    ]

    response = engineer.post(URL, {"readings": rows})

    body = response.json()
    assert body["stored"] == 1
    assert [(r["row"], r["code"]) for r in body["refused"]] == [
        (1, "unknown_device"),
        (2, "unknown_quantity"),
        (3, "unknown_quality"),
        (4, "in_the_future"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"readings": 1}',
        b'{"readings": [{"device": "a"}]}',
        b'{"readings": [], "more": 1}',
        b'{"readings": [{"device":"a","quantity":"soc_pct","measured_at":"x","value":1}]}',
        b'{"readings": [{"device":"a","quantity":"soc_pct","measured_at":"2026-01-01","value":1}]}',
        b'{"readings": [{"device":"a","quantity":"soc_pct","value":NaN}]}',
        b"\xff\xfe",
    ],
)
def test_refuses_what_is_not_readings(engineer, body):
    response = engineer.generic("POST", URL, body, content_type="application/json")

    assert response.status_code == 422
    assert not Reading.objects.exists()


def test_time_without_zone_is_refused(engineer):
    device = make_device()

    response = engineer.post(
        URL, {"readings": [reading(device, measured_at="2026-01-01T00:00:00")]}
    )

    assert response.status_code == 422


def test_aggregator_writes_only_its_own(aggregator):
    organisation = Organisation.objects.get(mrid=aggregator.actor.organisation_mrid)
    mine, other = make_device(owner=organisation), make_device()

    response = aggregator.post(URL, {"readings": [reading(mine), reading(other)]})

    assert response.json()["stored"] == 1
    assert response.json()["refused"][0] == {
        "row": 1,
        "code": "unknown_device",
        "message": "There is no such device.",
    }


def test_viewer_may_not_write(viewer):
    assert viewer.post(URL, {"readings": []}).status_code == 403


def test_reads_history_raw_and_rolled_up(viewer):
    device = make_device()
    start = clock.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=2)
    for minute in range(30):
        at = start + dt.timedelta(minutes=minute)
        store_readings(make_batch([device.pk], float(minute), at=at))
    roll_up()
    url = f"/api/v1/devices/{device.mrid}/readings"
    window = {"from": start.isoformat(), "to": (start + dt.timedelta(minutes=30)).isoformat()}

    raw = viewer.get(url, window | {"quantity": "active_power_w"}).json()
    rolled = viewer.get(url, window | {"quantity": "active_power_w", "resolution": "15m"}).json()

    assert [point["value"] for point in raw["results"]] == list(range(30))
    assert raw["truncated"] is False
    assert [(p["mean"], p["minimum"], p["maximum"], p["count"]) for p in rolled["results"]] == [
        (7, 0, 14, 15),
        (22, 15, 29, 15),
    ]
    newest = viewer.get(url, window | {"limit": 2}).json()
    assert [point["value"] for point in newest["results"]] == [28, 29]
    assert newest["truncated"] is True


@pytest.mark.parametrize(
    "query", ["quantity=smell", "resolution=1h", "from=yesterday", "limit=0", "limit=x", "limit=²"]
)
def test_refuses_senseless_questions(viewer, query):
    device = make_device()

    assert viewer.get(f"/api/v1/devices/{device.mrid}/readings?{query}").status_code == 422


def test_body_is_read_as_sent(engineer):
    device = make_device()
    text = json.dumps({"readings": [reading(device, value=1e-3)]})

    response = engineer.generic("POST", URL, text, content_type="application/json")

    assert response.json()["stored"] == 1
    assert Reading.objects.get().value == 0.001
