"""Runs of the partner bench over REST and in a terminal: who starts, sees and accepts what."""

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command

from derms.accounts import services as accounts_services
from derms.accounts.choices import ClientStage
from derms.accounts.models import ApiClient
from derms.audit.models import AuditRecord
from derms.cim import schema
from derms.cim.models import OutboundMessage, Partner
from derms.cim.operations import OPERATIONS
from derms.cim.operations import get as operation
from derms.cim.soap import message_in, parse
from derms.conformance import services
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.rules.samples import SAMPLES
from derms.conformance.rules.scenario import Kind
from derms.conformance.rules.scenarios import SCENARIOS
from derms.conformance.selectors import steps_of
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from groups.choices import DerFunction
from groups.rules.definition import GroupData
from groups.services import create_group
from tests.cim.conftest import Dms
from tests.cim.reference import has_reference, reference_schema
from tests.factories import accounts
from tests.factories.partners import subscription
from tests.personas import person, system

pytestmark = pytest.mark.django_db
RUNS = "/api/v1/conformance/runs"


def start(caller, partner, **more):
    return caller.post(RUNS, {"client_id": partner.client_id, **more})


def passed(partner, *, ago=dt.timedelta(0)):
    """A run that has passed."""
    client = ApiClient.objects.get(client_id=partner.client_id)
    run = services.start_run(client=client, actor=SYSTEM)
    RunStep.objects.filter(run=run).update(state="passed")
    run = services.advance_run(run.mrid)
    PartnerRun.objects.filter(pk=run.pk).update(finished_at=clock.now() - ago)
    return f"{RUNS}/{run.mrid}"


def test_new_clients_start_in_the_sandbox_and_the_demo_s_are_live(partner, engineer):
    client = ApiClient.objects.get(client_id=partner.client_id)
    owner = client.organisation
    demo = accounts_services.ensure_client(
        client_id="sample", secret="x" * 40, name="Sample", organisation=owner, roles=[Role.DMS]
    )

    assert (client.stage, demo.stage) == ("sandbox", "live")


def test_a_client_starts_its_own_run_and_sees_no_other(partner, engineer):
    other = system(Role.DMS)

    mine = start(partner, partner)
    refused = start(partner, other)
    theirs = start(engineer, other)

    assert (mine.status_code, refused.status_code, theirs.status_code) == (201, 403, 201)
    assert [r["mrid"] for r in partner.get(RUNS).json()["results"]] == [mine.json()["mrid"]]
    assert partner.get(f"{RUNS}/{theirs.json()['mrid']}").status_code == 404
    assert len(engineer.get(RUNS).json()["results"]) == 2


def test_somebody_of_an_aggregator_runs_its_own_clients_alone(sandbox, settings, engineer):
    settings.NEW_CLIENT_STAGE = "sandbox"
    own, foreign, dms = (
        system(Role.AGGREGATOR, kind="aggregator"),
        system(Role.AGGREGATOR, kind="aggregator"),
        system(Role.DMS),
    )
    organisation = ApiClient.objects.get(client_id=own.client_id).organisation
    integrator = person(Role.AGGREGATOR, organisation=organisation)
    theirs = start(engineer, foreign).json()

    mine = start(integrator, own)

    assert mine.status_code == 201
    assert start(integrator, foreign).status_code == 404
    assert start(integrator, dms).status_code == 404
    path = f"{RUNS}/{theirs['mrid']}"
    for answer in (
        integrator.get(path), integrator.get(f"{path}/report.html"),
        integrator.get(f"{path}/steps/1"), integrator.post(f"{path}/abandon", {"reason": "x"}),
    ):  # fmt: skip
        assert answer.status_code == 404
    assert [r["mrid"] for r in integrator.get(RUNS).json()["results"]] == [mine.json()["mrid"]]
    listed = integrator.get("/api/v1/conformance/partners").json()
    assert [p["client_id"] for p in listed] == [own.client_id]
    refused = integrator.post(f"{RUNS}/{mine.json()['mrid']}/accept", {"comment": "x"})
    assert refused.status_code == 403


