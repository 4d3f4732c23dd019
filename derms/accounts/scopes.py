"""Whose objects a caller may see."""

from derms.core.actors import Actor, ActorKind, Role

SANDBOX_MRID = "5a4db0c5-0000-5000-8000-000000000001"
"""mRID of the organisation "Sandbox utility", the same in every installation.

A client in stage sandbox acts as one of this organisation (`selectors.actor_of_client`), so that
every scope confines it without knowing about sandboxes. Source: docs/adr/0070-partner-bench.md.
"""


def is_sandboxed(actor: Actor) -> bool:
    """Say whether the actor sees and touches the sandbox alone."""
    return actor.organisation_mrid == SANDBOX_MRID


def visible_organisations(actor: Actor) -> frozenset[str] | None:
    """Return the mRIDs of the organisations whose objects the actor sees; None means all.

    Only the utility's own people and systems hold roles other than aggregator
    (`services.check_roles`), so the role decides. Whoever sees all has the sandbox besides, which
    `sees_sandbox` takes away from live systems and lists leave out.
    """
    if Role.AGGREGATOR not in actor.roles and not is_sandboxed(actor):
        return None
    return frozenset({actor.organisation_mrid} if actor.organisation_mrid else ())


def sees_sandbox(actor: Actor) -> bool:
    """Say whether the sandbox exists for the actor: for its own clients and for people."""
    return is_sandboxed(actor) or actor.kind != ActorKind.CLIENT
