"""Wrong answers of a partner's endpoint, over real sockets, each named in one sentence."""

import datetime as dt
import re
import time

import pytest

from derms.cim.models import OutboundMessage, Partner
from derms.cim.push import delivery
from derms.conformance import services
from derms.conformance.models import RunStep
from derms.core import clock
from tests.certificates import pair
from tests.partner.client import Listener

pytestmark = pytest.mark.django_db
KEY = "told_created"
WORDS = "DERGroupsResponseMessage"


@pytest.fixture
def on(bench):
    """A run of the whole scenario whose group is there."""
    found = bench("dms")
    found.until("repeat")
    return found


def good(body, sample):
    """Return the sample reply, to the message at hand."""
    message_id = re.search(rb"<m:MessageID>([^<]+)", body).group(1).decode()
    return re.sub("(<m:CorrelationID>)[^<]+", rf"\g<1>{message_id}", sample)


def swap(pattern, text):
    def change(reply):
        changed, hits = re.subn(pattern, text, reply, count=1, flags=re.DOTALL)
        assert hits, pattern
        return changed

    return change


def at(seconds, zone="Z"):
    return (clock.now() + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + zone


def fault(_reply):
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        "<faultcode>s:Server</faultcode><faultstring>Object reference not set</faultstring>"
        "</s:Fault></s:Body></s:Envelope>"
    )


def twice(reply):
    inner = re.search("<soap:Body>(.*)</soap:Body>", reply, re.DOTALL).group(1)
    return reply.replace(inner, inner * 2)


def two_hours_late(reply):
    return swap("(<m:Timestamp>)[^<]+", rf"\g<1>{at(-7200)}")(reply)


WRONG = [
    ("HTTP 500 alone", 500, lambda _: "",
     "Your reply is empty (HTTP 500): a ResponseMessage is due"),
    ("nothing at all", 200, lambda _: "",
     "Your reply is empty (HTTP 200): a ResponseMessage is due"),
    ("taken without a word", 202, lambda _: "",
     "Your reply is empty (HTTP 202): a ResponseMessage is due"),
    ("a web page", 200, lambda _: "<html><body>Welcome</body></html>",
     f"Your reply: the message is html, expected {WORDS}"),
    ("a torn web page", 200, lambda _: "<html><body>Welcome<br>",
     "Your reply cannot be read (HTTP 200): The XML cannot be read: "),
    ("JSON", 200, lambda _: '{"ok": true}',
     "Your reply cannot be read (HTTP 200): The XML cannot be read: "),
    ("a fault", 500, fault, "Your reply is a SOAP fault (HTTP 500): Object reference not set"),
    ("two replies", 200, twice,
     "Your reply cannot be read (HTTP 200): The SOAP Body must hold one message, found 2"),
    ("SOAP 1.2", 200,
     swap("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
     "Your reply cannot be read (HTTP 200): Envelope is in the namespace "
     "'http://www.w3.org/2003/05/soap-envelope': SOAP 1.1 is "
     "'http://schemas.xmlsoap.org/soap/envelope/'"),
    ("another message", 200, lambda r: r.replace(WORDS, "CreatedDERGroupsResponse"),
     f"Your reply: the message is CreatedDERGroupsResponse, expected {WORDS}"),
    ("another namespace", 200, swap("2017/DERGroupsMessage", "2018/DERGroupsMessage"),
     f"Your reply: {WORDS} is in the namespace 'http://iec.ch/TC57/2018/DERGroupsMessage': "
     "expected 'http://iec.ch/TC57/2017/DERGroupsMessage'"),
    ("no Reply", 200, swap("<Reply .*</Reply>", ""),
     f"Your reply: {WORDS}/Reply is missing: mandatory on reply"),
    ("no Result", 200, swap("<m:Result>OK</m:Result>", ""),
     f"Your reply: {WORDS}/Reply/Result is missing: mandatory on reply before Error"),
    ("a Result of its own", 200, swap("<m:Result>OK<", "<m:Result>SUCCESS<"),
     f"Your reply: {WORDS}/Reply/Result is 'SUCCESS': allowed are "),
    ("our verb back", 200, swap("<m:Verb>reply<", "<m:Verb>created<"),
     "Your reply: Header/Verb is 'created', expected 'reply'"),
    ("another noun", 200, swap("<m:Noun>DERGroups<", "<m:Noun>Ack<"),
     "Your reply: Header/Noun is 'Ack', expected 'DERGroups'"),
    ("no CorrelationID", 200, swap("<m:CorrelationID>[^<]+</m:CorrelationID>", ""),
     "Your reply: Header/CorrelationID is missing: it says our MessageID"),
    ("another CorrelationID", 200, swap("<m:CorrelationID>[^<]+", "<m:CorrelationID>4711"),
     "Your reply: Header/CorrelationID is '4711', expected our MessageID '"),
    ("refused", 200,
     swap("<m:Result>OK</m:Result><m:Error><m:code>0.0</m:code>",
          "<m:Result>FAILED</m:Result><m:Error><m:code>5.1</m:code><m:level>FATAL</m:level>"
          "<m:details>disk full</m:details>"),
     "Your reply: Reply/Result is 'FAILED' with code 5.1 (disk full), expected 'OK'"),
    ("OK with an error", 200, swap("<m:code>0.0<", "<m:code>6.1<"),
     "Your reply: Reply/Error/code is '6.1', expected '0.0' with Result OK"),
    ("a good reply with HTTP 500", 500, str,
     "Your reply: HTTP status is 500, expected 200 with this message"),
    ("a clock that is wrong", 200,
     two_hours_late,
     "Your reply: Header/Timestamp is 72"),
    ("not let in", 401, lambda _: "no",
     "Your endpoint answers HTTP 401: it does not take our credentials"),
    ("nobody at that path", 404, lambda _: "<html/>",
     "Your endpoint answers HTTP 404: this service is not there"),
    ("a redirect", 307, lambda _: "",
     "Your endpoint answers HTTP 307: redirects are not followed"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "change", "said"), [row[1:] for row in WRONG],
                         ids=[row[0] for row in WRONG])  # fmt: skip
def test_what_is_wrong_is_named_and_fails_at_once(on, endpoint, status, change, said):
    sample = on.shown(KEY).sample
    endpoint.reply = lambda body: (status, change(good(body, sample)).encode())

    step = on.tell(KEY, endpoint)

    assert step.difference.startswith(said), step.difference
    assert said.endswith((": ", "are ", "'", "72")) or step.difference == said
    assert step.state == "failed"
    assert len(endpoint.heard) == 1
    assert not OutboundMessage.objects.filter(state__in=("waiting", "parked")).exists()


def test_the_sample_is_a_good_reply(on, endpoint):
    sample = on.shown(KEY).sample
    endpoint.reply = lambda body: (200, good(body, sample).encode())

    step = on.tell(KEY, endpoint)

    assert (step.state, step.difference, step.remark) == ("passed", "", "")
    assert step.latency_ms > 0
    assert abs(step.drift_s) < 2
    shown = on.shown(KEY)
    assert f"<m:CorrelationID>{OutboundMessage.objects.get().message_id}<" in shown.sample
    assert shown.address == "61968-5/create/receiveDERGroups"


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (swap("<m:Verb>reply<", "<m:Verb>REPLY<"),
         "Header/Verb is 'REPLY': the standard writes 'reply'"),
        (swap("(<m:Timestamp>[^<]+)Z", r"\g<1>"), "Header/Timestamp is '"),
    ],
)  # fmt: skip
def test_what_is_not_by_the_letter_is_a_remark(on, endpoint, settings, change, remark):
    settings.SITE_TIME_ZONE = "UTC"
    sample = on.shown(KEY).sample
    endpoint.reply = lambda body: (200, change(good(body, sample)).encode())

    step = on.tell(KEY, endpoint)

    assert (step.state, step.difference) == ("passed", "")
    assert step.remark.startswith(remark)


