"""A DMS that hosts the seven Receive* services of IEC 61968-5/-9, for tests and conformance runs.

    python -m tests.partner.listener --port 9001 --control-port 9002 \
        --schemas path/to/wsdl | http://derms:8000

Shares no code with the product: lxml and the standard library only. Every message is checked
against schemas (files below a folder, or fetched from a server's `?xsd=`), recorded with its time
and answered. The control port tells it how to behave and what it has heard:

    GET  /messages            what arrived, oldest first
    POST /forget              forget what arrived
    POST /behave  {"mode": ok | slow | hang | trickle | refuse | fault | garbage | close |
                           redirect | status,
                   "seconds": 2, "code": "5.1", "status": 503, "times": 3, "to": "http://..."}
    POST /dead, /alive        close or open the port of the services
    POST /stop                end

`times` limits a mode to so many requests, after which it is ok again.
"""

import argparse
import base64
import json
import re
import socket
import ssl
import sys
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGE = "http://iec.ch/TC57/2011/schema/message"
FAULT = (
    "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>out of order</faultstring>"
    "</soap:Fault>"
)
# path below the family -> {body root: (verb, noun of the header, SOAPAction ending)}
SERVICES = {
    "61968-5/create/receiveDERGroups": {
        "CreatedDERGroups": ("created", "DERGroups", "DERGroups/CreatedDERGroups"),
    },
    "61968-5/change/receiveDERGroups": {
        "ChangedDERGroups": ("changed", "DERGroups", "DERGroups/ChangedDERGroups"),
        "DeletedDERGroups": ("deleted", "DERGroups", "DERGroups/DeletedDERGroups"),
    },
    "61968-5/change/receiveDERGroupsOperationSet": {
        "ExecutedDERGroupsOperationSet": (
            "executed",
            "OperationSet",
            "DERGroupsOperationSet/ExecutedDERGroupsOperationSet",
        ),
    },
    "61968-5/change/receiveDERGroupStatuses": {
        "ChangedDERGroupStatuses": (
            "changed",
            "DERGroupStatuses",
            "DERGroupStatuses/ChangedDERGroupStatuses",
        ),
    },
    "61968-5/create/receiveDERGroupForecasts": {
        "CreatedDERGroupForecasts": (
            "created",
            "DERGroupForecasts",
            "DERGroupForecasts/CreatedDERGroupForecasts",
        ),
    },
    "61968-9/create/receiveEndDeviceEvents": {
        "CreatedEndDeviceEvents": (
            "created",
            "EndDeviceEvents",
            "EndDeviceEvents/CreatedEndDeviceEvents",
        ),
    },
    "61968-9/create/receiveMeterReadings": {
        "CreatedMeterReadings": (
            "created",
            "MeterReadings",
            "MeterReadings/CreatedMeterReadings",
        ),
    },
}


class Fetching(etree.Resolver):
    """Resolves imports of a schema against where it came from, over HTTP."""

    def __init__(self, base):
        self.base = base

    def resolve(self, system_url, public_id, context):
        return self.resolve_string(
            fetch(self.base, system_url.rsplit("/", 1)[-1].split("=")[-1]), context
        )


def fetch(base, name):
    with urllib.request.urlopen(f"{base}?xsd={name}", timeout=10) as answer:
        return answer.read()


class Schemas:
    """The schema of each service, compiled once."""

    def __init__(self, source):
        self.source = source
        self._known = {}
        self._lock = threading.Lock()

    def fault(self, path, root):
        """Return the first violation, or an empty text; also without schemas."""
        if not self.source:
            return ""
        with self._lock:
            if path not in self._known:
                self._known[path] = self._load(path, etree.QName(root).namespace)
            schema = self._known[path]
            if schema is None or schema.validate(root):
                return ""
            return str(schema.error_log[0].message)

    def _load(self, path, namespace):
        name = f"{namespace.rsplit('/', 1)[-1]}.xsd"
        if self.source.startswith("http"):
            base = f"{self.source.rstrip('/')}/{path}"
            parser = etree.XMLParser()
            parser.resolvers.add(Fetching(base))
            return etree.XMLSchema(etree.fromstring(fetch(base, name), parser))
        file = Path(self.source) / path.rsplit("/", 1)[0] / "xsd" / name
        # There is no reference for meter readings.
        return etree.XMLSchema(etree.parse(file)) if file.exists() else None


