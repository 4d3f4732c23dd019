"""Golden cases: what goes in, what must come out, as files under tests/data/cim/<Noun>/<case>/.

`case.toml` names the path, the cases to play before, settings, and what the reply may vary in.
The reply is compared in canonical form, with the reply's own MessageID and Timestamp masked.
"""

import tomllib
from pathlib import Path

import pytest
from lxml import etree

from derms.accounts.models import Organisation
from derms.core import clock
from derms.devices.models import DeviceSettings, EndDevice, Nameplate
from tests.cim.conftest import M
from tests.cim.test_dispatches import report

CASES = Path(__file__).resolve().parents[1] / "data" / "cim"
DEVICES = [
    "23cbd502-128a-4c4e-b7cd-5eaf6d9ae275",
    "7fc50292-2e8a-4e9c-80ae-9105f50ce3ea",
    "63d092b7-baed-4bfe-ad97-5709f2ce4ec9",
    "46029b51-8d94-4a06-b242-74d4a3fc2390",
    "13a801e1-b45d-4dbe-960f-84f04ef39fcb",
    "7a02c3a5-606e-4d0e-adaf-0e1b98757512",
]


def canonical(root, varying):
    """Return the message in canonical form with what differs from run to run masked."""
    root = etree.fromstring(etree.tostring(root), etree.XMLParser(remove_blank_text=True))
    for name in ("Timestamp", "MessageID"):
        for element in root.iter(f"{M}{name}"):
            element.text = "*"
    for name in varying:
        for element in root.iter(f"{{*}}{name}"):
            element.text = "*"
    return etree.tostring(root, method="c14n2", strip_text=True).decode().replace("><", ">\n<")


def read(case):
    with (case / "case.toml").open("rb") as file:
        return tomllib.load(file)


def play(dms_client, case):
    return dms_client.post(read(case)["path"], (case / "request.xml").read_bytes())


@pytest.fixture
def golden_devices(dms_client):
    owner, now = Organisation.objects.get(kind="utility"), clock.now()
    for number, mrid in enumerate(DEVICES):
        device = EndDevice.objects.create(
            mrid=mrid,
            name=f"battery {number}",
            kind="battery",
            lifecycle_state="registered",
            eligible=True,
            owner=owner,
            created_at=now,
            modified_at=now,
        )
        Nameplate.objects.create(device=device, rated_w=5e3, rated_charge_w=5e3, rated_va=5e3)
        DeviceSettings.objects.create(device=device)
    report(DEVICES)


def found_cases():
    return sorted(path.parent for path in CASES.glob("*/*/case.toml"))


@pytest.mark.parametrize("case", found_cases(), ids=lambda c: f"{c.parent.name}/{c.name}")
def test_case(dms_client, golden_devices, settings, case):
    told = read(case)
    for name, value in told.get("settings", {}).items():
        setattr(settings, name, value)
    for earlier in told.get("before", []):
        assert play(dms_client, CASES / earlier).status == 200

    said = play(dms_client, case)

    wanted = etree.parse(case / "reply.xml").getroot()
    varying = told.get("varying", [])
    assert said.status == told.get("status", 200)
    assert canonical(said.root, varying) == canonical(wanted, varying)


def test_there_are_cases_of_every_noun():
    assert {case.parent.name for case in found_cases()} >= {
        "DERGroups",
        "DERGroupStatuses",
        "DERGroupDispatches",
        "EndDeviceControls",
    }