def fails_in_the_end(on, time_machine):
    """The step waits for somebody to mend the endpoint, until its time is over."""
    assert on.step(KEY).state == "waiting"
    time_machine.move_to(clock.now() + dt.timedelta(hours=2))
    step = on.step(KEY)
    assert step.state == "failed"
    return step.difference


def test_nobody_there(on, endpoint, time_machine):
    endpoint.server.shutdown()
    endpoint.server.server_close()

    waiting = on.tell(KEY, endpoint)

    said = "Not delivered yet: No connection: "
    assert (waiting.state, waiting.difference[: len(said)]) == ("waiting", said)
    assert fails_in_the_end(on, time_machine).startswith(said)


def test_an_answer_after_its_time(on, endpoint, time_machine):
    def slow(_body):
        time.sleep(1.5)
        return 200, b""

    endpoint.reply = slow

    waiting = on.tell(KEY, endpoint)

    assert waiting.difference.startswith("Not delivered yet: No answer in time")
    assert fails_in_the_end(on, time_machine).startswith("Not delivered yet: No answer in time")


def test_a_busy_endpoint_is_waited_for(on, endpoint):
    sample = on.shown(KEY).sample
    endpoint.reply = lambda _body: (503, b"")
    waiting = on.tell(KEY, endpoint)
    endpoint.reply = lambda body: (200, good(body, sample).encode())
    Partner.objects.update(not_before=None)
    OutboundMessage.objects.update(not_before=None)

    delivery.deliver(Partner.objects.get().pk)

    assert waiting.difference == "Not delivered yet: HTTP 503"
    assert on.step(KEY).state == "passed"


def test_tls_that_is_none(on, endpoint, time_machine):
    endpoint.url = endpoint.url.replace("http:", "https:")

    waiting = on.tell(KEY, endpoint)

    assert re.search("No connection: .*SSL", waiting.difference), waiting.difference
    assert "SSL" in fails_in_the_end(on, time_machine)


def test_a_certificate_nobody_vouches_for(on, tmp_path):
    shown = pair("localhost", host="localhost")
    file = tmp_path / "endpoint.pem"
    file.write_text(shown.key_pem + shown.pem)

    with Listener(schemas="", certificate=file) as listener:
        listener_like = type("Endpoint", (), {"url": f"https://localhost:{listener.port}"})

        waiting = on.tell(KEY, listener_like)

    assert "CERTIFICATE_VERIFY_FAILED" in waiting.difference
    assert waiting.state == "waiting"


def test_days_left_of_the_endpoint_s_certificate(on, tmp_path, settings):
    authority = pair("Test CA", authority=True)
    shown = pair("localhost", issuer=authority, host="localhost")
    file, trusted = tmp_path / "endpoint.pem", tmp_path / "ca.crt"
    file.write_text(shown.key_pem + shown.pem)
    trusted.write_text(authority.pem)
    settings.PUSH_AUTHORITIES = str(trusted)

    with Listener(schemas="", certificate=file) as listener:
        step = on.tell(KEY, type("Endpoint", (), {"url": f"https://localhost:{listener.port}"}))
        run = services.advance_run(on.mrid)

    assert step.difference == ""
    days = (shown.certificate.not_valid_after_utc - clock.now()).days
    assert run.endpoint_certificate_days == days


def test_no_endpoint_at_all(bench):
    on = bench("dms")
    on.until("repeat")
    RunStep.objects.filter(run__mrid=on.mrid, state__in=("pending", "waiting")).exclude(
        key=KEY
    ).update(state="passed")

    assert on.step(KEY).difference.startswith("This client has no endpoint")
