"""Who plays whom in the sandbox: the identities a live message gets when it is replayed there.

The same live object always has the same double, so that replays of one conversation meet.
Source: ours; docs/adr/0071-replay-into-the-sandbox.md.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TypeVar

_SPACE = uuid.UUID("9c1f6a52-7d0e-5b1a-a7f0-61968500be9a")
_MOST_NAME = 200
_SUFFIX = " (replay)"
_QUARTER_S = 900
_T = TypeVar("_T")


def double_mrid(mrid: str, ended: frozenset[str]) -> str:
    """Return the mRID of the double of a live group.

    Args:
        mrid: Of the live group.
        ended: mRIDs that were used in the sandbox and may not be used again: each time the double
            was deleted, the next one has another mRID.
    """
    doubles = (str(uuid.uuid5(_SPACE, f"{mrid}/{number}")) for number in count())
    return next(double for double in doubles if double not in ended)


def fresh_mrid(mrid: str, replay: str) -> str:
    """Return the mRID of what a message makes, such as a dispatch: another one in each replay."""
    return str(uuid.uuid5(_SPACE, f"{mrid}/{replay}"))


def double_name(name: str) -> str:
    """Return the name of a double: names stay unique over live utility and sandbox."""
    return f"{name[: _MOST_NAME - len(_SUFFIX)]}{_SUFFIX}"


def choose(kind: str, rank: int, actors: Mapping[str, Sequence[_T]]) -> _T:
    """Return the sandbox device that plays a live one.

    Args:
        kind: Of the live device.
        rank: How many live devices of its kind are older.
        actors: Devices of the sandbox by kind; at least one in all.

    Returns:
        One of the same kind, in turn; of any kind where the sandbox has none of it.
    """
    able = actors.get(kind) or [one for kind in sorted(actors) for one in actors[kind]]
    return able[rank % len(able)]


def shift_of(age: dt.timedelta, *, noun: str) -> dt.timedelta:
    """Return by how much the times in a message are moved: by its age.

    What was an hour ahead is an hour ahead again. Meter readings stay on their quarter-hours.
    """
    step_s = _QUARTER_S if noun == "MeterReadings" else 1
    return dt.timedelta(seconds=max(age, dt.timedelta()).total_seconds() // step_s * step_s)