def test_one_run_at_a_time_and_a_new_one_after_abandoning(partner, engineer):
    run = start(engineer, partner).json()

    second = start(engineer, partner)
    abandoned = engineer.post(f"{RUNS}/{run['mrid']}/abandon", {"reason": "again"})

    assert second.json()["code"] == "run_open"
    assert abandoned.json()["state"] == "abandoned"
    assert start(engineer, partner).status_code == 201


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"scenario": "aggregator"}, "wrong_role"),
        ({"scenario": "nonsense"}, "invalid_input"),
        ({"step_timeout_s": 0}, "invalid_input"),
    ],
)
def test_a_run_that_cannot_be_is_refused(partner, engineer, more, code):
    answer = start(engineer, partner, **more)

    assert answer.json()["code"] == code
    assert not PartnerRun.objects.exists()


def test_a_live_client_has_no_business_on_the_bench(sandbox, dms, engineer):
    assert start(engineer, dms).json()["code"] == "not_sandbox"


def test_without_devices_the_bench_says_what_to_set(settings, engineer):
    settings.NEW_CLIENT_STAGE = "sandbox"

    answer = start(engineer, system(Role.DMS))

    assert "DERMS_SANDBOX_DEVICES" in answer.json()["detail"]


def test_an_engineer_accepts_and_sends_back(partner, engineer, operator, auditor):
    path = passed(partner)
    client = ApiClient.objects.get(client_id=partner.client_id)

    assert operator.post(f"{path}/accept", {"comment": "x"}).status_code == 403
    assert partner.post(f"{path}/accept", {"comment": "x"}).status_code == 403
    assert engineer.post(f"{path}/accept", {"comment": " "}).status_code == 422
    accepted = engineer.post(f"{path}/accept", {"comment": "seen"})
    assert (accepted.status_code, accepted.json()["client_stage"]) == (200, "live")

    back = f"/api/v1/conformance/partners/{client.mrid}/sandbox"
    assert operator.post(back, {"reason": "x"}).status_code == 403
    assert engineer.post(back, {"reason": "certificate lost"}).status_code == 204
    client.refresh_from_db()
    assert client.stage == "sandbox"
    kept = auditor.get("/api/v1/audit?action=accounts.set_stage").json()["results"]
    after = [record["after"] for record in kept][::-1]
    assert [state["stage"] for state in after] == ["live", "sandbox"]
    assert after[-1]["reason"] == "certificate lost"


def test_an_api_client_with_an_engineer_s_role_does_not_accept(partner):
    path = passed(partner)
    robot = system(Role.ENGINEER)

    assert robot.post(f"{path}/accept", {"comment": "x"}).status_code == 403
    assert ApiClient.objects.get(client_id=partner.client_id).stage == "sandbox"


def test_an_old_run_is_not_accepted(partner, engineer, settings):
    path = passed(partner, ago=dt.timedelta(days=settings.PARTNER_RUN_DAYS, seconds=1))

    assert engineer.post(f"{path}/accept", {"comment": "x"}).json()["code"] == "too_old"


def test_a_passed_run_does_not_count_after_a_failed_one(partner, engineer):
    path = passed(partner)
    later = PartnerRun.objects.get(mrid=start(engineer, partner).json()["mrid"])
    RunStep.objects.filter(run=later).update(state="failed")
    services.advance_run(later.mrid)

    assert engineer.post(f"{path}/accept", {"comment": "x"}).json()["code"] == "failed_since"


def test_a_step_that_waits_too_long_fails_and_what_needs_it_is_not_run(
    partner, engineer, time_machine
):
    run = start(engineer, partner, step_timeout_s=60).json()
    services.advance_run(run["mrid"])
    time_machine.move_to(clock.now() + dt.timedelta(seconds=61))

    services.advance_run(run["mrid"])

    steps = {s["key"]: s for s in engineer.get(f"{RUNS}/{run['mrid']}").json()["steps"]}
    assert steps["create"]["difference"].startswith("No CreateDERGroups of yours came in time;")
    assert steps["repeat"]["state"] == "skipped"
    assert steps["unknown"]["state"] == "waiting"


