"""What browsers may watch of groups: all statuses, and one group's."""

from typing import Any

from derms.core.actors import Actor
from derms.live import topics
from groups import selectors
from groups.rules.definition import GroupKey


def _statuses(_args: dict[str, Any], actor: Actor) -> list[dict[str, Any]]:
    return [selectors.status_row(status) for status in selectors.list_statuses(actor=actor)]


def _status(args: dict[str, Any], actor: Actor) -> dict[str, Any] | None:
    group = selectors.get_group(key=GroupKey(mrid=args["mrid"]), actor=actor)
    status = selectors.find_status(group)
    return selectors.status_row(status) if status else None


def _own_rows(rows: list[dict[str, Any]], actor: Actor) -> list[dict[str, Any]]:
    allowed = selectors.visible_mrids(actor)
    return rows if allowed is None else [row for row in rows if row["mrid"] in allowed]


topics.register(
    topics.Topic(name="groups", permission="groups.read", snapshot=_statuses, visible=_own_rows)
)
topics.register(topics.Topic(name="group:{mrid}", permission="groups.read", snapshot=_status))
