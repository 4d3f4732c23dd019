"""What browsers may follow of the CIM message log."""

from typing import Any

from derms.cim import selectors
from derms.cim.services import LIVE_TOPIC
from derms.core.actors import Actor
from derms.live import topics


def _latest(_args: dict[str, Any], _actor: Actor) -> list[dict[str, Any]]:
    return selectors.live_rows()


topics.register(topics.Topic(name=LIVE_TOPIC, permission="cim.read", snapshot=_latest))
