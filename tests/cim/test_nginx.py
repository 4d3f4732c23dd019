"""Mutual TLS through the real nginx with the configuration we ship, down to gunicorn.

The names, ports and paths in the configuration are replaced; everything it decides is its own.
"""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from lxml import etree

from derms.accounts.services import register_certificate, update_client
from derms.accounts.services.clients import Policy
from derms.audit.models import AuditRecord
from derms.config.embedded import free_port, wait_for_port
from derms.core.actors import SYSTEM, Role
from groups.models import DerGroup
from tests.certificates import _DAY, pair
from tests.cim.messages import create_groups, group, soap
from tests.cim.wss import username_token
from tests.personas import system

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
PATH = "/61968-5/create/executeDERGroups"
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture(scope="module")
def authority():
    return pair("Test CA", authority=True)


def _files(folder, authority):
    server = pair("derms.test", issuer=authority, host="localhost")
    (folder / "derms.crt").write_text(server.pem)
    (folder / "derms.key").write_text(server.key_pem)
    (folder / "clients-ca.crt").write_text(authority.pem)


def _configuration(folder, web_port, tls_port, plain_port):
    """Return an nginx.conf around the shipped file."""
    text = (ROOT / "deploy/nginx/derms.conf").read_text()
    for old, new in (
        ("/etc/nginx/tls", str(folder)),
        ("/var/cache/nginx/derms", str(folder / "cache")),
        ("derms:8000", f"127.0.0.1:{web_port}"),
        ("derms:8001", f"127.0.0.1:{web_port}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{tls_port} ssl"),
        ("listen 80", f"listen 127.0.0.1:{plain_port}"),
        ("derms.example", "localhost"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "derms.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"pid {folder}/nginx.pid; daemon off; error_log {folder}/error.log; user root;"
        f"events {{}} http {{ access_log off; {temporary} include {folder}/derms.conf; }}"
    )
    return main


@pytest.fixture
def front(transactional_db, tmp_path, authority):
    """Start gunicorn and nginx before it; yields (TLS port, plain port, gunicorn's port)."""
    web_port, tls_port, plain_port = free_port(), free_port(), free_port()
    at = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings.test",
        "DERMS_WEB_WORKERS": "1",
        "DERMS_BEHIND_PROXY": "true",
        "DERMS_PROXY_ADDRESSES": "127.0.0.1",
        "DERMS_CIM_PLAIN_PASSWORD": "false",
    }
    _files(tmp_path, authority)
    web = [
        *(sys.executable, "-m", "gunicorn", "derms.config.wsgi:application"),
        # Also on another loopback address, from which nobody is believed.
        *("--config", "python:derms.config.gunicorn", "--bind", f"0.0.0.0:{web_port}"),
    ]
    conf = _configuration(tmp_path, web_port, tls_port, plain_port)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen(web, env=environment, cwd=ROOT, **quiet),
        subprocess.Popen([NGINX, "-c", str(conf), "-e", str(tmp_path / "error.log")], **quiet),
    ]
    try:
        for port, process in zip((web_port, tls_port), processes, strict=True):
            wait_for_port(port, timeout_s=60, process=process)
        yield tls_port, plain_port, web_port
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=20)


class Caller:
    """Speaks TLS to nginx, with a client certificate or without."""

    def __init__(self, port, authority, folder):
        self.port, self.authority, self.folder = port, authority, folder

    def context(self, shown=None):
        context = ssl.create_default_context(cadata=self.authority.pem)
        if shown is not None:
            file = self.folder / "shown.pem"
            file.write_text(shown.pem + shown.key_pem)
            context.load_cert_chain(file)
        return context

    def post(self, body, shown=None, **headers):
        """Return (status, body) of a POST."""
        to = http.client.HTTPSConnection("localhost", self.port, context=self.context(shown))
        to.request("POST", PATH, body, {"Content-Type": "text/xml", **headers})
        answer = to.getresponse()
        content = answer.read()
        to.close()
        return answer.status, content


@pytest.fixture
def caller(front, authority, tmp_path):
    return Caller(front[0], authority, tmp_path)


def message(name="G"):
    return soap(create_groups(group(f"m-{name}", name)))


def code_in(content):
    return etree.fromstring(content).findtext(".//{*}code")


