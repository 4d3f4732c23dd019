"""ReceiveEndDeviceEvents: events of a party's own devices are kept and change nothing."""

import pytest

from derms.accounts.models import Organisation
from derms.audit.models import AuditRecord
from derms.audit.rules.record import rest_of
from derms.devices.models import EndDevice
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import BASE_2011, TIME, created_events, names, request
from tests.cim.test_attacks import all_rows_hash

EVENTS = "create/receiveEndDeviceEvents"


def event(mrid="", name="", ref="2.31.0.68", created=TIME, assets=None):
    inner = (f"<mRID>{mrid}</mRID>" if mrid else "") + (names(name) if name else "")
    assets = f"<Assets>{inner}</Assets>" if assets is None else assets
    attribute = "" if ref is None else f' ref="{ref}"'
    return (
        f"<EndDeviceEvent><mRID>e1</mRID><createdDateTime>{created}</createdDateTime>"
        f"<reason>storm</reason><severity>high</severity>{assets}"
        "<EndDeviceEventDetails><name>phase</name><value>A</value></EndDeviceEventDetails>"
        f"<EndDeviceEventType{attribute}/></EndDeviceEvent>"
    )


def tell(who, *events, **ids):
    content = f'<EndDeviceEvents xmlns="{BASE_2011}EndDeviceEvents#">{"".join(events)}'
    content += "</EndDeviceEvents>"
    message = request("CreatedEndDeviceEvents", "EndDeviceEvents", "created", content, **ids)
    return who.post(EVENTS, message)


@pytest.fixture
def party(aggregator):
    return Dms(aggregator)


@pytest.fixture
def own(party):
    """A device the party has registered with us."""
    organisation = Organisation.objects.get(mrid=party.actor.organisation_mrid)
    return make_devices(1, owner=organisation)[0]


def test_event_is_a_record_of_its_device_and_changes_nothing(party, own):
    before = all_rows_hash()

    said = tell(party, event(own), message_id="e1")

    record = AuditRecord.objects.get(action="device.event_told")
    assert (said.result, said.codes, said.header("Noun")) == ("OK", ["0.0"], "EndDeviceEvents")
    assert (record.object_type, record.object_mrid) == ("EndDevice", own)
    kept = rest_of(record.payload)["after"]
    assert kept["type_code"] == "2.31.0.68"
    assert (kept["reason"], kept["details"]) == ("storm", [["phase", "A"]])
    assert all_rows_hash() == before


def test_device_by_name(party, own):
    name = EndDevice.objects.get(mrid=own).name

    assert tell(party, event(name=name)).result == "OK"


def test_repeated_event_is_kept_once(party, own):
    tell(party, event(own), message_id="e1")
    tell(party, event(own), message_id="e1")

    assert AuditRecord.objects.filter(action="device.event_told").count() == 1


def test_good_ones_are_kept_and_bad_ones_told(party, own, dms_client):
    ours = make_devices(1, owner=Organisation.objects.get(mrid=dms_client.actor.organisation_mrid))

    said = tell(party, event(own), event("ghost"), event(ours[0]))

    assert said.codes == ["99.1", "7.5"]
    assert [error["type"] for error in said.errors] == ["EndDevice", "EndDevice"]
    assert AuditRecord.objects.filter(action="device.event_told").count() == 1


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"ref": None}, "1.7"),
        ({"ref": ""}, "1.7"),
        ({"created": "9999-12-31T23:59:59-14:00"}, "6.1"),
        ({"created": "soon"}, "1.8"),
        ({"assets": ""}, "1.7"),
        ({"assets": "<Assets/>"}, "1.7"),
    ],
)
def test_refused(party, own, bad, code):
    assert tell(party, event(own, **bad)).codes == [code]
    assert not AuditRecord.objects.filter(action="device.event_told").exists()


def test_no_event_at_all(party):
    assert tell(party).codes == ["1.7"]


def test_every_element_of_the_profile_is_taken(party):
    assert party.post(EVENTS, created_events()).codes == ["99.1"]
