"""Attacks on signed messages by somebody who has heard good ones and knows the certificate.

He cannot sign. Whatever he does with what he has, no content of his own is ever carried out, no
message counts twice, nothing breaks and nothing takes long.
"""

import base64
import copy
import os
import time
import uuid

import pytest
from lxml import etree

from derms.accounts.models import ApiClient
from derms.accounts.services import register_certificate
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM
from groups.models import DerGroup
from tests.certificates import pair
from tests.cim.messages import asked, create_groups, group, query, soap
from tests.cim.trusting import code_of, demand, details_of, message, post
from tests.cim.wss import (
    DS,
    EXC,
    MORE,
    OASIS,
    SOAP,
    WSSE,
    WSU,
    WSU_ID,
    Sender,
    at,
    username_token,
)

BODY = f"{{{SOAP}}}Body"
HEADER = f"{{{SOAP}}}Header"
SECURITY = f"{{{WSSE}}}Security"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


@pytest.fixture(scope="module")
def ours():
    return pair("dms.example")


@pytest.fixture
def signer(dms, ours):
    """A DMS whose certificate is registered."""
    register_certificate(mrid=dms.actor.mrid, pem=ours.pem, actor=SYSTEM)
    return dms


def only_what_was_signed():
    """Return whether nothing of the attacker's own was done."""
    return set(DerGroup.objects.values_list("mrid", flat=True)) <= {"m-G"}


# --- wrapping: where the signed Body is put, what becomes of the id, which kind of id ------------


def _evil_of(body):
    evil = copy.deepcopy(body)
    evil.find(".//{*}EndDeviceGroup/{*}mRID").text = "evil"
    evil.find(".//{*}EndDeviceGroup/{*}Names/{*}name").text = "evil"
    del evil.attrib[WSU_ID]
    return evil


def _in_header(envelope, signed):
    etree.SubElement(envelope.find(HEADER), "hidden").append(signed)


def _in_second_header(envelope, signed):
    etree.SubElement(envelope, HEADER).append(signed)


def _in_security(envelope, signed):
    envelope.find(f"{HEADER}/{SECURITY}").append(signed)


def _in_object(envelope, signed):
    signature = envelope.find(f".//{{{DS}}}Signature")
    etree.SubElement(signature, f"{{{DS}}}Object").append(signed)


def _in_key_info(envelope, signed):
    envelope.find(f".//{{{DS}}}KeyInfo").append(signed)


def _in_evil_body(envelope, signed):
    envelope.find(BODY).append(signed)


def _in_evil_message(envelope, signed):
    envelope.find(BODY)[0].append(signed)


def _before_evil_body(envelope, signed):
    envelope.insert(1, signed)


def _after_evil_body(envelope, signed):
    envelope.append(signed)


def _in_wrapper_at_root(envelope, signed):
    envelope.insert(0, etree.Element("wrapper"))
    envelope[0].append(signed)


PLACES = [
    _in_header,
    _in_second_header,
    _in_security,
    _in_object,
    _in_key_info,
    _in_evil_body,
    _in_evil_message,
    _before_evil_body,
    _after_evil_body,
    _in_wrapper_at_root,
]
IDS = {"none": None, "same": WSU_ID, "Id": "Id", "ID": "ID", "id": "id", "xml": XML_ID}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", IDS)
def test_wrapping(signer, ours, place, kind):
    def wrap(envelope):
        body = envelope.find(BODY)
        evil = _evil_of(body)
        envelope.replace(body, evil)
        if IDS[kind]:
            evil.set(IDS[kind], "body-1")
        place(envelope, body)

    response = post(Sender(ours).sign(message(), wrap))

    assert only_what_was_signed()
    assert response.status_code == 500 or code_of(response) == "0.0"


# --- a second Security header, addressed to somebody else ----------------------------------------


def _split(envelope):
    """Good signature in a header for somebody else; ours holds one that says something new."""
    header, good = envelope.find(HEADER), envelope.find(f"{HEADER}/{SECURITY}")
    forged = copy.deepcopy(good)
    good.set(f"{{{SOAP}}}actor", "urn:somebody-else")
    for part in (f"{{{WSU}}}Timestamp", f"{{{WSSE}}}BinarySecurityToken"):
        good.remove(good.find(part))
    for value in forged.iter(f"{{{DS}}}DigestValue"):
        value.text = base64.b64encode(os.urandom(32)).decode()
    header.append(forged)


