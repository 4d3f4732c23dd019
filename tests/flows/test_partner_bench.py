"""The partner bench from start to live: a partner over HTTP, an independent listener, real devices.

What workers do in processes of their own happens here in one loop.
"""

import datetime as dt
import re
import time

import pytest
from django.db import connection

from derms.accounts import services as accounts_services
from derms.accounts.choices import ClientStage, OrganisationKind
from derms.accounts.models import ApiClient
from derms.accounts.scopes import SANDBOX_MRID
from derms.audit.models import AuditRecord
from derms.cim import background
from derms.cim.models import CimMessage, DeferredRequest, Partner
from derms.cim.push import delivery, wire
from derms.conformance import services
from derms.conformance.models import PartnerRun
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from derms.devices.fleet import get_fleet
from derms.devices.models import EndDevice
from derms.events.services import relay
from derms.southbound import gateway, runtime
from derms.southbound import services as southbound
from dispatch import services as dispatching
from dispatch.rules.request import DispatchData
from dispatch.services import tick
from groups.models import DerGroup
from groups.rules.definition import GroupData, GroupKey, MemberKeys
from groups.services import create_group
from groups.services.statuses import StatusKeeper
from tests.cim.conftest import make_devices
from tests.cim.test_dispatches import report
from tests.factories import accounts
from tests.factories.devices import make_owner
from tests.factories.wires import register, running_fleet
from tests.partner.client import Listener
from tests.partner.integrator import Integrator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
COUNT, RATE_S = 4, 3
_BY_THE_CLOCK = {"groups_groupstatus", "groups_groupstatussample"}


@pytest.fixture
def fleet(tmp_path, transactional_db):
    tick._tracks.clear()
    tick._members.clear()
    get_fleet.cache_clear()
    make_owner(kind=OrganisationKind.UTILITY)
    sandbox = accounts_services.ensure_sandbox()
    arguments = ("--poll-interval", str(RATE_S), "--sandbox", "2")
    with running_fleet(tmp_path, *arguments, count=COUNT) as simulator:
        yield register(simulator, owner=sandbox)
        runtime.stop()
        gateway.forget_breakers()
        wire.close_all()


@pytest.fixture
def listener():
    with Listener() as heard:
        yield heard


class Workers:
    """One round of everything that happens by the clock."""

    def __init__(self, settings):
        self.shards = range(settings.SOUTHBOUND_SHARDS)
        self.statuses = StatusKeeper(get_fleet(), pause_s=0)

    def __call__(self):
        for shard in self.shards:
            southbound.poll_shard(shard, RATE_S)
        relay()
        self.statuses.tick()
        dispatching.run_tick()
        dispatching.run_controls()
        for shard in self.shards:
            southbound.send_shard(shard)
            southbound.reconcile_shard(shard)
        for mrid in DeferredRequest.objects.values_list("mrid", flat=True):
            background.carry_out(mrid)
        for key in Partner.objects.values_list("pk", flat=True):
            delivery.deliver(key)
        services.advance_all()


def partner_of(live_server, listener, *roles, mistakes=None, kind="utility"):
    client, secret = accounts.client(
        *roles, organisation=accounts.organisation(kind), stage=ClientStage.SANDBOX
    )
    now = clock.now()
    Partner.objects.create(
        name=client.client_id, client_id=client.pk, base_url=listener.url, created_at=now,
        modified_at=now,
    )  # fmt: skip
    return client, Integrator(live_server.url, client.client_id, secret, mistakes)


def to_the_end(integrator, workers, within_s=150):
    ends = time.monotonic() + within_s
    while integrator.run["state"] == "running":
        assert time.monotonic() < ends, [
            (s["key"], s["state"], s["difference"]) for s in integrator.run["steps"]
        ]
        workers()
        integrator.act()
        time.sleep(0.1)
    return integrator.run


def differences(run):
    return {s["key"]: s["difference"] for s in run["steps"] if s["difference"]}


