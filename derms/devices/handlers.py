"""What devices hear of, and what browsers may watch of devices."""

from typing import Any

from derms.accounts.scopes import visible_organisations
from derms.core.actors import Actor
from derms.devices import selectors, tasks
from derms.devices.events import ImportRequested
from derms.events.registry import subscribe
from derms.live import topics


def _visible(actor: Actor) -> topics.RowFilter | None:
    visible = visible_organisations(actor)
    if visible is None:
        return None

    def own(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen = selectors.visible_mrids([row["mrid"] for row in rows], visible=visible)
        return [row for row in rows if row["mrid"] in seen]

    return own


def _snapshot_rows(args: dict[str, Any], actor: Actor) -> list[dict[str, Any]]:
    rows = selectors.live_rows_of([str(one) for one in args.get("ids", [])])
    own = _visible(actor)
    return rows if own is None else own(rows)


def _snapshot_device(args: dict[str, Any], actor: Actor) -> dict[str, Any]:
    device = selectors.get_device(str(args["mrid"]), visible=visible_organisations(actor))
    return selectors.live_device(device.mrid)


topics.register(
    topics.Topic(
        name="devices",
        permission="devices.read",
        snapshot=_snapshot_rows,
        picked=True,
        visible=_visible,
    )
)
topics.register(
    topics.Topic(name="device:{mrid}", permission="devices.read", snapshot=_snapshot_device)
)


@subscribe(ImportRequested)
def run_import(fact: ImportRequested) -> None:
    """Have a worker run the import."""
    tasks.run_import.delay(fact.mrid)