def test_client_certificates_through_nginx(front, caller, authority):
    dms, other = system(Role.DMS), system(Role.DMS)
    good = pair("dms.test", issuer=authority)
    spare = pair("other.test", issuer=authority)
    unknown = pair("unknown.test", issuer=authority)
    for client, one in ((dms, good), (other, spare)):
        register_certificate(mrid=client.actor.mrid, pem=one.pem, actor=SYSTEM)
    policy = Policy(demands=frozenset({"password", "certificate"}))
    update_client(mrid=dms.actor.mrid, policy=policy, actor=SYSTEM)
    basic = {"Authorization": dms.defaults["HTTP_AUTHORIZATION"]}

    # good
    status, content = caller.post(message("A"), good, **basic)
    assert (status, code_in(content)) == (200, "0.0")
    # none
    status, content = caller.post(message("B"), None, **basic)
    assert (status, code_in(content)) == (500, "7.3")
    # of another client, and of nobody
    assert caller.post(message("C"), spare, **basic)[0] == 401
    assert caller.post(message("D"), unknown, **basic)[0] == 401
    # of another authority, and expired: nginx itself
    assert caller.post(message("E"), pair("dms.test"), **basic)[0] == 400
    expired = pair("dms.test", issuer=authority, begins=-9 * _DAY, ends=-_DAY)
    assert caller.post(message("F"), expired, **basic)[0] == 400
    # the certificate alone is enough where nothing more is demanded
    assert caller.post(message("G"), spare)[0] == 200
    assert set(DerGroup.objects.values_list("name", flat=True)) == {"A", "G"}
    assert AuditRecord.objects.filter(outcome="refused").count() == 3


def test_headers_of_the_caller_are_overwritten(front, caller, authority):
    dms = system(Role.DMS)
    good = pair("dms.test", issuer=authority)
    register_certificate(mrid=dms.actor.mrid, pem=good.pem, actor=SYSTEM)
    spoof = {
        "X-Client-Certificate": quote(good.pem),
        "X-Client-Verify": "SUCCESS",
        "X-Forwarded-For": "198.51.100.7",
    }

    status, _ = caller.post(message(), None, **spoof)
    assert status == 401

    caller.post(b"<broken", good, **spoof)
    assert AuditRecord.objects.get(outcome="refused").address == "127.0.0.1"


def test_headers_from_beside_the_proxy_are_nothing(front, authority):
    """Straight to gunicorn, from an address that is not the proxy's."""
    dms = system(Role.DMS)
    good = pair("dms.test", issuer=authority)
    register_certificate(mrid=dms.actor.mrid, pem=good.pem, actor=SYSTEM)
    headers = {"X-Client-Certificate": quote(good.pem), "X-Client-Verify": "SUCCESS",
               "Content-Type": "text/xml"}  # fmt: skip

    def ask(source):
        to = http.client.HTTPConnection("127.0.0.1", front[2], source_address=(source, 0))
        to.request("POST", PATH, message(), headers)
        status = to.getresponse().status
        to.close()
        return status

    assert ask("127.0.0.2") == 401
    assert ask("127.0.0.1") == 200  # the proxy's address: the header is believed


