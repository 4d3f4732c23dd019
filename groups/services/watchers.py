"""Who is called when a group changes or all statuses are known: the doors above this layer.

A fact would be too late for them: what partners are told is written in the transaction that
changes the group, while its row is held, so that messages about one group are in order.
Registered by `groups/cim/push.py`, which every process loads.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from derms.core.actors import Actor
from groups.models import DerGroup
from groups.rules.aggregate import GroupColumns

Ids = NDArray[np.int32]
NOBODY: Ids = np.empty(0, dtype=np.int32)
"""No device."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A change of what a group is.

    Attributes:
        verb: `created`, `changed` or `deleted`.
        group: As it is now.
        actor: Who changed it.
        joined: Keys of the devices asked to be members.
        left: Keys of the devices asked to be none.
        redefined: True when something else than the members changed.
    """

    verb: str
    group: DerGroup
    actor: Actor
    joined: Ids = field(default_factory=lambda: NOBODY)
    left: Ids = field(default_factory=lambda: NOBODY)
    redefined: bool = False


@dataclass(frozen=True, slots=True)
class Statuses:
    """All groups as of one tick: keys of groups [n], their aggregates [n], and when."""

    keys: NDArray[np.int64]
    columns: GroupColumns
    at: dt.datetime


definition_watchers: list[Callable[[Definition], None]] = []
"""Called inside the transaction of the change, after everything else of it."""
status_watchers: list[Callable[[Statuses], None]] = []
"""Called once a second in the status worker, after the statuses are stored."""


def announce_definition(change: Definition) -> None:
    """Tell every watcher of definitions."""
    for watch in definition_watchers:
        watch(change)


def announce_statuses(statuses: Statuses) -> None:
    """Tell every watcher of statuses."""
    for watch in status_watchers:
        watch(statuses)
