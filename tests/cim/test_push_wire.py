import datetime as dt
import ipaddress
import socket
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from derms.cim.push import addresses, wire
from derms.core import clock
from derms.core.errors import InvalidInputError
from tests.partner.client import Listener


@pytest.fixture(autouse=True)
def no_connection_is_left():
    yield
    wire.close_all()


def post(url, total_s=5.0):
    message = wire.Post(url, "", b"<x/>", "", connect_s=2.0, total_s=total_s)
    return wire.send(message, wire.pool(1))


def resolver(monkeypatch, *found):
    """Let every host name lead to these addresses."""

    def getaddrinfo(_host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
def test_names_that_lead_to_metadata_addresses_are_not_connected(monkeypatch, address):
    resolver(monkeypatch, address)

    with pytest.raises(wire.AwayError, match="which we do not send to"):
        post("http://dms.example/")


def test_an_address_that_was_registered_itself_is_allowed(monkeypatch):
    resolver(monkeypatch, "169.254.1.1")

    assert addresses.resolve("169.254.1.1", 80) == ["169.254.1.1"]


def test_only_the_allowed_ones_of_several_addresses_are_used(monkeypatch):
    resolver(monkeypatch, "169.254.169.254", "10.0.0.1", "127.0.0.1")

    assert addresses.resolve("dms.example", 80) == ["10.0.0.1"]


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001", "2852039166"])
def test_addresses_written_as_numbers_are_names_like_any_other(host):
    with pytest.raises(OSError, match=r"which we do not send to|not known|No address"):
        addresses.resolve(host, 80)


HERE = ["http://127.0.0.1:8000", "http://localhost/", "http://LOCALHOST./", "https://[::1]/x",
        "http://[::ffff:127.0.0.1]/", "http://0.0.0.0:1/", "http://[::]/"]  # fmt: skip


@pytest.mark.parametrize("url", HERE)
def test_this_machine_is_no_partner_in_production(settings, url):
    assert addresses.check_url(url, "base_url") == url
    settings.PUSH_LOOPBACK = False

    with pytest.raises(InvalidInputError, match="of this machine"):
        addresses.check_url(url, "base_url")
    with pytest.raises(OSError, match="which we do not send to"):
        addresses.resolve("127.0.0.1", 80)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://dms.example/", "file:///etc/passwd", "gopher://dms.example/", "//dms.example",
        "http://", "http://user@dms.example/", "http://user:x@dms.example/", "http://dms.example#x",
        "http://dms.example\\@127.0.0.1/", "http://dms.example/\r\nHost: x", "http://dms\t.example/",
        "http://dms.example:0/", "http://dms.example:99999/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url):
    with pytest.raises(InvalidInputError):
        addresses.check_url(url, "base_url")


def test_a_trickle_of_bytes_does_not_renew_the_deadline():
    with Listener(schemas="") as listener:
        listener.behave("trickle", seconds=5)
        started = time.monotonic()

        with pytest.raises(wire.AwayError, match="No answer in time"):
            post(listener.url, total_s=0.6)

        assert time.monotonic() - started < 1.5


def test_a_redirect_is_an_answer_and_is_not_followed():
    with Listener(schemas="") as listener, Listener(schemas="") as other:
        listener.behave("redirect", to=other.url)

        assert post(listener.url).status == 307
        assert other.messages() == []


def certificate(path):
    """Write a self-signed certificate for 127.0.0.1 with its key; returns both in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DMS")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + pem)
    return path


def test_certificates_are_checked_against_our_authorities(tmp_path, settings):
    pem = certificate(tmp_path / "dms.pem")
    with Listener(schemas="", certificate=pem) as listener:
        with pytest.raises(wire.AwayError, match="CERTIFICATE_VERIFY_FAILED"):
            post(listener.url)
        wire.close_all()
        settings.PUSH_AUTHORITIES = str(pem)

        assert post(listener.url).status == 500  # <x/> is no SOAP