def raw(caller, *lines, body=b""):
    """Send a request exactly as written; returns all that comes back until the end."""
    with (
        socket.create_connection(("localhost", caller.port), timeout=10) as plain,
        caller.context().wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        found = b""
        while piece := secure.recv(65536):
            found += piece
        return found


SMUGGLED = {
    "underscores": ("X_Client_Verify: SUCCESS", "X_Client_Certificate: {0}"),
    "mixed": ("X-Client_Verify: SUCCESS", "X-Client_Certificate: {0}"),
    "twice": ("X-Client-Verify: SUCCESS", "X-Client-Verify: SUCCESS", "X-Client-Certificate: {0}",
              "X-Client-Certificate: {0}"),
    "other case": ("x-CLIENT-verify: SUCCESS", "X-CLIENT-CERTIFICATE: {0}"),
    "blank before the colon": ("X-Client-Verify : SUCCESS", "X-Client-Certificate : {0}"),
    "folded": ("X-A: b", " X-Client-Verify: SUCCESS", "X-Client-Certificate: {0}"),
    "named to be dropped": ("Connection: close, X-Client-Verify, X-Client-Certificate",),
    "the name of a certificate": ("SSL-Client-Cert: {0}", "SSL-Client-Verify: SUCCESS"),
    "path of the application": ("SCRIPT_NAME: /x", "PATH_INFO: /health/ready"),
}  # fmt: skip


def test_no_header_makes_a_certificate(front, caller, authority):
    dms = system(Role.DMS)
    good = pair("dms.test", issuer=authority)
    register_certificate(mrid=dms.actor.mrid, pem=good.pem, actor=SYSTEM)
    sent = message()

    for what, lines in SMUGGLED.items():
        extra = [line.format(quote(good.pem)) for line in lines]
        answer = raw(
            caller, f"POST {PATH} HTTP/1.1", "Host: localhost", "Content-Type: text/xml",
            f"Content-Length: {len(sent)}", "Connection: close", *extra, body=sent,
        )  # fmt: skip
        assert answer.split()[1] in (b"400", b"401"), (what, answer[:300])
    assert DerGroup.objects.count() == 0


def test_no_second_request_is_smuggled_in_the_first(front, caller, authority):
    dms = system(Role.DMS)
    good = pair("dms.test", issuer=authority)
    register_certificate(mrid=dms.actor.mrid, pem=good.pem, actor=SYSTEM)
    sent = message()
    inner = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
        f"X-Client-Verify: SUCCESS\r\nX-Client-Certificate: {quote(good.pem)}\r\n"
        f"Content-Length: {len(sent)}\r\n\r\n"
    ).encode() + sent
    chunked = b"0\r\n\r\n" + inner
    lengths = {
        "both": (f"Content-Length: {len(chunked)}", "Transfer-Encoding: chunked"),
        "two lengths": ("Content-Length: 5", f"Content-Length: {len(chunked)}"),
        "odd coding": ("Transfer-Encoding: xchunked", "Content-Length: 5"),
        "coding with a tab": ("Transfer-Encoding:\tchunked", "Content-Length: 5"),
        "coding twice": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        "signed length": ("Content-Length: +5",),
    }
    for what, said in lengths.items():
        answer = raw(
            caller, f"POST {PATH} HTTP/1.1", "Host: localhost", "Content-Type: text/xml",
            "Connection: close", *said, body=chunked,
        )  # fmt: skip
        assert answer.count(b"HTTP/1.1 ") == 1, (what, answer[:500])
        assert answer.split()[1] in (b"400", b"401", b"501"), what
    assert DerGroup.objects.count() == 0


METRICS = (
    "/metrics",
    "//metrics",
    "/./metrics",
    "/x/../metrics",
    "/%6detrics",
    "/metrics?x=1",
    "/static/../metrics",
    "/static/%2e%2e/metrics",
    "/metrics/",
    "/health/../metrics",
)


def test_metrics_are_not_for_the_world(front, caller):
    for path in METRICS:
        answer = raw(caller, f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close")
        assert b"derms_" not in answer
        assert answer.split()[1] in (b"400", b"404", b"301", b"302"), (path, answer[:300])


def test_nobody_but_the_proxy_says_that_there_was_tls(front):
    """Straight to gunicorn: a password in the message stays in the clear, whatever is claimed."""
    dms = system(Role.DMS)
    sent = username_token(message(), dms.client_id, dms.secret)
    claims = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "X-Forwarded-Protocol": "ssl",
              "Content-Type": "text/xml"}  # fmt: skip
    to = http.client.HTTPConnection("127.0.0.1", front[2], source_address=("127.0.0.2", 0))
    to.request("POST", PATH, sent, claims)
    answer = to.getresponse().read()
    to.close()

    assert code_in(answer) == "7.6"


def test_tls_makes_a_password_in_the_message_good(front, caller):
    dms = system(Role.DMS)
    sent = username_token(message(), dms.client_id, dms.secret)

    over_tls = caller.post(sent)
    to = http.client.HTTPConnection("127.0.0.1", front[2])
    to.request("POST", PATH, sent, {"Content-Type": "text/xml"})
    plain = to.getresponse().read()
    to.close()

    assert code_in(over_tls[1]) == "0.0"
    assert code_in(plain) == "7.6"


def test_only_modern_tls_and_only_tls(front, caller):
    old = caller.context()
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("localhost", front[0])) as raw,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        old.wrap_socket(raw, server_hostname="localhost")
    to = http.client.HTTPConnection("localhost", front[1])
    to.request("GET", "/")
    answer = to.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, "https://localhost/")
    to.close()


def test_configuration_sets_headers_in_one_place_only():
    """A location with a proxy_set_header of its own would drop all the others."""
    text = (ROOT / "deploy/nginx/derms.conf").read_text()
    for block in re.findall(r"(?m)^    location [^{]*\{[^}]*\}", text):
        assert "proxy_set_header" not in block