def test_signature_under_a_header_for_somebody_else_is_not_ours(signer, ours):
    """Else every try would have a nonce of its own, and a heard query could be asked for ever."""
    question = soap(query("DERGroupQueries", "DERGroups", asked()))
    sent = Sender(ours).sign(question, _split)

    response = post(sent, path="/61968-5/get/queryDERGroups")

    assert response.status_code == 500
    assert code_of(response) == "7.4"


def test_a_header_for_somebody_else_is_left_alone(signer, ours):
    def add(envelope):
        other = copy.deepcopy(envelope.find(f"{HEADER}/{SECURITY}"))
        other.set(f"{{{SOAP}}}actor", "urn:somebody-else")
        for element in other.iter():
            element.attrib.pop(WSU_ID, None)
        envelope.find(HEADER).insert(0, other)

    assert code_of(post(Sender(ours).sign(message(), add))) == "0.0"


# --- time ---------------------------------------------------------------------------------------


def _fresh_time_beside_the_signed(envelope):
    time_ = envelope.find(f".//{{{WSU}}}Timestamp")
    fresh = copy.deepcopy(time_)
    fresh.set(WSU_ID, "time-2")
    fresh.find(f"{{{WSU}}}Created").text = at()
    time_.getparent().replace(time_, fresh)
    etree.SubElement(envelope.find(HEADER), "hidden").append(time_)


def _time_taken_out(envelope):
    time_ = envelope.find(f".//{{{WSU}}}Timestamp")
    time_.getparent().remove(time_)
    etree.SubElement(envelope.find(HEADER), "hidden").append(time_)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_fresh_time_beside_the_signed, "7.4", "does not cover the Timestamp"),
        (_time_taken_out, "7.7", "must carry a Timestamp"),
    ],
)
def test_an_old_message_cannot_be_made_young(signer, ours, change, code, said):
    response = post(Sender(ours, created=at(-3000)).sign(message(), change))

    assert code_of(response) == code
    assert said in details_of(response)
    assert DerGroup.objects.count() == 0


@pytest.mark.parametrize("written", ["{0}\n", " {0}", "<!-- -->{0}"])
def test_the_same_signed_message_written_otherwise_counts_once(signer, ours, written):
    """Blanks and comments outside of what is signed do not make a new message."""
    sent = Sender(ours).sign(message(message_id=""))
    assert code_of(post(sent)) == "0.0"
    value = etree.fromstring(sent).findtext(f".//{{{DS}}}SignatureValue")

    again = post(sent.replace(value.encode(), written.format(value).encode()))

    assert code_of(again) == "7.7"
    assert "nonce was used before" in details_of(again)


# --- keys ---------------------------------------------------------------------------------------


def _key_info(inner):
    def change(envelope):
        info = envelope.find(f".//{{{DS}}}KeyInfo")
        for child in list(info):
            info.remove(child)
        info.append(etree.fromstring(f'<x xmlns:ds="{DS}" xmlns:wsse="{WSSE}">{inner}</x>')[0])

    return change


def _token_elsewhere(envelope):
    """The token stands in another header block than Security."""
    token = envelope.find(f".//{{{WSSE}}}BinarySecurityToken")
    envelope.find(HEADER).append(token)


def _other_token_first(envelope):
    token = envelope.find(f".//{{{WSSE}}}BinarySecurityToken")
    other = copy.deepcopy(token)
    other.text = base64.b64encode(pair("evil.example").der).decode()
    token.addprevious(other)


