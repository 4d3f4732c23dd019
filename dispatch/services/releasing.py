"""Give devices back to their own control when a dispatch lets go of them."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from derms.core import clock
from derms.core.actors import SYSTEM, Actor
from derms.southbound.contract import CommandKind, CommandState
from derms.southbound.selectors import LatestCommands, latest_commands
from derms.southbound.services import queue_commands
from dispatch.choices import DerParameter, DispatchState
from dispatch.models import GroupDispatch
from dispatch.selectors.snapshots import members_in_database
from groups.selectors import member_ids

_VALID = dt.timedelta(minutes=5)
_SHORT_REVERSION_S = 10
"""How long a device that still serves the other parameter holds its neutral point."""
_GONE = (CommandState.SUPERSEDED, CommandState.COMPLETED)
KINDS = {
    DerParameter.ACTIVE_POWER: CommandKind.SET_ACTIVE_POWER,
    DerParameter.REACTIVE_POWER: CommandKind.SET_REACTIVE_POWER,
}


def release(row: GroupDispatch, *, actor: Actor = SYSTEM) -> int:
    """Queue what lets the devices of a dispatch go, under its present revision.

    A device that another running dispatch of the same parameter wants is left to it. One that
    serves the other parameter is led to its neutral point, because a release gives back both.

    Args:
        row: The dispatch, no longer active; the caller's transaction is used.
        actor: Who ends it.

    Returns:
        Number of devices let go.
    """
    devices = holding(latest_commands(row.journal_key))
    same, other = _wanted_elsewhere(row)
    devices = np.setdiff1d(devices, same)
    shared = np.isin(devices, other)
    now = clock.now()
    queue_commands(
        origin=row.journal_key,
        revision=row.revision,
        kind=CommandKind.RELEASE,
        device_ids=devices[~shared],
        values=np.zeros(int((~shared).sum())),
        valid_until=now + _VALID,
        reversion_s=0,
        actor=actor,
    )
    reactive = row.parameter == DerParameter.REACTIVE_POWER
    members = members_in_database(devices[shared], reactive=reactive)
    queue_commands(
        origin=row.journal_key,
        revision=row.revision,
        kind=KINDS[DerParameter(row.parameter)],
        device_ids=members.ids,
        values=members.neutral,
        valid_until=now + _VALID,
        reversion_s=_SHORT_REVERSION_S,
        actor=actor,
    )
    return int(devices.size)


def holding(commands: LatestCommands) -> NDArray[np.int32]:
    """Return the devices that may still follow a set point of these commands."""
    set_points = np.isin(commands.kind, list(KINDS.values()))
    return commands.device_id[set_points & ~np.isin(commands.state, _GONE)]


def _wanted_elsewhere(row: GroupDispatch) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    same, other = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    active = GroupDispatch.objects.filter(state=DispatchState.ACTIVE).exclude(pk=row.pk)
    for key, parameter in active.values_list("group_key", "parameter"):
        (same if parameter == row.parameter else other).append(member_ids(key))
    return np.concatenate(same), np.concatenate(other)
