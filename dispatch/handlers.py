"""What the dispatch room does when facts arrive, and what browsers may watch of it."""

from typing import Any

from derms.core.actors import Actor
from derms.events.registry import subscribe
from derms.live.topics import RowFilter, Topic, register
from derms.southbound.events import CommandsSettled
from dispatch import selectors, services
from dispatch.choices import ControlState
from dispatch.events import ControlChanged, DispatchAccepted
from dispatch.tasks import execute_dispatch, run_controls
from groups.events import GroupDeleted


@subscribe(DispatchAccepted)
def start_accepted(fact: DispatchAccepted) -> None:
    """Start at once what is due; what is not waits for the tick."""
    execute_dispatch.apply_async((fact.mrid,), expires=30)


@subscribe(ControlChanged)
def start_control(fact: ControlChanged) -> None:
    """Carry out at once what is due; what is not waits for the next second's run."""
    if fact.state == ControlState.SCHEDULED:
        run_controls.apply_async(expires=30)


@subscribe(CommandsSettled)
def take_note_of_failures(fact: CommandsSettled) -> None:
    """Tell the closed loop about commands that did not get through."""
    services.settle(origin=fact.origin, revision=fact.revision, counts=fact.counts)


@subscribe(CommandsSettled)
def follow_control(fact: CommandsSettled) -> None:
    """Write down what became of the devices of a control."""
    services.settle_control(origin=fact.origin)


@subscribe(GroupDeleted)
def end_dispatches_of_group(fact: GroupDeleted) -> None:
    """Nothing can be asked of a group that is gone."""
    services.end_of_group(group_mrid=fact.mrid)
    services.end_controls_of_group(group_mrid=fact.mrid)


def _snapshot(_args: dict[str, Any], actor: Actor) -> list[dict[str, Any]]:
    return [selectors.dispatch_row(row) for row in selectors.list_recent(actor=actor)]


def _detail(args: dict[str, Any], actor: Actor) -> dict[str, Any]:
    row = selectors.get_dispatch(args["mrid"], actor=actor)
    return {"dispatch": selectors.dispatch_row(row), "samples": selectors.samples(row)}


def _controls(_args: dict[str, Any], actor: Actor) -> list[dict[str, Any]]:
    return [selectors.control_row(row) for row in selectors.list_recent_controls(actor=actor)]


def _control(args: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return selectors.control_row(selectors.get_control(args["mrid"], actor=actor))


def _visible_controls(actor: Actor) -> RowFilter:
    def listed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = selectors.visible_controls({row["mrid"] for row in rows}, actor=actor)
        return [row for row in rows if row["mrid"] in mine]

    return listed


def _visible(actor: Actor) -> RowFilter:
    def listed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = selectors.visible_groups({row["group_mrid"] for row in rows}, actor=actor)
        return [row for row in rows if row["group_mrid"] in mine]

    return listed


register(
    Topic(name="dispatches", permission="dispatches.read", snapshot=_snapshot, visible=_visible)
)
register(Topic(name="dispatch:{mrid}", permission="dispatches.read", snapshot=_detail))
register(
    Topic(
        name="controls",
        permission="controls.read",
        snapshot=_controls,
        visible=_visible_controls,
    )
)
register(Topic(name="control:{mrid}", permission="controls.read", snapshot=_control))