def test_a_partner_passes_and_goes_live(fleet, listener, live_server, settings, engineer):
    client, integrator = partner_of(live_server, listener, Role.DMS)
    workers = Workers(settings)
    workers()
    integrator.start()

    run = to_the_end(integrator, workers)

    assert differences(run) == {}
    assert (run["state"], run["certificate_days"]) == ("passed", None)
    assert abs(run["clock_drift_s"]) < 2
    assert {s["state"] for s in run["steps"]} == {"passed"}
    heard = [(m["verb"], m["noun"]) for m in listener.messages()]
    assert heard.count(("created", "DERGroups")) == 2
    assert ("created", "EndDeviceEvents") in heard
    assert {m["fault"] for m in listener.messages()} == {""}
    made = DerGroup.objects.get(mrid=PartnerRun.objects.get().values["group_mrid"])
    assert made.owner.mrid == SANDBOX_MRID

    path = f"/api/v1/conformance/runs/{run['mrid']}"
    accepted = engineer.post(f"{path}/accept", {"comment": "seen on site"})

    assert accepted.status_code == 200, accepted.content
    assert ApiClient.objects.get(pk=client.pk).stage == "live"
    actions = AuditRecord.objects.values_list("action", flat=True)
    assert {"conformance.start", "conformance.accept", "accounts.set_stage"} <= set(actions)
    assert engineer.post(f"{path}/accept", {"comment": "again"}).status_code == 409


def earlier(text):
    return re.sub(r"(<m:Timestamp>)[^<]+", r"\g<1>2020-01-01T00:00:00Z", text)


def flag_missing(text):
    flags = "<DERFunction><connectDisconnect>true</connectDisconnect></DERFunction><EndDevices>"
    return text.replace("<EndDevices>", flags, 1)


class LiveUtility:
    """Devices, a group and a dispatch of live work, and a way to see whether any of it moved."""

    def __init__(self, owner):
        self.devices = make_devices(3, owner=owner, prefix="live")
        report(self.devices)
        data = GroupData(
            name="LIVE",
            functions=frozenset({"connectDisconnect", "realPowerDispatch"}),
            members=MemberKeys(mrids=tuple(self.devices)),
        )
        group = create_group(data=data, actor=SYSTEM)
        self.group = group.mrid
        start_at = clock.now() + dt.timedelta(hours=1)
        request = DispatchData(
            group=GroupKey(mrid=group.mrid), parameter="activePower", values=(1000.0,),
            interval_s=900, start_at=start_at,
        )  # fmt: skip
        self.dispatch = dispatching.create_dispatch(data=request, actor=SYSTEM).mrid
        keys = list(EndDevice.objects.filter(mrid__in=self.devices).values_list("pk", flat=True))
        self._of = {
            "device_id": keys, "owner_id": [owner.pk], "group_id": [group.pk],
            "group_mrid": [group.mrid],
        }  # fmt: skip

    def rows(self):
        """Return every row of every table that is about this utility, by table."""
        found = {}
        with connection.cursor() as cursor:
            # What is measured goes on being added up meanwhile.
            for table in set(connection.introspection.table_names(cursor)) - _BY_THE_CLOCK:
                columns = connection.introspection.get_table_description(cursor, table)
                for name in sorted({c.name for c in columns} & set(self._of)):
                    cursor.execute(
                        f'SELECT t::text FROM "{table}" t WHERE "{name}" = ANY(%s) ORDER BY 1',
                        [self._of[name]],
                    )
                    if rows := cursor.fetchall():
                        found[table, name] = rows
        return found


