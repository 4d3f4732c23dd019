import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from lxml import etree

from derms.accounts.models import ApiClient
from derms.accounts.services import update_client
from derms.audit.models import AuditRecord
from derms.cim import background, deferring
from derms.cim.models import DeferredRequest, OutboundMessage
from derms.cim.push import delivery, wire
from derms.core.actors import SYSTEM
from groups.models import DerGroup
from tests.cim import messages as build
from tests.cim import meter_messages as meters
from tests.cim.conftest import check_reply, make_devices
from tests.cim.test_dispatches import soon
from tests.cim.test_meter_readings_out import roll_up
from tests.factories.partners import partner
from tests.partner.client import Listener

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
PATH = "create/executeDERGroups"


@pytest.fixture(scope="module")
def listener():
    with Listener() as listener:
        yield listener


@pytest.fixture
def address(listener, dms_client):
    """A reply address that is registered for the DMS."""
    listener.behave("ok")
    listener.forget()
    found = f"{listener.url}/replies/1"
    row = partner(base_url=listener.url, reply_addresses=[found])
    row.client = ApiClient.objects.get(mrid=dms_client.actor.mrid)
    row.save()
    yield found
    wire.close_all()


def asking(message, address, flag="true"):
    """Put AsyncReplyFlag and ReplyAddress into the Header of a message, where the schema wants."""
    extra = f"<m:AsyncReplyFlag>{flag}</m:AsyncReplyFlag>"
    extra += f"<m:ReplyAddress>{address}</m:ReplyAddress>" if address else ""
    return message.replace("</m:Timestamp>", f"</m:Timestamp>{extra}", 1)


def create(**ids):
    return build.create_groups(build.group(mrid="g1", name="NORTH"), **ids)


def carry_out():
    return [background.carry_out(row.mrid) for row in DeferredRequest.objects.order_by("id")]


def test_acknowledged_at_once_and_answered_later(dms_client, listener, address):
    said = dms_client.post(PATH, asking(create(message_id="m1"), address))

    assert (said.result, said.codes) == ("OK", ["0.3"])
    assert not DerGroup.objects.exists(), "nothing is done yet"
    assert carry_out() == [True]
    assert DerGroup.objects.get().mrid == "g1"
    assert not DeferredRequest.objects.exists()
    delivery.deliver(OutboundMessage.objects.get().partner_id)

    (reply,) = listener.messages()
    assert (reply["path"], reply["root"]) == ("replies/1", "DERGroupsResponseMessage")
    assert (reply["verb"], reply["result"], reply["correlation_id"]) == ("reply", "OK", "m1")
    message = etree.fromstring(reply["body"].encode())[0][0]
    check_reply(build_messages(), message)
    row = OutboundMessage.objects.get()
    assert (row.state, row.message_id) == ("delivered", reply["message_id"])


def build_messages():
    from derms.cim import operations

    return operations.get("CreateDERGroups").messages


def test_a_refusal_comes_to_the_address_too(dms_client, listener, address):
    dms_client.post(PATH, create())
    dms_client.post(PATH, asking(create(message_id="m2", correlation_id="c2"), address))
    carry_out()
    delivery.deliver(OutboundMessage.objects.get().partner_id)

    (reply,) = listener.messages()

    assert (reply["result"], reply["correlation_id"]) == ("FAILED", "c2")
    assert "<m:code>6.1</m:code>" in reply["body"]
    assert AuditRecord.objects.filter(outcome="refused").count() == 1


def test_queries_may_be_asynchronous(dms_client, listener, address):
    dms_client.post(PATH, create())
    question = build.query("DERGroupQueries", "DERGroups", build.asked(mrid="g1"))

    said = dms_client.post("get/queryDERGroups", asking(question, address))
    carry_out()
    delivery.deliver(OutboundMessage.objects.get().partner_id)

    assert said.codes == ["0.3"]
    (reply,) = listener.messages()
    assert (reply["root"], reply["groups"]) == ("DERGroupQueriesResponseMessage", ["g1"])


def _later(dms_client, listener, path, question, address):
    """Return the Payload of an asynchronous reply, and that of the reply given at once."""
    said = dms_client.post(path, asking(question, address))
    assert said.codes == ["0.3"]
    assert carry_out() == [True]
    delivery.deliver(OutboundMessage.objects.get().partner_id)
    (reply,) = listener.messages()
    later = etree.fromstring(reply["body"].encode()).find(".//{*}Payload")
    return later, dms_client.post(path, question).root.find(".//{*}Payload")


def _texts(payload, *names):
    return [element.text for name in names for element in payload.iter(f"{{*}}{name}")]


def test_a_query_for_a_time_keeps_its_time(dms_client, listener, address):
    (device,) = make_devices(1)
    first = roll_up(device, 4000.0, 2000.0, 6000.0)
    times = [first, first + dt.timedelta(minutes=30)]
    question = meters.get(meters.device(device), *(at.isoformat() for at in times))

    later, at_once = _later(dms_client, listener, "get/queryMeterReadings", question, address)

    stamps = _texts(later, "timeStamp")
    assert len(set(stamps)) == 2
    assert stamps == _texts(at_once, "timeStamp")
    assert _texts(later, "value") == _texts(at_once, "value")


