"""Make a key and a self-signed certificate for signing replies, for trials."""

import datetime as dt
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from django.core.management.base import BaseCommand, CommandError

from derms.core import clock


class Command(BaseCommand):
    """`manage.py make_signing_key FOLDER`: signing.key (mode 600) and signing.crt."""

    help = "Make a key and a self-signed certificate for signing CIM replies, for trials."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--name", default="derms", help="common name in the certificate")
        parser.add_argument("--days", type=int, default=365)

    def handle(self, *_: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        key_path, certificate_path = folder / "signing.key", folder / "signing.crt"
        if key_path.exists() or certificate_path.exists():
            raise CommandError(f"{folder} holds a signing key already; it is not replaced.")
        key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(
            os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
            file.write(pem)
        certificate = _certificate(key, options["name"], options["days"])
        certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.stdout.write(f"DERMS_CIM_SIGNING_KEY={key_path.resolve()}")
        self.stdout.write(f"DERMS_CIM_SIGNING_CERTIFICATE={certificate_path.resolve()}")


def _certificate(key: rsa.RSAPrivateKey, name: str, days: int) -> x509.Certificate:
    now = clock.now()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
