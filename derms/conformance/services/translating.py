"""Rewrite a live message for the sandbox: other identities, times moved, the rest as it was.

Elements are told by their local names, which the profiles of 61968-5 and 61968-9 share.
Source: ours; docs/adr/0071-replay-into-the-sandbox.md.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml import etree

from derms.cim.parts import Identified, read_identified, read_instant, render_instant
from derms.cim.replay import Stored
from derms.core.errors import RuleViolationError

_GROUPS = frozenset({"EndDeviceGroup", "EndDeviceGroups"})
_DEVICES = frozenset({"EndDevice", "EndDevices", "Assets", "Meter"})
_MADE = frozenset({"DERGroupDispatch", "DERGroupForecast", "EndDeviceControl", "EndDeviceEvent"})
_TIMES = frozenset(
    {
        *("startTime", "start", "end", "StartTime", "EndTime", "timeStamp", "dateTime"),
        *("createdDateTime", "predictionCreationDate"),
    }
)
_MAKES = frozenset({"create", "created"})


@dataclass(frozen=True, slots=True)
class Named:
    """What a message points at: mRID and names as given, and whether it is made by it."""

    mrid: str
    names: tuple[str, ...]
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays whom.

    Attributes:
        mrids: Identity in the sandbox by live mRID; what is missing keeps its own.
        names: The same for names.
    """

    mrids: dict[str, str]
    names: dict[str, str]


def groups_in(stored: Stored) -> list[Named]:
    """Return the groups a message points at or makes, in its order."""
    return [
        Named(*_keys(element), is_made=_verb_over(element, stored) in _MAKES)
        for element in _of(stored, _GROUPS)
    ]


def devices_in(stored: Stored) -> list[Named]:
    """Return the devices a message points at, in its order."""
    return [Named(*_keys(element)) for element in _of(stored, _DEVICES)]


def translate(
    stored: Stored,
    *,
    groups: Cast,
    devices: Cast,
    made: Callable[[str], str],
    shift: dt.timedelta,
) -> None:
    """Give a message the identities of the sandbox, in place.

    Args:
        stored: The message.
        groups: Who plays the groups.
        devices: Who plays the devices; of several that are played by one, one stays.
        made: The mRID of a dispatch, control, event or forecast in this replay.
        shift: Added to every time.
    """
    for element in _of(stored, _GROUPS):
        _rename(element, groups)
    for element in _of(stored, _GROUPS | {"EndDeviceControl"}):
        _keep_one_each(element, devices)
    for element in _of(stored, _DEVICES):
        _rename(element, devices)
    for element in _of(stored, _MADE):
        mrid = element.find(f"{_space(element)}mRID")
        if mrid is not None and (mrid.text or "").strip():
            mrid.text = made((mrid.text or "").strip())
    if shift:
        for element in _of(stored, _TIMES):
            _move(element, shift)


def _of(stored: Stored, names: frozenset[str]) -> Iterator[etree._Element]:
    for part in stored.parts:
        # Listed, because elements leave the tree on the way.
        for element in list(part.iter("{*}*")):
            if etree.QName(element).localname in names:
                yield element


def _space(element: etree._Element) -> str:
    return f"{{{etree.QName(element).namespace}}}"


def _verb_over(element: etree._Element, stored: Stored) -> str:
    """Return what is to be done with a group: the verb of its operation, or of the message."""
    operation = next(element.iterancestors("{*}Operation"), None)
    if operation is not None:
        return (operation.findtext("{*}verb") or "").strip().lower()
    return str(stored.logged.verb) if stored.logged.noun == "DERGroups" else ""


def _keys(element: etree._Element) -> tuple[str, tuple[str, ...]]:
    found: Identified = read_identified(element, "")
    return found.mrid, tuple(name.name for name in found.names)


def _rename(element: etree._Element, cast: Cast) -> None:
    ns = _space(element)
    for path, known in ((f"{ns}mRID", cast.mrids), (f"{ns}Names/{ns}name", cast.names)):
        for leaf in element.iterfind(path):
            said = (leaf.text or "").strip()
            leaf.text = known.get(said, said)


def _keep_one_each(over: etree._Element, devices: Cast) -> None:
    seen: set[tuple[str, ...]] = set()
    for member in over.findall(f"{_space(over)}EndDevices"):
        mrid, names = _keys(member)
        played = (devices.mrids.get(mrid, mrid), *(devices.names.get(n, n) for n in names))
        if played in seen:
            over.remove(member)
        seen.add(played)


def _move(element: etree._Element, shift: dt.timedelta) -> None:
    try:
        instant = read_instant((element.text or "").strip(), "") + shift
    except (RuleViolationError, OverflowError):
        return  # no instant: refused as it was the first time
    element.text = render_instant(instant)
