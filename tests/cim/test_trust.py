"""Who sent a message: UsernameToken and X.509 signature, good ones and every bad one we know of."""

import base64
import copy
import datetime as dt
import os
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from lxml import etree

from derms.accounts.models import ApiClient, ClientCertificate
from derms.accounts.services import register_certificate, update_client
from derms.accounts.services.clients import Policy
from derms.audit.models import AuditRecord
from derms.cim.models import CimMessage
from derms.core.actors import SYSTEM, Role
from groups.models import DerGroup
from tests.certificates import pair
from tests.cim import wss
from tests.cim.messages import asked, create_groups, group, query, soap
from tests.cim.wss import DS, MORE, SHA1, SOAP, WSSE, WSU, WSU_ID, Sender, at, username_token
from tests.personas import system

PATH = "/61968-5/create/executeDERGroups"
DAY = dt.timedelta(days=1)


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


def demand(persona, *demands, **more):
    policy = Policy(demands=frozenset(demands), **more)
    update_client(mrid=persona.actor.mrid, policy=policy, actor=SYSTEM)


def message(name="G", **more):
    return soap(create_groups(group(f"m-{name}", name), **more))


def post(body, authorization="", path=PATH, **more):
    headers = {"HTTP_AUTHORIZATION": authorization} if authorization else {}
    return Client(**headers).post(path, body, content_type="text/xml", **more)


def code_of(response):
    return etree.fromstring(response.content).findtext(".//{*}code")


def details_of(response):
    return etree.fromstring(response.content).findtext(".//{*}details")


def assert_refused(response, code, said, fault=""):
    """A fault with a 7.x code and one sentence, one audit record, and nothing changed."""
    assert response.status_code == 500, response.content
    assert code_of(response) == code
    assert said in details_of(response)
    assert fault in etree.fromstring(response.content).findtext(".//faultcode")
    assert AuditRecord.objects.filter(outcome="refused").count() == 1
    assert AuditRecord.objects.get(outcome="refused").payload.count(said) == 1
    assert DerGroup.objects.count() == 0
    assert CimMessage.objects.get().code == code


# --- UsernameToken --------------------------------------------------------------------------


def test_password_in_the_message_lets_the_client_in(dms):
    response = post(username_token(message(), dms.client_id, dms.secret))

    assert (response.status_code, code_of(response)) == (200, "0.0")
    assert CimMessage.objects.get().client_name == dms.client_id


def test_password_is_hidden_in_the_log_and_nothing_else(dms):
    sent = username_token(message(), dms.client_id, dms.secret)
    post(sent)

    kept = CimMessage.objects.get()
    body = zlib.decompress(kept.request_body)
    assert dms.secret.encode() not in body
    assert body == sent.replace(dms.secret.encode(), b"*" * len(dms.secret))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_password_is_hidden_however_it_is_written(dms, encoding):
    text = username_token(message(), dms.client_id, dms.secret).decode()
    written = f"<![CDATA[{dms.secret[:9]}]]>{dms.secret[9:]}"
    sent = text.replace(f">{dms.secret}<", f">{written}<")
    response = post(f'<?xml version="1.0" encoding="{encoding}"?>{sent}'.encode(encoding))

    assert response.status_code == 200
    body = zlib.decompress(CimMessage.objects.get().request_body)
    for shown in (body, body.decode("utf-16", "ignore").encode()):
        assert dms.secret[:9].encode() not in shown
        assert dms.secret[9:].encode() not in shown


def test_password_in_the_clear_needs_tls(dms, settings):
    settings.CIM_PLAIN_PASSWORD = False
    sent = username_token(message(), dms.client_id, dms.secret)

    assert_refused(post(sent), "7.6", "needs TLS")
    assert post(sent, secure=True).status_code == 200


def test_digest_over_what_we_keep(dms):
    demand(dms, password_digest=True)
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    nonce = base64.b64encode(os.urandom(16)).decode()

    sent = username_token(message(), dms.client_id, kept, digest=True, nonce=nonce, created=at())

    assert post(sent).status_code == 200


def test_digest_only_where_the_policy_allows_it(dms):
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    nonce = base64.b64encode(os.urandom(16)).decode()

    sent = username_token(message(), dms.client_id, kept, digest=True, nonce=nonce, created=at())

    assert_refused(post(sent), "7.4", "not valid", "wsse:FailedAuthentication")


