"""An integrator at the partner bench: asks what is expected, copies the sample, sends it.

Knows nothing of the product but its address. `mistakes` change what is sent in a step; a plain one
speaks without SOAP.
"""

import urllib.error
import urllib.request
from base64 import b64encode
from json import dumps, loads


class Integrator:
    def __init__(self, address, client_id, secret, mistakes=None, *, plain=False):
        self.address = address
        self.authorization = f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"
        self.client_id, self.mistakes = client_id, mistakes or {}
        self.query = "?plain=1" if plain else ""
        self.sent, self.last, self.run = set(), None, None

    def _call(self, path, body=None, content="application/json"):
        request = urllib.request.Request(f"{self.address}/{path}", body)
        request.add_header("Authorization", self.authorization)
        request.add_header("Content-Type", content)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return error.read()

    def start(self, **more):
        body = dumps({"client_id": self.client_id, **more}).encode()
        self.run = loads(self._call("api/v1/conformance/runs", body))
        return self.run

    def look(self):
        self.run = loads(self._call(f"api/v1/conformance/runs/{self.run['mrid']}{self.query}"))
        return self.run

    def act(self):
        """Do what the waiting step wants, once; returns the key of the step or None."""
        waiting = [s for s in self.look()["steps"] if s["state"] == "waiting"]
        if not waiting or waiting[0]["key"] in self.sent:
            return None
        step = waiting[0]
        if step["kind"] == "repeat":
            self._send(*self.last)
        elif step["kind"] == "send":
            body = self.mistakes.get(step["key"], lambda text: text)(step["sample"])
            self.last = (step["address"], body.encode())
            self._send(*self.last)
        else:
            return None
        self.sent.add(step["key"])
        return step["key"]

    def _send(self, path, body):
        return self._call(path, body, "text/xml; charset=utf-8")