def test_mistakes_are_named_and_the_run_fails(fleet, listener, live_server, settings, engineer):
    live = LiveUtility(make_owner())
    mistakes = {
        "change": flag_missing,
        "query": lambda text: text.replace("<m:Verb>get<", "<m:Verb>read<"),
        "forecast": earlier,
        "dispatch": lambda text: text.replace("<yUnit>W<", "<yUnit>A<"),
        "disconnect": lambda text: text.replace("2.31.0.23", "2.31.0.99"),
        # and it tries what is none of its business
        "status": lambda text: re.sub("<mRID>[^<]+", f"<mRID>{live.group}", text),
        "delete": lambda text: re.sub("<mRID>[^<]+", f"<mRID>{live.group}", text),
        "wrong_unit": lambda text: re.sub(
            "(EndDeviceGroup><mRID>)[^<]+", rf"\g<1>{live.group}", text
        ).replace("<yUnit>V<", "<yUnit>W<"),
    }
    _, integrator = partner_of(live_server, listener, Role.DMS, mistakes=mistakes)
    workers = Workers(settings)
    workers()
    before = live.rows()
    integrator.start(scenario="dms-requests")

    run = to_the_end(integrator, workers)

    found = differences(run)
    assert run["state"] == "failed"
    assert len(before) > 5
    assert live.rows() == before
    assert found["change"] == (
        "DERGroups/EndDeviceGroup/DERFunction/frequencyWattCurveFunction is missing: mandatory on "
        "change"
    )
    assert found["query"] == "Header/Verb is 'read': DERGroupQueriesRequestMessage needs 'get'"
    assert re.fullmatch(
        r"Header/Timestamp is \d+ s behind our clock: at most 300 s", found["forecast"]
    )
    assert found["dispatch"] == (
        "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/yUnit is 'A': "
        "this step expects 'W'"
    )
    assert found["disconnect"] == (
        "EndDeviceControls/EndDeviceControl/EndDeviceControlType/@ref is '2.31.0.99': this step "
        "expects '2.31.0.23'"
    )
    assert found["connect"] == "Not run: it needs the step 'Disconnect the group'"
    dispatching.cancel_dispatch(mrid=live.dispatch, reason="", actor=SYSTEM)
    assert live.rows() != before  # what the comparison would have seen
    assert f"mRID is '{live.group}'" in found["status"]
    assert f"mRID is '{live.group}'" in found["delete"]
    assert "yUnit is 'W': this step expects 'V'" in found["wrong_unit"]
    assert found["remove"] == "Not run: it needs the step 'Change the group'"
    assert set(found) == {*mistakes, "connect", "remove"}
    refused = engineer.post(f"/api/v1/conformance/runs/{run['mrid']}/accept", {"comment": "x"})
    assert refused.status_code == 409
    assert ApiClient.objects.get(client_id=integrator.client_id).stage == "sandbox"


def test_a_partner_without_soap_passes(fleet, listener, live_server, settings, engineer):
    client, secret = accounts.client(
        Role.DMS, organisation=accounts.organisation(), stage=ClientStage.SANDBOX
    )
    integrator = Integrator(live_server.url, client.client_id, secret, plain=True)
    workers = Workers(settings)
    workers()
    integrator.start(scenario="dms-requests")

    run = to_the_end(integrator, workers)

    assert differences(run) == {}
    assert run["state"] == "passed"
    assert {s["address"] for s in run["steps"]} == {"cim"}
    assert set(CimMessage.objects.values_list("path", flat=True)) == {"cim"}
    accepted = engineer.post(
        f"/api/v1/conformance/runs/{run['mrid']}/accept", {"comment": "speaks plain XML"}
    )
    assert accepted.json()["client_stage"] == "live"


def test_asynchronous_replies_pass(fleet, listener, live_server, settings, engineer):
    _, integrator = partner_of(live_server, listener, Role.DMS)
    workers = Workers(settings)
    workers()
    refused = integrator.start(scenario="dms-async")
    Partner.objects.update(reply_addresses=[f"{listener.url}/replies"])
    integrator.start(scenario="dms-async")

    run = to_the_end(integrator, workers)

    assert refused["code"] == "no_reply_address"
    assert differences(run) == {}
    assert run["state"] == "passed"
    answer = listener.messages(verb="reply")[0]
    assert (answer["path"], answer["result"]) == ("replies", "OK")
    extra = engineer.post(f"/api/v1/conformance/runs/{run['mrid']}/accept", {"comment": "x"})
    assert extra.json()["code"] == "not_whole"


def test_an_aggregator_passes(fleet, listener, live_server, settings):
    _, integrator = partner_of(live_server, listener, Role.AGGREGATOR, kind="aggregator")
    workers = Workers(settings)
    workers()
    integrator.start()

    run = to_the_end(integrator, workers)

    assert differences(run) == {}
    assert run["state"] == "passed"


def test_a_partner_that_answers_with_a_fault_fails(fleet, listener, live_server, settings):
    listener.behave("refuse", code="6.1")
    _, integrator = partner_of(live_server, listener, Role.DMS)
    workers = Workers(settings)
    workers()
    integrator.start()

    run = to_the_end(integrator, workers)

    found = differences(run)
    assert run["state"] == "failed"
    assert found["told_created"] == (
        "Your reply: Reply/Result is 'FAILED' with code 6.1 (as told), expected 'OK'"
    )
    assert found["told_again"] == "Not run: it needs the step 'We tell you of a new group'"