KEYS = {
    "bare key": _key_info(
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB"
        "</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    ),
    "key by name": _key_info("<ds:KeyName>dms.example</ds:KeyName>"),
    "retrieval": _key_info('<ds:RetrievalMethod URI="http://127.0.0.1:9/key"/>'),
    "token at an address": _key_info(
        '<wsse:SecurityTokenReference><wsse:Reference URI="http://127.0.0.1:9/key"/>'
        "</wsse:SecurityTokenReference>"
    ),
    "token in a file": _key_info(
        '<wsse:SecurityTokenReference><wsse:Reference URI="file:///etc/passwd"/>'
        "</wsse:SecurityTokenReference>"
    ),
    "serial too long": _key_info(
        "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=dms.example</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{'9' * 500_000}</ds:X509SerialNumber></ds:X509IssuerSerial>"
        "</ds:X509Data>"
    ),
    "chain of ten thousand": _key_info(
        f"<ds:X509Data>{'<ds:X509Certificate>AAAA</ds:X509Certificate>' * 10_000}</ds:X509Data>"
    ),
    "token outside of Security": _token_elsewhere,
    "two tokens of one id": _other_token_first,
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_are_not_the_registered_certificate(signer, ours, name):
    started = time.perf_counter()

    response = post(Sender(ours).sign(message(), KEYS[name]))

    assert time.perf_counter() - started < 1
    assert (response.status_code, code_of(response)) == (500, "7.4")
    assert DerGroup.objects.count() == 0


# --- algorithms ---------------------------------------------------------------------------------


def _method(algorithm, tag="SignatureMethod"):
    def change(envelope):
        envelope.find(f".//{{{DS}}}{tag}").set("Algorithm", algorithm)

    return change


ALGORITHMS = {
    "signature MD5": _method(f"{MORE}rsa-md5"),
    "signature empty": _method(""),
    "signature DSA": _method(f"{DS}dsa-sha1"),
    "signature HMAC-SHA1": _method(f"{DS}hmac-sha1"),
    "signature SHA-224": _method(f"{MORE}rsa-sha224"),
    "digest MD5": _method(f"{MORE}md5", "DigestMethod"),
    "digest none": _method("none", "DigestMethod"),
    "transform XPath": _method("http://www.w3.org/TR/1999/REC-xpath-19991116", "Transform"),
    "transform XPath filter": _method("http://www.w3.org/2002/06/xmldsig-filter2", "Transform"),
    "transform XSLT": _method("http://www.w3.org/TR/1999/REC-xslt-19991116", "Transform"),
    "transform base64": _method(f"{DS}base64", "Transform"),
    "transform enveloped": _method(f"{DS}enveloped-signature", "Transform"),
    "transform STR": _method(f"{OASIS}-soap-message-security-1.0#STR-Transform", "Transform"),
    "canonical with comments": _method(f"{EXC}WithComments", "CanonicalizationMethod"),
    "canonical by XSLT": _method(
        "http://www.w3.org/TR/1999/REC-xslt-19991116", "CanonicalizationMethod"
    ),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_that_are_not_taken(signer, ours, name):
    response = post(Sender(ours).sign(message(), ALGORITHMS[name]))

    assert (response.status_code, code_of(response)) == (500, "7.3")
    assert DerGroup.objects.count() == 0


@pytest.mark.parametrize("algorithm", ["ecdsa-sha256", "rsa-sha512"])
def test_signature_of_another_kind_than_the_key(signer, ours, algorithm):
    response = post(Sender(ours).sign(message(), _method(f"{MORE}{algorithm}")))

    assert (response.status_code, code_of(response)) == (500, "7.4")


# --- work for nothing, from somebody who cannot even sign ----------------------------------------


def _many_namespaces(envelope):
    """Canonical XML has to look every namespace of every element up."""
    info = envelope.find(f".//{{{DS}}}SignedInfo")
    spaces = {f"n{i}": f"urn:n{i}" for i in range(6000)}
    flood = etree.SubElement(info, "flood", nsmap=spaces)
    for _ in range(20_000):
        etree.SubElement(flood, "a")


def _many_elements(envelope):
    info = envelope.find(f".//{{{DS}}}SignedInfo")
    for _ in range(100_000):
        etree.SubElement(info, "a")


def _many_transforms(envelope):
    transforms = envelope.find(f".//{{{DS}}}Transforms")
    for _ in range(10_000):
        transforms.append(copy.deepcopy(transforms[0]))


def _many_ids(envelope):
    header = envelope.find(HEADER)
    for i in range(8_000):
        etree.SubElement(header, "a").set(WSU_ID, f"i{i}")


def _many_prefixes(envelope):
    method = envelope.find(f".//{{{DS}}}CanonicalizationMethod")
    inclusive = etree.SubElement(method, f"{{{EXC}}}InclusiveNamespaces")
    inclusive.set("PrefixList", " ".join(f"p{i}" for i in range(50_000)))


@pytest.mark.parametrize(
    "change",
    [_many_namespaces, _many_elements, _many_transforms, _many_ids, _many_prefixes],
)
@pytest.mark.parametrize("form", [EXC, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"])
def test_signatures_that_are_much_work_are_refused_quickly(signer, ours, change, form):
    def flood(envelope):
        for tag in ("CanonicalizationMethod", "Transform"):
            _method(form, tag)(envelope)
        change(envelope)

    sent = Sender(ours).sign(message(), flood)
    assert len(sent) < 2**20, "a stranger's message of more is not read"
    started = time.process_time()

    response = post(sent)

    assert time.process_time() - started < 1
    assert code_of(response) in ("7.3", "7.4") or change is _many_ids
    assert only_what_was_signed()


def _spoilt(sent):
    """Yield a signed message with every part of its Security header spoilt in every way."""
    root = etree.fromstring(sent)
    count = len(list(root.find(f"{HEADER}/{SECURITY}").iter()))
    for number in range(count):
        for spoil in SPOILS:
            envelope = etree.fromstring(sent)
            element = list(envelope.find(f"{HEADER}/{SECURITY}").iter())[number]
            if number == 0 and spoil is _gone:
                continue
            spoil(element)
            yield f"{spoil.__name__} {element.tag}", etree.tostring(envelope)


def _gone(element):
    element.getparent().remove(element)


def _empty(element):
    for child in list(element):
        element.remove(child)
    element.text = None


def _junk(element):
    element.text = "\N{SNOWMAN} AAAA"


def _short(element):
    element.text = "AAAA"


def _doubled(element):
    element.addnext(copy.deepcopy(element))


def _renamed(element):
    element.tag = "{urn:x}x"


def _unattributed(element):
    element.attrib.clear()


def _odd_attributes(element):
    for name in element.attrib:
        element.set(name, "\N{SNOWMAN}'\"#")
    element.set("URI", "#'\"")


def _inside(element):
    etree.SubElement(element, f"{{{DS}}}Object").text = "x"


SPOILS = [_gone, _empty, _junk, _short, _doubled, _renamed, _unattributed, _odd_attributes, _inside]


@pytest.mark.parametrize("key_info", ["token", "ski"])
def test_spoilt_security_headers_are_refused_and_hurt_nothing(signer, ours, key_info):
    sent = Sender(ours, key_info=key_info, expires=at(60)).sign(message())
    seen = 0

    for what, spoilt in _spoilt(sent):
        response = post(spoilt)
        if response.status_code != 401:
            code = code_of(response)
            assert code == "0.0" or code.startswith("7."), what
        assert only_what_was_signed(), what
        seen += 1

    assert seen > 150
    assert AuditRecord.objects.filter(outcome="refused").count() > 100


# --- tokens -------------------------------------------------------------------------------------


def test_a_nonce_written_otherwise_is_the_same_nonce(dms):
    """Base64 of 16 bytes has four idle bits: sixteen texts for one nonce, one digest for all."""
    demand(dms, password_digest=True)
    kept = ApiClient.objects.get(client_id=dms.client_id).secret_sha256
    nonce = base64.b64encode(bytes(16)).decode()
    twin = nonce.replace("A==", "B==")
    assert base64.b64decode(nonce) == base64.b64decode(twin)
    token = {"digest": True, "created": at()}
    first = username_token(message("A"), dms.client_id, kept, nonce=nonce, **token)
    assert code_of(post(first)) == "0.0"

    forged = username_token(message("B"), dms.client_id, kept, nonce=twin, **token)

    assert code_of(post(forged)) == "7.7"
    assert DerGroup.objects.get().name == "A"


def test_a_token_put_beside_somebody_elses_signature(signer, ours, other_client):
    other = other_client.persona
    signed = Sender(ours).sign(message())

    response = post(username_token(signed, other.client_id, other.secret))

    assert (response.status_code, code_of(response)) == (500, "7.4")
    assert DerGroup.objects.count() == 0


def test_two_username_tokens(dms, other_client):
    other = other_client.persona
    sent = username_token(message(), dms.client_id, dms.secret)
    response = post(username_token(sent, other.client_id, other.secret))

    assert (response.status_code, code_of(response)) == (500, "7.4")
    assert "more than one UsernameToken" in details_of(response)


def test_a_signed_message_is_nothing_at_the_generic_door(signer, ours):
    sent = Sender(ours).sign(message())
    inner = etree.fromstring(sent).find(f"{BODY}/*")

    assert post(sent, path="/cim").status_code == 400
    assert post(etree.tostring(inner), path="/cim").status_code == 401
    assert DerGroup.objects.count() == 0


def test_an_operation_is_not_changed_by_playing_it_at_another_path(signer, ours):
    """SOAPAction and path are not signed: they may contradict the Body, never override it."""
    body = soap(create_groups(group("m-G", "G"), message_id=str(uuid.uuid4())))
    sent = Sender(ours).sign(body)
    action = "http://iec.ch/TC57/2017/DERGroups/DeleteDERGroups"

    elsewhere = post(sent, path="/61968-5/change/executeDERGroups")
    contradicted = post(sent, HTTP_SOAPACTION=action)

    assert [elsewhere.status_code, contradicted.status_code] == [500, 500]
    assert DerGroup.objects.count() == 0
