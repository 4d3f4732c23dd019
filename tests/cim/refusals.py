"""The validation table of section 6 as messages: what is sent, and every part of the answer.

Written from the page of the standard, apart from the product: code, reason, details and ID stand
here as a client reads them. `test_validation_table.py` sends each one through each door.
"""

from dataclasses import dataclass

from lxml import etree

from tests.cim import messages as build
from tests.cim import meter_messages as meters
from tests.cim.messages import (
    asked,
    control,
    create_controls,
    create_dispatches,
    create_groups,
    dispatch,
    forecast,
    forecast_query,
    forecasts,
    group,
    groups_content,
    operation,
    operation_set,
    query,
    schedule,
    statuses,
)

FAR = "2999-01-01T00:00:00Z"
CONNECT = "2.31.0.18"
GONE = "DERGroup does not exist"
NOT_ELIGIBLE = "The device is not eligible for dispatch: no contract: barred"
NAMELESS = "DERGroup has neither mRID nor Names"

REASONS = {
    "1.5": "Mandatory Header elements missing",
    "1.6": "Mandatory Request elements missing",
    "1.7": "Mandatory Payload elements missing",
    "1.8": "Request does not validate against the schema",
    "2.5": "Invalid Noun",
    "2.9": "Invalid Verb",
    "2.15": "Invalid Request ID(s)",
    "2.29": "Object relationship mismatch",
    "3.1": "Too many items in request",
    "5.3": "Attempted and failed",
    "6.1": "Request cancelled per business rule",
    "7.5": "Not authorized",
    "99.1": "Object does not exist",
}


@dataclass(frozen=True)
class Refusal:
    """One message that is refused as a whole.

    Attributes:
        row: Of the table.
        name: Of the case.
        path: Service it is sent to over SOAP.
        message: Typed message, without SOAP.
        code: Of the one Error of the reply.
        details: All of them; or what they begin with, when they end in `...`.
        about: ID as (value, kind, objectType).
        related: relatedID likewise.
        by_party: Sent by another party, not by the DMS.
        doors: Where it can be sent; the generic door takes Noun and Verb for the operation.
        operation_id: On the Error.
    """

    row: int
    name: str
    path: str
    message: str
    code: str
    details: str
    about: tuple[str, str, str] | None = None
    related: tuple[str, str, str] | None = None
    by_party: bool = False
    doors: tuple[str, ...] = ("soap", "bare", "generic")
    operation_id: str | None = None


CREATE, CHANGE = "create/executeDERGroups", "change/executeDERGroups"
SET = "change/executeDERGroupsOperationSet"
DISPATCH, CONTROL = "create/executeDERGroupDispatches", "create/executeEndDeviceControls"
GROUPS, STATUSES = "get/queryDERGroups", "get/queryDERGroupStatuses"
FORECASTS = "get/queryDERGroupForecasts"

READING = meters.single(meters.NET_W, FAR, 1.0)
ALL = {
    "CreateDERGroups": (CREATE, create_groups(group("n", "N"))),
    "ChangeDERGroups": (CHANGE, create_groups(group("m1"), verb="change")),
    "DeleteDERGroups": (CHANGE, create_groups(group("m1"), verb="delete")),
    "ExecuteDERGroupsOperationSet": (SET, operation_set()),
    "QueryDERGroups": (GROUPS, query("DERGroupQueries", "DERGroups", asked("m1"))),
    "QueryDERGroupStatuses": (
        STATUSES, query("DERGroupStatusQueries", "DERGroupStatuses", asked("m1"))),
    "QueryDERGroupForecasts": (FORECASTS, forecast_query(asked("m1"), start=FAR)),
    "CreateDERGroupDispatches": (DISPATCH, create_dispatches(dispatch("m1"))),
    "CreateEndDeviceControls": (CONTROL, create_controls(control(groups=["m1"]))),
    "CreatedDERGroups": ("create/receiveDERGroups", create_groups(group("p"), verb="created")),
    "ChangedDERGroups": ("change/receiveDERGroups", create_groups(group("p"), verb="changed")),
    "DeletedDERGroups": ("change/receiveDERGroups", create_groups(group("p"), verb="deleted")),
    "ExecutedDERGroupsOperationSet": (
        "change/receiveDERGroupsOperationSet", operation_set(verb="executed")),
    "ChangedDERGroupStatuses": ("change/receiveDERGroupStatuses", statuses()),
    "CreatedDERGroupForecasts": ("create/receiveDERGroupForecasts", forecasts()),
    "CreatedEndDeviceEvents": ("create/receiveEndDeviceEvents", build.created_events()),
    "CreatedMeterReadings": (
        "create/receiveMeterReadings", meters.created(meters.meter_reading("d", readings=READING))),
    "QueryMeterReadings": ("get/queryMeterReadings", meters.get(meters.device("d"))),
}  # fmt: skip
"""A good message of every operation we host: service and message."""


