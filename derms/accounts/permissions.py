"""Who may do what, in two tables: permission -> roles, and (route, method) -> permission.

Default deny: a route without a row answers 403, and a test walks the URL configuration and
fails on it. Every room adds its rows here, so that one page says what each role can do.
Source: ours; roles as in issue section 3 and platform.md 7.3.
"""

from derms.accounts.rules.grants import is_granted_at_all
from derms.accounts.scopes import is_sandboxed
from derms.core.actors import Actor, Role

PUBLIC = "public"
"""Anybody, logged in or not: health, login, the console's own page."""
SIGNED_IN = "signed_in"
"""Any known caller."""

_OPERATIONS = frozenset({Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ENGINEER, Role.AUDITOR})
_OFFICE = frozenset({Role.CUSTOMER_SERVICE, Role.CS_SUPERVISOR})
_CONTROL = frozenset({Role.OPERATOR, Role.APPROVER})
_ENGINEERING = frozenset({Role.ENGINEER})
_ADMIN = frozenset({Role.ADMIN})
_DMS = frozenset({Role.DMS})
_AGGREGATOR = frozenset({Role.AGGREGATOR})

PERMISSIONS: dict[str, frozenset[Role]] = {
    "overview.read": _OPERATIONS | _ADMIN,
    "devices.read": _OPERATIONS | _OFFICE | _ADMIN | _DMS | _AGGREGATOR,
    "devices.write": _ENGINEERING,
    "devices.import": _ENGINEERING,
    "devices.eligibility": _ENGINEERING | _CONTROL | {Role.CS_SUPERVISOR},
    "readings.write": _ENGINEERING | _DMS | _AGGREGATOR,
    "groups.read": _OPERATIONS | _ADMIN | _DMS | _AGGREGATOR,
    "groups.write": _CONTROL | _ENGINEERING | _DMS,
    "dispatches.read": _OPERATIONS | _ADMIN | _DMS | _AGGREGATOR,
    "dispatches.write": _CONTROL | _DMS,
    "controls.read": _OPERATIONS | _ADMIN | _DMS,
    "controls.write": _CONTROL | _DMS,
    "controls.release": frozenset({Role.APPROVER}),
    "commands.read": _OPERATIONS | _ADMIN,
    "alarms.read": _OPERATIONS | _ADMIN,
    "alarms.acknowledge": _CONTROL | _ENGINEERING,
    "grid.read": _OPERATIONS | _OFFICE | _ADMIN | _DMS | _AGGREGATOR,
    "cim.use": _DMS | _AGGREGATOR,
    "cim.DERGroups.create": _DMS,
    "cim.DERGroups.change": _DMS,
    "cim.DERGroups.delete": _DMS,
    "cim.DERGroups.get": _DMS | _AGGREGATOR,
    "cim.DERGroupStatuses.get": _DMS | _AGGREGATOR,
    "cim.DERGroupDispatches.create": _DMS,
    "cim.DERGroupForecasts.get": _DMS | _AGGREGATOR,
    "cim.DERGroupsOperationSet.execute": _DMS,
    # What other parties tell us of their own groups and devices.
    "cim.DERGroups.created": _DMS | _AGGREGATOR,
    "cim.DERGroups.changed": _DMS | _AGGREGATOR,
    "cim.DERGroups.deleted": _DMS | _AGGREGATOR,
    "cim.DERGroupsOperationSet.executed": _DMS | _AGGREGATOR,
    "cim.DERGroupStatuses.changed": _DMS | _AGGREGATOR,
    "cim.DERGroupForecasts.created": _DMS | _AGGREGATOR,
    "cim.EndDeviceEvents.created": _DMS | _AGGREGATOR,
    "cim.EndDeviceControls.create": _DMS,
    "cim.MeterReadings.created": _DMS | _AGGREGATOR,
    "cim.MeterReadings.get": _DMS | _AGGREGATOR,
    "cim.read": _OPERATIONS | _ADMIN,
    # Names, addresses and user ids in messages; hidden from everybody else who reads the log.
    "cim.personal": frozenset({Role.AUDITOR, Role.ADMIN}),
    # Carrying a message of the log out once more, in the sandbox.
    "cim.replay": _ENGINEERING,
    "partners.read": _OPERATIONS | _ADMIN,
    "partners.write": _ENGINEERING,
    # Partner bench: a client sees and starts its own runs alone; an engineer accepts.
    "conformance.read": _OPERATIONS | _ADMIN | _DMS | _AGGREGATOR,
    "conformance.run": _ENGINEERING | _DMS | _AGGREGATOR,
    # Somebody of an aggregator sees the clients of its organisation alone.
    "conformance.partners": _OPERATIONS | _ADMIN | _AGGREGATOR,
    "conformance.accept": _ENGINEERING,
    "system.read": _OPERATIONS | _ADMIN,
    "audit.read": frozenset({Role.AUDITOR, Role.ADMIN}),
    "accounts.read": frozenset({Role.AUDITOR, Role.ADMIN}),
    "accounts.write": _ADMIN,
    "certificates.read": frozenset({Role.AUDITOR, Role.ADMIN, Role.ENGINEER}),
    "certificates.write": _ADMIN | _ENGINEERING,
    "organisations.read": _OPERATIONS | _OFFICE | _ADMIN,
}

