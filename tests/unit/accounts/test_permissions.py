import pytest
from django.test import RequestFactory

from derms.accounts import scopes, selectors
from derms.accounts.permissions import PERMISSIONS, has_permission, permission_of
from derms.core.actors import Role
from tests.factories import accounts


def test_unknown_route_belongs_to_nobody():
    assert permission_of("nothing", "GET") is None


def test_head_and_options_ask_for_what_get_asks():
    assert permission_of("groups", "HEAD") == permission_of("groups", "OPTIONS") == "groups.read"


def test_nobody_has_only_what_is_public():
    assert has_permission(None, "public")
    assert not has_permission(None, "signed_in")
    assert not any(has_permission(None, name) for name in PERMISSIONS)


def test_unknown_permission_is_a_programming_error():
    with pytest.raises(KeyError):
        has_permission(accounts.actor(), "fly")


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.VIEWER, "groups.read", "dispatches.write"),
        (Role.OPERATOR, "dispatches.write", "devices.write"),
        (Role.ENGINEER, "devices.write", "dispatches.write"),
        (Role.CUSTOMER_SERVICE, "devices.read", "groups.read"),
        (Role.AUDITOR, "audit.read", "groups.write"),
        (Role.ADMIN, "accounts.write", "dispatches.write"),
        (Role.DMS, "cim.use", "devices.write"),
        (Role.AGGREGATOR, "readings.write", "alarms.read"),
    ],
)
def test_roles_are_kept_apart(role, may, may_not):
    actor = accounts.actor(role)

    assert has_permission(actor, may)
    assert not has_permission(actor, may_not)


def test_aggregator_sees_its_own_organisation_only():
    own = accounts.actor(Role.AGGREGATOR, organisation_mrid="o1")

    assert scopes.visible_organisations(own) == {"o1"}
    assert scopes.visible_organisations(accounts.actor(Role.AGGREGATOR)) == set()
    assert scopes.visible_organisations(accounts.actor(Role.OPERATOR)) is None


@pytest.mark.parametrize(("proxy", "address"), [(False, "127.0.0.1"), (True, "10.0.0.2")])
def test_forwarded_address_counts_only_behind_a_proxy(settings, proxy, address):
    settings.BEHIND_PROXY = proxy
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 10.0.0.2"})

    assert selectors.address_of(request) == address