def _without(message: str, *local_names: str) -> str:
    """Take the first element of each of these names out of a message."""
    root = etree.fromstring(message)
    for name in local_names:
        victim = next(root.iter(f"{{*}}{name}"))
        victim.getparent().remove(victim)
    return etree.tostring(root).decode()


def _missing_parts() -> list[Refusal]:
    """Rows 4 to 7 for every operation."""
    found = []
    for name, (path, message) in ALL.items():
        by_party = name.startswith(("Created", "Changed", "Deleted", "Executed"))
        part = "Request" if "Query" in name else "Payload"
        row, code = (6, "1.6") if part == "Request" else (5, "1.7")
        noun = next(etree.fromstring(message).iter("{*}Noun")).text
        verb = next(etree.fromstring(message).iter("{*}Verb")).text
        header = "Header with Verb and Noun is missing"
        typed = ("soap", "bare")
        found += [
            Refusal(row, f"{name}-{part}", path, _without(message, part), code,
                    f"{part} is missing", by_party=by_party),
            Refusal(4, f"{name}-Verb", path, _without(message, "Verb"), "1.5", header,
                    by_party=by_party, doors=typed),
            Refusal(4, f"{name}-Noun", path, _without(message, "Noun"), "1.5", header,
                    by_party=by_party, doors=typed),
            Refusal(4, f"{name}-Header", path, _without(message, "Header"), "1.5", header,
                    by_party=by_party, doors=typed),
            Refusal(7, f"{name}-verb", path, message.replace(f"Verb>{verb}<", "Verb>close<"),
                    "2.9", f"Verb 'close' does not fit {name}", by_party=by_party, doors=typed),
            Refusal(7, f"{name}-noun", path, message.replace(f"Noun>{noun}<", "Noun>Assets<"),
                    "2.5", f"Noun 'Assets' does not fit {name}", by_party=by_party, doors=typed),
        ]  # fmt: skip
    return found


def _changed(old: str, new: str, message: str) -> str:
    assert message.count(old) >= 1, old
    return message.replace(old, new)


GROUP, SENT = create_groups(group("n", "N")), create_dispatches(dispatch("m1"))
ASKED = forecast_query(asked("m1"), start=FAR)
TOLD = build.created_events()
TWO = "<DERMonitorableParameter><DERParameter>voltage</DERParameter><yMultiplier>k</yMultiplier>"

