"""An integrator whose messages are made by zeep from our WSDLs: a SOAP stack of its own.

It copies no sample: what a step is about it reads in the sentence that says what is expected. What
zeep cannot make, because it would be wrong or holds another schema's element, it posts by hand.
"""

import re
import uuid
from datetime import timedelta

import requests
from zeep import Client
from zeep.transports import Transport

from derms.core import clock
from tests.cim import messages
from tests.partner.integrator import Integrator

WORD = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sim-[\w-]+")
NET_W = "0.0.0.12.4.1.37.0.0.0.0.0.0.0.0.0.38.0"


class ZeepIntegrator(Integrator):
    """A DMS on the bench."""

    def __init__(self, address, client_id, secret):
        super().__init__(address, client_id, secret)
        self.session = requests.Session()
        self.session.auth = (client_id, secret)
        self.group = f"ZEEP-{uuid.uuid4().hex[:8]}"
        self.services, self.devices, self.header = {}, [], {}

    def act(self, _at=None):
        """Do what the waiting step wants, once; returns the key of the step or None."""
        waiting = [s for s in self.look()["steps"] if s["state"] == "waiting"]
        if not waiting or waiting[0]["key"] in self.sent:
            return None
        step = waiting[0]
        if step["kind"] == "repeat":
            self.create(step, again=True)
        elif step["kind"] == "send":
            getattr(self, step["key"])(step)
        else:
            return None
        self.sent.add(step["key"])
        return step["key"]

    def call(self, path, operation, verb, noun, *, again=False, **parts):
        if path not in self.services:
            transport = Transport(session=self.session, timeout=30, operation_timeout=30)
            self.services[path] = Client(f"{self.address}/{path}?wsdl", transport=transport)
        if not again:
            self.header = {
                "Verb": verb, "Noun": noun, "Timestamp": clock.now(),
                "MessageID": str(uuid.uuid4()),
            }  # fmt: skip
        return self.services[path].service[operation](Header=self.header, **parts)

    def create(self, step, *, again=False):
        if not again:
            self.devices = WORD.findall(step["expected"])[:2]
        on = {flag: flag in ("connectDisconnect", "realPowerDispatch") for flag in messages.FLAGS}
        group = {
            "mRID": self.group, "DERFunction": on, "Names": [{"name": self.group}],
            "EndDevices": [{"mRID": mrid} for mrid in self.devices],
        }  # fmt: skip
        self.call(
            "61968-5/create/executeDERGroups", "CreateDERGroups", "create", "DERGroups",
            again=again, Payload={"DERGroups": {"EndDeviceGroup": [group]}},
        )  # fmt: skip

    def duplicate(self, _step):
        self.create({"expected": " ".join(self.devices)})

    def change(self, step):
        extra = WORD.findall(step["expected"])[-1]
        group = {"mRID": self.group, "EndDevices": [{"mRID": extra}]}
        self._groups("ChangeDERGroups", "change", group)

    def delete(self, _step):
        self._groups("DeleteDERGroups", "delete", {"Names": [{"name": self.group}]})

    def _groups(self, operation, verb, group):
        self.call(
            "61968-5/change/executeDERGroups", operation, verb, "DERGroups",
            Payload={"DERGroups": {"EndDeviceGroup": [group]}},
        )  # fmt: skip

    def remove(self, step):
        extra = WORD.findall(step["expected"])[-1]
        content = messages.groups_content(messages.group(self.group, members=[extra], on=None))
        one = messages.operation(1, "delete", content, elements="true")
        self._by_hand(step, messages.operation_set(one))

    def invalid(self, step):
        self._by_hand(step, messages.create_groups(messages.group("X", on=None)))

    def _by_hand(self, step, message):
        # The builders of the tests have a date of their own.
        message = message.replace(messages.TIME, clock.now().isoformat())
        self._send(step["address"], messages.soap(message))

    def query(self, _step):
        self._query("DERGroups", "DERGroupQueries", self.group)

    def unknown(self, step):
        self._query("DERGroups", "DERGroupQueries", WORD.findall(step["expected"])[0])

    def status(self, _step):
        self._query("DERGroupStatuses", "DERGroupStatusQueries", self.group)

    def forecast(self, _step):
        self._query(
            "DERGroupForecasts", "DERGroupForecastQueries", self.group,
            DERMonitorableParameter=[{"DERParameter": "activePower"}],
            DispatchSchedule=[{**self._schedule(), "numberOfIntervals": 4}],
        )  # fmt: skip

    def _query(self, noun, query, group, **more):
        content = {"EndDeviceGroup": [{"mRID": group}], **more}
        path = f"61968-5/get/query{noun}"
        self.call(path, f"Query{noun}", "get", noun, Request={query: content})

    def readings(self, _step):
        content = {"EndDeviceGroup": [{"mRID": self.group}], "ReadingType": [{"mRID": NET_W}]}
        self.call(
            "61968-9/get/queryMeterReadings", "QueryMeterReadings", "get", "MeterReadings",
            Request={"GetMeterReadings": content},
        )  # fmt: skip

    def dispatch(self, _step, unit="W"):
        points = [{"intervalNumber": 1, "nominalYValue": 1000.0}]
        wanted = {
            "DERParameter": "activePower", "yMultiplier": "none", "yUnit": unit,
            "DispatchSchedule": [{**self._schedule(), "DERCurveData": points}],
        }  # fmt: skip
        group = {"mRID": self.group, "DERMonitorableParameter": wanted}
        self.call(
            "61968-5/create/executeDERGroupDispatches", "CreateDERGroupDispatches", "create",
            "DERGroupDispatches",
            Payload={"DERGroupDispatches": {"DERGroupDispatch": [{"EndDeviceGroup": group}]}},
        )  # fmt: skip

    def wrong_unit(self, step):
        self.dispatch(step, "V")

    @staticmethod
    def _schedule():
        return {
            "curveStyleKind": "constantYValue", "timeIntervalDuration": 900,
            "timeIntervalUnit": "s", "startTime": clock.now() + timedelta(seconds=2),
        }  # fmt: skip

    def disconnect(self, _step):
        self._switch("2.31.0.23")

    def connect(self, _step):
        self._switch("2.31.0.18")

    def _switch(self, code):
        control = {"EndDeviceControlType": {"ref": code}, "EndDeviceGroups": [{"mRID": self.group}]}
        self.call(
            "61968-9/create/executeEndDeviceControls", "CreateEndDeviceControls", "create",
            "EndDeviceControls", Payload={"EndDeviceControls": {"EndDeviceControl": [control]}},
        )  # fmt: skip
