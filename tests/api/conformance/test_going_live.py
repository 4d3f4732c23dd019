"""What lets a client go live, what a run leaves behind, and what is kept of it."""

import json

import pytest

from derms.accounts.models import ApiClient
from derms.cim.models import Partner
from derms.conformance import services
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.rules.scenario import Scenario
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from dispatch.models import EndDeviceControl, GroupDispatch
from groups.models import DerGroup
from tests.personas import system

pytestmark = pytest.mark.django_db
RUNS = "/api/v1/conformance/runs"


def passed(partner, scenario="dms-requests"):
    """A run that has passed."""
    client = ApiClient.objects.get(client_id=partner.client_id)
    run = services.start_run(client=client, scenario=scenario, actor=SYSTEM)
    RunStep.objects.filter(run=run).update(state="passed", opened_at=clock.now())
    return services.advance_run(run.mrid)


def with_endpoint(partner):
    client = ApiClient.objects.get(client_id=partner.client_id)
    now = clock.now()
    return Partner.objects.create(
        name="endpoint", client_id=client.pk, base_url="http://127.0.0.1:9", created_at=now,
        modified_at=now,
    )  # fmt: skip


def accept(caller, run):
    return caller.post(f"{RUNS}/{run.mrid}/accept", {"comment": "seen"}).json()


def stage(partner):
    return ApiClient.objects.get(client_id=partner.client_id).stage


def test_a_run_of_scenarios_that_have_changed_since_does_not_count(partner, engineer, monkeypatch):
    run = passed(partner)
    monkeypatch.setattr(Scenario, "version", "another")

    assert accept(engineer, run)["code"] == "other_version"
    assert stage(partner) == "sandbox"


def test_an_update_in_mid_run_ends_it_in_words_and_its_page_stays(partner, engineer, monkeypatch):
    client = ApiClient.objects.get(client_id=partner.client_id)
    run = services.start_run(client=client, actor=SYSTEM)
    before = engineer.get(f"{RUNS}/{run.mrid}").json()
    monkeypatch.setattr(Scenario, "version", "another")
    PartnerRun.objects.filter(pk=run.pk).update(scenario="no-more")

    services.advance_all()

    after = engineer.get(f"{RUNS}/{run.mrid}").json()
    assert after["state"] == "abandoned"
    assert after["comment"] == "The scenarios have changed with an update: run it again."
    assert [s["title"] for s in after["steps"]] == [s["title"] for s in before["steps"]]


def test_requests_alone_do_not_vouch_for_an_endpoint(partner, engineer):
    with_endpoint(partner)

    assert accept(engineer, passed(partner))["code"] == "endpoint_not_tried"


def test_an_endpoint_changed_since_was_not_tried(partner, engineer):
    found = with_endpoint(partner)
    run = passed(partner, "dms")
    Partner.objects.filter(pk=found.pk).update(modified_at=clock.now())

    assert accept(engineer, run)["code"] == "endpoint_changed"
    assert stage(partner) == "sandbox"


def test_a_client_whose_role_has_changed_was_not_tried(partner, engineer):
    run = passed(partner)
    ApiClient.objects.filter(client_id=partner.client_id).update(roles=[Role.VIEWER])

    assert accept(engineer, run)["code"] == "other_role"


def test_a_client_that_is_switched_off_stays_where_it_is(partner, engineer):
    run = passed(partner)
    ApiClient.objects.filter(client_id=partner.client_id).update(is_active=False)

    assert accept(engineer, run)["code"] == "inactive"


def test_runs_at_the_same_time_share_no_device(partner, sandbox):
    other = system(Role.DMS)
    third = system(Role.DMS)
    runs = [
        services.start_run(client=ApiClient.objects.get(client_id=p.client_id), actor=SYSTEM)
        for p in (partner, other)
    ]
    used = [{v for k, v in run.values.items() if k.startswith("device")} for run in runs]

    assert used[0].isdisjoint(used[1])
    assert used[0] | used[1] == set(sandbox)
    refused = third.post(RUNS, {"client_id": third.client_id}).json()
    assert refused["code"] == "no_sandbox_devices"
    assert "6 of them are in other runs" in refused["detail"]


def test_a_failed_run_leaves_nothing_behind(bench, engineer, time_machine):
    on = bench()
    on.until("connect")
    RunStep.objects.filter(run__mrid=on.mrid, state__in=("waiting", "pending")).update(
        state="failed"
    )

    run = services.advance_run(on.mrid)

    assert run.state == "failed"
    assert not DerGroup.objects.filter(deleted_at=None).exists()
    assert GroupDispatch.objects.get().group_mrid == run.values["group_mrid"]
    back = EndDeviceControl.objects.order_by("pk").last()
    assert back.action == "connect"
    assert back.devices == 3


def test_the_sandbox_needs_no_second_person(bench, settings):
    settings.CONTROL_RELEASE_DEVICES = 0
    on = bench()

    on.until("connect")

    assert [c.state for c in EndDeviceControl.objects.all()] == ["scheduled"]


def test_an_abandoned_run_leaves_nothing_behind(bench, engineer):
    on = bench()
    on.until("change")

    assert engineer.post(f"{RUNS}/{on.mrid}/abandon", {"reason": "x"}).status_code == 200

    assert not DerGroup.objects.filter(deleted_at=None).exists()
    assert not EndDeviceControl.objects.exists()


def test_the_partner_reads_what_it_has_sent_and_nobody_else_s(bench, partner):
    on = bench()
    on.until("repeat")

    own = partner.get(f"{RUNS}/{on.mrid}/steps/1").json()
    to_come = partner.get(f"{RUNS}/{on.mrid}/steps/4").json()

    assert on.run.values["group_mrid"] in own["request_xml"]
    assert "ResponseMessage" in own["reply_xml"]
    assert to_come == {"request_xml": "", "reply_xml": ""}
    assert partner.get(f"{RUNS}/{on.mrid}/steps/99").status_code == 404
    other = system(Role.DMS)
    assert other.get(f"{RUNS}/{on.mrid}/steps/1").status_code == 404
    assert other.get(f"{RUNS}/{on.mrid}/report.json").status_code == 404


def test_a_report_holds_the_whole_run(bench, partner, engineer):
    on = bench()
    sample = on.until("unknown")
    on.send(
        on.shown("unknown").address, sample.replace("2017/DERGroupQ", "2016/DERGroupQ").encode()
    )
    on.step("unknown")

    page = engineer.get(f"{RUNS}/{on.mrid}/report.html")
    found = json.loads(partner.get(f"{RUNS}/{on.mrid}/report.json").content)

    text = page.content.decode()
    assert page.headers["Content-Disposition"] == f'attachment; filename="run-{on.mrid}.html"'
    assert "DERGroupQueriesRequestMessage is in the namespace" in text
    assert on.client.client_id in text
    assert "<script" not in text
    assert "&lt;CreateDERGroups" in text
    assert found["steps"][0]["request_xml"] == on.sent(on.step("create"))
    assert found["steps"][6]["state"] == "failed"
    assert found["scenario_version"] == on.run.scenario_version
    assert engineer.get(f"{RUNS}/{on.mrid}/report.pdf").status_code == 404
