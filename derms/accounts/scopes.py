"""Whose objects a caller may see."""

from derms.core.actors import Actor, Role


def visible_organisations(actor: Actor) -> frozenset[str] | None:
    """Return the mRIDs of the organisations whose objects the actor sees; None means all.

    Only the utility's own people and systems hold roles other than aggregator
    (`services.check_roles`), so the role decides.
    """
    if Role.AGGREGATOR not in actor.roles:
        return None
    return frozenset({actor.organisation_mrid} if actor.organisation_mrid else ())
