"""One good message of every operation, to be spoilt; what it names exists, and it is accepted."""

from derms.core import clock
from tests.cim import meter_messages as meters
from tests.cim.conftest import make_devices
from tests.cim.messages import (
    asked,
    control,
    create_controls,
    create_dispatches,
    create_groups,
    created_events,
    dispatch,
    forecast,
    forecast_query,
    forecasts,
    group,
    groups_content,
    operation,
    operation_set,
    query,
    schedule,
    soap,
    statuses,
)
from tests.cim.test_dispatches import report, soon


def good_bodies(client):
    """Return [(path, SOAP body)]; groups FUZZ-1 and -2 are ours, TOLD-1 another party's."""
    members, now = make_devices(6), clock.now().isoformat()
    report(members)
    known, other = group("FUZZ-1", "Fuzz 1", members[:3]), group("FUZZ-2", "Fuzz 2", members[3:])
    told = create_groups(group("TOLD-1", "Told 1", members[:2]), verb="created")
    for each in (known, other):
        assert client.post("create/executeDERGroups", create_groups(each)).result == "OK"
    assert client.post("create/receiveDERGroups", told).result == "OK"
    fresh = group("FUZZ-3", "Fuzz 3", members[:2], description="a group", version="")
    point, theirs = group("FUZZ-1", on=None), group("TOLD-1", on=None)
    five, nine = "/61968-5", "/61968-9"
    return [
        (f"{five}/create/executeDERGroups", soap(create_groups(fresh))),
        (f"{five}/change/executeDERGroups", soap(create_groups(
            group("FUZZ-1", members=members[3:], on=None), verb="change"))),
        (f"{five}/change/executeDERGroups", soap(create_groups(point, verb="delete"))),
        (f"{five}/change/executeDERGroupsOperationSet", soap(operation_set(
            operation(1, "create", groups_content(fresh)),
            operation(2, "delete", groups_content(point)), integrity="true"))),
        (f"{five}/get/queryDERGroups", soap(query(
            "DERGroupQueries", "DERGroups", asked("FUZZ-1"), asked(name="Fuzz 2")))),
        (f"{five}/get/queryDERGroupStatuses", soap(query(
            "DERGroupStatusQueries", "DERGroupStatuses", asked("FUZZ-1")))),
        (f"{five}/get/queryDERGroupForecasts", soap(
            forecast_query(asked("FUZZ-1"), start=soon()))),
        (f"{five}/create/executeDERGroupDispatches", soap(create_dispatches(
            dispatch("FUZZ-1", mrid="FUZZ-D", name="n", schedules=schedule(start=soon()))))),
        (f"{five}/create/receiveDERGroups", soap(create_groups(fresh, verb="created"))),
        (f"{five}/change/receiveDERGroups", soap(create_groups(theirs, verb="changed"))),
        (f"{five}/change/receiveDERGroups", soap(create_groups(theirs, verb="deleted"))),
        (f"{five}/change/receiveDERGroupsOperationSet", soap(operation_set(
            operation(1, "delete", groups_content(theirs)), verb="executed"))),
        (f"{five}/change/receiveDERGroupStatuses", soap(statuses("TOLD-1", at=now))),
        (f"{five}/create/receiveDERGroupForecasts", soap(forecasts(
            forecast("TOLD-1", start=soon(), created=now)))),
        (f"{nine}/create/executeEndDeviceControls", soap(create_controls(
            control(groups=["FUZZ-1"], devices=members[:1], mrid="FUZZ-C", reason="storm")))),
        (f"{nine}/create/receiveEndDeviceEvents", soap(
            created_events().replace("<mRID>d</mRID>", f"<mRID>{members[0]}</mRID>"))),
        (f"{nine}/create/receiveMeterReadings", soap(meters.created(meters.meter_reading(
            members[0], readings=meters.single(meters.NET_W, now, 5.0))))),
        (f"{nine}/get/queryMeterReadings", soap(meters.get(
            meters.device(members[0]) + meters.group("FUZZ-1") + meters.types(meters.NET_W)))),
    ]  # fmt: skip