SANDBOX: frozenset[str] = frozenset(
    {
        "cim.use", "devices.read", "readings.write", "groups.read", "groups.write",
        "dispatches.read", "dispatches.write", "controls.read", "controls.write",
        "conformance.read", "conformance.run",
    }
)  # fmt: skip
"""What a client in stage sandbox may do if its role may: only what asks for its scope.

All `cim.<Noun>.<verb>` besides.
"""

_READ = frozenset({"get"})
_DEFINE = frozenset({"create", "change", "delete"})
GRANTED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "devices.read": (frozenset({"EndDevices"}), _READ),
    "grid.read": (frozenset({"EndDevices"}), _READ),
    "readings.write": (frozenset({"MeterReadings"}), frozenset({"created"})),
    "groups.read": (
        frozenset({"DERGroups", "DERGroupStatuses", "DERGroupForecasts", "MeterReadings"}),
        _READ,
    ),
    "groups.write": (frozenset({"DERGroups"}), _DEFINE),
    "dispatches.read": (frozenset({"DERGroupDispatches"}), _READ),
    "dispatches.write": (frozenset({"DERGroupDispatches"}), frozenset({"create", "cancel"})),
    "controls.read": (frozenset({"EndDeviceControls"}), _READ),
    "controls.write": (frozenset({"EndDeviceControls"}), frozenset({"create", "cancel"})),
    "cim.DERGroupsOperationSet.execute": (frozenset({"DERGroups"}), _DEFINE),
    "cim.DERGroupsOperationSet.executed": (
        frozenset({"DERGroups"}),
        frozenset({"created", "changed", "deleted"}),
    ),
}
"""What a client with grants must be granted for a permission: one of the verbs of one of the nouns.

`cim.<Noun>.<verb>` says it itself. On which groups is the business of services and selectors.
"""

BEYOND_GRANTS = frozenset(
    {"cim.use", "conformance.read", "conformance.run", "conformance.partners"}
)
"""What a client with grants keeps: to knock at the door, and to prove itself in the sandbox."""

