"""What browsers may watch of groups: all statuses, and one group's."""

from typing import Any

from derms.accounts.scopes import visible_organisations
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


def _visible(actor: Actor) -> topics.RowFilter | None:
    # Those of the sandbox are not pushed (`services.statuses`): who sees all sees what comes.
    if visible_organisations(actor) is None:
        return None

    def own(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        allowed = selectors.visible_mrids(actor)
        return [row for row in rows if row["mrid"] in allowed]

    return own


topics.register(
    topics.Topic(name="groups", permission="groups.read", snapshot=_statuses, visible=_visible)
)
topics.register(topics.Topic(name="group:{mrid}", permission="groups.read", snapshot=_status))
