"""An integrator at the partner bench: asks what is expected, copies the sample, sends it.

Knows nothing of the product but its address. `mistakes` change what is sent in a step; a plain one
speaks without SOAP.
"""

import contextlib
import http.client
import time
import urllib.error
import urllib.request
from base64 import b64encode
from json import JSONDecodeError, dumps, loads


class Integrator:
    def __init__(self, address, client_id, secret, mistakes=None, *, plain=False):
        self.address = address
        self.authorization = f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"
        self.client_id, self.mistakes = client_id, mistakes or {}
        self.form = "?plain=1" if plain else ""
        self.sent, self.last, self.run, self.meant = set(), None, None, ""

    def _call(self, path, body=None, content="application/json"):
        request = urllib.request.Request(f"{self.address}/{path}", body)
        request.add_header("Authorization", self.authorization)
        request.add_header("Content-Type", content)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code in (502, 503, 504):
                raise
            return error.read()

    def start(self, **more):
        body = dumps({"client_id": self.client_id, **more}).encode()
        self.run = loads(self._call("api/v1/conformance/runs", body))
        return self.run

    def look(self):
        self.run = loads(self._call(f"api/v1/conformance/runs/{self.run['mrid']}{self.form}"))
        return self.run

    def find(self, timeout_s=60.0):
        """Wait until somebody has started a run for this client."""
        ends = time.monotonic() + timeout_s
        while not (runs := loads(self._call("api/v1/conformance/runs"))["results"]):
            assert time.monotonic() < ends, "nobody has started a run"
            time.sleep(0.2)
        self.run = runs[0]

    def follow(self, within_s=150.0, at=None):
        """Act until the run is over, also through restarts of the DERMS; returns the run.

        `at(key)` is called before each step this integrator acts in.
        """
        ends = time.monotonic() + within_s
        while self.run["state"] == "running":
            assert time.monotonic() < ends, [
                (s["key"], s["state"], s["difference"]) for s in self.run["steps"]
            ]
            # Nobody there, or gone in mid-sentence: the same again, as a good partner does.
            with contextlib.suppress(OSError, http.client.HTTPException, JSONDecodeError):
                self.act(at)
            time.sleep(0.3)
        return self.run

    def act(self, at=None):
        """Do what the waiting step wants, once; returns the key of the step or None."""
        waiting = [s for s in self.look()["steps"] if s["state"] == "waiting"]
        if not waiting or waiting[0]["key"] in self.sent:
            return None
        step = waiting[0]
        if step["kind"] == "repeat" or step["key"] == self.meant:
            self._send(*self.last)
        elif step["kind"] == "send":
            if at:
                at(step["key"])
            body = self.mistakes.get(step["key"], lambda text: text)(step["sample"])
            self.last, self.meant = (step["address"], body.encode()), step["key"]
            self._send(*self.last)
        else:
            return None
        self.sent.add(step["key"])
        return step["key"]

    def _send(self, path, body):
        return self._call(path, body, "text/xml; charset=utf-8")
