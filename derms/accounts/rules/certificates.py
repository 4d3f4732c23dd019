"""What an X.509 certificate says of itself, and whether we take it.

Source: RFC 5280; WS-Security X.509 Certificate Token Profile 1.1.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from derms.core.errors import InvalidInputError

_LEAST_RSA_BITS = 2048
_LEAST_CURVE_BITS = 256
_MOST_PEM_BYTES = 32 * 1024


ENDS_SOON = dt.timedelta(days=30)


class CertificateState(StrEnum):
    """How a registered certificate stands; the first that fits."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    EARLY = "early"
    ENDS_SOON = "ends_soon"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What is kept of a certificate beside the certificate.

    Attributes:
        subject: Distinguished name, RFC 4514.
        issuer: Distinguished name of who issued it.
        serial: Serial number, hexadecimal.
        sha256: Fingerprint of the DER encoding, lower-case hexadecimal.
        key: Kind and size of the public key, e.g. `RSA 2048`.
        not_before: Start of validity, aware UTC.
        not_after: End of validity, aware UTC.
        pem: The certificate itself, one PEM block.
    """

    subject: str
    issuer: str
    serial: str
    sha256: str
    key: str
    not_before: dt.datetime
    not_after: dt.datetime
    pem: str


def load_certificate(pem: str) -> x509.Certificate:
    """Return the one certificate in a PEM text.

    Raises:
        InvalidInputError: none, more than one, or not readable.
    """
    if len(pem) > _MOST_PEM_BYTES:
        raise _bad("A certificate has at most 32 kB.")
    if "PRIVATE KEY" in pem:
        raise _bad("This holds a private key. Register the certificate alone; replace that key.")
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad("This is no X.509 certificate in PEM form.") from error
    if len(found) != 1:
        raise _bad(f"Register one certificate at a time; these are {len(found)}.")
    return found[0]


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """Return what we keep of a certificate."""
    der = certificate.public_bytes(Encoding.DER)
    return CertificateFacts(
        subject=certificate.subject.rfc4514_string()[:500],
        issuer=certificate.issuer.rfc4514_string()[:500],
        serial=format(certificate.serial_number, "x"),
        sha256=fingerprint(der),
        key=_key_of(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        pem=certificate.public_bytes(Encoding.PEM).decode(),
    )


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 fingerprint of a certificate in DER, lower-case hexadecimal."""
    return hashlib.sha256(der).hexdigest()


def check_strength(certificate: x509.Certificate) -> None:
    """Refuse a certificate that is too weak, or not meant for signing.

    Raises:
        InvalidInputError: RSA below 2048 bits, a curve below 256 bits, another kind of key,
            issued with SHA-1 or MD5, or its key usage excludes digital signatures.
    """
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < _LEAST_RSA_BITS:
            raise _bad(f"An RSA key has at least 2048 bits; this one has {public.key_size}.")
    elif isinstance(public, ec.EllipticCurvePublicKey):
        if public.key_size < _LEAST_CURVE_BITS:
            raise _bad(f"An elliptic curve has at least 256 bits; this one has {public.key_size}.")
    else:
        raise _bad("Only RSA and elliptic curve keys are taken.")
    hashed_by = certificate.signature_hash_algorithm
    if hashed_by is not None and hashed_by.digest_size < 32:
        raise _bad(f"The certificate is issued with {hashed_by.name}; SHA-256 is the least.")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.digital_signature:
        raise _bad("The certificate's key usage does not allow digital signatures.")


def trouble_with(
    *,
    not_before: dt.datetime,
    not_after: dt.datetime,
    revoked_at: dt.datetime | None,
    now: dt.datetime,
) -> str:
    """Return why a registered certificate does not count now, as the end of a sentence; or ""."""
    if revoked_at is not None and revoked_at <= now:
        return f"was revoked at {revoked_at:%Y-%m-%dT%H:%M:%SZ}"
    if now < not_before:
        return f"is not valid before {not_before:%Y-%m-%dT%H:%M:%SZ}"
    if now > not_after:
        return f"has expired at {not_after:%Y-%m-%dT%H:%M:%SZ}"
    return ""


def state_of(
    *,
    not_before: dt.datetime,
    not_after: dt.datetime,
    revoked_at: dt.datetime | None,
    now: dt.datetime,
) -> CertificateState:
    """Return how a registered certificate stands; `ends_soon` is within 30 days."""
    if revoked_at is not None:
        return CertificateState.REVOKED
    if now > not_after:
        return CertificateState.EXPIRED
    if now < not_before:
        return CertificateState.EARLY
    return CertificateState.ENDS_SOON if not_after - now < ENDS_SOON else CertificateState.GOOD


def _key_of(certificate: x509.Certificate) -> str:
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA {public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return f"ECDSA {public.curve.name}"[:30]
    return type(public).__name__[:30]


def _bad(text: str) -> InvalidInputError:
    return InvalidInputError(text, code="bad_certificate", field="/pem")
