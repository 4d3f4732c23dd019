"""What a policy demands of a message, however it shows who sent it."""

import pytest
from lxml import etree

from derms.accounts.services import register_certificate
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM, Role
from tests.certificates import pair
from tests.cim import wss
from tests.cim.trusting import altered, assert_refused, code_of, demand, details_of, message, post
from tests.cim.wss import Sender, at
from tests.personas import system


@pytest.fixture(scope="module")
def ours():
    return pair("dms.example")


@pytest.fixture(scope="module")
def foreign():
    return pair("somebody.example")


@pytest.fixture
def signer(dms, ours):
    """A DMS whose certificate is registered."""
    register_certificate(mrid=dms.actor.mrid, pem=ours.pem, actor=SYSTEM)
    return dms


def test_all_that_the_policy_demands_must_hold(signer, ours):
    demand(signer, "password", "signature")
    basic = signer.defaults["HTTP_AUTHORIZATION"]

    assert_refused(post(message(), basic), "7.3", "demands a WS-Security signature")
    unsigned_basic = post(Sender(ours).sign(message()))
    assert code_of(unsigned_basic) == "7.3"
    assert "HTTP Basic" in details_of(unsigned_basic)
    both = post(Sender(ours).sign(message()), basic)
    assert code_of(both) == "0.0"


def test_a_bad_proof_is_refused_even_where_none_is_demanded(signer, ours):
    sent = Sender(ours).sign(message(), altered)

    response = post(sent, signer.defaults["HTTP_AUTHORIZATION"])

    assert_refused(response, "7.4", "a digest differs")


def test_timestamp_of_the_header_where_the_policy_demands_it(dms):
    basic = dms.defaults["HTTP_AUTHORIZATION"]
    assert code_of(post(message("A"), basic)) == "0.0"  # days old, and nobody minds
    demand(dms, "timestamp")

    stale = post(message("B"), basic)
    fresh = post(message("B").replace(b"2026-11-20T10:00:00.1234567Z", at().encode()), basic)

    assert code_of(stale) == "7.7"
    assert "Timestamp of the Header is" in details_of(stale)
    assert code_of(fresh) == "0.0"


def _with_detection(body, nonce, created):
    element = (
        f"<m:ReplayDetection><m:Nonce>{nonce}</m:Nonce><m:Created>{created}</m:Created>"
        "</m:ReplayDetection><m:Timestamp>"
    )
    return body.replace(b"<m:Timestamp>", element.encode())


def test_replay_detection_of_the_header(dms):
    basic = dms.defaults["HTTP_AUTHORIZATION"]
    first = post(_with_detection(message("A"), "n1", at()), basic)
    played = post(_with_detection(message("B"), "n1", at()), basic)
    skewed = post(_with_detection(message("C"), "n2", at(-290)), basic)
    stale = post(_with_detection(message("D"), "n3", at(-400)), basic)

    assert [code_of(one) for one in (first, played, skewed, stale)] == ["0.0", "7.7", "0.0", "7.7"]
    assert "Created of ReplayDetection is 400 s behind our clock" in details_of(stale)
    assert played.status_code == stale.status_code == 200
    assert AuditRecord.objects.filter(outcome="refused").count() == 2


def test_nonces_of_two_clients_do_not_meet(dms, other_client):
    for name, persona in (("A", dms), ("B", other_client.persona)):
        sent = _with_detection(message(name), "n1", at())
        assert code_of(post(sent, persona.defaults["HTTP_AUTHORIZATION"])) == "0.0"


def test_aggregator_is_still_not_allowed_what_it_may_not(db, ours):
    aggregator = system(Role.AGGREGATOR, kind="aggregator")
    register_certificate(mrid=aggregator.actor.mrid, pem=ours.pem, actor=SYSTEM)

    response = post(Sender(ours).sign(message()))

    assert (response.status_code, code_of(response)) == (200, "7.5")


def test_wss_is_what_the_builder_says():
    assert wss.canonical(etree.fromstring("<a  b='1'/>")) == b'<a b="1"></a>'
