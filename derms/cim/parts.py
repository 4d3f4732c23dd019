"""Parts every CIM profile has: identification by mRID or Names, numbers, dates; read and written.

Used by the noun modules of the rooms. Source: IEC 61968-5 Name, NameType, NameTypeAuthority.
"""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from lxml import etree

from derms.cim.envelope import ObjectId
from derms.cim.markup import leaf, node
from derms.core.errors import ForbiddenError, InvalidInputError, RuleViolationError

_MAX_MRID = 128
_MAX_NAME = 200
_MAX_TYPE = 80
_INT_RANGE = 2**31


@dataclass(frozen=True, slots=True)
class CimName:
    """A Name with its optional type and authority; empty text means not given."""

    name: str
    name_type: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Identified:
    """An element of a message that points at or describes one object.

    Attributes:
        element: The element, e.g. EndDeviceGroup.
        object_type: What it is called in error IDs, e.g. `DERGroup`.
        mrid: Text of mRID; empty when missing or blank.
        names: The Names that are not blank.
    """

    element: etree._Element
    object_type: str
    mrid: str
    names: tuple[CimName, ...]

    @property
    def about(self) -> ObjectId | None:
        """The ID for errors: as the client gave it, mRID first."""
        if self.mrid:
            return ObjectId(self.mrid, "uuid", self.object_type)
        if self.names:
            return ObjectId(self.names[0].name, "name", self.object_type)
        return None

    def require_identification(self) -> None:
        """Demand an mRID or a name, none of them longer than we keep.

        Raises:
            InvalidInputError: neither is given (1.7).
            RuleViolationError: too long (6.1).
        """
        if self.about is None:
            raise InvalidInputError(
                f"{self.object_type} has neither mRID nor Names", cim_code="1.7"
            )
        at_most(self.mrid, _MAX_MRID, "mRID")
        for each in self.names:
            at_most(each.name, _MAX_NAME, "name")
            at_most(each.name_type, _MAX_TYPE, "NameType")
            at_most(each.authority, _MAX_TYPE, "NameTypeAuthority")


def namespace_of(element: etree._Element) -> str:
    """Return the namespace of an element in braces, to prefix local names with."""
    return str(element.tag[: element.tag.index("}") + 1])


_OBJECTS = {
    "{*}EndDeviceGroup": "DERGroup",
    "{*}EndDeviceGroups": "DERGroup",
    "{*}EndDevice": "EndDevice",
    "{*}EndDevices": "EndDevice",
}


def forbidden(root: etree._Element, *, who: str, verb: str, noun: str) -> ForbiddenError:
    """Return the error for what a client may not do at all (7.5).

    Args:
        root: What it sent; the first group in it, else the first device, is the ID of the error.
        who: Name of the client.
        verb: What it wanted to do.
        noun: To what.
    """
    found = (
        read_identified(element, kind).about
        for tag, kind in _OBJECTS.items()
        for element in root.iter(tag)
    )
    about = next(filter(None, found), None)
    named = {} if about is None else {
        "id": about.value, "id_kind": about.kind, "object_type": about.object_type,
    }  # fmt: skip
    return ForbiddenError(f"{who} may not {verb} {noun}", **named)


def text_of(element: etree._Element, name: str) -> str:
    """Return the stripped text of a child; empty when it is missing."""
    return (element.findtext(f"{namespace_of(element)}{name}") or "").strip()


def child_of(element: etree._Element, name: str) -> etree._Element:
    """Return a child the schema demands.

    Raises:
        InvalidInputError: it is missing after all (1.8).
    """
    child = element.find(f"{namespace_of(element)}{name}")
    if child is None:
        raise InvalidInputError(f"{name} is missing in {etree.QName(element).localname}")
    return child


def read_identified(element: etree._Element, object_type: str) -> Identified:
    """Read mRID and Names of an element."""
    ns = namespace_of(element)
    names = []
    for each in element.iterfind(f"{ns}Names"):
        kind = each.find(f"{ns}NameType")
        authority = None if kind is None else kind.find(f"{ns}NameTypeAuthority")
        name = CimName(
            text_of(each, "name"),
            "" if kind is None else text_of(kind, "name"),
            "" if authority is None else text_of(authority, "name"),
        )
        if name.name:
            names.append(name)
    return Identified(element, object_type, text_of(element, "mRID"), tuple(names))


def render_names(names: Iterable[CimName]) -> str:
    """Return the `Names` elements."""
    found = []
    for each in names:
        authority = node("NameTypeAuthority", leaf("name", each.authority))
        kind = node("NameType", leaf("name", each.name_type), authority if each.authority else "")
        found.append(node("Names", leaf("name", each.name), kind if each.name_type else ""))
    return "".join(found)


def at_most(value: str, limit: int, what: str) -> str:
    """Return the value.

    Raises:
        RuleViolationError: longer than `limit` characters (6.1).
    """
    if len(value) > limit:
        raise RuleViolationError(f"{what} is longer than {limit} characters", code="too_long")
    return value


def read_integer(text: str, what: str) -> int:
    """Return an xs:integer.

    Raises:
        RuleViolationError: outside 32 bits (6.1); the schema has made sure it is a number.
    """
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(digits) if len(digits) < 12 else _INT_RANGE
    if value >= _INT_RANGE:
        raise RuleViolationError(f"{what} {text[:40]} is out of range", code="out_of_range")
    return -value if text.startswith("-") else value


def read_float(text: str, what: str) -> float:
    """Return an xs:float.

    Raises:
        RuleViolationError: NaN, INF or too large (6.1).
    """
    value = float(text)
    if not math.isfinite(value):
        raise RuleViolationError(f"{what} {text[:40]} is not a finite number", code="not_finite")
    return value


def read_instant(text: str, what: str) -> dt.datetime:
    """Return an xs:dateTime in UTC; without a zone it is read in SITE_TIME_ZONE.

    Fractions finer than a microsecond (.NET writes seven digits) are cut. 24:00:00 is the start
    of the next day.

    Raises:
        RuleViolationError: schema-valid but no instant of this calendar, e.g. year 10000 (6.1).
    """
    try:
        is_end_of_day = "T24:" in text
        value = dt.datetime.fromisoformat(text.replace("T24:", "T00:"))
        value += dt.timedelta(days=is_end_of_day)
        if value.tzinfo is None:
            value = value.replace(tzinfo=ZoneInfo(settings.SITE_TIME_ZONE))
        return value.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise RuleViolationError(
            f"{what} {text[:60]} is no usable instant", code="no_instant"
        ) from error


def render_instant(value: dt.datetime) -> str:
    """Return an xs:dateTime in UTC with milliseconds."""
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
