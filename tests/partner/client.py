"""Starts a listener as a process of its own and talks to its control port."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from derms.config.embedded import free_port

HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parents[2] / "shared" / "standards" / "wsdl"


class Listener:
    """A partner in another process; `with Listener() as partner: ...`."""

    def __init__(self, schemas=None, credentials="", certificate=""):
        self._scheme = "https" if certificate else "http"
        self.port, self.control_port = free_port(), free_port()
        if schemas is None:
            schemas = str(REFERENCE) if REFERENCE.exists() else ""
        self._command = [
            sys.executable, str(HERE / "listener.py"), "--port", str(self.port),
            "--control-port", str(self.control_port), "--schemas", schemas,
            "--credentials", credentials, "--certificate", str(certificate),
        ]  # fmt: skip
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    @property
    def url(self):
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def _ask(self, path, said=None):
        data = None if said is None else json.dumps(said).encode()
        address = f"http://127.0.0.1:{self.control_port}/{path}"
        with urllib.request.urlopen(address, data, timeout=10) as answer:
            return json.load(answer)

    def messages(self, **wanted):
        """Return what arrived, oldest first; `verb="created"` keeps those only."""
        heard = self._ask("messages")
        return [m for m in heard if all(m.get(k) == v for k, v in wanted.items())]

    def wait_for(self, count, timeout_s=15.0, **wanted):
        """Return what arrived as soon as it is `count` messages; fails after the time-out."""
        ends = time.monotonic() + timeout_s
        while len(found := self.messages(**wanted)) < count:
            assert time.monotonic() < ends, f"{len(found)} of {count} messages: {found}"
            time.sleep(0.02)
        return found

    def behave(self, mode, **more):
        self._ask("behave", {"mode": mode, **more})

    def forget(self):
        self._ask("forget", {})

    def die(self):
        self._ask("dead", {})

    def live(self):
        self._ask("alive", {})
