"""Grants of API clients over REST: read, replaced as a whole, audited."""

from derms.accounts.models import ApiClient
from derms.audit.models import AuditRecord

TWO = [
    {"nouns": [], "verbs": ["get"], "groups": []},
    {"nouns": ["DERGroupDispatches"], "verbs": ["cancel", "create"], "groups": ["g1", "g2"]},
]


def path_of(dms):
    return f"/api/v1/api-clients/{dms.actor.mrid}/grants"


def put(admin, dms, grants, tag=None):
    tag = tag or admin.get(path_of(dms)).headers["ETag"]
    return admin.put(path_of(dms), {"grants": grants}, HTTP_IF_MATCH=tag)


def test_grants_are_replaced_as_a_whole_and_audited(admin, dms):
    assert admin.get(path_of(dms)).json() == {"grants": []}

    answer = put(admin, dms, TWO)

    assert (answer.status_code, answer.json()["grants"]) == (200, TWO)
    assert admin.get(path_of(dms)).json()["grants"] == TWO
    (row,) = admin.get("/api/v1/api-clients").json()["results"]
    assert row["grants"] == TWO
    record = AuditRecord.objects.get(action="accounts.set_grants")
    assert record.actor_name == admin.actor.name
    assert record.payload.count("DERGroupDispatches") == 1
    assert put(admin, dms, []).json() == {"grants": []}


def test_grants_somebody_else_changed_meanwhile(admin, dms):
    old = admin.get(path_of(dms)).headers["ETag"]
    put(admin, dms, TWO)

    assert put(admin, dms, [], tag=old).status_code == 412
    assert admin.put(path_of(dms), {"grants": []}).status_code == 428
    assert ApiClient.objects.get().grants == TWO


def test_grants_that_allow_nothing_are_refused(admin, dms):
    for wrong in (
        {"nouns": ["Meters"], "verbs": [], "groups": []},
        {"nouns": ["DERGroupStatuses"], "verbs": ["delete"], "groups": []},
        {"nouns": ["EndDevices"], "verbs": [], "groups": ["g1"]},
        {"nouns": ["DERGroups"], "verbs": ["get"]},  # a part left out does not mean all
    ):
        assert put(admin, dms, [wrong]).status_code == 422
    assert ApiClient.objects.get().grants == []


def test_me_says_only_what_is_granted(admin, dms):
    put(admin, dms, TWO)

    permissions = set(dms.get("/api/v1/me").json()["permissions"])

    assert {"groups.read", "dispatches.write", "cim.DERGroups.get"} <= permissions
    assert not {"groups.write", "controls.write", "cim.DERGroups.create"} & permissions
