"""Usage of a group over REST: the same sums as over CIM."""

import datetime as dt

from tests.cim.conftest import dms_client, make_devices  # noqa: F401 - a fixture
from tests.cim.test_meter_readings import quarter, stamp
from tests.cim.test_meter_readings_out import make_group, roll_up

START = "from"


def test_usage_by_quarter_hours(viewer, dms_client):  # noqa: F811 - the fixture
    first, second = make_devices(2)
    start = roll_up(first, 2000.0, -400.0)
    roll_up(second, -4000.0, None)
    group = make_group(dms_client, first, second)

    said = viewer.get(f"/api/v1/groups/{group.mrid}/usage", {START: stamp(start)})

    assert said.status_code == 200, said.content
    assert said.json() == [
        {
            "start_at": stamp(start),
            "injected": 500.0,
            "absorbed": 1000.0,
            "measured": 2,
            "members": 2,
        },
        {
            "start_at": stamp(start + dt.timedelta(minutes=15)),
            "injected": 0.0,
            "absorbed": 100.0,
            "measured": 1,
            "members": 2,
        },
    ]


def test_what_cannot_be_asked(viewer, dms_client):  # noqa: F811 - the fixture
    group = make_group(dms_client, *make_devices(1))
    url = f"/api/v1/groups/{group.mrid}/usage"

    assert viewer.get(url, {"quantity": "voltage_v"}).status_code == 422
    assert viewer.get(url, {START: "yesterday"}).status_code == 422
    assert viewer.get(url, {START: "2020-01-01T00:00:00Z"}).status_code == 413
    assert viewer.get("/api/v1/groups/nobody/usage").status_code == 404


def test_groups_of_others_do_not_exist(aggregator, dms_client):  # noqa: F811 - the fixture
    group = make_group(dms_client, *make_devices(1))

    assert aggregator.get(f"/api/v1/groups/{group.mrid}/usage").status_code == 404


def test_a_time_without_usage(viewer, dms_client):  # noqa: F811 - the fixture
    group = make_group(dms_client, *make_devices(1))

    said = viewer.get(f"/api/v1/groups/{group.mrid}/usage", {START: stamp(quarter())})

    assert said.json() == []
