"""DERGroupStatuses messages: the present aggregate of groups, one point per parameter.

Powers go out in kW, kVAr, kVA and kV (yMultiplier k), positive = injection, no flowDirection.
Source: IEC 61968-5 DERGroupStatuses profile; EPRI test cases DERGS-1A to 1D.
"""

import math
from collections.abc import Sequence

from derms.cim import names
from derms.cim.envelope import Outcome
from derms.cim.markup import leaf, node
from derms.cim.parts import render_instant, render_names
from derms.cim.quantities import UNITS
from derms.cim.registry import Call
from derms.core import clock
from groups import selectors
from groups.cim.der_groups import group_names
from groups.cim.queries import find_groups
from groups.rules.parameters import observable

_KILO = 1000.0
Known = selectors.Status | selectors.Told


def handle_query(call: Call) -> Outcome:
    """Answer with the last status of the groups asked for, in the order of the query."""
    found, errors = find_groups(call, "DERGroupStatuses")
    statuses = selectors.last_statuses(found)
    told = selectors.told_statuses(found)
    rows = [(group, told.get(group.pk) or statuses.get(group.pk)) for group in found]
    return Outcome(errors, render_statuses(rows), len(found))


def render_statuses(rows: Sequence[tuple[selectors.Group, Known | None]]) -> str:
    """Return the `DERGroupStatuses` payload; empty for no groups.

    Args:
        rows: Groups with what we measured, or what their party told us.
    """
    if not rows:
        return ""
    inner = [
        _render_told(group, known)
        if isinstance(known, selectors.Told)
        else _render_group(group, known)
        for group, known in rows
    ]
    return node("DERGroupStatuses", *inner, xmlns=names.profile("DERGroupStatuses"))


def _render_told(group: selectors.Group, told: selectors.Told) -> str:
    """Return the status of another party's group: its figures, marked as told, with their age."""
    parameters = [
        _point(
            parameter,
            UNITS.get(parameter, "W"),
            {
                "yUnitInstalledMax": value["installed_max"],
                "yUnitInstalledMin": value["installed_min"],
                "maxYValue": value["high"],
                "minYValue": value["low"],
                "nominalYValue": value["nominal"],
            },
            value["at"],
        )
        for parameter, value in told.values.items()
    ]
    age_s = (clock.now() - told.received_at).total_seconds()
    remark = f"Told by {told.party} {age_s:.0f} s ago, not measured by us"
    return node(
        "EndDeviceGroup",
        leaf("mRID", group.mrid),
        *parameters,
        render_names(group_names(group)),
        node(
            "status",
            leaf("dateTime", render_instant(told.at)),
            leaf("reason", told.reason or None),
            leaf("remark", remark),
            leaf("value", "Stale" if told.stale else told.state or "Told"),
        ),
    )


def _render_group(group: selectors.Group, status: selectors.Status | None) -> str:
    return node(
        "EndDeviceGroup",
        leaf("mRID", group.mrid),
        *(_parameters(group, status) if status else [_point("activePower", "W", {}, "")]),
        render_names(group_names(group)),
        _state(status),
    )


def _parameters(group: selectors.Group, status: selectors.Status) -> list[str]:
    """Return the parameters the group's functions speak of; active power always.

    Without one good member nothing was measured, and no nominal value is given.
    Source: section 6 row 14 of docs/standards/61968-5.md (what is not supported is left out).
    """
    told, at, seen = observable(group.functions), render_instant(status.at), status.good > 0
    found = [
        _point("activePower", "W", {
            "yUnitInstalledMax": status.installed_max_w,
            "yUnitInstalledMin": status.installed_min_w,
            "maxYValue": status.available_max_w,
            "minYValue": status.available_min_w,
            "nominalYValue": status.active_power_w if seen else None,
        }, at),
    ]  # fmt: skip
    if "reactivePower" in told:
        found.append(_point("reactivePower", "VAr", {
            "yUnitInstalledMax": status.installed_max_var,
            "yUnitInstalledMin": status.installed_min_var,
            "maxYValue": status.available_max_var,
            "minYValue": status.available_min_var,
            "nominalYValue": status.reactive_power_var if seen else None,
        }, at))  # fmt: skip
        apparent = status.apparent_power_va if seen else None
        found.append(_point("apparentPower", "VA", {"nominalYValue": apparent}, at))
    if "voltage" in told and status.voltage_v is not None:
        found.append(_point("voltage", "V", {"nominalYValue": status.voltage_v}, at))
    return found


def _point(parameter: str, unit: str, values: dict[str, float | None], at: str) -> str:
    shown = {
        name: leaf(name, f"{value / _KILO:.10g}")
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }
    installed = [shown.pop(name, "") for name in ("yUnitInstalledMax", "yUnitInstalledMin")]
    return node(
        "DERMonitorableParameter",
        leaf("DERParameter", parameter),
        leaf("yMultiplier", "k"),
        leaf("yUnit", unit),
        *installed,
        node(
            "DERCurveData",
            *shown.values(),
            leaf("timeStamp", at or render_instant(clock.now())),
        ),
    )


def _state(status: selectors.Status | None) -> str:
    """Return the `status` element: how far the figures can be trusted, in words."""
    if status is None:
        return node("status", leaf("reason", "No status computed yet"), leaf("value", "Unknown"))
    if status.members == 0:
        value = "Empty"
    elif status.good == status.members:
        value = "Online"
    else:
        value = "Degraded" if status.good else "Offline"
    reason = f"{status.good} of {status.members} members good, {status.stale} stale"
    remark = f"Coverage {status.coverage_pct:.1f} %; stale members last gave "
    remark += f"{status.stale_last_w / _KILO:.3f} kW, not included"
    return node(
        "status",
        leaf("dateTime", render_instant(status.at)),
        leaf("reason", reason),
        leaf("remark", remark if status.stale else None),
        leaf("value", value),
    )
