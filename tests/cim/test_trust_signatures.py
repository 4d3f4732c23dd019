"""Who sent a message by its X.509 signature, good ones and every bad one we know of."""

import copy
import datetime as dt
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from derms.accounts.models import ApiClient, ClientCertificate
from derms.accounts.services import register_certificate, update_client
from derms.cim.models import CimMessage
from derms.core.actors import SYSTEM
from groups.models import DerGroup
from tests.certificates import pair
from tests.cim.trusting import DAY, altered, assert_refused, code_of, details_of, message, post
from tests.cim.wss import DS, MORE, SHA1, SOAP, WSSE, WSU, WSU_ID, Sender, at


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
    "content altered": ({}, altered, "7.4", "a digest differs"),
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
