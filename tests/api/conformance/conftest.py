"""A partner in the sandbox on a run of the bench, and an endpoint that answers what it is told."""

import threading
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from derms.accounts import services as accounts_services
from derms.accounts.models import ApiClient
from derms.cim.models import CimMessage, Partner
from derms.cim.push import delivery, wire
from derms.conformance import services
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.selectors import steps_of
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from tests.cim.conftest import Dms, make_devices
from tests.cim.test_dispatches import report
from tests.personas import system


@pytest.fixture
def sandbox(db):
    made = make_devices(6, owner=accounts_services.ensure_sandbox(), prefix="sandbox")
    report(made)
    return made


@pytest.fixture
def partner(sandbox, settings):
    settings.NEW_CLIENT_STAGE = "sandbox"
    return system(Role.DMS)


class Bench:
    """A partner that goes through a run, message by message."""

    def __init__(self, partner, scenario):
        self.dms = Dms(partner)
        self.client = ApiClient.objects.get(client_id=partner.client_id)
        run = services.start_run(client=self.client, scenario=scenario, actor=SYSTEM)
        self.mrid = run.mrid
        services.advance_run(self.mrid)

    @property
    def run(self):
        return PartnerRun.objects.get(mrid=self.mrid)

    def shown(self, key, *, is_soap=True):
        return next(s for s in steps_of(self.run, is_soap=is_soap) if s.row.key == key)

    def step(self, key):
        services.advance_run(self.mrid)
        return RunStep.objects.get(run__mrid=self.mrid, key=key)

    def until(self, key):
        """Do all that comes before a step as it should be done; returns its sample."""
        last = b""
        for shown in steps_of(self.run):
            if shown.row.key == key:
                return self.shown(key).sample
            if shown.row.kind == "send":
                last = self.shown(shown.row.key).sample.encode()
            self.send(shown.address, last)
            done = self.step(shown.row.key)
            assert done.state == "passed", (done.key, done.difference)
        raise KeyError(key)

    def send(self, address, body, content_type="text/xml; charset=utf-8", **headers):
        return self.dms.raw(f"/{address}", body, content_type, **headers)

    def sent(self, step):
        """Return what was sent in a step."""
        return zlib.decompress(CimMessage.objects.get(mrid=step.message_mrid).request_body).decode()

    def tell(self, key, endpoint):
        """Have the told step of this key opened and delivered to an endpoint; returns it."""
        own = uuid.uuid4().hex[:8]
        now = clock.now()
        found, _ = Partner.objects.get_or_create(
            client_id=self.client.pk,
            defaults={
                "name": own, "base_url": endpoint.url, "created_at": now, "modified_at": now,
                "connect_timeout_s": 1, "timeout_s": 1,
            },
        )  # fmt: skip
        RunStep.objects.filter(run__mrid=self.mrid, state__in=("pending", "waiting")).exclude(
            key=key
        ).update(state="passed")
        services.advance_run(self.mrid)
        delivery.deliver(found.pk)
        return self.step(key)


@pytest.fixture
def bench(partner):
    """Return the maker of a run: `bench("dms-requests")`."""
    return lambda scenario="dms-requests": Bench(partner, scenario)


class Endpoint:
    """A real HTTP server whose answers are made by `reply(body) -> (status, body)`."""

    def __init__(self):
        self.reply = lambda _body: (200, b"")
        self.heard = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append(body)
                status, answer = outer.reply(body)
                self.send_response(status)
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture(autouse=True)
def _no_connection_stays():
    yield
    wire.close_all()


@pytest.fixture
def endpoint():
    """Return an endpoint of a partner."""
    found = Endpoint()
    yield found
    found.server.shutdown()
    found.server.server_close()
