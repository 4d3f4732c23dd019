"""A DMS: a SOAP client that knows nothing but our WSDLs, and a console user for what is no SOAP."""

import re
import time
import uuid
from typing import Any

import requests
from zeep import Client
from zeep.transports import Transport


class Dms:
    """Calls the services of one DERMS as one API client.

    By HTTP Basic, or without a login by what `wsse` puts into each message.
    """

    def __init__(self, address: str, client_id: str, secret: str, *, wsse: Any = None) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.auth = (client_id, secret) if client_id else None
        self._wsse = wsse
        self._clients: dict[str, Client] = {}

    def call(self, path: str, operation: str, header: dict[str, Any], **parts: Any) -> Any:
        """Call an operation; `path` like `61968-5/create/executeDERGroups`."""
        if path not in self._clients:
            transport = Transport(session=self.session, timeout=30, operation_timeout=30)
            wsdl = f"{self.address}/{path}?wsdl"
            self._clients[path] = Client(wsdl, transport=transport, wsse=self._wsse)
        return self._clients[path].service[operation](Header=header, **parts)

    def post(self, path: str, body: bytes, **headers: str) -> requests.Response:
        """POST bytes as they are."""
        headers = {"Content-Type": "text/xml; charset=utf-8"} | headers
        return self.session.post(f"{self.address}/{path}", data=body, headers=headers, timeout=30)


def header(verb: str, noun: str, **more: Any) -> dict[str, Any]:
    """Return a Header with a MessageID of its own."""
    return {"Verb": verb, "Noun": noun, "MessageID": str(uuid.uuid4())} | more


class Person:
    """Somebody logged in to the console, for REST."""

    def __init__(self, address: str, username: str, password: str) -> None:
        self._address = address
        self._session = requests.Session()
        page = self._session.get(f"{address}/login", timeout=10)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {"username": username, "password": password, "csrfmiddlewaretoken": token[1]}
        said = self._session.post(
            f"{address}/login", data=form, headers={"Referer": address}, timeout=10
        )
        assert said.status_code == 200, said.text[:300]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Make a REST call below /api/v1/; returns the JSON of a good answer.

        Raises:
            AssertionError: the answer is an error.
        """
        said = self._request(method, path, headers, json=body)
        return said.json() if said.content else None

    def send(self, path: str, table: str) -> Any:
        """POST a CSV."""
        return self._request("POST", path, {"Content-Type": "text/csv"}, data=table.encode()).json()

    def change(self, path: str, body: Any) -> Any:
        """PATCH something as it stands now."""
        etag = self._request("GET", path, {}).headers["ETag"]
        return self._request("PATCH", path, {"If-Match": etag}, json=body).json()

    def _request(
        self, method: str, path: str, headers: dict[str, str], **more: Any
    ) -> requests.Response:
        if method != "GET":
            headers |= {"X-CSRFToken": self._session.cookies["csrftoken"], "Referer": self._address}
        url = f"{self._address}/api/v1/{path}"
        said = self._session.request(method, url, headers=headers, timeout=30, **more)
        assert said.ok, f"{method} {path}: {said.status_code} {said.text[:500]}"
        return said


def wait_until(what: Any, seconds: float, why: str) -> Any:
    """Return what `what()` says as soon as it says something.

    Raises:
        AssertionError: it does not in that time.
    """
    ends = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < ends, f"not within {seconds:g} s: {why}"
        time.sleep(0.05)
    return found