def test_zeep_sends_both_kinds(dms):
    from zeep.wsse.username import UsernameToken

    demand(dms, password_digest=True)
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    text = UsernameToken(dms.client_id, dms.secret)
    digest = UsernameToken(dms.client_id, kept, use_digest=True)
    for name, token in (("T", text), ("D", digest)):
        envelope, _ = token.apply(etree.fromstring(message(name)), {})
        assert post(etree.tostring(envelope)).status_code == 200
    assert DerGroup.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"password": "wrong"}, "7.4", "not valid"),
        ({"username": "nobody"}, "7.4", "not valid"),
        ({"created": at(-3600)}, "7.7", "s behind our clock; 300 s are tolerated"),
        ({"created": at(900)}, "7.7", "s ahead of our clock"),
        ({"created": "yesterday"}, "7.7", "is no date"),
        ({"digest": True, "nonce": "AAAA"}, "7.4", "needs Nonce and Created"),
    ],
)
def test_bad_username_tokens(dms, change, code, said):
    values = {"username": dms.client_id, "password": dms.secret} | change

    assert_refused(post(username_token(message(), **values)), code, said)


def test_nonce_counts_once(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    first = post(username_token(message("A"), **token))
    second = post(username_token(message("B"), **token))

    assert code_of(first) == "0.0"
    assert code_of(second) == "7.7"
    assert "nonce was used before" in details_of(second)
    assert DerGroup.objects.get().name == "A"


def test_the_same_bytes_again_get_the_stored_reply(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    sent = username_token(message(), **token)

    assert post(sent).content == post(sent).content
    assert CimMessage.objects.get().replays == 1


def test_played_back_message_without_id_has_no_second_effect(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    sent = username_token(message(message_id=""), **token)

    assert code_of(post(sent)) == "0.0"
    assert code_of(post(sent)) == "7.7"


def test_played_back_query_is_not_answered(dms):
    nonce = base64.b64encode(os.urandom(16)).decode()
    token = {"username": dms.client_id, "password": dms.secret, "nonce": nonce, "created": at()}
    sent = username_token(soap(query("DERGroupQueries", "DERGroups", asked())), **token)
    path = "/61968-5/get/queryDERGroups"

    replies = [Client().post(path, sent, content_type="text/xml") for _ in range(2)]

    assert [code_of(reply) for reply in replies][1] == "7.7"


def test_two_clients_in_one_message(dms, other_client):
    sent = username_token(message(), other_client.persona.client_id, other_client.persona.secret)

    response = post(sent, dms.defaults["HTTP_AUTHORIZATION"])

    assert_refused(response, "7.4", "two different API clients")


def test_nothing_shown_is_a_401(dms):
    assert post(message()).status_code == 401
    assert post(b"<broken").status_code == 401
    assert post(b"x" * (2**20 + 1)).status_code == 401
    assert CimMessage.objects.count() == 0


# --- signatures -----------------------------------------------------------------------------


@pytest.mark.parametrize("key_info", ["token", "serial", "ski", "x509data"])
def test_signature_alone_lets_the_client_in(signer, ours, key_info):
    response = post(Sender(ours, key_info=key_info).sign(message()))

    assert (response.status_code, code_of(response)) == (200, "0.0"), response.content
    assert CimMessage.objects.get().client_name == signer.client_id


def test_elliptic_curve_signature(dms):
    curve = pair("ec.example", curve=ec.SECP256R1())
    register_certificate(mrid=dms.actor.mrid, pem=curve.pem, actor=SYSTEM)

    response = post(Sender(curve, method=f"{MORE}ecdsa-sha256").sign(message()))

    assert code_of(response) == "0.0"


def test_both_certificates_count_while_they_are_rolled_over(signer, ours):
    later = pair("dms.example")
    register_certificate(mrid=signer.actor.mrid, pem=later.pem, actor=SYSTEM)

    for name, one in (("A", ours), ("B", later)):
        assert code_of(post(Sender(one).sign(message(name)))) == "0.0"


def _another_body(envelope):
    """Wrapping: the signed Body is hidden in the header, another one takes its place."""
    body = envelope.find(f"{{{SOAP}}}Body")
    evil = copy.deepcopy(body)
    evil.set(WSU_ID, "body-2")
    evil.find(".//{*}EndDeviceGroup/{*}mRID").text = "evil"
    envelope.replace(body, evil)
    etree.SubElement(envelope.find(f"{{{SOAP}}}Header"), "hidden").append(body)


def _another_body_same_id(envelope):
    _another_body(envelope)
    envelope.find(f"{{{SOAP}}}Body").set(WSU_ID, "body-1")


def _another_body_plain_id(envelope):
    _another_body(envelope)
    body = envelope.find(f"{{{SOAP}}}Body")
    del body.attrib[WSU_ID]
    body.set("Id", "body-1")


def _two_bodies(envelope):
    body = envelope.find(f"{{{SOAP}}}Body")
    evil = copy.deepcopy(body)
    evil.attrib.pop(WSU_ID)
    evil.find(".//{*}EndDeviceGroup/{*}mRID").text = "evil"
    envelope.insert(list(envelope).index(body), evil)


def _envelope_in_envelope(envelope):
    """The signed envelope as a whole becomes content of the header."""
    inner = copy.deepcopy(envelope)
    body = envelope.find(f"{{{SOAP}}}Body")
    body.set(WSU_ID, "body-2")
    body.find(".//{*}EndDeviceGroup/{*}mRID").text = "evil"
    envelope.find(f"{{{SOAP}}}Header").append(inner)


def _altered(envelope):
    envelope.find(".//{*}EndDeviceGroup/{*}mRID").text = "evil"


def _later(envelope):
    envelope.find(f".//{{{WSU}}}Created").text = at(60)


def _two_signatures(envelope):
    signature = envelope.find(f".//{{{DS}}}Signature")
    signature.getparent().append(copy.deepcopy(signature))


def _two_headers(envelope):
    header = envelope.find(f"{{{SOAP}}}Header")
    header.append(copy.deepcopy(header.find(f"{{{WSSE}}}Security")))


def _no_method(envelope):
    envelope.find(f".//{{{DS}}}SignatureMethod").set("Algorithm", "none")


def _no_value(envelope):
    envelope.find(f".//{{{DS}}}SignatureValue").text = ""


def _whole_document(envelope):
    envelope.find(f".//{{{DS}}}Reference").set("URI", "")


def _elsewhere(envelope):
    envelope.find(f".//{{{DS}}}Reference").set("URI", "http://127.0.0.1:1/other.xml")


def _no_references(envelope):
    info = envelope.find(f".//{{{DS}}}SignedInfo")
    for reference in info.findall(f"{{{DS}}}Reference"):
        info.remove(reference)


def _token_gone(envelope):
    token = envelope.find(f".//{{{WSSE}}}BinarySecurityToken")
    token.getparent().remove(token)


def _unknown_part(envelope):
    security = envelope.find(f".//{{{WSSE}}}Security")
    etree.SubElement(security, "{http://www.w3.org/2001/04/xmlenc#}EncryptedKey")


VECTORS = {
    "content altered": ({}, _altered, "7.4", "a digest differs"),
    "wrapped, other id": ({}, _another_body, "7.4", "does not cover the Body"),
    "wrapped, doubled id": ({}, _another_body_same_id, "7.4", "more than one element"),
    "wrapped, id of another kind": ({}, _another_body_plain_id, "7.4", "more than one element"),
    "two Bodies": ({}, _two_bodies, "7.4", "does not cover the Body"),
    "envelope in envelope": ({}, _envelope_in_envelope, "7.4", "more than one element"),
    "Timestamp altered": ({}, _later, "7.4", "a digest differs"),
    "Timestamp not covered": ({"covers_time": False}, None, "7.4", "cover the Timestamp"),
    "Body not covered": ({"covers_body": False}, None, "7.4", "cover the Body"),
    "two signatures": ({}, _two_signatures, "7.4", "more than one"),
    "two Security headers": ({}, _two_headers, "7.4", "more than one"),
    "algorithm none": ({}, _no_method, "7.3", "Signature algorithm none"),
    "signature SHA-1": ({"method": f"{DS}rsa-sha1"}, None, "7.3", "rsa-sha1 is not taken"),
    "digest SHA-1": ({"digest": SHA1}, None, "7.3", "sha1 is not taken"),
    "HMAC by the public certificate": (
        {"method": f"{MORE}hmac-sha256"}, None, "7.3", "hmac-sha256 is not taken",
    ),
    "XSLT transform": (
        {"transform": "http://www.w3.org/TR/1999/REC-xslt-19991116"}, None, "7.3", "Transform",
    ),
    "value empty": ({}, _no_value, "7.4", "cannot be read"),
    "value random": ({"value": "AAAA"}, None, "7.4", "does not verify"),
    "whole document": ({}, _whole_document, "7.4", "must name an element"),
    "reference elsewhere": ({}, _elsewhere, "7.4", "must name an element"),
    "no references": ({}, _no_references, "7.4", "references"),
    "token missing": ({}, _token_gone, "7.4", "not in the Security header"),
    "no KeyInfo": ({"key_info": ""}, None, "7.4", "names no certificate"),
    "unknown part": ({}, _unknown_part, "7.4", "not understood"),
    "too old": ({"created": "2026-01-01T00:00:00Z"}, None, "7.7", "behind our clock"),
    "expired": ({"expires": "2026-01-01T00:00:00Z"}, None, "7.7", "has expired"),
}  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS)
def test_bad_signatures(signer, ours, vector):
    values, change, code, said = VECTORS[vector]

    assert_refused(post(Sender(ours, **values).sign(message(), change)), code, said)


def test_signed_by_a_certificate_nobody_registered(signer, foreign):
    assert_refused(post(Sender(foreign).sign(message())), "7.4", "not registered")


def test_our_certificate_shown_and_another_key_used(signer, ours, foreign):
    sent = Sender(foreign, token_pair=ours).sign(message())

    assert_refused(post(sent), "7.4", "does not verify", "wsse:FailedCheck")


def test_certificate_of_another_client(signer, ours, other_client):
    sent = Sender(ours).sign(message())

    response = post(sent, other_client.persona.defaults["HTTP_AUTHORIZATION"])

    assert_refused(response, "7.4", "not registered for")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"not_after": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "has expired"),
        ({"not_before": dt.datetime(2126, 1, 1, tzinfo=dt.UTC)}, "is not valid before"),
        ({"revoked_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "was revoked"),
    ],
)
def test_certificate_out_of_its_time(signer, ours, values, said):
    ClientCertificate.objects.update(**values)

    assert_refused(post(Sender(ours).sign(message())), "7.4", said)


def test_certificate_that_has_really_expired(dms):
    old = pair("old.example", begins=-9 * DAY, ends=-DAY)
    facts = {"subject": "CN=old", "issuer": "CN=old", "serial": "1", "key": "RSA 2048"}
    certificate = old.certificate
    ClientCertificate.objects.create(
        client=ApiClient.objects.get(mrid=dms.actor.mrid), sha256=old.sha256, pem=old.pem,
        not_before=certificate.not_valid_before_utc, not_after=certificate.not_valid_after_utc,
        registered_at=certificate.not_valid_before_utc, registered_by="test", **facts,
    )  # fmt: skip

    assert_refused(post(Sender(old).sign(message())), "7.4", "has expired")


def test_switched_off_client(signer, ours):
    update_client(mrid=signer.actor.mrid, is_active=False, actor=SYSTEM)

    assert_refused(post(Sender(ours).sign(message())), "7.4", "switched off")


def test_signed_message_must_be_dated(signer, ours):
    response = post(Sender(ours, has_time=False).sign(message()))

    assert code_of(response) == "7.7"
    assert "must carry a Timestamp" in details_of(response)
    assert DerGroup.objects.count() == 0


def test_signed_message_counts_once(signer, ours):
    sent = Sender(ours).sign(message(message_id=""))

    assert code_of(post(sent)) == "0.0"
    again = post(sent)
    assert (code_of(again), details_of(again)) == ("7.7", "This message was received before")


def test_only_what_was_signed_is_read(signer, ours):
    """A header beside the Body cannot smuggle in anything; what is logged is what came in."""

    def add(envelope):
        etree.SubElement(envelope.find(f"{{{SOAP}}}Header"), "note").text = "extra"

    sent = Sender(ours).sign(message(), add)

    assert code_of(post(sent)) == "0.0"
    body = zlib.decompress(CimMessage.objects.get().request_body)
    assert body == sent


# --- policy ---------------------------------------------------------------------------------


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
    sent = Sender(ours).sign(message(), _altered)

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