def test_queries_in_the_background_are_no_mistakes(partner, engineer):
    from tests.cim.messages import asked, query

    run = start(engineer, partner).json()
    services.advance_run(run["mrid"])
    Dms(partner).post("get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked()))

    services.advance_run(run["mrid"])

    step = RunStep.objects.get(run__mrid=run["mrid"], key="create")
    assert (step.state, step.message_mrid) == ("waiting", "")


def test_every_sample_is_valid_or_meant_not_to_be(partner, sandbox):
    client = ApiClient.objects.get(client_id=partner.client_id)
    Partner.objects.create(
        name="x", client_id=client.pk, base_url="http://127.0.0.1:9", created_at=clock.now(),
        modified_at=clock.now(), reply_addresses=["http://127.0.0.1:9/a?b=1&c=2"],
    )  # fmt: skip
    seen = set()
    for scenario in SCENARIOS:
        ApiClient.objects.filter(pk=client.pk).update(roles=[scenario.role])
        run = services.start_run(
            client=ApiClient.objects.get(pk=client.pk), scenario=scenario.key, actor=SYSTEM
        )
        for each in steps_of(run):
            if not each.sample:
                continue
            messages = operation(each.row.operation).messages
            root = message_in(parse(each.sample.encode()))
            fault = schema.check(messages, root)
            assert bool(fault) == (each.row.expected_code == "1.8"), (each.row.key, fault)
            if has_reference(messages):
                assert reference_schema(messages).validate(root) == (not fault)
            seen.add(each.row.sample)
        services.abandon_run(mrid=run.mrid, reason="", actor=SYSTEM)
    assert seen - {""} == set(SAMPLES)


def test_scenarios_hold_every_operation_in_both_directions():
    asked = {s.operation for c in SCENARIOS for s in c.steps if s.kind == Kind.SEND}
    told = {s.operation for c in SCENARIOS for s in c.steps if s.kind == Kind.TELL}

    assert asked == {each.name for each in OPERATIONS}
    assert told == {each.name for each in OPERATIONS if each.is_event}


def test_the_command_tells_each_step_and_ends_with_its_verdict(partner):
    out = io.StringIO()

    with pytest.raises(CommandError) as ended:
        call_command("partner_test", client=partner.client_id, timeout=1.0, stdout=out)

    assert ended.value.returncode == 1
    text = out.getvalue()
    assert " 1. Create a group" in text
    assert "FAILED: No CreateDERGroups of yours came in time" in text
    assert "skipped: Not run: it needs the step 'Create a group'" in text
    assert "The run has failed." in text


def test_what_the_command_refuses_is_recorded(partner):
    with pytest.raises(CommandError) as ended:
        call_command("partner_test", client="nobody")

    assert ended.value.returncode == 2
    record = AuditRecord.objects.get(outcome="refused")
    assert (record.action, record.source) == ("conformance.start", "command")


def test_the_command_ends_well_when_all_is_passed(partner):
    client = ApiClient.objects.get(client_id=partner.client_id)
    run = services.start_run(client=client, actor=SYSTEM)
    RunStep.objects.filter(run=run).update(state="passed")
    out = io.StringIO()

    call_command("partner_test", client=partner.client_id, stdout=out)

    assert "The run has passed." in out.getvalue()


def test_a_sandboxed_partner_hears_nothing_of_the_live_utility(partner, settings):
    live = subscription(noun="DERGroups")
    boxed = subscription(noun="DERGroups")
    accounts_services.set_stage(
        mrid=live.partner.client.mrid, stage=ClientStage.LIVE, reason="x", actor=SYSTEM
    )
    data = {"functions": frozenset({DerFunction.REAL_POWER_DISPATCH})}

    create_group(data=GroupData(name="LIVE", **data), actor=accounts.actor(Role.OPERATOR))
    create_group(data=GroupData(name="BOXED", **data), actor=partner.actor)

    told = OutboundMessage.objects.order_by("pk").values_list("partner", "subscription")
    assert list(told) == [(live.partner_id, live.pk), (boxed.partner_id, boxed.pk)]
