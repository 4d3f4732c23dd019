"""What a client is granted, at both doors: verb by noun by group, and nothing leaks or changes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from derms.accounts.choices import ClientStage
from derms.accounts.services import set_stage
from derms.core import clock
from derms.core.actors import SYSTEM
from groups.models import DerGroup
from tests.cim import meter_messages as meters
from tests.cim.conftest import Dms
from tests.cim.granting import CASES, MINE, NEW, OTHER, grant, grants_for, refusals, two_groups
from tests.cim.messages import (
    asked,
    control,
    create_controls,
    create_dispatches,
    create_groups,
    dispatch,
    forecast,
    forecast_query,
    forecasts,
    group,
    groups_content,
    operation,
    operation_set,
    query,
    request,
    schedule,
    statuses,
)
from tests.cim.test_attacks import all_rows_hash
from tests.cim.test_dispatches import soon


def change(mrid):
    content = groups_content(group(mrid, description="changed", on=None))
    return request("ChangeDERGroups", "DERGroups", "change", content)


def delete(mrid):
    content = groups_content(group(mrid, on=None))
    return request("DeleteDERGroups", "DERGroups", "delete", content)


def told(verb):
    def message(mrid):
        content = groups_content(group(mrid, members=["x9"], on=("realPowerDispatch",)))
        return request(f"{verb.capitalize()}DERGroups", "DERGroups", verb, content)

    return message


# (noun, verb) -> path, message about one group
ASKED = {
    ("DERGroups", "get"): (
        "get/queryDERGroups",
        lambda mrid: query("DERGroupQueries", "DERGroups", asked(mrid)),
    ),
    ("DERGroups", "create"): (
        "create/executeDERGroups",
        lambda mrid: create_groups(group(f"{mrid}-{NEW}", f"{mrid} {NEW}")),
    ),
    ("DERGroups", "change"): ("change/executeDERGroups", change),
    ("DERGroups", "delete"): ("change/executeDERGroups", delete),
    ("DERGroupStatuses", "get"): (
        "get/queryDERGroupStatuses",
        lambda mrid: query("DERGroupStatusQueries", "DERGroupStatuses", asked(mrid)),
    ),
    ("DERGroupForecasts", "get"): (
        "get/queryDERGroupForecasts",
        lambda mrid: forecast_query(asked(mrid), start=soon()),
    ),
    ("MeterReadings", "get"): (
        "get/queryMeterReadings",
        lambda mrid: meters.get(meters.group(mrid)),
    ),
}
COMMANDS = {
    ("DERGroupDispatches", "create"): (
        "create/executeDERGroupDispatches",
        lambda mrid: create_dispatches(dispatch(mrid, schedules=schedule(start=soon()))),
    ),
    ("EndDeviceControls", "create"): (
        "create/executeEndDeviceControls",
        lambda mrid: create_controls(control(groups=[mrid])),
    ),
}
TOLD = {
    ("DERGroups", "created"): ("create/receiveDERGroups", lambda m: told("created")(f"{m}-{NEW}")),
    ("DERGroups", "changed"): ("change/receiveDERGroups", told("changed")),
    ("DERGroups", "deleted"): ("change/receiveDERGroups", told("deleted")),
    ("DERGroupStatuses", "changed"): (
        "change/receiveDERGroupStatuses",
        lambda mrid: statuses(mrid, at=clock.now().isoformat()),
    ),
    ("DERGroupForecasts", "created"): (
        "create/receiveDERGroupForecasts",
        lambda mrid: forecasts(forecast(mrid, start=soon())),
    ),
}


@pytest.fixture
def utility(dms_client):
    return two_groups(dms_client)


@pytest.fixture
def party(aggregator, db):
    """A DERMS of another party that has told us of two groups."""
    party = Dms(aggregator)
    content = groups_content(*(group(mrid, mrid, members=["x1"]) for mrid in (MINE, OTHER)))
    message = request("CreatedDERGroups", "DERGroups", "created", content)
    assert party.post("create/receiveDERGroups", message).result == "OK"
    return party


def assert_refused(said, before, mrid):
    """7.5 with the group's ID, one audit record, and nothing changed."""
    assert (said.result, said.codes) == ("FAILED", ["7.5"])
    assert said.errors[0]["id"] in (mrid, f"{mrid}-{NEW}")
    assert said.errors[0]["type"] == "DERGroup"
    assert said.payload is None
    assert refusals().count() == 1
    assert all_rows_hash() == before


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("noun", "verb"), ASKED | COMMANDS)
def test_what_is_asked_by_soap(dms_client, utility, noun, verb, case):
    path, message = (ASKED | COMMANDS)[noun, verb]
    grant(dms_client, grants_for(case, noun, verb, [MINE, f"{MINE}-{NEW}"]))
    before = all_rows_hash()

    said = dms_client.post(path, message(MINE))

    if case == "granted":
        assert said.codes == ["0.0"], said.errors
        assert not refusals().exists()
    else:
        assert_refused(said, before, MINE)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("noun", "verb"), TOLD)
