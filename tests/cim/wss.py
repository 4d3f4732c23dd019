"""A sender that speaks WS-Security, written with lxml and `cryptography` alone: no signxml.

`Sender` makes a good message; every way to make it a bad one is an attribute or a change to the
tree before or after signing.
"""

import base64
import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from derms.core import clock

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE = f"{OASIS}-wssecurity-secext-1.0.xsd"
WSU = f"{OASIS}-wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = f"{DS}sha1"
X509V3 = f"{OASIS}-x509-token-profile-1.0#X509v3"
TEXT = f"{OASIS}-username-token-profile-1.0#PasswordText"
DIGEST = f"{OASIS}-username-token-profile-1.0#PasswordDigest"
WSU_ID = f"{{{WSU}}}Id"


def at(seconds=0.0):
    return (clock.now() + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def open_security(envelope):
    """Return the Security header of a message, made when missing."""
    header = envelope.find(f"{{{SOAP}}}Header")
    if header is None:
        header = etree.Element(f"{{{SOAP}}}Header")
        envelope.insert(0, header)
    security = header.find(f"{{{WSSE}}}Security")
    if security is None:
        security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
        security.set(f"{{{SOAP}}}mustUnderstand", "1")
    return security


def username_token(message, username, password, *, digest=False, created="", nonce=""):
    """Return a SOAP message with a UsernameToken."""
    envelope = etree.fromstring(message)
    token = etree.SubElement(open_security(envelope), f"{{{WSSE}}}UsernameToken")
    etree.SubElement(token, f"{{{WSSE}}}Username").text = username
    shown = password
    if digest:
        raw = base64.b64decode(nonce) + created.encode() + password.encode()
        shown = base64.b64encode(hashlib.sha1(raw).digest()).decode()
    secret = etree.SubElement(token, f"{{{WSSE}}}Password", Type=DIGEST if digest else TEXT)
    secret.text = shown
    if nonce:
        etree.SubElement(token, f"{{{WSSE}}}Nonce").text = nonce
    if created:
        etree.SubElement(token, f"{{{WSU}}}Created").text = created
    return etree.tostring(envelope)


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


@dataclass
class Sender:
    """Signs SOAP messages with a pair of certificate and key."""

    pair: object
    method: str = f"{MORE}rsa-sha256"
    digest: str = SHA256
    key_info: str = "token"
    created: str = field(default_factory=at)
    expires: str = ""
    covers_time: bool = True
    has_time: bool = True
    covers_body: bool = True
    transform: str = EXC
    token_pair: object = None
    value: str = ""

    def sign(self, message, change=None):
        """Return the message signed; `change(envelope)` alters it afterwards."""
        envelope = etree.fromstring(message)
        body = envelope.find(f"{{{SOAP}}}Body")
        body.set(WSU_ID, "body-1")
        security = open_security(envelope)
        token = self._token(security)
        covered = [body] if self.covers_body else []
        if self.has_time:
            time = self._timestamp(security)
            covered += [time] if self.covers_time else []
        if not covered:
            covered = [token]
        signature = etree.SubElement(security, f"{{{DS}}}Signature", nsmap={"ds": DS})
        info = etree.SubElement(signature, f"{{{DS}}}SignedInfo")
        etree.SubElement(info, f"{{{DS}}}CanonicalizationMethod", Algorithm=EXC)
        etree.SubElement(info, f"{{{DS}}}SignatureMethod", Algorithm=self.method)
        for element in covered:
            self._reference(info, element)
        value = etree.SubElement(signature, f"{{{DS}}}SignatureValue")
        value.text = self.value or base64.b64encode(self._signed(canonical(info))).decode()
        self._key_info(signature, token)
        if change is not None:
            change(envelope)
        return etree.tostring(envelope)

    def _token(self, security):
        token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", ValueType=X509V3)
        token.set("EncodingType", f"{OASIS}-soap-message-security-1.0#Base64Binary")
        token.set(WSU_ID, f"token-{uuid.uuid4()}")
        token.text = base64.b64encode((self.token_pair or self.pair).der).decode()
        return token

    def _timestamp(self, security):
        time = etree.SubElement(security, f"{{{WSU}}}Timestamp")
        time.set(WSU_ID, "time-1")
        etree.SubElement(time, f"{{{WSU}}}Created").text = self.created
        if self.expires:
            etree.SubElement(time, f"{{{WSU}}}Expires").text = self.expires
        return time

    def _reference(self, info, element):
        reference = etree.SubElement(info, f"{{{DS}}}Reference", URI=f"#{element.get(WSU_ID)}")
        transforms = etree.SubElement(reference, f"{{{DS}}}Transforms")
        etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm=self.transform)
        etree.SubElement(reference, f"{{{DS}}}DigestMethod", Algorithm=self.digest)
        kind = "sha1" if self.digest == SHA1 else "sha256"
        hashed = hashlib.new(kind, canonical(element)).digest()
        value = etree.SubElement(reference, f"{{{DS}}}DigestValue")
        value.text = base64.b64encode(hashed).decode()

    def _signed(self, data):
        kind = hashes.SHA1() if self.method.endswith("sha1") else hashes.SHA256()
        if "hmac" in self.method:
            mac = hmac.HMAC(self.pair.der, kind)
            mac.update(data)
            return mac.finalize()
        if isinstance(self.pair.key, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self.pair.key.sign(data, ec.ECDSA(kind)))
            size = (self.pair.key.key_size + 7) // 8
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return self.pair.key.sign(data, padding.PKCS1v15(), kind)

    def _key_info(self, signature, token):
        if not self.key_info:
            return
        info = etree.SubElement(signature, f"{{{DS}}}KeyInfo")
        if self.key_info == "x509data":
            data = etree.SubElement(info, f"{{{DS}}}X509Data")
            shown = etree.SubElement(data, f"{{{DS}}}X509Certificate")
            shown.text = base64.b64encode(self.pair.der).decode()
            return
        reference = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
        if self.key_info == "token":
            pointer = etree.SubElement(reference, f"{{{WSSE}}}Reference", ValueType=X509V3)
            pointer.set("URI", f"#{token.get(WSU_ID)}")
        elif self.key_info == "serial":
            data = etree.SubElement(reference, f"{{{DS}}}X509Data")
            issued = etree.SubElement(data, f"{{{DS}}}X509IssuerSerial")
            certificate = self.pair.certificate
            etree.SubElement(
                issued, f"{{{DS}}}X509IssuerName"
            ).text = certificate.issuer.rfc4514_string().replace("=", " = ")
            etree.SubElement(issued, f"{{{DS}}}X509SerialNumber").text = str(
                certificate.serial_number
            )
        else:
            identifier = etree.SubElement(reference, f"{{{WSSE}}}KeyIdentifier")
            identifier.set("ValueType", f"{OASIS}-x509-token-profile-1.0#X509SubjectKeyIdentifier")
            kind = x509.SubjectKeyIdentifier
            digest = self.pair.certificate.extensions.get_extension_for_class(kind).value.digest
            identifier.text = base64.b64encode(digest).decode()
