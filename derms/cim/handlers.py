"""What browsers may follow of the CIM message log; what ends with an API client."""

from typing import Any

from derms.accounts.events import ClientRetired
from derms.cim import selectors
from derms.cim.push.retiring import retire_partner
from derms.cim.services import LIVE_TOPIC
from derms.core.actors import Actor
from derms.events.registry import subscribe
from derms.live import topics


def _latest(_args: dict[str, Any], _actor: Actor) -> list[dict[str, Any]]:
    return selectors.live_rows()


topics.register(topics.Topic(name=LIVE_TOPIC, permission="cim.read", snapshot=_latest))


@subscribe(ClientRetired)
def end_partner(fact: ClientRetired) -> None:
    """Tell a client that has retired nothing more."""
    retire_partner(client_mrid=fact.mrid, client_id=fact.client_id, retired_by=fact.by)