def test_a_forecast_and_a_status_are_those_given_at_once(dms_client, listener, address):
    members = make_devices(2)
    dms_client.post(
        PATH, build.create_groups(build.group(mrid="g1", name="NORTH", members=members))
    )
    window = build.forecast_query(build.asked(mrid="g1"), start=soon(), count=3)
    status = build.query("DERGroupStatusQueries", "DERGroupStatuses", build.asked(mrid="g1"))

    later, at_once = _later(dms_client, listener, "get/queryDERGroupForecasts", window, address)
    assert _texts(later, "startTime", "intervalNumber", "maxYValue") == _texts(
        at_once, "startTime", "intervalNumber", "maxYValue"
    )
    assert _texts(later, "intervalNumber") == ["1", "2", "3"]

    OutboundMessage.objects.all().delete()
    listener.forget()
    later, at_once = _later(dms_client, listener, "get/queryDERGroupStatuses", status, address)
    assert _texts(later, "DERParameter", "maxYValue") == _texts(
        at_once, "DERParameter", "maxYValue"
    )


@pytest.mark.parametrize(
    ("where", "code"),
    [("http://169.254.169.254/latest", "7.7"), ("{address}/", "7.7"), ("", "1.5")],
)
def test_other_addresses_are_refused(dms_client, listener, address, where, code):
    said = dms_client.post(PATH, asking(create(), where.format(address=address)))

    assert (said.result, said.codes) == ("FAILED", [code])
    assert not DeferredRequest.objects.exists()
    assert not DerGroup.objects.exists()
    assert AuditRecord.objects.filter(outcome="refused").exists()


def test_a_client_that_is_no_partner_has_no_reply_address(dms_client, address, other_client):
    said = other_client.post(PATH, asking(create(), address))

    assert said.codes == ["7.7"]
    assert other_client.actor.name in said.errors[0]["details"]


def test_flag_false_is_answered_at_once(dms_client, address):
    said = dms_client.post(PATH, asking(create(), address, flag="false"))

    assert (said.result, said.codes) == ("OK", ["0.0"])
    assert DerGroup.objects.exists()


def test_the_same_message_again_is_kept_once(dms_client, address):
    message = asking(create(message_id="m1"), address)

    first, second = dms_client.post(PATH, message), dms_client.post(PATH, message)

    assert second.raw == first.raw
    assert DeferredRequest.objects.count() == 1
    carry_out()
    assert dms_client.post(PATH, message).raw == first.raw
    assert OutboundMessage.objects.count() == 1


def test_too_many_that_wait(dms_client, address, monkeypatch):
    monkeypatch.setattr(deferring, "MAX_WAITING", 1)
    dms_client.post(PATH, asking(create(message_id="m1"), address))
    second = asking(create(message_id="m2"), address)

    said = dms_client.post(PATH, second)

    (error,) = said.errors
    assert (said.result, error["code"], error["level"]) == ("FAILED", "3.2", "FATAL")
    assert error["reason"] == "Too many pending requests"
    assert DeferredRequest.objects.count() == 1
    carry_out()
    assert dms_client.post(PATH, second).codes == ["0.3"]  # its MessageID was not used up


def test_an_invalid_request_is_refused_at_once(dms_client, address):
    broken = (
        asking(create(), address)
        .replace("<realPowerDispatch>", "<x>")
        .replace("</realPowerDispatch>", "</x>")
    )

    assert dms_client.post(PATH, broken).codes == ["1.8"]
    assert not DeferredRequest.objects.exists()


def test_a_client_switched_off_meanwhile_gets_nothing_done(dms_client, address):
    dms_client.post(PATH, asking(create(), address))
    update_client(mrid=dms_client.actor.mrid, is_active=False, actor=SYSTEM)

    carry_out()

    assert not DerGroup.objects.exists()
    assert OutboundMessage.objects.get().verb == "reply"


def test_a_dead_reply_address_does_not_hold_up_pushes(dms_client, listener, address):
    row = OutboundMessage
    dms_client.post(PATH, asking(create(), address))
    carry_out()
    reply = row.objects.get()
    row.objects.update(address="http://127.0.0.1:9/dead")

    delivery.deliver(reply.partner_id)

    reply.refresh_from_db()
    reply.partner.refresh_from_db()
    assert (reply.state, reply.attempts) == ("waiting", 1)
    assert (reply.partner.failures, reply.partner.not_before) == (0, None)


def test_killed_before_the_commit_is_carried_out_once_by_the_next(dms_client, address):
    dms_client.post(PATH, asking(create(), address))
    mrid = DeferredRequest.objects.get().mrid
    at = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DERMS_FAILPOINTS": "cim.deferred_replied=kill",
        "DERMS_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings",
    }
    program = "import django; django.setup(); from derms.cim import background; "
    program += f"background.carry_out('{mrid}')"
    command = [sys.executable, "-W", "ignore", "-c", program]

    died = subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=False)

    assert died.returncode == -signal.SIGKILL
    assert not OutboundMessage.objects.exists()
    assert carry_out() == [True]
    assert (DerGroup.objects.count(), OutboundMessage.objects.count()) == (1, 1)
