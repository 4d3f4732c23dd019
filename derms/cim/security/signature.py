"""Verifying the X.509 signature of a message, and going on with nothing but what it covers.

What may go wrong with XML signatures is refused before `signxml` computes anything: weak or missing
algorithms, doubled ids, references to something else than the one Body of the one Envelope. The
key is never taken from the message: it names a certificate, and that must be registered for the
client. What is read afterwards is rebuilt from the bytes that were verified.
Source: XML Signature 1.1; OASIS WSS X.509 Certificate Token Profile 1.1.
"""

import base64
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml.exceptions import InvalidDigest, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from derms.accounts import selectors
from derms.accounts.rules.certificates import fingerprint
from derms.accounts.selectors import Certificate
from derms.cim import names as cim
from derms.cim import schema
from derms.cim.security import names
from derms.cim.security.errors import TrustError, insufficient, malformed
from derms.cim.security.header import Security
from derms.core import clock

_MOST_REFERENCES = 5
_BODY = f"{{{cim.SOAP}}}Body"
_METHODS = {method.value for method in names.SIGNATURE_METHODS}
_DIGESTS = {method.value for method in names.DIGEST_METHODS}
_FORMS = {form.value for form in names.CANONICAL_FORMS}


@dataclass(frozen=True, slots=True)
class Signed:
    """What a good signature covers.

    Attributes:
        body: The soap:Body, rebuilt from the bytes that were verified.
        timestamp: The wsu:Timestamp likewise; None when it is not covered.
        nonce: Stands for what was signed, whatever form the signature itself has.
    """

    body: etree._Element
    timestamp: etree._Element | None
    nonce: str


def find_signer(security: Security) -> Certificate:
    """Return the registered certificate the signature points at; its key has proved nothing yet.

    Raises:
        TrustError: it points at none, or at one that nobody has registered (7.4).
    """
    signature = _signature_of(security)
    info = signature.find(names.ds("KeyInfo"))
    if info is None:
        raise _token("The signature names no certificate: KeyInfo is missing")
    row = _by_content(info, security) or _by_name(info)
    if row is None:
        raise _token("The certificate of the signature is not registered here")
    return row


def verify(envelope: etree._Element, security: Security, signer: Certificate) -> Signed:
    """Verify the signature of a message with its signer's registered certificate.

    Args:
        envelope: The whole SOAP envelope.
        security: Its security header.
        signer: Certificate to verify with; its validity is the caller's business.

    Raises:
        TrustError: weak algorithm (7.3); doubled id, Body or Timestamp not covered, content or
            signature altered (7.4).
    """
    signature = _signature_of(security)
    _check_ids(envelope)
    references = _references(signature)
    body, timestamp = envelope.find(_BODY), security.timestamp
    covered = [_target(envelope, reference) for reference in references]
    if body is None or not any(one is body for one in covered):
        raise _failed("The signature does not cover the Body of this message")
    if timestamp is not None and not any(one is timestamp for one in covered):
        raise _failed("The signature does not cover the Timestamp")
    results = _verified(envelope, security, signer)
    parts = {id(one): result.signed_xml for one, result in zip(covered, results, strict=True)}
    signed_body = parts[id(body)]
    if signed_body is None or signed_body.tag != _BODY:
        raise _failed("What was signed is not the Body of this message")
    return Signed(
        body=signed_body,
        timestamp=None if timestamp is None else parts[id(timestamp)],
        nonce=_nonce(references),
    )


def _signature_of(security: Security) -> etree._Element:
    if security.signature is None:
        raise _failed("The message is not signed")
    return security.signature


def _check_ids(envelope: etree._Element) -> None:
    """Refuse doubled ids: with them, what is verified and what is read could be two things."""
    values: Any = envelope.xpath("//@*[local-name()='Id']")
    ids = Counter(str(value) for value in values)
    doubled = [value for value, count in ids.items() if count > 1]
    if doubled:
        raise _failed(f"The id {doubled[0][:80]!r} stands at more than one element")


def _references(signature: etree._Element) -> list[etree._Element]:
    info = signature.find(names.ds("SignedInfo"))
    if info is None:
        raise malformed("The Signature has no SignedInfo")
    _demand(info.find(names.ds("SignatureMethod")), _METHODS, "Signature algorithm")
    _demand(info.find(names.ds("CanonicalizationMethod")), _FORMS, "Canonicalization")
    references = info.findall(names.ds("Reference"))
    if not 0 < len(references) <= _MOST_REFERENCES:
        raise malformed(f"A signature has one to {_MOST_REFERENCES} references")
    for reference in references:
        _demand(reference.find(names.ds("DigestMethod")), _DIGESTS, "Digest algorithm")
        for transform in reference.iterfind(f"{names.ds('Transforms')}/{names.ds('Transform')}"):
            _demand(transform, _FORMS, "Transform")
    return references


def _demand(element: etree._Element | None, allowed: set[str], what: str) -> None:
    algorithm = "none" if element is None else element.get("Algorithm", "none")
    if algorithm not in allowed:
        raise insufficient(f"{what} {algorithm[:120]} is not taken")


