"""Bad passwords, tokens and signatures make callers wait at both doors; good clients never."""

import base64

import pytest
from django.test import Client
from lxml import etree

from derms.accounts.services import register_certificate
from derms.audit.models import AuditRecord
from derms.cim.models import CimMessage
from derms.core import valkey
from derms.core.actors import SYSTEM
from groups.models import DerGroup
from tests.certificates import pair
from tests.cim.trusting import PATH, altered, code_of, message
from tests.cim.wss import Sender, username_token

HERE, THERE = "10.1.0.1", "10.1.0.2"
LIMIT = 3


@pytest.fixture(autouse=True)
def _few(settings):
    settings.CALL_REFUSALS = LIMIT
    for key in valkey.client().scan_iter("derms:*"):
        if key.startswith((b"derms:call:", b"derms:refused:")):
            valkey.client().delete(key)


@pytest.fixture(scope="module")
def ours():
    return pair("dms.example")


def basic(dms, secret=None):
    token = base64.b64encode(f"{dms.client_id}:{secret or dms.secret}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {token}"}


def post(body=None, address=HERE, path=PATH, **headers):
    body = message() if body is None else body
    return Client().post(path, body, content_type="text/xml", REMOTE_ADDR=address, **headers)


def waits(answer):
    return answer.status_code == 429 and 0 < int(answer["Retry-After"]) <= 60


def test_bad_passwords_make_wait_at_the_cim_door(dms):
    answers = [post(**basic(dms, "wrong")) for _ in range(LIMIT + 2)]

    assert [a.status_code for a in answers] == [401] * LIMIT + [429] * 2
    assert waits(answers[-1])
    assert waits(post(**basic(dms))), "nobody knows it at this address yet"
    assert post(address=THERE, **basic(dms)).status_code == 200
    reasons = [r.payload for r in AuditRecord.objects.filter(outcome="refused")]
    assert sum("Too many bad credentials" in reason for reason in reasons) == 1


def test_bad_passwords_make_wait_at_the_rest_door(dms):
    def get(secret=None, address=HERE):
        return Client().get("/api/v1/groups", REMOTE_ADDR=address, **basic(dms, secret))

    assert [get("wrong").status_code for _ in range(LIMIT + 1)] == [401] * LIMIT + [429]
    answer = get("wrong")
    assert waits(answer)
    assert answer["Content-Type"] == "application/problem+json"
    assert get(address=THERE).status_code == 200


def test_a_client_at_home_is_heard_whoever_knocks_there(dms):
    assert post(**basic(dms)).status_code == 200
    for _ in range(20 * LIMIT):
        post(**basic(dms, "old secret"))

    assert waits(post(**basic(dms, "old secret")))
    assert post(message("H"), **basic(dms)).status_code == 200
    assert DerGroup.objects.count() == 2


def test_bad_tokens_are_answered_with_a_fault_and_not_logged(dms):
    bad = username_token(message(), dms.client_id, "wrong")
    first = [post(bad) for _ in range(LIMIT)]
    logged, recorded = CimMessage.objects.count(), AuditRecord.objects.count()

    answers = [post(bad) for _ in range(3)]

    assert [(a.status_code, code_of(a)) for a in first] == [(500, "7.4")] * LIMIT
    assert all(map(waits, answers))
    assert {code_of(a) for a in answers} == {"7.1"}
    assert etree.fromstring(answers[0].content).find(".//faultcode") is not None
    assert CimMessage.objects.count() == logged == LIMIT
    assert AuditRecord.objects.count() == recorded + 1
    good = username_token(message(), dms.client_id, dms.secret)
    assert waits(post(good))
    assert post(good, address=THERE).status_code == 200
    assert DerGroup.objects.count() == 1


def test_bad_signatures_make_wait_before_they_are_verified(dms, ours):
    register_certificate(mrid=dms.actor.mrid, pem=ours.pem, actor=SYSTEM)
    answers = [post(Sender(ours).sign(message(), altered)) for _ in range(LIMIT + 1)]

    assert [code_of(a) for a in answers] == ["7.4"] * LIMIT + ["7.1"]
    assert waits(answers[-1])
    assert waits(post(Sender(ours).sign(message())))
    assert post(Sender(ours).sign(message()), address=THERE).status_code == 200


def test_certificates_of_nobody_make_an_address_wait(dms, ours):
    stranger = Sender(pair("somebody.example"))
    answers = [post(stranger.sign(message())) for _ in range(5 * LIMIT + 1)]

    assert waits(answers[-1])
    assert post(address=THERE, **basic(dms)).status_code == 200
