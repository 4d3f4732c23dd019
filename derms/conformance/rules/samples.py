"""Sample messages an integrator can copy and send, filled with his own mRIDs.

Written out by hand, apart from the renderers of the product. Source: section 1 of
docs/standards/61968-5.md.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGE = "http://iec.ch/TC57/2011/schema/message"
_FLAGS = (
    "connectDisconnect", "frequencyWattCurveFunction", "maxRealPowerLimiting", "rampRateControl",
    "reactivePowerDispatch", "realPowerDispatch", "voltageRegulation", "voltVarCurveFunction",
    "voltWattCurveFunction",
)  # fmt: skip
_ON = {"connectDisconnect", "realPowerDispatch"}

Values = Mapping[str, str]
"""Values of a run, with `base` (namespace up to the year) and `now` besides."""


def _functions() -> str:
    flags = "".join(f"<{f}>{'true' if f in _ON else 'false'}</{f}>" for f in _FLAGS)
    return f"<DERFunction>{flags}</DERFunction>"


def _group(values: Values, *devices: str, functions: bool = False, key: str = "group_mrid") -> str:
    members = "".join(f"<EndDevices><mRID>{values[d]}</mRID></EndDevices>" for d in devices)
    name = f"<Names><name>{values['group_name']}</name></Names>" if functions else ""
    return (
        f"<EndDeviceGroup><mRID>{values[key]}</mRID>{_functions() if functions else ''}"
        f"{members}{name}</EndDeviceGroup>"
    )


def _message(values: Values, root: str, verb: str, noun: str, inside: str, message: str) -> str:
    header = (
        f'<Header xmlns:m="{MESSAGE}"><m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun>'
        f"<m:Timestamp>{values['now']}</m:Timestamp>"
        f"<m:MessageID>{uuid.uuid4()}</m:MessageID></Header>"
    )
    return f'<{root} xmlns="{values["base"]}{message}Message">{header}{inside}</{root}>'


def _groups(verb: str, values: Values, *items: str) -> str:
    content = f'<DERGroups xmlns="{values["base"]}DERGroups#">{"".join(items)}</DERGroups>'
    inside = f"<Payload>{content}</Payload>"
    return _message(values, f"{verb.capitalize()}DERGroups", verb, "DERGroups", inside, "DERGroups")


def _query(values: Values, query: str, noun: str, content: str) -> str:
    inside = f'<Request><{query} xmlns="{values["base"]}{query}#">{content}</{query}></Request>'
    return _message(values, f"{query}RequestMessage", "get", noun, inside, query)


def _payload(values: Values, root: str, verb: str, noun: str, space: str, content: str) -> str:
    inside = f'<Payload><{noun} xmlns="{space}{noun}#">{content}</{noun}></Payload>'
    return _message(values, root, verb, noun, inside, noun)


def _forecast(values: Values) -> str:
    return _query(
        values, "DERGroupForecastQueries", "DERGroupForecasts",
        "<DERMonitorableParameter><DERParameter>activePower</DERParameter>"
        "</DERMonitorableParameter><DispatchSchedule><curveStyleKind>constantYValue"
        f"</curveStyleKind><numberOfIntervals>4</numberOfIntervals><startTime>{values['now']}"
        "</startTime><timeIntervalDuration>15</timeIntervalDuration><timeIntervalUnit>m"
        f"</timeIntervalUnit></DispatchSchedule>{_group(values)}",
    )  # fmt: skip


def _dispatch(values: Values, unit: str = "W") -> str:
    return _payload(
        values, "CreateDERGroupDispatches", "create", "DERGroupDispatches", values["base"],
        f"<DERGroupDispatch><mRID>{uuid.uuid4()}</mRID><EndDeviceGroup>"
        f"<mRID>{values['group_mrid']}</mRID><DERMonitorableParameter><DERParameter>activePower"
        f"</DERParameter><yMultiplier>k</yMultiplier><yUnit>{unit}</yUnit><DispatchSchedule>"
        f"<curveStyleKind>constantYValue</curveStyleKind><startTime>{values['now']}</startTime>"
        "<timeIntervalDuration>15</timeIntervalDuration><timeIntervalUnit>m</timeIntervalUnit>"
        "<DERCurveData><intervalNumber>1</intervalNumber><nominalYValue>1</nominalYValue>"
        "</DERCurveData></DispatchSchedule></DERMonitorableParameter></EndDeviceGroup>"
        "</DERGroupDispatch>",
    )  # fmt: skip


def _switch(values: Values, code: str) -> str:
    content = (
        f'<EndDeviceControl><EndDeviceControlType ref="{code}"/><EndDeviceGroups>'
        f"<mRID>{values['group_mrid']}</mRID></EndDeviceGroups></EndDeviceControl>"
    )
    return _payload(
        values, "CreateEndDeviceControls", "create", "EndDeviceControls",
        "http://iec.ch/TC57/2011/", content,
    )  # fmt: skip


def _statuses(values: Values) -> str:
    return _payload(
        values, "ChangedDERGroupStatuses", "changed", "DERGroupStatuses", values["base"],
        f"<EndDeviceGroup><mRID>{values['group_mrid']}</mRID><DERMonitorableParameter>"
        "<DERParameter>activePower</DERParameter><yMultiplier>k</yMultiplier><yUnit>W</yUnit>"
        f"<DERCurveData><nominalYValue>1.5</nominalYValue><timeStamp>{values['now']}</timeStamp>"
        "</DERCurveData></DERMonitorableParameter></EndDeviceGroup>",
    )  # fmt: skip


def _ask(query: str, noun: str, key: str = "group_mrid") -> Callable[[Values], str]:
    return lambda v: _query(v, query, noun, _group(v, key=key))


SAMPLES: dict[str, Callable[[Values], str]] = {
    "create": lambda v: _groups("create", v, _group(v, "device1", "device2", functions=True)),
    "change": lambda v: _groups("change", v, _group(v, "device3")),
    "invalid": lambda v: _groups("create", v, _group(v, "device1", key="unknown")),
    "delete": lambda v: _groups("delete", v, _group(v)),
    "query": _ask("DERGroupQueries", "DERGroups"),
    "unknown": _ask("DERGroupQueries", "DERGroups", "unknown"),
    "status": _ask("DERGroupStatusQueries", "DERGroupStatuses"),
    "forecast": _forecast,
    "dispatch": _dispatch,
    "wrong_unit": lambda v: _dispatch(v, "V"),
    "disconnect": lambda v: _switch(v, "2.31.0.23"),
    "connect": lambda v: _switch(v, "2.31.0.18"),
    "created": lambda v: _groups("created", v, _group(v, "device1", "device2", functions=True)),
    "changed": lambda v: _groups("changed", v, _group(v, "device3")),
    "deleted": lambda v: _groups("deleted", v, _group(v)),
    "invalid_told": lambda v: _groups("created", v, _group(v, "device1", key="unknown")),
    "statuses": _statuses,
}


def sample_of(name: str, values: Values, *, base: str, now: dt.datetime) -> str:
    """Return a sample in its SOAP envelope, with a fresh MessageID.

    Args:
        name: Key of SAMPLES.
        values: Values of the run.
        base: Namespace of the messages up to the year, e.g. `http://iec.ch/TC57/2017/`.
        now: Timestamp of the message, UTC.
    """
    stamp = now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    message = SAMPLES[name]({**values, "base": base, "now": stamp})
    return (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Header/><soap:Body>{message}</soap:Body>'
        "</soap:Envelope>"
    )
