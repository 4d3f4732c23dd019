"""Checks of a step on the content of a message that its schema allows."""

from lxml import etree

from derms.cim.parts import read_instant
from derms.cim.quantities import MULTIPLIERS
from derms.conformance.rules.scenario import Check
from derms.conformance.rules.sentences import seconds_text
from derms.core import clock
from derms.core.errors import DermsError

RECEIVED = "received_at"
"""Among the values of a check: when the message came in."""
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "D": 86400.0}
_POWER_TOLERANCE_W = 0.5


def _found(content: etree._Element, path: str) -> list[etree._Element]:
    return content.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def checked(
    check: Check, root: etree._Element, content: etree._Element, values: dict[str, str]
) -> str:
    """Return how a message differs from one check; empty when it does not.

    Args:
        check: What must be in it.
        root: The message.
        content: Its profile.
        values: Values of the run, and RECEIVED.
    """
    is_header = check.path.startswith("Header/")
    found = _found(root if is_header else content, check.path)
    where = check.path if is_header else f"{etree.QName(content).localname}/{check.path}"
    value = check.value.format(**values)
    if not found:
        return f"{where} is missing: this step needs it"
    return _RULES[check.rule](found, where, value, values)


def _is(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    other = next((e for e in found if (e.text or "").strip().lower() != value.lower()), None)
    if other is None:
        return ""
    return f"{where} is {(other.text or '').strip()!r}: this step expects {value!r}"


def _set(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    given, wanted = {(e.text or "").strip() for e in found}, set(value.split())
    if surplus := sorted(given - wanted):
        return f"{where} is {surplus[0]!r}: this step expects {' and '.join(sorted(wanted))}"
    if missing := sorted(wanted - given):
        return f"{where} {missing[0]!r} is missing: this step expects it"
    return ""


def _group(found: list[etree._Element], where: str, _value: str, values: dict[str, str]) -> str:
    for element in found:
        mrid = (element.findtext("{*}mRID") or "").strip()
        given = {(e.text or "").strip() for e in element.iterfind("{*}Names/{*}name")}
        if not mrid and not given:
            return f"{where}/mRID is missing: the group of this run is {values['group_mrid']!r}"
        if mrid and mrid != values["group_mrid"]:
            return f"{where}/mRID is {mrid!r}: the group of this run is {values['group_mrid']!r}"
        if not mrid and values["group_name"] not in given:
            wanted = f"the group of this run is {values['group_name']!r}"
            return f"{where}/Names/name is {min(given)!r}: {wanted}"
    return ""


def _power(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    for element in found:
        factor = 10.0 ** MULTIPLIERS[(element.findtext("{*}yMultiplier") or "none").strip()]
        if (element.findtext("{*}flowDirection") or "").strip() == "reverse":
            factor = -factor
        for point in element.iter("{*}nominalYValue"):
            power_w = float(point.text or 0) * factor
            if abs(power_w - float(value)) > _POWER_TOLERANCE_W:
                return (
                    f"{where}/DispatchSchedule/DERCurveData/nominalYValue is {point.text} with "
                    f"that yMultiplier, {power_w:g} W: this step expects {value} W injected"
                )
    return ""


def _interval(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    for element in found:
        text = (element.findtext("{*}timeIntervalDuration") or "0").strip()
        unit = (element.findtext("{*}timeIntervalUnit") or "").strip()
        if int(text) * _UNITS_S.get(unit, 0.0) != float(value):
            return (
                f"{where}/timeIntervalDuration is {text} {unit}: this step expects {value} seconds"
            )
    return ""


def _now(found: list[etree._Element], where: str, value: str, values: dict[str, str]) -> str:
    for element in found:
        try:
            at = read_instant((element.text or "").strip(), where)
        except DermsError as error:
            return error.message
        off_s = (at - clock.parse_utc(values[RECEIVED])).total_seconds()
        if abs(off_s) > float(value):
            return f"{where} is {seconds_text(off_s)} our clock: this step is about now"
    return ""


def _attribute(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    given = next((e.get("ref", "") for e in found if e.get("ref") != value), None)
    return "" if given is None else f"{where}/@ref is {given!r}: this step expects {value!r}"


_RULES = {
    "is": _is, "set": _set, "group": _group, "power": _power, "interval": _interval,
    "attribute": _attribute, "now": _now,
}  # fmt: skip
