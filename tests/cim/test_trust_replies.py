"""Replies signed by us, verified by code that shares nothing with the signer."""

import base64
import hashlib
import stat
import zlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.core.management import CommandError, call_command
from lxml import etree

from derms.accounts.models import ApiClient
from derms.accounts.services import update_client
from derms.accounts.services.clients import Policy
from derms.cim import background
from derms.cim.checks import signing_key_is_usable
from derms.cim.models import CimMessage, DeferredRequest, OutboundMessage
from derms.cim.push import routing
from derms.core.actors import SYSTEM
from tests.cim.messages import create_groups, group, soap
from tests.cim.test_async import asking
from tests.cim.wss import DS, SOAP, WSSE, WSU, WSU_ID, at, canonical
from tests.factories.partners import partner

PATH = "/61968-5/create/executeDERGroups"


@pytest.fixture
def key(settings, tmp_path, capsys):
    """Make a pair with the shipped command; returns its certificate."""
    call_command("make_signing_key", tmp_path)
    settings.CIM_SIGNING_KEY = str(tmp_path / "signing.key")
    settings.CIM_SIGNING_CERTIFICATE = str(tmp_path / "signing.crt")
    return x509.load_pem_x509_certificate((tmp_path / "signing.crt").read_bytes())


@pytest.fixture
def signing(dms_client, key):
    policy = Policy(signs_replies=True)
    update_client(mrid=dms_client.actor.mrid, policy=policy, actor=SYSTEM)
    return dms_client


def verified(content, certificate):
    """Check the signature of a reply by hand; returns the ids it covers."""
    envelope = etree.fromstring(content)
    security = envelope.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security")
    token = security.find(f"{{{WSSE}}}BinarySecurityToken")
    shown = x509.load_der_x509_certificate(base64.b64decode(token.text))
    assert shown == certificate
    info = security.find(f"{{{DS}}}Signature/{{{DS}}}SignedInfo")
    value = base64.b64decode(security.findtext(f"{{{DS}}}Signature/{{{DS}}}SignatureValue"))
    certificate.public_key().verify(value, canonical(info), padding.PKCS1v15(), hashes.SHA256())
    covered = set()
    for reference in info.iterfind(f"{{{DS}}}Reference"):
        wanted = reference.get("URI")[1:]
        (element,) = (e for e in envelope.iter() if e.get(WSU_ID) == wanted)
        digest = base64.b64encode(hashlib.sha256(canonical(element)).digest()).decode()
        assert reference.findtext(f"{{{DS}}}DigestValue") == digest
        covered.add(etree.QName(element).localname)
    return covered


def test_replies_refusals_and_faults_are_signed(signing, key):
    ok = signing.raw(PATH, soap(create_groups(group("m", "G"))))
    failed = signing.raw(PATH, soap(create_groups(group("m", "G"))))
    fault = signing.raw(PATH, b"<broken")

    for reply, said in ((ok, b">OK<"), (failed, b">FAILED<"), (fault, b"soap:Client")):
        assert said in reply.content
        assert verified(reply.content, key) == {"Body", "Timestamp"}
    newest = CimMessage.objects.order_by("-pk").first()
    assert zlib.decompress(newest.reply_body) == fault.content


def test_stored_reply_is_signed_afresh(signing, key):
    sent = soap(create_groups(group("m", "G")))
    first, again = signing.raw(PATH, sent), signing.raw(PATH, sent)

    assert verified(again.content, key) == {"Body", "Timestamp"}
    ids = [etree.fromstring(one.content).findtext(".//{*}MessageID") for one in (first, again)]
    assert ids[0] == ids[1]
    created = etree.fromstring(again.content).findtext(f".//{{{WSU}}}Created")
    assert at(-60) < created <= at(1)


def test_asynchronous_reply_is_signed_when_it_is_sent(signing, key):
    """It may wait for hours, and its signature is good for minutes."""
    whom = partner(reply_addresses=["http://dms.example/replies"])
    whom.client = ApiClient.objects.get(mrid=signing.actor.mrid)
    whom.save()
    asked_for = asking(create_groups(group("m", "G")), whom.reply_addresses[0])
    verified(signing.raw(PATH, soap(asked_for)).content, key)
    background.carry_out(DeferredRequest.objects.get().mrid)
    row = OutboundMessage.objects.get()

    first, _ = routing.post_of(whom, row)
    second, _ = routing.post_of(whom, row)

    assert b"Security" not in zlib.decompress(row.body)
    assert len(verified(first.body, key)) == len(verified(second.body, key)) == 2
    assert first.body != second.body
    assert row.message_id.encode() in first.body


def test_other_clients_get_plain_replies(other_client, key):
    reply = other_client.raw(PATH, soap(create_groups(group("m", "G"))))

    assert b"Security" not in reply.content


def test_key_for_trials_is_private_and_never_replaced(key, tmp_path):
    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="already"):
        call_command("make_signing_key", tmp_path)


def test_check_finds_an_unusable_key(key, settings, tmp_path):
    assert signing_key_is_usable() == []
    (tmp_path / "other.key").write_text("nothing")
    settings.CIM_SIGNING_KEY = str(tmp_path / "other.key")

    (error,) = signing_key_is_usable()

    assert error.id == "derms.E020"
