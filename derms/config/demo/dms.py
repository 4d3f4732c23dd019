"""The DMS of the demo: a SOAP client on our WSDLs, and REST for what CIM XML has no word for."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import requests
from zeep import Client
from zeep.transports import Transport

from derms.core import clock
from derms.core.errors import DermsError
from groups.choices import DerFunction


class Dms:
    """Talks to one running DERMS as an API client.

    Args:
        address: `http://host:port` of the web process.
        client_id: API client id.
        secret: Its secret.
    """

    def __init__(self, address: str, client_id: str, secret: str) -> None:
        self._address = address
        self._session = requests.Session()
        self._session.auth = (client_id, secret)
        self._clients: dict[str, Client] = {}

    # --- CIM XML -----------------------------------------------------------------------------
    def _service(self, path: str) -> Any:
        if path not in self._clients:
            transport = Transport(session=self._session, timeout=20, operation_timeout=30)
            wsdl = f"{self._address}/61968-5/{path}?wsdl"
            self._clients[path] = Client(wsdl, transport=transport)
        return self._clients[path].service

    @staticmethod
    def _header(verb: str, noun: str) -> dict[str, Any]:
        return {
            "Verb": verb,
            "Noun": noun,
            "Timestamp": clock.now(),
            "Source": "demo DMS",
            "MessageID": str(uuid.uuid4()),
            "CorrelationID": str(uuid.uuid4()),
        }

    @staticmethod
    def _checked(reply: Any) -> Any:
        if reply.Reply.Result != "OK":
            errors = "; ".join(
                f"{e.code} {e.details or e.reason or ''}" for e in reply.Reply.Error or ()
            )
            raise DermsError(f"The DERMS answered {reply.Reply.Result}: {errors}")
        return reply

    def create_group(self, mrid: str, name: str, members: Sequence[str]) -> None:
        """Create a group of `members` (device mRIDs) that takes active-power dispatches."""
        supported = (DerFunction.REAL_POWER_DISPATCH, DerFunction.CONNECT_DISCONNECT)
        group = {
            "mRID": mrid,
            "description": "Made by the demo",
            "DERFunction": {f.value: f in supported for f in DerFunction},
            "EndDevices": [{"mRID": member} for member in members],
            "Names": [{"name": name}],
            "version": {"major": 1, "minor": 0, "revision": 0},
        }
        self._checked(
            self._service("create/executeDERGroups").CreateDERGroups(
                Header=self._header("create", "DERGroups"),
                Payload={"DERGroups": {"EndDeviceGroup": [group]}},
            )
        )

    def delete_group(self, mrid: str) -> None:
        """Delete the group."""
        self._checked(
            self._service("change/executeDERGroups").DeleteDERGroups(
                Header=self._header("delete", "DERGroups"),
                Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": mrid}]}},
            )
        )

    def group_size(self, mrid: str) -> int:
        """Return how many members the DERMS says the group has."""
        reply = self._checked(
            self._service("get/queryDERGroups").QueryDERGroups(
                Header=self._header("get", "DERGroups"),
                Request={"DERGroupQueries": {"EndDeviceGroup": [{"mRID": mrid}]}},
            )
        )
        return len(reply.Payload.DERGroups.EndDeviceGroup[0].EndDevices)

    def status(self, mrid: str) -> dict[str, float]:
        """Return active power now and its available range in W: {now, low, high}."""
        reply = self._checked(
            self._service("get/queryDERGroupStatuses").QueryDERGroupStatuses(
                Header=self._header("get", "DERGroupStatuses"),
                Request={"DERGroupStatusQueries": {"EndDeviceGroup": [{"mRID": mrid}]}},
            )
        )
        group = reply.Payload.DERGroupStatuses.EndDeviceGroup[0]
        for parameter in group.DERMonitorableParameter:
            if parameter.DERParameter == "activePower":
                factor = {"none": 1.0, "k": 1e3, "M": 1e6}[parameter.yMultiplier]
                point = parameter.DERCurveData
                return {
                    "now": point.nominalYValue * factor,
                    "low": point.minYValue * factor,
                    "high": point.maxYValue * factor,
                }
        raise DermsError("The status holds no activePower")

    def dispatch(self, mrid: str, group: str, values_w: Sequence[float], interval_s: int) -> None:
        """Dispatch the group: constant steps of `interval_s` from now on, values in W."""
        schedule = {
            "curveStyleKind": "constantYValue",
            "startTime": clock.now() + dt.timedelta(seconds=1),
            "timeIntervalDuration": interval_s,
            "timeIntervalUnit": "s",
            "DERCurveData": [
                {"intervalNumber": k, "nominalYValue": value / 1e3}
                for k, value in enumerate(values_w, start=1)
            ],
        }
        item = {
            "mRID": mrid,
            "EndDeviceGroup": {
                "mRID": group,
                "DERMonitorableParameter": {
                    "DERParameter": "activePower",
                    "yMultiplier": "k",
                    "yUnit": "W",
                    "DispatchSchedule": [schedule],
                },
            },
        }
        self._checked(
            self._service("create/executeDERGroupDispatches").CreateDERGroupDispatches(
                Header=self._header("create", "DERGroupDispatches"),
                Payload={"DERGroupDispatches": {"DERGroupDispatch": [item]}},
            )
        )

    # --- REST --------------------------------------------------------------------------------
    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET `/api/v1/<path>` and return the JSON object."""
        reply = self._session.get(f"{self._address}/api/v1/{path}", params=query, timeout=20)
        reply.raise_for_status()
        body: dict[str, Any] = reply.json()
        return body

    def quality(self, group: str) -> dict[str, float]:
        """Return `coverage_pct` and `stale` of a group; nothing good before its first tick."""
        reply = self._session.get(f"{self._address}/api/v1/groups/{group}/status", timeout=20)
        if reply.status_code == requests.codes.not_found:
            return {"coverage_pct": 0.0, "stale": 0}
        reply.raise_for_status()
        body: dict[str, float] = reply.json()
        return body

    def cancel(self, dispatch_mrid: str) -> None:
        """Cancel a dispatch; the 61968-5 services of this release have no verb for it."""
        reply = self._session.post(
            f"{self._address}/api/v1/dispatches/{dispatch_mrid}/cancel",
            json={"reason": "demo is over"},
            timeout=20,
        )
        reply.raise_for_status()

    def devices(self, wanted: dict[str, int]) -> list[dict[str, Any]]:
        """Return as many devices of each kind as wanted, such that can be dispatched."""
        found: list[dict[str, Any]] = []
        for kind, count in wanted.items():
            page = self.get("devices", kind=kind, eligible="true", page_size=count)
            found += page["results"]
        return found