ROUTES: dict[tuple[str, str], str] = {
    # pages and health
    ("login", "GET"): PUBLIC,
    ("login", "POST"): PUBLIC,
    ("logout", "POST"): PUBLIC,
    ("console", "GET"): PUBLIC,
    ("health-live", "GET"): PUBLIC,
    ("health-ready", "GET"): PUBLIC,
    ("metrics", "GET"): PUBLIC,
    ("openapi", "GET"): SIGNED_IN,
    # accounts
    ("me", "GET"): SIGNED_IN,
    ("me", "PATCH"): SIGNED_IN,
    ("me-extend", "POST"): SIGNED_IN,
    ("users", "GET"): "accounts.read",
    ("users", "POST"): "accounts.write",
    ("user", "GET"): "accounts.read",
    ("user", "PATCH"): "accounts.write",
    ("user-password", "POST"): "accounts.write",
    ("api-clients", "GET"): "accounts.read",
    ("api-clients", "POST"): "accounts.write",
    ("api-client", "GET"): "accounts.read",
    ("api-client", "PATCH"): "accounts.write",
    ("api-client-secret", "POST"): "accounts.write",
    ("api-client-policy", "PUT"): "accounts.write",
    ("api-client-grants", "GET"): "accounts.read",
    ("api-client-grants", "PUT"): "accounts.write",
    ("api-client-retire", "POST"): "accounts.write",
    ("certificates", "GET"): "certificates.read",
    ("api-client-certificates", "GET"): "certificates.read",
    ("api-client-certificates", "POST"): "certificates.write",
    ("api-client-certificate-revoke", "POST"): "certificates.write",
    ("organisations", "GET"): "organisations.read",
    ("organisations", "POST"): "accounts.write",
    # audit
    ("audit", "GET"): "audit.read",
    ("audit-verification", "GET"): "audit.read",
    # operations
    ("overview", "GET"): "overview.read",
    ("integration", "GET"): "cim.read",
    ("system", "GET"): "system.read",
    ("alarms", "GET"): "alarms.read",
    ("alarm-acknowledge", "POST"): "alarms.acknowledge",
    ("alarms-acknowledge", "POST"): "alarms.acknowledge",
    # grid
    ("feeders", "GET"): "grid.read",
    # devices
    ("devices", "GET"): "devices.read",
    ("devices", "POST"): "devices.write",
    ("device", "GET"): "devices.read",
    ("device", "PATCH"): "devices.write",
    ("device-eligibility", "PUT"): "devices.eligibility",
    ("device-lifecycle", "PUT"): "devices.write",
    ("device-readings", "GET"): "devices.read",
    ("device-latest", "GET"): "devices.read",
    ("device-commands", "GET"): "commands.read",
    ("device-columns", "GET"): "devices.read",
    ("device-export", "GET"): "devices.read",
    ("device-imports", "POST"): "devices.import",
    ("device-import", "GET"): "devices.import",
    ("readings", "POST"): "readings.write",
    # southbound
    ("commands", "GET"): "commands.read",
    ("links", "GET"): "commands.read",
    # groups
    ("groups", "GET"): "groups.read",
    ("groups", "POST"): "groups.write",
    ("group", "GET"): "groups.read",
    ("group", "PATCH"): "groups.write",
    ("group", "DELETE"): "groups.write",
    ("group-members", "GET"): "groups.read",
    ("group-members", "POST"): "groups.write",
    ("group-status", "GET"): "groups.read",
    ("group-trend", "GET"): "groups.read",
    ("group-usage", "GET"): "groups.read",
    ("group-statuses", "GET"): "groups.read",
    # forecasting
    ("group-forecast", "GET"): "groups.read",
    # dispatch
    ("dispatch-preview", "POST"): "dispatches.write",
    ("dispatches", "GET"): "dispatches.read",
    ("dispatches", "POST"): "dispatches.write",
    ("dispatch", "GET"): "dispatches.read",
    ("dispatch-cancel", "POST"): "dispatches.write",
    ("dispatch-members", "GET"): "dispatches.read",
    ("dispatch-samples", "GET"): "dispatches.read",
    ("dispatch-events", "GET"): "dispatches.read",
    ("control-preview", "POST"): "controls.write",
    ("controls", "GET"): "controls.read",
    ("controls", "POST"): "controls.write",
    ("control", "GET"): "controls.read",
    ("control-devices", "GET"): "controls.read",
    ("control-cancel", "POST"): "controls.write",
    ("control-release", "POST"): "controls.release",
    ("control-reject", "POST"): "controls.release",
    # CIM XML: the service itself, and the message log
    ("cim-service", "GET"): PUBLIC,  # WSDL and schemas
    ("cim-service", "POST"): "cim.use",
    ("cim-generic", "GET"): "cim.use",  # 405
    ("cim-generic", "POST"): "cim.use",
    ("cim-messages", "GET"): "cim.read",
    ("cim-message", "GET"): "cim.read",
    ("cim-message-thread", "GET"): "cim.read",
    ("cim-messages-export", "GET"): "cim.read",
    ("cim-message-archive", "GET"): "cim.read",
    ("cim-counters", "GET"): "cim.read",
    ("cim-message-replay", "POST"): "cim.replay",
    # push to partners
    ("partners", "GET"): "partners.read",
    ("partners", "POST"): "partners.write",
    ("partner", "GET"): "partners.read",
    ("partner", "PATCH"): "partners.write",
    ("partner-trial", "POST"): "partners.write",
    ("partner-resend", "POST"): "partners.write",
    ("partner-subscriptions", "GET"): "partners.read",
    ("partner-subscriptions", "POST"): "partners.write",
    ("subscription", "PATCH"): "partners.write",
    ("subscription", "DELETE"): "partners.write",
    ("deliveries", "GET"): "partners.read",
    ("delivery", "GET"): "partners.read",
    ("delivery-resend", "POST"): "partners.write",
    ("delivery-discard", "POST"): "partners.write",
    # partner bench
    ("bench-scenarios", "GET"): "conformance.read",
    ("bench-partners", "GET"): "conformance.partners",
    ("bench-send-back", "POST"): "conformance.accept",
    ("bench-runs", "GET"): "conformance.read",
    ("bench-runs", "POST"): "conformance.run",
    ("bench-run", "GET"): "conformance.read",
    ("bench-step", "GET"): "conformance.read",
    ("bench-report", "GET"): "conformance.read",
    ("bench-abandon", "POST"): "conformance.run",
    ("bench-accept", "POST"): "conformance.accept",
}


def has_permission(actor: Actor | None, permission: str) -> bool:
    """Say whether an actor holds a permission; None is somebody unknown.

    Raises:
        KeyError: the permission is in no table, which is a programming error.
    """
    if permission == PUBLIC:
        return True
    if actor is None:
        return False
    if permission == SIGNED_IN:
        return True
    if PERMISSIONS[permission].isdisjoint(actor.roles) or not _is_granted(actor, permission):
        return False
    return not is_sandboxed(actor) or permission in SANDBOX or permission.count(".") > 1


def _is_granted(actor: Actor, permission: str) -> bool:
    if not actor.grants or permission in BEYOND_GRANTS:
        return True
    if permission in GRANTED:
        nouns, verbs = GRANTED[permission]
    elif permission.count(".") == 2:
        _, noun, verb = permission.split(".")
        nouns, verbs = frozenset({noun}), frozenset({verb})
    else:
        return False
    return any(is_granted_at_all(actor, noun, verbs) for noun in nouns)


def permission_of(route: str, method: str) -> str | None:
    """Return the permission a route asks for; None means nobody may use it."""
    return ROUTES.get((route, "GET" if method in {"HEAD", "OPTIONS"} else method))


def permissions_of(actor: Actor) -> list[str]:
    """Return every permission the actor holds, sorted."""
    return sorted(name for name in PERMISSIONS if has_permission(actor, name))
