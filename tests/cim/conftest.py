"""Fixtures of the CIM tests: a DMS, devices, and a way to post SOAP."""

import itertools
from dataclasses import dataclass

import pytest
from django.test import Client
from lxml import etree

from derms.accounts.models import Organisation
from derms.cim import schema
from derms.cim.registry import service_at
from derms.core import clock
from derms.core.actors import Role
from derms.devices.models import DeviceSettings, EndDevice, Nameplate
from tests.cim.messages import ENVELOPE, soap
from tests.cim.reference import has_reference, reference_schema
from tests.personas import system

SOAP_NS = "{http://schemas.xmlsoap.org/soap/envelope/}"
M = f"{{{ENVELOPE}}}"
_numbers = itertools.count(1)


@dataclass
class Said:
    """A reply taken apart: validated against our schema and, where it is there, the reference."""

    status: int
    root: etree._Element
    raw: bytes

    @property
    def result(self):
        return self.root.findtext(f".//{M}Result")

    @property
    def errors(self):
        """(code, level, reason, details, ID, kind, objectType) of every Error."""
        found = []
        for error in self.root.iter(f"{M}Error"):
            own = error.find(f"{M}ID")
            found.append(
                {
                    "code": error.findtext(f"{M}code"),
                    "level": error.findtext(f"{M}level"),
                    "reason": error.findtext(f"{M}reason"),
                    "details": error.findtext(f"{M}details"),
                    "id": None if own is None else own.text,
                    "kind": None if own is None else own.get("kind"),
                    "type": None if own is None else own.get("objectType"),
                }
            )
        return found

    @property
    def codes(self):
        return [error["code"] for error in self.errors]

    @property
    def payload(self):
        ns = self.root.tag[: self.root.tag.index("}") + 1]
        return self.root.find(f"{ns}Payload")

    def header(self, name):
        return self.root.findtext(f".//{M}{name}")

    def texts(self, local_name):
        return [e.text for e in self.root.iter(f"{{*}}{local_name}")]


def check_reply(messages, root):
    """Every reply must validate against our schema and against the reference."""
    ours = schema.compile_schema(schema.documents(messages), f"{messages.message}Message.xsd")
    ours.assertValid(root)
    if has_reference(messages):
        reference_schema(messages).assertValid(root)


class Dms:
    """A DMS that posts SOAP with Basic credentials, as an API client of the utility."""

    def __init__(self, persona):
        self.persona = persona
        self.actor = persona.actor
        self.http = Client(HTTP_AUTHORIZATION=persona.defaults["HTTP_AUTHORIZATION"])

    def raw(self, path, body, content_type="text/xml; charset=utf-8", **headers):
        return self.http.post(path, body, content_type=content_type, headers=headers)

    def post(self, path, message, action=None, **headers):
        """Post a message to `/61968-5/<path>`; returns the reply taken apart and validated."""
        body = message if isinstance(message, bytes) else soap(message)
        if action is not None:
            headers["SOAPAction"] = action
        response = self.raw(f"/61968-5/{path}", body, **headers)
        root = etree.fromstring(response.content)
        inner = root.find(f"{SOAP_NS}Body/*")
        if inner.tag == f"{SOAP_NS}Fault":
            inner = inner.find("detail/*")
        check_reply(next(iter(service_at(path).values())).operation.messages, inner)
        return Said(response.status_code, inner, response.content)


@pytest.fixture
def dms_client(dms):
    """Return a DMS with credentials."""
    return Dms(dms)


@pytest.fixture
def other_client(db):
    """Return a second DMS."""
    return Dms(system(Role.DMS))


def make_devices(
    count, *, owner=None, prefix="device", eligible=True, kind="battery", p_w=10_000.0
):
    """Create registered devices with nameplates by bulk insert; returns their mRIDs."""
    owner = owner or Organisation.objects.filter(kind="utility").first()
    now = clock.now()
    start = next(_numbers) * 1_000_000
    rows = EndDevice.objects.bulk_create(
        EndDevice(
            mrid=f"{prefix}-{start + i}",
            name=f"{prefix} {start + i}",
            kind=kind,
            lifecycle_state="registered",
            eligible=eligible,
            eligibility_reason="" if eligible else "no contract",
            owner=owner,
            created_at=now,
            modified_at=now,
        )
        for i in range(count)
    )
    Nameplate.objects.bulk_create(
        Nameplate(device=row, rated_w=p_w, rated_charge_w=p_w, rated_va=p_w * 1.1,
                  rated_var_injected=p_w / 2, rated_var_absorbed=p_w / 2, rated_wh=p_w * 2)
        for row in rows
    )  # fmt: skip
    DeviceSettings.objects.bulk_create(DeviceSettings(device=row) for row in rows)
    return [row.mrid for row in rows]
