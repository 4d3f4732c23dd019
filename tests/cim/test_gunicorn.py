"""The CIM door under the server it runs on: chunked bodies, doubled slashes, flat memory."""

import gzip
import http.client
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from derms.config.embedded import free_port, wait_for_port
from groups.models import DerGroup
from tests.cim.messages import create_groups, group, soap

PATH = "/61968-5/create/executeDERGroups"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(dms, transactional_db):
    """Start gunicorn on the test database; yields (port, process)."""
    port, at = free_port(), connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings.test",
        "DERMS_WEB_WORKERS": "1",
    }
    command = [
        *(sys.executable, "-m", "gunicorn", "derms.config.wsgi:application"),
        *("--config", "python:derms.config.gunicorn", "--bind", f"127.0.0.1:{port}"),
    ]
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_port(port, timeout_s=60, process=process)
        yield port, process
    finally:
        process.terminate()
        process.wait(timeout=20)


def post(port, dms, body, path=PATH, **headers):
    """POST bytes, or chunked when the body is an iterator; returns (status, body)."""
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    all_headers = {
        "Authorization": dms.defaults["HTTP_AUTHORIZATION"],
        "Content-Type": "text/xml",
        **headers,
    }
    caller.request("POST", path, body, all_headers)
    answer = caller.getresponse()
    content = answer.read()
    caller.close()
    return answer.status, content


def memory_kib(pid):
    """Return the resident memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(
        int(line.split()[1])
        for each in (pid, *children)
        for line in Path(f"/proc/{each}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )


def pieces(size):
    return (b" " * 2**16 for _ in range(size // 2**16))


def test_server_takes_what_clients_send_and_refuses_what_floods_it(server, dms):
    port, process = server
    body = soap(create_groups(group("m1", "G1")))

    plain = post(port, dms, body, path=f"/{PATH}")
    chunks = (body[k : k + 100] for k in range(0, len(body), 100))
    chunked = post(port, dms, chunks)

    assert (plain[0], chunked[0]) == (200, 200)
    assert b">OK<" in plain[1]
    assert chunked[1] == plain[1]  # the same message: the stored reply
    before = memory_kib(process.pid)
    for size in (100 * 2**20, 40 * 2**20):
        announced = post(port, dms, pieces(size), **{"Content-Length": str(size)})
        streamed = post(port, dms, pieces(size))
        assert (announced[0], streamed[0]) == (413, 413)
        assert b"<m:code>3.1</m:code>" in announced[1]
        assert b"<m:code>3.1</m:code>" in streamed[1]
    bomb = post(port, dms, gzip.compress(b" " * 2**27), **{"Content-Encoding": "gzip"})
    assert bomb[0] == 415
    # What one refused body of 32 MB may hold for a moment, not what 280 MB of them would.
    assert memory_kib(process.pid) - before < 80 * 1024
    assert post(port, dms, soap(create_groups(group("m3", "G3"))))[0] == 200
    assert DerGroup.objects.filter(name__in=["G1", "G3"]).count() == 2