class Partner:
    """What it has heard and how it behaves."""

    def __init__(self, schemas, credentials, certificate=""):
        self.certificate = certificate
        self.schemas = Schemas(schemas)
        self.credentials = credentials
        self.lock = threading.Lock()
        self.messages = []
        self.mode = {"mode": "ok"}
        self.server = None
        self.open = set()

    def behaviour(self):
        with self.lock:
            mode = self.mode
            if "times" in mode:
                mode["times"] -= 1
                if mode["times"] < 0:
                    self.mode = mode = {"mode": "ok"}
            return mode

    def record(self, entry):
        with self.lock:
            self.messages.append(entry)


class Service(BaseHTTPRequestHandler):
    """The Receive* services, and any other path for asynchronous replies."""

    protocol_version = "HTTP/1.1"
    partner = None

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.partner.open.add(self.connection)

    def finish(self):
        self.partner.open.discard(self.connection)
        super().finish()

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:  # the sender died in the middle: no message arrived
            self.close_connection = True
            return
        at = time.time()
        path = self.path.strip("/")
        entry, root = self.read(path, body)
        entry |= {"at": at, "path": path, "body": body.decode(errors="replace")}
        entry |= {"port": self.client_address[1], "action": self.headers.get("SOAPAction", "")}
        entry["authorization"] = self.headers.get("Authorization", "")
        mode = self.partner.behaviour()
        entry["mode"] = mode["mode"]
        self.partner.record(entry)
        self.act(mode, path, root, entry)

    def read(self, path, body):
        """Take a message apart and say what is wrong with it."""
        try:
            root = etree.fromstring(body).find(f"{{{SOAP}}}Body")[0]
        except (etree.XMLSyntaxError, TypeError, IndexError) as error:
            return {"fault": f"unreadable: {error}"}, None

        def text(name):
            return (root.findtext(f"{{*}}Header/{{{MESSAGE}}}{name}") or "").strip()

        name = etree.QName(root).localname
        entry = {"root": name, "verb": text("Verb"), "noun": text("Noun")}
        entry |= {"message_id": text("MessageID"), "correlation_id": text("CorrelationID")}
        entry["groups"] = [e.text for e in root.iterfind(".//{*}EndDeviceGroup/{*}mRID")]
        entry["result"] = root.findtext(f"{{*}}Reply/{{{MESSAGE}}}Result") or ""
        entry["fault"] = ""
        if path in SERVICES:
            entry["fault"] = self.fault(path, root, entry)
        return entry, root

    def fault(self, path, root, entry):
        wanted = SERVICES[path].get(entry["root"])
        if wanted is None:
            return f"{entry['root']} does not belong to {path}"
        action = (self.headers.get("SOAPAction") or "").strip('"')
        if not action.endswith(wanted[2]):
            return f"SOAPAction {action} does not end with {wanted[2]}"
        if (entry["verb"], entry["noun"]) != wanted[:2]:
            return f"Header says {entry['verb']} {entry['noun']}"
        if not entry["message_id"]:
            return "no MessageID"
        return self.partner.schemas.fault(path, root)

    def act(self, mode, path, root, entry):
        name = mode["mode"]
        if name in ("slow", "hang"):
            time.sleep(mode.get("seconds", 2 if name == "slow" else 60))
        if name == "trickle":
            self.trickle(mode.get("seconds", 10))
        elif name in ("close", "hang"):
            self.break_off(b"HTTP/1.1 200 OK\r\n" if name == "close" else b"")
        elif self.partner.credentials and not self.is_known():
            self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="dms"'})
        elif name in ("garbage", "redirect", "status"):
            status = {"garbage": 200, "redirect": 307}.get(name) or mode["status"]
            self.answer(status, b"<html><body>Welcome", {"Location": mode.get("to", "")})
        elif name == "fault" or root is None:
            self.answer(500, wrap(FAULT))
        elif path in SERVICES:
            self.answer(200, wrap(response(root, entry, *self.result_of(mode, entry))))
        else:
            self.answer(200, b"")

    def trickle(self, seconds):
        """Answer one byte after the other and never finish."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.wfile.write(b" ")
            time.sleep(0.05)

    def break_off(self, first):
        self.close_connection = True
        self.wfile.write(first and first + b"Content-Length: 500\r\n\r\n<soap:Env")
        self.connection.shutdown(socket.SHUT_RDWR)

    def result_of(self, mode, entry):
        if entry["fault"]:
            return "FAILED", "1.8", entry["fault"]
        if mode["mode"] == "refuse":
            return "FAILED", mode["code"], "as told"
        return "OK", "0.0", ""

    def is_known(self):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            token = base64.b64decode(token).decode()
        return token == self.partner.credentials

    def answer(self, status, body, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def wrap(inner):
    head = f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{SOAP}">'
    return f"{head}<soap:Body>{inner}</soap:Body></soap:Envelope>".encode()


def response(root, entry, result, code, details):
    """Return the ResponseMessage that belongs to an event."""
    namespace = etree.QName(root).namespace
    name = re.sub("Message$", "", namespace.rsplit("/", 1)[-1]) + "ResponseMessage"
    error = f"<m:code>{code}</m:code>"
    if code != "0.0":
        said = details.replace("&", "&amp;").replace("<", "&lt;")
        error += (
            f"<m:level>FATAL</m:level><m:reason>refused</m:reason><m:details>{said}</m:details>"
        )
    return (
        f'<{name} xmlns="{namespace}" xmlns:m="{MESSAGE}"><Header><m:Verb>reply</m:Verb>'
        f"<m:Noun>{entry['noun']}</m:Noun><m:MessageID>{uuid.uuid4()}</m:MessageID>"
        f"<m:CorrelationID>{entry['message_id']}</m:CorrelationID></Header>"
        f"<Reply><m:Result>{result}</m:Result><m:Error>{error}</m:Error></Reply></{name}>"
    )


class Server(ThreadingHTTPServer):
    """Many connections, quick to open again on the same port."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError | BrokenPipeError):
            super().handle_error(request, client_address)


