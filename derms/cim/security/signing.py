"""Signing what we answer: Body and Timestamp, with our own key, by WS-Security.

Source: OASIS WSS X.509 Certificate Token Profile 1.1; XML Signature 1.1.
"""

import base64
import datetime as dt
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from django.conf import settings
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.signer import XMLSigner

from derms.cim import names as cim
from derms.cim.security import names
from derms.core import clock

_VALID = dt.timedelta(minutes=5)
_SECURITY = f"{{{cim.SOAP}}}Header/{names.wsse('Security')}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the certificate others know it by."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def load_key() -> SigningKey:
    """Return the key of DERMS_CIM_SIGNING_KEY and its certificate.

    Raises:
        ValueError: not set, not readable, not RSA or ECDSA, or the two do not belong together.
    """
    if not settings.CIM_SIGNING_KEY or not settings.CIM_SIGNING_CERTIFICATE:
        raise ValueError("DERMS_CIM_SIGNING_KEY and DERMS_CIM_SIGNING_CERTIFICATE are not set")
    return _load(settings.CIM_SIGNING_KEY, settings.CIM_SIGNING_CERTIFICATE)


@lru_cache(maxsize=4)
def _load(key_path: str, certificate_path: str) -> SigningKey:
    try:
        key = load_pem_private_key(Path(key_path).read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate(Path(certificate_path).read_bytes())
    except OSError as error:
        raise ValueError(f"the signing key cannot be read: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError(  # noqa: TRY004 - a wrong file, not a wrong argument
            "the signing key is neither RSA nor ECDSA"
        )
    if key.public_key() != certificate.public_key():
        raise ValueError("the signing key does not belong to its certificate")
    return SigningKey(key, certificate)


def sign(message: bytes) -> bytes:
    """Return a SOAP message of ours with a Timestamp, signed; a signature it had is replaced.

    Raises:
        ValueError: there is no usable key.
    """
    return sign_with(load_key(), message)


def sign_with(ours: SigningKey, message: bytes) -> bytes:
    """Return a SOAP message of ours, signed with this key."""
    envelope = etree.fromstring(message, etree.XMLParser(resolve_entities=False, no_network=True))
    body = envelope.find(f"{{{cim.SOAP}}}Body")
    if body is None:
        raise ValueError("there is no Body to sign")
    for former in envelope.findall(_SECURITY):
        parent = former.getparent()
        if parent is not None:
            parent.remove(former)
    token_id, security, timestamp_id = _security_of(envelope, ours)
    body_id = _new_id("body")
    body.set(names.ID, body_id)
    signature = _signer_for(ours).sign(
        envelope,
        key=ours.key,
        cert=[ours.certificate],
        reference_uri=[f"#{body_id}", f"#{timestamp_id}"],
        key_info=_key_info(token_id),
        id_attribute="Id",
    )
    security.append(signature)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def _signer_for(ours: SigningKey) -> XMLSigner:
    is_rsa = isinstance(ours.key, rsa.RSAPrivateKey)
    return XMLSigner(
        method=SignatureConstructionMethod.detached,
        signature_algorithm=SignatureMethod.RSA_SHA256 if is_rsa else SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )


def _security_of(envelope: etree._Element, ours: SigningKey) -> tuple[str, etree._Element, str]:
    """Put a Security header with our certificate and a Timestamp into the message."""
    header = envelope.find(f"{{{cim.SOAP}}}Header")
    if header is None:
        header = etree.Element(f"{{{cim.SOAP}}}Header")
        envelope.insert(0, header)
    spaces = {"wsse": names.WSSE, "wsu": names.WSU}
    security = etree.SubElement(header, names.wsse("Security"), nsmap=spaces)
    token_id, timestamp_id, now = _new_id("token"), _new_id("time"), clock.now()
    token = etree.SubElement(security, names.wsse("BinarySecurityToken"))
    token.set("EncodingType", names.BASE64)
    token.set("ValueType", names.X509V3)
    token.set(names.ID, token_id)
    token.text = base64.b64encode(ours.certificate.public_bytes(Encoding.DER)).decode()
    timestamp = etree.SubElement(security, names.wsu("Timestamp"))
    timestamp.set(names.ID, timestamp_id)
    etree.SubElement(timestamp, names.wsu("Created")).text = _written(now)
    etree.SubElement(timestamp, names.wsu("Expires")).text = _written(now + _VALID)
    return token_id, security, timestamp_id


def _key_info(token_id: str) -> etree._Element:
    info = etree.Element(names.ds("KeyInfo"), nsmap={"ds": names.DS, "wsse": names.WSSE})
    reference = etree.SubElement(info, names.wsse("SecurityTokenReference"))
    pointer = etree.SubElement(reference, names.wsse("Reference"))
    pointer.set("URI", f"#{token_id}")
    pointer.set("ValueType", names.X509V3)
    return info


def _written(value: dt.datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _new_id(kind: str) -> str:
    return f"{kind}-{uuid.uuid4()}"
