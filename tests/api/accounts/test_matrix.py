"""Default deny, proven route by route: the URL configuration against the permission table."""

import re

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.views import APIView

from derms.accounts.api.permissions import TablePermission
from derms.accounts.permissions import PERMISSIONS, PUBLIC, ROUTES, SIGNED_IN, has_permission
from derms.core.actors import Role
from derms.live import topics
from tests.personas import Persona, person, system

_SYSTEMS = {Role.DMS: "utility", Role.AGGREGATOR: "aggregator"}
_METHODS = ("get", "post", "put", "patch", "delete")


def walk(resolver, prefix=""):
    for entry in resolver.url_patterns:
        text = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield entry, text
        else:
            yield from walk(entry, text)


def methods_of(entry):
    """Methods a class-based view answers; None for a function."""
    view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
    if view is None:
        return None
    return {m.upper() for m in _METHODS if hasattr(view, m) and m in view.http_method_names}


ENTRIES = list(walk(get_resolver()))
REST = {
    entry.name: (entry, "/" + re.sub(r"<[^>]+>", "none", text))
    for entry, text in ENTRIES
    if issubclass(getattr(entry.callback, "cls", object), APIView)
}
CELLS = sorted(
    (name, method, ROUTES.get((name, method), PUBLIC))
    for name, (entry, _) in REST.items()
    for method in methods_of(entry)
)


def test_every_route_has_a_name_of_its_own():
    names = [entry.name for entry, _ in ENTRIES]

    assert None not in names
    assert len(names) == len(set(names))


def test_every_route_and_method_has_a_row():
    missing = [
        (entry.name, method)
        for entry, _ in ENTRIES
        for method in methods_of(entry) or {"GET"}
        if (entry.name, method) not in ROUTES
    ]

    assert missing == []


def test_every_row_has_a_known_permission():
    assert {p for p in ROUTES.values() if p not in {PUBLIC, SIGNED_IN, *PERMISSIONS}} == set()


def test_no_view_brings_permissions_of_its_own():
    own = {
        name: entry.callback.cls.permission_classes
        for name, (entry, _) in REST.items()
        if entry.callback.cls.permission_classes != [TablePermission]
    }

    assert own == {}


def test_what_is_public_is_on_this_list():
    public = {route for route, permission in ROUTES.items() if permission == PUBLIC}

    assert public == {
        ("login", "GET"),
        ("login", "POST"),
        ("logout", "POST"),
        ("console", "GET"),  # asks for login itself, by redirect
        ("health-live", "GET"),
        ("health-ready", "GET"),
        ("metrics", "GET"),
        ("cim-service", "GET"),  # WSDL and schemas
    }


def test_every_live_topic_needs_a_known_permission():
    permissions = {name: topic.permission for name, topic in topics.registered().items()}

    assert {n for n, p in permissions.items() if p not in {SIGNED_IN, *PERMISSIONS}} == set()
    assert "alarms" in permissions


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method", "permission"), CELLS)
def test_route_answers_those_who_may_and_nobody_else(name, method, permission):
    _, path = REST[name]

    def ask(caller):
        return getattr(caller, method.lower())(path, {} if method != "GET" else None).status_code

    assert ask(Persona()) == 401
    for role in Role:
        caller = system(role, kind=_SYSTEMS[role]) if role in _SYSTEMS else person(role)
        answer = ask(caller)
        if has_permission(caller.actor, permission):
            assert answer not in {401, 403, 405}, (role, answer)
            assert answer < 500 or answer == 503, (role, answer)
        else:
            assert answer == 403, role
