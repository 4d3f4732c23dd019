"""The topic every signed-in browser may watch: itself."""

from typing import Any

from django.conf import settings

from derms.accounts.permissions import SIGNED_IN, permissions_of
from derms.core.actors import Actor
from derms.live import topics


def _me(_args: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return {
        "mrid": actor.mrid,
        "username": actor.name,
        "roles": sorted(actor.roles),
        "permissions": permissions_of(actor),
        "idle_s": settings.SESSION_IDLE_S,
    }


topics.register(topics.Topic(name="me", permission=SIGNED_IN, snapshot=_me))