def test_what_is_told_by_soap(party, noun, verb, case):
    path, message = TOLD[noun, verb]
    grant(party, grants_for(case, noun, verb, [MINE, f"{MINE}-{NEW}"]))
    before = all_rows_hash()

    said = party.post(path, message(MINE))

    if case == "granted":
        assert said.codes == ["0.0"], said.errors
        assert not refusals().exists()
    else:
        assert_refused(said, before, MINE)


def shown(said):
    return [e.findtext("{*}mRID") for e in said.root.iter("{*}EndDeviceGroup")]


@pytest.mark.parametrize(("noun", "question"), [
    ("DERGroups", lambda: query("DERGroupQueries", "DERGroups", asked())),
    ("DERGroupStatuses", lambda: query("DERGroupStatusQueries", "DERGroupStatuses", asked())),
    ("DERGroupForecasts", lambda: forecast_query(asked(), start=soon())),
])  # fmt: skip
def test_question_for_all_groups_leaves_the_others_out(dms_client, utility, noun, question):
    path = ASKED[noun, "get"][0]
    assert shown(dms_client.post(path, question())) == [MINE, OTHER]

    grant(dms_client, ([noun], ["get"], [MINE]))

    said = dms_client.post(path, question())
    assert (said.codes, shown(said)) == (["0.0"], [MINE])
    assert not refusals().exists()


def test_some_of_the_groups_named(dms_client, utility):
    grant(dms_client, (["DERGroups"], ["get"], [MINE]))

    said = dms_client.post(
        "get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked(MINE), asked("", "Other"))
    )

    assert (said.codes, shown(said)) == (["7.5"], [MINE])
    assert (said.errors[0]["id"], said.errors[0]["kind"]) == ("Other", "name")


def test_readings_of_devices_are_those_of_its_groups(dms_client, utility):
    grant(dms_client, (["MeterReadings"], ["get"], [MINE]))
    question = meters.get(meters.device(utility[0]) + meters.device(utility[3]))

    said = dms_client.post("get/queryMeterReadings", question)

    assert said.codes == ["7.5"]
    assert (said.errors[0]["id"], said.errors[0]["type"]) == (utility[3], "EndDevice")
    assert utility[0] in said.texts("mRID")
    assert said.raw.count(utility[3].encode()) == 1, "in the error alone"


def test_set_of_operations_all_or_nothing(dms_client, utility):
    grant(dms_client, (["DERGroups"], ["change", "delete"], [MINE]))
    joining = group(MINE, members=[utility[2]], on=None)
    operations = (
        operation(1, "change", groups_content(joining)),
        operation(2, "delete", groups_content(group(OTHER, on=None))),
    )
    before = all_rows_hash()

    said = dms_client.post(
        "change/executeDERGroupsOperationSet", operation_set(*operations, integrity="true")
    )

    assert (said.result, said.codes) == ("FAILED", ["5.9", "7.5"])
    assert said.errors[1]["id"] == OTHER
    assert refusals().count() == 1
    assert all_rows_hash() == before


def test_set_of_operations_with_a_verb_that_is_not_granted(dms_client, utility):
    grant(dms_client, (["DERGroups"], ["change"], [MINE]))
    operations = (
        operation(1, "change", groups_content(group(MINE, members=[utility[2]], on=None))),
        operation(2, "delete", groups_content(group(MINE, on=None))),
    )

    said = dms_client.post("change/executeDERGroupsOperationSet", operation_set(*operations))

    assert said.codes == ["7.5"]
    assert (said.errors[0]["id"], said.root.findtext(".//{*}operationId")) == (MINE, "2")
    assert DerGroup.objects.get(mrid=MINE).member_count == 3


def test_grants_rest_in_the_sandbox_and_count_when_live(dms_client, utility):
    grant(dms_client, (["DERGroups"], ["get"], [MINE]))
    set_stage(mrid=dms_client.actor.mrid, stage=ClientStage.SANDBOX, reason="t", actor=SYSTEM)

    said = dms_client.post("create/executeDERGroups", create_groups(group("s1", "S1")))

    assert said.codes == ["0.0"]
    set_stage(mrid=dms_client.actor.mrid, stage=ClientStage.LIVE, reason="t", actor=SYSTEM)
    said = dms_client.post("create/executeDERGroups", create_groups(group("s2", "S2")))
    assert said.codes == ["7.5"]


def test_no_further_question_to_the_database(dms_client, utility, django_assert_num_queries):
    """Grants come with the client: a message of one that has some costs no query more."""
    question = query("DERGroupStatusQueries", "DERGroupStatuses", asked(MINE))
    path = "get/queryDERGroupStatuses"
    dms_client.post(path, question)
    with CaptureQueriesContext(connection) as without:
        dms_client.post(path, question)
    grant(dms_client, (["DERGroupStatuses"], ["get"], [MINE]))
    with django_assert_num_queries(len(without)):
        assert dms_client.post(path, question).codes == ["0.0"]