ROW_4 = [
    ("no-function", CREATE, create_groups(group("n", "N", on=None)),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroups#}Names': This element is not..."),
    ("eight-flags", CREATE, _without(GROUP, "voltWattCurveFunction"),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroups#}DERFunction': Missing child element..."),
    ("wrong-order", CREATE, _changed("<mRID>n</mRID>", "", GROUP).replace(
        "</EndDeviceGroup>", "<mRID>n</mRID></EndDeviceGroup>"),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroups#}mRID': This element is not expected..."),
    ("empty-groups", CREATE, create_groups(""),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroups#}DERGroups': Missing child element..."),
    ("unknown-parameter", DISPATCH, _changed(">activePower<", ">stateOfCharge<", SENT),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupDispatches#}DERParameter': [facet..."),
    ("unit-kW", DISPATCH, _changed("<yUnit>W<", "<yUnit>kW<", SENT),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupDispatches#}yUnit': [facet..."),
    ("interval-min", DISPATCH, _changed("Unit>m<", "Unit>min<", SENT),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupDispatches#}timeIntervalUnit': [facet..."),
    ("duration-PT15M", DISPATCH, _changed(">15<", ">PT15M<", SENT),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupDispatches#}timeIntervalDuration': 'PT15M"
     "' is not a valid value of the atomic type 'xs:integer'."),
    ("no-curve-data", DISPATCH, create_dispatches(dispatch("m1", schedules=schedule(()))),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupDispatches#}DispatchSchedule': Missing..."),
    ("two-parameters", DISPATCH, _changed("</DERMonitorableParameter>",
        f"</DERMonitorableParameter>{TWO}<yUnit>V</yUnit>{schedule()}</DERMonitorableParameter>",
        SENT),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupDispatches#}DERMonitorableParameter'..."),
    ("no-control-type", CONTROL, create_controls(
        "<EndDeviceControl><mRID>c</mRID></EndDeviceControl>"),
     "Line 1: Element '{http://iec.ch/TC57/2011/EndDeviceControls#}EndDeviceControl': Missing..."),
    ("no-style", FORECASTS, _without(ASKED, "curveStyleKind"),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupForecastQueries#}numberOfIntervals'..."),
]  # fmt: skip
ROW_4_EVENTS = [
    ("no-created", "create/receiveEndDeviceEvents", _without(TOLD, "createdDateTime"),
     "Line 1: Element '{http://iec.ch/TC57/2011/EndDeviceEvents#}issuerID'..."),
    ("no-event-type", "create/receiveEndDeviceEvents", _without(TOLD, "EndDeviceEventType"),
     "Line 1: Element '{http://iec.ch/TC57/2011/EndDeviceEvents#}Names'..."),
    ("no-prediction-date", "create/receiveDERGroupForecasts",
     _without(forecasts(), "predictionCreationDate"),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupForecasts#}EndDeviceGroup'..."),
    ("no-time-stamp", "change/receiveDERGroupStatuses", _without(statuses(), "timeStamp"),
     "Line 1: Element '{http://iec.ch/TC57/2017/DERGroupStatuses#}DERCurveData': Missing..."),
]  # fmt: skip


def _asking(path: str, *items: str, **more: str) -> str:
    if path == FORECASTS:
        return forecast_query(*items, start=FAR, **more)
    name = "DERGroupQueries" if path == GROUPS else "DERGroupStatusQueries"
    return query(name, "DERGroups" if path == GROUPS else "DERGroupStatuses", *items)


def _unknown(mrid: str, name: str, about: tuple[str, str, str]) -> list[Refusal]:
    """Row 11: every message that points at a group."""
    by_name = [name] if name else []
    by_mrid = [mrid] if mrid else []
    pointing = {
        CHANGE: {
            "change": create_groups(group(mrid, name), verb="change"),
            "delete": create_groups(group(mrid, name, on=None), verb="delete"),
        },
        DISPATCH: {"dispatch": create_dispatches(dispatch(mrid, name))},
        CONTROL: {
            "control": create_controls(control(CONNECT, groups=by_mrid, group_names=by_name))
        },
        **{path: {"query": _asking(path, asked(mrid, name))}
           for path in (GROUPS, STATUSES, FORECASTS)},
    }  # fmt: skip
    return [
        Refusal(11, f"{case}-{about[1]}-{path}", path, message, "99.1", GONE, about)
        for path, cases in pointing.items()
        for case, message in cases.items()
    ]


def _dispatch(name, code, details, about=("m1", "uuid", "DERGroup"), row=16, **more):
    points = more.pop("points", {})
    values = {
        "group_mrid": "m1",
        "schedules": schedule(**{"values": (5.0,), "start": FAR} | points),
    } | more
    return Refusal(row, name, DISPATCH, create_dispatches(dispatch(**values)), code, details, about)


def _control(name, code, details, about=("m1", "uuid", "DERGroup"), row=17, **more):
    return Refusal(
        row, name, CONTROL, create_controls(control(**{"ref": CONNECT, "groups": ["m1"]} | more)),
        code, details, about,
    )  # fmt: skip


def _member(name, bad, kind, details, **more):
    """Row 13 on create and on change."""
    element = f"<EndDevices>{more['element']}</EndDevices>" if more else ""
    made = [group("n", "N", [bad] if not more else ()), group("m1", members=[bad], on=None)]
    if more:
        made = [g.replace("<Names>", f"{element}<Names>") for g in made[:1]] + [
            f"<EndDeviceGroup><mRID>m1</mRID>{element}</EndDeviceGroup>"]  # fmt: skip
    about = (bad, kind, "EndDevice")
    return [
        Refusal(13, f"{name}-create", CREATE, create_groups(made[0]), "6.1", details, about,
                related=("n", "uuid", "DERGroup")),
        Refusal(13, f"{name}-change", CHANGE, create_groups(made[1], verb="change"), "6.1",
                details, about, related=("m1", "uuid", "DERGroup")),
    ]  # fmt: skip


def _set(name, code, details, bad, about=None, related=None):
    """Row 18: the second of two operations fails, and takes the first with it."""
    good = operation(1, "change", groups_content(group("m1", on=None, description="never")))
    return Refusal(
        18, name, SET, operation_set(good, bad, integrity="true"), code, details, about,
        related, operation_id="2",
    )  # fmt: skip


D1 = ("d1", "uuid", "DERGroupDispatch")
M1, M2 = ("m1", "uuid", "DERGroup"), ("m2", "uuid", "DERGroup")
CANNOT = "cannot be dispatched here: group DG2 does not have the function"
NO_DRIVER = "cannot be dispatched here: "
GHOST = operation(2, "delete", groups_content(group("ghost", on=None)))

REFUSALS: tuple[Refusal, ...] = (
    *_missing_parts(),
    *(Refusal(4, name, path, message, "1.8", details) for name, path, message, details in ROW_4),
    *(
        Refusal(4, name, path, message, "1.8", details, by_party=True)
        for name, path, message, details in ROW_4_EVENTS
    ),
    # 9: whom it is about
    Refusal(9, "create", CREATE, create_groups(group()), "1.7", NAMELESS),
    Refusal(9, "change", CHANGE, create_groups(group(), verb="change"), "1.7", NAMELESS),
    Refusal(9, "delete", CHANGE, create_groups(group(on=None), verb="delete"), "1.7", NAMELESS),
    Refusal(9, "blank", CREATE, _changed("<name>N<", "<name> <", create_groups(group("", "N"))),
            "1.7", NAMELESS),
    Refusal(9, "dispatch", DISPATCH, create_dispatches(dispatch("")), "1.7", NAMELESS),
    Refusal(9, "control", CONTROL, create_controls(control(CONNECT, groups=[""])), "1.7", NAMELESS),
    Refusal(9, "created", "create/receiveDERGroups", create_groups(group(), verb="created"),
            "1.7", NAMELESS, by_party=True),
    Refusal(9, "status", "change/receiveDERGroupStatuses", statuses(""), "1.7", NAMELESS,
            by_party=True),
    Refusal(9, "forecast", "create/receiveDERGroupForecasts", forecasts(forecast("")),
            "1.7", NAMELESS, by_party=True),
    # 10: there already
    Refusal(10, "mrid", CREATE, create_groups(group("m1", "other")), "6.1",
            "A DERGroup with this mRID already exists: m1", M1),
    Refusal(10, "name", CREATE, create_groups(group("other", "DG1")), "6.1",
            "A DERGroup with this name already exists: DG1", ("DG1", "name", "DERGroup"),
            related=None),
    _dispatch("mrid-of-a-dispatch", "6.1", "There is a dispatch with the mRID d1 already.",
              D1, row=10, mrid="d1"),
    _control("mrid-of-a-control", "6.1", "There is a control with the mRID c1 already.",
             ("c1", "uuid", "EndDeviceControl"), row=10, mrid="c1"),
    *_unknown("ghost", "", ("ghost", "uuid", "DERGroup")),
    *_unknown("", "ghost", ("ghost", "name", "DERGroup")),
    Refusal(11, "status-of-a-party", "change/receiveDERGroupStatuses", statuses("ghost"), "99.1",
            GONE, ("ghost", "uuid", "DERGroup"), by_party=True),
    Refusal(11, "forecast-of-a-party", "create/receiveDERGroupForecasts",
            forecasts(forecast("ghost", start=FAR)), "99.1", GONE, ("ghost", "uuid", "DERGroup"),
            by_party=True),
    *_member("unknown", "ghost", "uuid", "Unknown end device: ghost"),
    *_member("by-name", "ghost", "name", "Unknown end device: ghost",
             element=build.names("ghost")),
    *_member("not-approved", "barred", "uuid", NOT_ELIGIBLE),
    # 15: what the group has no function for
    *(
        _dispatch(kind, "6.1", f"{kind} {CANNOT} {function}...", row=15, about=M2, parameter=kind,
                  unit=unit, group_mrid="m2")
        for kind, unit, function in (
            ("activePower", "W", "realPowerDispatch"),
            ("reactivePower", "VAr", "reactivePowerDispatch"),
            ("voltage", "V", "voltageRegulation"),
            ("increasingRampRate", "WPers", "rampRateControl"),
            ("decreasingRampRate", "WPers", "rampRateControl"),
        )
    ),
    *(
        _dispatch(kind, "6.1", f"{kind} {NO_DRIVER}...", row=15, parameter=kind, unit=unit)
        for kind, unit in (
            ("apparentPower", "VA"), ("highFilterBiDirectionalRegulation", "W"),
            ("highFilterDownRegulation", "W"), ("highFilterUpRegulation", "W"),
            ("lowFilterBiDirectionalRegulation", "W"), ("lowFilterDownRegulation", "W"),
            ("lowFilterUpRegulation", "W"),
        )
    ),
    _control("function", "6.1", "Group DG2 does not have the function connectDisconnect.",
             M2, row=15, groups=["m2"]),
    # 16: valid, but of no use
    _dispatch("unit", "2.29", "activePower comes in W, not in V", unit="V"),
    _dispatch("direction", "2.29",
              "flowDirection lagging says nothing about injection; use forward, reverse or none",
              flow="lagging"),
    *(
        _dispatch(f"duration{n}", "6.1", f"timeIntervalDuration {n} is not positive",
                  points={"duration": n}) for n in (0, -1)
    ),
    *(
        _dispatch(bad, "6.1", f"nominalYValue {bad} is not a finite number",
                  points={"values": (bad,)}) for bad in ("NaN", "INF", "-INF")
    ),
    _dispatch("past", "6.1", "The whole schedule lies in the past...",
              points={"start": "2020-01-01T00:00:00Z"}),
    _dispatch("capability", "6.1", "...", points={"values": (1e6,)}),
    *(
        Refusal(16, f"intervals{n}", FORECASTS, _asking(FORECASTS, asked("m1"), count=n), "6.1",
                "...") for n in (0, -1)
    ),
    # 17: controls
    _control("no-ref", "1.7", "...", ref=None),
    _control("blank-ref", "1.7", "...", ref=" "),
    _control("unknown-type", "2.15",
             "EndDeviceControlType 3.31.0.18 is not known; there are 2.31.0.18, 2.31.0.23",
             ref="3.31.0.18"),
    _control("no-target", "1.7", "EndDeviceControl names neither EndDeviceGroups nor EndDevices",
             ("c", "uuid", "EndDeviceControl"), groups=[], mrid="c"),
    # 18: operation sets
    Refusal(18, "no-id", SET, _without(operation_set(GHOST), "operationId"), "1.8",
            "Line 1: Element '{http://iec.ch/TC57/2011/schema/message}noun': This element is..."),
    Refusal(18, "same-id", SET, operation_set(GHOST, GHOST), "1.8",
            "operationId 2 is there more than once"),
    _set("inner", "1.8",
         "Line 1: Element '{http://iec.ch/TC57/2017/DERGroups#}Names': This element is not...",
         operation(2, "create", groups_content(group("n", "N", on=None)))),
    _set("unknown", "99.1", GONE, GHOST, ("ghost", "uuid", "DERGroup")),
    _set("verb", "2.9", "Verb 'close' is none of create, change, delete",
         operation(2, "close", groups_content(group("m1")))),
    _set("noun", "2.5", "Noun 'Assets' is not taken here",
         operation(2, "delete", groups_content(group("m1")), noun="Assets")),
    _set("empty", "1.7", "The operation carries no DERGroups", operation(2, "delete", "")),
    _set("nameless", "1.7", NAMELESS, operation(2, "delete", groups_content(group(on=None)))),
    _set("duplicate", "6.1", "A DERGroup with this mRID already exists: m2",
         operation(2, "create", groups_content(group("m2", "other"))), M2),
    # 19: too much
    Refusal(19, "groups", CHANGE, create_groups(*[group("m1", on=None)] * 1001, verb="delete"),
            "3.1", "A message has at most 1000 items"),
    Refusal(19, "operations", SET, operation_set(*[
                operation(n, "delete", groups_content(group("m1", on=None))) for n in range(1001)]),
            "3.1", "An OperationSet has at most 1000 operations"),
    _dispatch("intervals", "3.1", "A schedule has at most 10000 intervals",
              row=19, points={"values": (1.0,), "numbers": [10_001]}),
    Refusal(19, "forecast", FORECASTS, _asking(FORECASTS, asked("m1"), count=10_001), "3.1",
            "A forecast has at most 10000 intervals"),
    # 20: not allowed; the ID is the first group of the message
    *(
        Refusal(20, name, *ALL[name], "7.5", "{actor} may not ...",
                about=(about, "name" if about == "G" else "uuid", "DERGroup"), by_party=True)
        for name, about in (
            ("CreateDERGroups", "n"), ("ChangeDERGroups", "m1"), ("DeleteDERGroups", "m1"),
            ("ExecuteDERGroupsOperationSet", "G"), ("CreateDERGroupDispatches", "m1"),
            ("CreateEndDeviceControls", "m1"),
        )
    ),
)  # fmt: skip
