import pytest

from derms.accounts.permissions import BEYOND_GRANTS, GRANTED, PERMISSIONS, has_permission
from derms.accounts.rules.grants import (
    NOUNS,
    OF_DEVICES,
    check_grants,
    granted_groups,
    is_granted,
    read_grants,
    require_granted,
)
from derms.core.actors import ActorKind, Grant, Role
from derms.core.errors import ForbiddenError, InvalidInputError
from tests.factories import accounts


def grant(nouns=(), verbs=(), groups=()):
    return Grant(frozenset(nouns), frozenset(verbs), frozenset(groups))


def client(*grants, role=Role.DMS):
    return accounts.actor(role, kind=ActorKind.CLIENT, grants=grants)


QUERY_ALL = grant(verbs=["get"])
DISPATCH_TWO = grant(["DERGroupDispatches"], ["create", "cancel"], ["g1", "g2"])


def test_without_grants_everything_is_allowed():
    anyone = client()

    assert granted_groups(anyone, "DERGroups", "delete") is None
    assert is_granted(anyone, "EndDeviceControls", "create", "g9")


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("verb", sorted(frozenset().union(*NOUNS.values())))
def test_only_what_one_of_the_grants_allows(noun, verb):
    partner = client(QUERY_ALL, DISPATCH_TWO)
    wanted = frozenset()
    if verb == "get":
        wanted = None
    elif noun == "DERGroupDispatches" and verb in ("create", "cancel"):
        wanted = {"g1", "g2"}

    assert granted_groups(partner, noun, verb) == wanted
    assert is_granted(partner, noun, verb, "g1") == (wanted is None or "g1" in wanted)
    assert is_granted(partner, noun, verb, "g3") == (wanted is None)


def test_groups_of_several_grants_add_up():
    partner = client(grant(["DERGroups"], ["get"], ["g1"]), grant(groups=["g2"]))

    assert granted_groups(partner, "DERGroups", "get") == {"g1", "g2"}
    assert granted_groups(partner, "DERGroups", "change") == {"g2"}


def test_refusal_names_the_group_as_it_was_given():
    with pytest.raises(ForbiddenError) as refusal:
        require_granted(client(QUERY_ALL), "DERGroups", "delete", "g1", given=("name", "NORTH"))

    assert refusal.value.cim_code == "7.5"
    assert refusal.value.params == {"object_type": "DERGroup", "id_kind": "name", "id": "NORTH"}


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_every_permission_of_a_system_is_granted_or_beyond(permission):
    """Default deny: whatever a role of systems may do and no table speaks of is refused."""
    nothing = client(grant(["DERGroupStatuses"], ["changed"], ["g1"]), role=Role.DMS)
    everything = client(grant(), role=Role.DMS)

    if not {Role.DMS, Role.AGGREGATOR} & PERMISSIONS[permission]:
        return
    assert permission in GRANTED or permission in BEYOND_GRANTS or permission.count(".") == 2
    assert has_permission(everything, permission) == (Role.DMS in PERMISSIONS[permission])
    if permission not in BEYOND_GRANTS | {"cim.DERGroupStatuses.changed"}:
        assert not has_permission(nothing, permission)


def test_what_is_about_devices_needs_a_grant_without_groups():
    some, every = client(grant(groups=["g1"])), client(grant(["EndDevices"], ["get"]))

    assert not has_permission(some, "devices.read")
    assert not has_permission(some, "cim.MeterReadings.created")
    assert has_permission(some, "cim.MeterReadings.get")
    assert has_permission(every, "devices.read")
    assert not has_permission(every, "groups.read")


def test_grants_cannot_give_what_the_role_does_not_allow():
    assert not has_permission(client(grant(), role=Role.AGGREGATOR), "dispatches.write")


def test_grants_are_kept_in_order_and_once():
    rows = check_grants([grant(["EndDevices", "DERGroups"], ["get"]), QUERY_ALL, QUERY_ALL])

    assert rows == [
        {"nouns": ["DERGroups", "EndDevices"], "verbs": ["get"], "groups": []},
        {"nouns": [], "verbs": ["get"], "groups": []},
    ]
    assert check_grants(read_grants(rows)) == rows


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (grant(["Meters"]), "no noun Meters"),
        (grant(["DERGroupStatuses"], ["delete"]), "delete does not fit DERGroupStatuses"),
        (grant(verbs=["fly"]), "fly does not fit"),
        (grant(["EndDevices"], groups=["g1"]), "cannot be granted for groups"),
        (grant(groups=[""]), "1 to 128"),
        (grant(groups=map(str, range(1001))), "at most 1000 groups"),
    ],
)
def test_grants_that_allow_nothing_are_refused(wrong, said):
    with pytest.raises(InvalidInputError, match=said):
        check_grants([wrong])


def test_every_noun_about_devices_is_a_noun():
    assert all(verb in NOUNS[noun] for noun, verb in OF_DEVICES)
