"""The members of a dispatch one by one: what each was asked, does and could do."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.devices.selectors import list_devices
from derms.southbound.contract import CommandState
from derms.southbound.selectors import LatestCommands, latest_commands
from dispatch.choices import DerParameter
from dispatch.models import GroupDispatch
from dispatch.rules.members import MemberColumns
from dispatch.rules.memory import decode
from dispatch.rules.tracking import TOLERANCE
from dispatch.selectors.snapshots import members_in_database
from groups.selectors import member_ids

Ids = NDArray[np.int32]
_ENDED_ELSEWHERE = (CommandState.SUPERSEDED, CommandState.COMPLETED)


def align(commands: LatestCommands, ids: Ids) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where the command of each device is, and whether there is one.

    Args:
        commands: Latest commands, device keys ascending.
        ids: Device keys [n].
    """
    if not len(commands):
        return np.zeros(ids.size, dtype=np.intp), np.zeros(ids.size, dtype=bool)
    at = np.searchsorted(commands.device_id, ids).clip(max=len(commands) - 1)
    return at, commands.device_id[at] == ids


def member_rows(
    row: GroupDispatch, *, after: int = 0, limit: int = 100
) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of members.

    Args:
        row: The dispatch.
        after: Device key the page starts behind.
        limit: At most this many.

    Returns:
        `{device, name, kind, feeder, set_point, measured, measured_at, min, max, soc..., state,
        command_state}` each, and the key to go on behind, None at the end.
    """
    ids = member_ids(row.group_key, at=row.ended_at)
    ids = ids[ids > after]
    more, ids = ids.size > limit, ids[:limit]
    columns = members_in_database(ids, reactive=row.parameter == DerParameter.REACTIVE_POWER)
    commands = latest_commands(row.journal_key)
    at, has = align(commands, columns.ids)
    held, _ = decode(bytes(row.memory), columns.ids)
    devices = {d.pk: d for d in list_devices().filter(pk__in=columns.ids.tolist())}
    rows = []
    for k, key in enumerate(columns.ids.tolist()):
        device = devices[key]
        state = CommandState(commands.state[at[k]]) if has[k] else None
        set_point = float(commands.value[at[k]]) if has[k] else None
        point = device.usage_point
        rows.append(
            {
                "device": device.mrid,
                "name": device.name,
                "kind": device.kind,
                "feeder": point.feeder.name if point and point.feeder else "",
                "set_point": set_point,
                "measured": _number(columns.now[k]),
                "measured_at": _instant(columns.measured_at_us[k]),
                "min": float(columns.low[k]),
                "max": float(columns.high[k]),
                "command_state": state.name.lower() if state else None,
                "state": _member_state(columns, k, set_point, state, held=bool(held[k])),
            }
        )
    return rows, int(ids[-1]) if more else None


def _member_state(
    columns: MemberColumns,
    k: int,
    set_point: float | None,
    state: CommandState | None,
    *,
    held: bool,
) -> str:
    if not columns.usable[k]:
        return "excluded"
    if columns.silent[k]:
        return "silent"
    if set_point is None or state in _ENDED_ELSEWHERE:
        return "not_commanded"
    if state in (CommandState.REJECTED, CommandState.FAILED, CommandState.EXPIRED):
        return "refused"
    off = abs(columns.now[k] - set_point) > TOLERANCE * columns.weight[k]
    return "limited" if held or off else "delivering"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _instant(us: int) -> str | None:
    return None if not us else f"{np.datetime64(int(us), 'us')}Z"
