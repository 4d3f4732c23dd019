import pytest

from groups.models import DerGroup, Membership
from tests.cim.conftest import make_devices
from tests.cim.messages import create_groups, group

CREATE = "create/executeDERGroups"


def test_creates_a_group_with_its_members(dms_client):
    members = make_devices(3)

    said = dms_client.post(CREATE, create_groups(group("DG1-mrid", "DG1", members)))

    assert (said.status, said.result, said.codes) == (200, "OK", ["0.0"])
    assert said.payload is None
    created = DerGroup.objects.get()
    assert (created.mrid, created.name, created.member_count) == ("DG1-mrid", "DG1", 3)
    assert Membership.objects.count() == 3
