"""A message of the log once more in the sandbox; the live utility stays as it is."""

import base64
import datetime as dt
import gzip
import uuid

import pytest
import time_machine
from django.db import connection

from derms.accounts import services as accounts_services
from derms.accounts.choices import OrganisationKind
from derms.accounts.scopes import SANDBOX_MRID
from derms.audit.models import AuditRecord
from derms.cim.models import CimMessage, OutboundMessage
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from derms.devices.models import EndDevice, Reading
from derms.devices.services.partitions import keep_partitions
from dispatch.models import EndDeviceControl, GroupDispatch
from groups.models import DerGroup
from groups.rules.definition import GroupData, GroupKey, MemberKeys
from groups.services import create_group, delete_group
from tests.cim import meter_messages as build
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    BASE,
    asked,
    control,
    create_dispatches,
    create_groups,
    dispatch,
    group,
    groups_content,
    header,
    operation,
    operation_set,
    query,
    schedule,
    statuses,
)
from tests.cim.test_dispatches import report
from tests.cim.test_meter_readings import PATH as RECEIVE
from tests.cim.test_meter_readings import end, quarter
from tests.factories import accounts, partners
from tests.personas import system

pytestmark = pytest.mark.django_db

CREATE = "create/executeDERGroups"
CHANGE = "change/executeDERGroups"
DISPATCH = "create/executeDERGroupDispatches"


@pytest.fixture(autouse=True)
def utility(db):
    return accounts.organisation()


@pytest.fixture
def live(utility):
    """mRIDs of live devices: batteries and a PV system."""
    batteries = make_devices(3, owner=utility, prefix="live")
    return [*batteries, *make_devices(1, owner=utility, prefix="pv", kind="pv")]


@pytest.fixture(autouse=True)
def sandbox(db):
    owner = accounts_services.ensure_sandbox()
    batteries = make_devices(2, owner=owner, prefix="sandbox")
    return [*batteries, *make_devices(1, owner=owner, prefix="sandbox-pv", kind="pv")]


@pytest.fixture
def sender(utility):
    return Dms(system(Role.DMS))


def a_day_ago():
    return time_machine.travel(clock.now() - dt.timedelta(days=1), tick=True)


def make_live_group(live, mrid="LIVE-1", name="NORTH"):
    functions = frozenset({"connectDisconnect", "realPowerDispatch"})
    members = MemberKeys(mrids=tuple(live))
    data = GroupData(mrid=mrid, name=name, functions=functions, members=members)
    return create_group(data=data, actor=SYSTEM)


def last_message():
    return CimMessage.objects.order_by("-pk").first()


def replay(engineer, message=None, **body):
    mrid = (message or last_message()).mrid
    said = engineer.post(f"/api/v1/cim-messages/{mrid}/replay", body)
    assert said.status_code == 201, said.content
    return said.json()


def in_sandbox():
    return DerGroup.objects.filter(owner__mrid=SANDBOX_MRID, deleted_at=None)


def live_rows():
    """A hash of every table's rows that hang on live devices, live groups or live owners."""
    live_keys = {
        "device_id": "SELECT d.id FROM devices_enddevice d JOIN accounts_organisation o"
        " ON o.id = d.owner_id WHERE o.mrid <> %(sandbox)s",
        "group_id": "SELECT g.id FROM groups_dergroup g JOIN accounts_organisation o"
        " ON o.id = g.owner_id WHERE o.mrid <> %(sandbox)s",
        "group_key": "SELECT g.id FROM groups_dergroup g JOIN accounts_organisation o"
        " ON o.id = g.owner_id WHERE o.mrid <> %(sandbox)s",
        "owner_id": "SELECT id FROM accounts_organisation WHERE mrid <> %(sandbox)s",
    }
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c"
            " JOIN information_schema.tables t USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " AND column_name IN ('device_id', 'group_id', 'group_key', 'owner_id')"
        )
        columns = cursor.fetchall()
        assert {"groups_membership", "southbound_devicecommand"} <= {table for table, _ in columns}
        for table, column in columns:
            cursor.execute(
                f"SELECT count(*), md5(coalesce(string_agg(t::text, '' ORDER BY t::text), ''))"
                f" FROM {table} t WHERE {column}::text IN"
                f" (SELECT id::text FROM ({live_keys[column]}) k)",
                {"sandbox": SANDBOX_MRID},
            )
            found[table, column] = cursor.fetchone()
    return found