class Control(BaseHTTPRequestHandler):
    """The wire by which tests ask and tell."""

    protocol_version = "HTTP/1.1"
    partner = None
    port = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        with self.partner.lock:
            self.answer(list(self.partner.messages))

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        partner, name = self.partner, urlsplit(self.path).path.strip("/")
        if name == "forget":
            partner.messages.clear()
        elif name == "behave":
            partner.mode = said
        elif name == "dead" and partner.server:
            partner.server.shutdown()
            partner.server.server_close()
            partner.server = None
            for connection in list(partner.open):
                connection.shutdown(socket.SHUT_RDWR)
        elif name == "alive" and not partner.server:
            open_services(partner, self.port)
        elif name == "stop":
            threading.Thread(target=self.server.shutdown).start()
        self.answer({"ok": True})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def open_services(partner, port):
    handler = type("BoundService", (Service,), {"partner": partner})
    partner.server = Server(("127.0.0.1", port), handler)
    if partner.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(partner.certificate)
        partner.server.socket = context.wrap_socket(partner.server.socket, server_side=True)
    threading.Thread(target=partner.server.serve_forever, args=(0.05,), daemon=True).start()


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--port", type=int, required=True)
    reader.add_argument("--control-port", type=int, required=True)
    reader.add_argument("--schemas", default="", help="folder or http address; empty checks none")
    reader.add_argument("--credentials", default="", help="user:password, or a bearer token")
    reader.add_argument("--certificate", default="", help="PEM with key and certificate: TLS")
    said = reader.parse_args()
    partner = Partner(said.schemas, said.credentials, said.certificate)
    open_services(partner, said.port)
    control = type("BoundControl", (Control,), {"partner": partner, "port": said.port})
    server = Server(("127.0.0.1", said.control_port), control)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever(0.1)


if __name__ == "__main__":
    main()
