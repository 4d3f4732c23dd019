"""The Context of a message: a test or a training has no effect on the real utility."""

import pytest

from derms.accounts import services
from derms.accounts.choices import ClientStage
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM
from tests.cim.conftest import Dms
from tests.cim.doors import DOORS, Doors
from tests.cim.messages import create_groups, group
from tests.cim.refusals import ALL
from tests.cim.test_attacks import all_rows_hash


def in_context(message, context):
    return message.replace("<m:Timestamp>", f"<m:Context>{context}</m:Context><m:Timestamp>", 1)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("context", ["TESTING", "Training", "anything"])
def test_what_is_not_production_is_refused(dms, aggregator, door, context):
    doors = Doors(dms, aggregator)
    before = all_rows_hash()

    for name, (path, message) in ALL.items():
        if "Query" in name:
            continue
        audited = AuditRecord.objects.count()
        by_party = name.startswith(("Created", "Changed", "Deleted", "Executed"))
        said = doors.send(door, path, in_context(message, context), by_party=by_party)

        (error,) = said.errors
        assert (said.result, error["code"], error["level"]) == ("FAILED", "6.1", "FATAL"), name
        assert error["reason"] == "Request cancelled per business rule"
        assert error["details"] == f"Context {context} is not carried out here, only PRODUCTION"
        assert all_rows_hash() == before, name
        assert AuditRecord.objects.count() == audited + 1


def test_questions_may_have_any_context(dms, aggregator):
    doors = Doors(dms, aggregator)
    path, message = ALL["QueryDERGroups"]

    assert doors.send("soap", path, in_context(message, "TESTING")).result == "OK"


@pytest.mark.parametrize("context", ["PRODUCTION", "production", "", " "])
def test_production_and_nothing_are_carried_out(dms_client, context):
    message = in_context(create_groups(group("m", "G")), context)

    assert dms_client.post("create/executeDERGroups", message).result == "OK"


def test_a_test_installation_says_so(dms_client, settings):
    settings.CIM_CONTEXTS = ["testing", "TRAINING"]
    message = create_groups(group("m", "G"))

    refused = dms_client.post("create/executeDERGroups", in_context(message, "PRODUCTION"))
    done = dms_client.post("create/executeDERGroups", in_context(message, "TESTING"))

    assert refused.errors[0]["details"].endswith("only TESTING, TRAINING")
    assert done.result == "OK"


def test_a_client_of_the_sandbox_says_what_it_likes(dms):
    services.set_stage(mrid=dms.actor.mrid, stage=ClientStage.SANDBOX, reason="test", actor=SYSTEM)
    message = in_context(create_groups(group("m", "G")), "TESTING")

    assert Dms(dms).post("create/executeDERGroups", message).result == "OK"