def test_a_create_makes_a_group_of_the_sandbox(sender, live, engineer):
    body = create_groups(group("G-1", "NORTH", live), message_id="m-1", correlation_id="c-1")
    sender.post(CREATE, body)
    first = last_message()
    before = live_rows()

    said = replay(engineer)

    (made,) = in_sandbox()
    assert (said["result"], said["copied"], said["removed"]) == ("OK", [], [])
    assert (made.name, made.functions) == ("NORTH (replay)", sorted(made.functions))
    kinds = made.memberships.values_list("device__kind", "device__owner__mrid")
    assert sorted(kinds) == [("battery", SANDBOX_MRID)] * 2 + [("pv", SANDBOX_MRID)]
    assert live_rows() == before
    again = CimMessage.objects.get(mrid=said["mrid"])
    assert (again.replay_of, again.client_id) == (first.mrid, engineer.actor.mrid)
    assert again.message_id not in ("", "m-1")
    assert again.correlation_id == "c-1"


def test_both_stand_in_one_conversation(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    first = last_message()
    second = replay(engineer)["mrid"]

    for mrid in (first.mrid, second):
        thread = engineer.get(f"/api/v1/cim-messages/{mrid}/thread").json()
        assert [(m["mrid"], m["replay_of"]) for m in thread] == [
            (first.mrid, ""),
            (second, first.mrid),
        ]


def test_a_replay_is_audited(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    first = last_message()

    said = replay(engineer)

    record = AuditRecord.objects.get(action="cim.replay")
    assert (record.object_mrid, record.actor_name) == (first.mrid, engineer.actor.name)
    made = AuditRecord.objects.filter(action="group.create").order_by("-pk").first()
    assert (made.actor_name, said["result"]) == (engineer.actor.name, "OK")


def test_a_create_can_be_replayed_any_number_of_times(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    first = last_message()

    said = [replay(engineer, first) for _ in range(3)]

    assert [s["result"] for s in said] == ["OK"] * 3
    assert [s["removed"] for s in said] == [[], ["NORTH (replay)"], ["NORTH (replay)"]]
    assert in_sandbox().count() == 1


def test_so_can_one_without_an_mrid(sender, live, engineer):
    sender.post(CREATE, create_groups(group("", "NORTH", live)))
    first = last_message()

    said = [replay(engineer, first) for _ in range(2)]

    assert [s["result"] for s in said] == ["OK"] * 2
    assert in_sandbox().count() == 1


def test_a_dispatch_of_yesterday_brings_its_group_and_its_times_along(
    sender, live, sandbox, engineer
):
    start = clock.now().replace(microsecond=0) - dt.timedelta(hours=23)
    report(sandbox)
    with a_day_ago():
        report(live)
        make_live_group(live)
        text = schedule(start=start.isoformat(), values=(1.0, 2.0))
        said = sender.post(
            DISPATCH, create_dispatches(dispatch("LIVE-1", schedules=text, mrid="D"))
        )
    assert said.result == "OK", said.raw
    first, before = last_message(), live_rows()

    said = replay(engineer, first)

    assert (said["result"], said["copied"]) == ("OK", ["NORTH (replay)"]), said
    copied = in_sandbox().get()
    assert (copied.member_count, copied.functions) == (
        3,
        ["connectDisconnect", "realPowerDispatch"],
    )
    made = GroupDispatch.objects.get(group_mrid=copied.mrid)
    assert made.mrid != "D"
    assert abs((made.start_at - clock.now()).total_seconds() - 3600) < 60
    assert 86390 < said["moved_s"] < 86460
    assert live_rows() == before

    assert replay(engineer, first)["copied"] == []


def test_times_stay_when_that_is_asked_for(sender, live, sandbox, engineer):
    start = clock.now().replace(microsecond=0) - dt.timedelta(hours=23)
    report(sandbox)
    with a_day_ago():
        report(live)
        make_live_group(live)
        text = schedule(start=start.isoformat(), values=(1.0,))
        sender.post(DISPATCH, create_dispatches(dispatch("LIVE-1", schedules=text)))

    said = replay(engineer, shift_times=False)

    assert (said["result"], said["code"], said["moved_s"]) == ("FAILED", "6.1", 0)


def test_a_change_and_a_delete_meet_the_same_double(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live[:1])))
    created = last_message()
    sender.post(CHANGE, create_groups(group("G-1", members=live[3:], on=None), verb="change"))
    changed = last_message()
    sender.post(CHANGE, create_groups(group("G-1", on=None), verb="delete"))
    deleted = last_message()
    before = live_rows()

    assert replay(engineer, created)["result"] == "OK"
    assert replay(engineer, changed)["result"] == "OK"
    assert in_sandbox().get().member_count == 2
    assert replay(engineer, deleted)["result"] == "OK"
    assert in_sandbox().count() == 0
    assert live_rows() == before


def test_a_delete_alone_finds_the_group_as_it_was(sender, live, engineer):
    make_live_group(live)
    sender.post(CHANGE, create_groups(group("LIVE-1", on=None), verb="delete"))

    said = replay(engineer)

    assert (said["result"], said["copied"]) == ("OK", ["NORTH (replay)"])
    assert in_sandbox().count() == 0


def test_what_was_refused_is_refused_again(sender, live, engineer):
    make_live_group(live)
    sender.post(CREATE, create_groups(group("OTHER", "NORTH", live)))
    taken = last_message()
    sender.post(CHANGE, create_groups(group("NOBODY", on=None), verb="delete"))
    unknown = last_message()
    sender.post(CREATE, create_groups(group("X", "X", ["no-device"])))
    no_device = last_message()

    codes = {m.code: replay(engineer, m)["code"] for m in (taken, unknown, no_device)}

    assert (taken.code, unknown.code, no_device.code) == ("6.1", "99.1", "6.1")
    assert all(code == again for code, again in codes.items())


def test_a_query_of_all_groups_sees_the_sandbox_alone(sender, live, engineer):
    make_live_group(live)
    sender.post("get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked()))

    said = replay(engineer)

    reply = engineer.get(f"/api/v1/cim-messages/{said['mrid']}").json()["reply_xml"]
    assert "LIVE-1" not in reply


def test_a_control_of_devices_and_groups_stays_in_the_sandbox(sender, live, engineer):
    make_live_group(live)
    inner = (
        f'<EndDeviceControls xmlns="http://iec.ch/TC57/2011/EndDeviceControls#">'
        f"{control(mrid='C', groups=['LIVE-1'], devices=live)}</EndDeviceControls>"
    )
    message = (
        f'<CreateEndDeviceControls xmlns="{BASE}EndDeviceControlsMessage">'
        f"{header('create', 'EndDeviceControls')}<Payload>{inner}</Payload>"
        "</CreateEndDeviceControls>"
    )
    first = sender.post("create/executeEndDeviceControls", message)
    assert first.result in ("OK", "PARTIAL"), first.raw
    before = live_rows()

    said = replay(engineer)

    assert said["result"] == first.result
    made = EndDeviceControl.objects.exclude(mrid="C").get()
    owners = EndDevice.objects.filter(pk__in=made.controlled.values("device_id"))
    assert set(owners.values_list("owner__mrid", flat=True)) == {SANDBOX_MRID}
    assert live_rows() == before


def test_readings_of_a_live_device_are_stored_for_its_double(sender, live, sandbox, engineer):
    keep_partitions()
    start = quarter() - dt.timedelta(hours=1)
    blocks = build.block(build.FORWARD_KWH, build.interval(end(start), 1.5, "1.0.0"))
    first = sender.post(RECEIVE, build.created(build.meter_reading(live[0], blocks=blocks)))
    assert first.result == "OK", first.raw
    CimMessage.objects.update(received_at=clock.now() - dt.timedelta(minutes=20))
    before = live_rows()

    said = replay(engineer)

    assert (said["result"], said["moved_s"]) == ("OK", 900), said
    stored = Reading.objects.get(device_id=EndDevice.objects.get(mrid=sandbox[0]).pk)
    assert stored.value == -6000.0
    assert stored.measured_at == start + dt.timedelta(minutes=15)
    assert live_rows() == before


def test_an_operation_set_makes_and_changes(sender, live, engineer):
    parts = (
        operation(1, "create", groups_content(group("G-1", "NORTH", live[:1]))),
        operation(2, "change", groups_content(group("G-1", members=live[3:], on=None))),
    )
    path = "change/executeDERGroupsOperationSet"
    assert sender.post(path, operation_set(*parts)).result == "OK"
    first, before = last_message(), live_rows()

    assert [replay(engineer, first)["result"] for _ in range(2)] == ["OK", "OK"]
    assert in_sandbox().get().member_count == 2
    assert live_rows() == before


def test_what_a_party_tells_of_its_groups(live, engineer):
    party = Dms(system(Role.AGGREGATOR, kind=OrganisationKind.AGGREGATOR))
    told = "create/receiveDERGroups"
    party.post(told, create_groups(group("P-1", "PARTY", ["theirs"]), verb="created"))
    created = last_message()
    party.post("change/receiveDERGroupStatuses", statuses("P-1", at=clock.now().isoformat()))
    status = last_message()
    before = live_rows()

    assert replay(engineer, status)["copied"] == ["PARTY (replay)"]
    assert replay(engineer, created)["result"] == "OK"
    assert replay(engineer, status)["result"] == "OK"
    assert live_rows() == before


def test_a_compressed_payload_and_an_asynchronous_one_are_answered_at_once(sender, live, engineer):
    inner = base64.b64encode(gzip.compress(groups_content(group("G-1", "N", live)).encode()))
    plain = create_groups(group("G-1", "N", live))
    packed = plain[: plain.index("<DERGroups ")] + f"<Compressed>{inner.decode()}</Compressed>"
    packed += "</Payload></CreateDERGroups>"
    at = packed.index("<m:MessageID>")
    flags = "<m:AsyncReplyFlag>true</m:AsyncReplyFlag><m:ReplyAddress>http://x/</m:ReplyAddress>"
    sender.post(CREATE, packed[:at] + flags + packed[at:])

    said = replay(engineer)

    assert said["result"] == "OK", said
    assert in_sandbox().get().member_count == 3
    again = engineer.get(f"/api/v1/cim-messages/{said['mrid']}").json()
    assert "ReplyAddress" not in again["request_xml"]
    assert again["request_fault"] == ""


def test_no_live_partner_hears_of_it(sender, live, engineer, django_capture_on_commit_callbacks):
    partner = partners.partner()
    partners.subscription(partner, "DERGroups")
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    before = OutboundMessage.objects.count()
    assert before > 0

    replay(engineer)

    assert OutboundMessage.objects.count() == before


@pytest.mark.parametrize("body", [b"<broken", b"<other/>"])
def test_what_nobody_could_read_is_not_replayed(sender, engineer, body):
    sender.raw(f"/61968-5/{CREATE}", body)

    said = engineer.post(f"/api/v1/cim-messages/{last_message().mrid}/replay", {})

    assert said.status_code == 409


def test_neither_is_a_replay_nor_what_went_out_nor_nothing(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    again = replay(engineer)["mrid"]
    outbound = CimMessage.objects.create(
        direction="out", client_id="c", path="x", received_at=clock.now(), noun="DERGroups"
    )

    for mrid, status in ((again, 409), (outbound.mrid, 409), (uuid.uuid4(), 404)):
        said = engineer.post(f"/api/v1/cim-messages/{mrid}/replay", {})
        assert said.status_code == status


def test_a_sandbox_without_devices_says_so(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    EndDevice.objects.filter(owner__mrid=SANDBOX_MRID).update(eligible=False)

    said = engineer.post(f"/api/v1/cim-messages/{last_message().mrid}/replay", {})

    assert said.status_code == 404
    assert "DERMS_SANDBOX_DEVICES" in said.json()["detail"]


def test_only_engineers_replay(sender, live, operator, admin):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))

    for persona in (operator, admin):
        path = f"/api/v1/cim-messages/{last_message().mrid}/replay"
        assert persona.post(path, {}).status_code == 403


def test_the_same_key_replays_once(sender, live, engineer):
    sender.post(CREATE, create_groups(group("G-1", "NORTH", live)))
    path = f"/api/v1/cim-messages/{last_message().mrid}/replay"

    mrids = [
        engineer.post(path, {}, headers={"Idempotency-Key": "k"}).json()["mrid"] for _ in range(2)
    ]

    assert mrids[0] == mrids[1]
    assert CimMessage.objects.exclude(replay_of="").count() == 1


def test_a_deleted_group_gives_its_double_another_mrid(sender, live, engineer):
    made = make_live_group(live)
    sender.post("get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked("LIVE-1")))
    first = last_message()
    replay(engineer, first)
    double = in_sandbox().get()
    delete_group(key=GroupKey(double.mrid), actor=SYSTEM)

    said = replay(engineer, first)

    assert (said["result"], said["copied"]) == ("OK", ["NORTH (replay)"])
    assert in_sandbox().get().mrid not in (double.mrid, made.mrid)