def _target(envelope: etree._Element, reference: etree._Element) -> etree._Element | None:
    """Return the element a reference means, found exactly as the verification finds it."""
    uri = reference.get("URI", "")
    if not uri.startswith("#") or uri.startswith("#xpointer"):
        raise _failed(f"A reference must name an element of this message, not {uri[:80]!r}")
    found: Any = envelope.xpath("//*[@*[local-name()='Id']=$wanted]", wanted=uri.lstrip("#"))
    return found[0] if found else None


def _verified(envelope: etree._Element, security: Security, signer: Certificate) -> list[Any]:
    wanted = SignatureConfiguration(
        require_x509=True,
        location=_location(security.element),
        expect_references=True,  # any number: what must be covered is checked above
        signature_methods=names.SIGNATURE_METHODS,
        digest_algorithms=names.DIGEST_METHODS,
        verification_time=clock.now(),
    )
    try:
        results: Any = XMLVerifier().verify(
            envelope,
            x509_cert=x509.load_pem_x509_certificate(signer.pem.encode()),
            id_attribute="Id",
            expect_config=wanted,
            parser=schema.parser(),
        )
    except InvalidDigest as error:
        raise _failed("The message is not what was signed: a digest differs") from error
    except SignXMLException as error:
        raise _failed(
            f"The signature does not verify with certificate {signer.sha256[:16]}"
        ) from error
    except (etree.LxmlError, ValueError, TypeError, AttributeError) as error:
        raise malformed("The Signature cannot be read") from error
    return list(results)


def _location(header: etree._Element) -> str:
    """Return the path to this very Security header: one for somebody else may stand before it."""
    steps = [header, *header.iterancestors()][:-1]
    numbered = (f"{e.tag}[{1 + sum(1 for _ in e.itersiblings(e.tag, preceding=True))}]"
                for e in reversed(steps))  # fmt: skip
    return f"./{'/'.join(numbered)}/"


def _nonce(references: list[etree._Element]) -> str:
    digests = [reference.findtext(names.ds("DigestValue")) or "" for reference in references]
    return "signed:" + " ".join(re.sub(r"\s", "", digest) for digest in digests)


def _by_content(info: etree._Element, security: Security) -> Certificate | None:
    """Find the certificate that came along, in a token or in the KeyInfo itself."""
    text = info.findtext(f"{names.ds('X509Data')}/{names.ds('X509Certificate')}")
    pointer = info.find(f"{names.wsse('SecurityTokenReference')}/{names.wsse('Reference')}")
    if pointer is not None:
        text = security.tokens.get(pointer.get("URI", "").lstrip("#"))
        if text is None:
            raise _token("The signature points at a token that is not in the Security header")
    if text is None:
        return None
    try:
        der = base64.b64decode(re.sub(r"\s", "", text), validate=True)
    except ValueError as error:
        raise _token("The BinarySecurityToken is not base64") from error
    return selectors.find_certificate(fingerprint(der))


def _by_name(info: etree._Element) -> Certificate | None:
    """Find a registered certificate by issuer and serial number, or by subject key identifier."""
    reference = info.find(names.wsse("SecurityTokenReference"))
    for place in (info, reference):
        data = None if place is None else place.find(names.ds("X509Data"))
        issued = None if data is None else data.find(names.ds("X509IssuerSerial"))
        if issued is not None:
            serial = (issued.findtext(names.ds("X509SerialNumber")) or "").strip()
            issuer = issued.findtext(names.ds("X509IssuerName")) or ""
            return _issued(issuer, serial)
    identifier = None if reference is None else reference.find(names.wsse("KeyIdentifier"))
    if identifier is None or identifier.get("ValueType") != names.SUBJECT_KEY_ID:
        return None
    return _with_key_id(re.sub(r"\s", "", identifier.text or ""))


def _issued(issuer: str, serial: str) -> Certificate | None:
    if not serial.isascii() or not serial.isdigit() or len(serial) > 60:
        return None
    for row in selectors.list_by_serial(format(int(serial), "x")):
        if _plain(row.issuer) == _plain(issuer):
            return row
    return None


def _plain(name: str) -> list[str]:
    """Return the parts of a distinguished name however it is spaced and ordered."""
    return sorted(re.sub(r"\s*=\s*", "=", part.strip()).casefold() for part in name.split(","))


def _with_key_id(wanted: str) -> Certificate | None:
    for row in selectors.list_in_use():
        try:
            certificate = x509.load_pem_x509_certificate(row.pem.encode())
            kind = x509.SubjectKeyIdentifier
            digest = certificate.extensions.get_extension_for_class(kind).value.digest
        except (x509.ExtensionNotFound, ValueError, UnsupportedAlgorithm):
            continue
        if base64.b64encode(digest).decode() == wanted:
            return row
    return None


def _token(text: str) -> TrustError:
    return TrustError(text, fault="InvalidSecurityToken")


def _failed(text: str) -> TrustError:
    return TrustError(text, fault="FailedCheck")
