"""Sample messages an integrator can copy and send, filled with his own mRIDs.

Written out by hand, apart from the renderers of the product. Source: section 1 of
docs/standards/61968-5.md.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGE = "http://iec.ch/TC57/2011/schema/message"
_OF_2011 = "http://iec.ch/TC57/2011/"
_NET_W = "0.0.0.12.4.1.37.0.0.0.0.0.0.0.0.0.38.0"
"""ReadingType: active power, forward minus reverse, an instant, W."""
_FLAGS = (
    "connectDisconnect", "frequencyWattCurveFunction", "maxRealPowerLimiting", "rampRateControl",
    "reactivePowerDispatch", "realPowerDispatch", "voltageRegulation", "voltVarCurveFunction",
    "voltWattCurveFunction",
)  # fmt: skip
_ON = {"connectDisconnect", "realPowerDispatch"}

Values = Mapping[str, str]
"""Values of a run, and those of its frame."""


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


def _header(values: Values, verb: str, noun: str, follows: str = "", answer_to: str = "") -> str:
    """Return a Header, its elements in the order of the schema."""
    correlation = f"<m:CorrelationID>{follows}</m:CorrelationID>" if follows else ""
    later = (
        "<m:AsyncReplyFlag>true</m:AsyncReplyFlag>"
        f"<m:ReplyAddress>{escape(answer_to)}</m:ReplyAddress>"
        if answer_to
        else ""
    )
    return (
        f'<Header xmlns:m="{MESSAGE}"><m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun>'
        f"<m:Timestamp>{values['now']}</m:Timestamp>{later}"
        f"<m:MessageID>{uuid.uuid4()}</m:MessageID>{correlation}</Header>"
    )


def _message(
    values: Values, root: str, verb: str, noun: str, inside: str, message: str, year: str = "base"
) -> str:
    header = _header(values, verb, noun, answer_to=values.get("answer_to", ""))
    return f'<{root} xmlns="{values[year]}{message}Message">{header}{inside}</{root}>'


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
        values, "CreateEndDeviceControls", "create", "EndDeviceControls", _OF_2011, content,
    )  # fmt: skip


def _removal(values: Values, verb: str) -> str:
    """Return an OperationSet with one Operation that takes the third device out."""
    content = (
        f'<DERGroups xmlns="{values["base"]}DERGroups#">{_group(values, "device3")}</DERGroups>'
    )
    inside = (
        f'<Payload><OperationSet xmlns:m="{MESSAGE}"><m:Operation><m:operationId>1</m:operationId>'
        "<m:noun>DERGroups</m:noun><m:verb>delete</m:verb><m:elementOperation>true"
        f"</m:elementOperation>{content}</m:Operation></OperationSet></Payload>"
    )
    root = f"{verb.capitalize()}DERGroupsOperationSet"
    return _message(values, root, verb, "OperationSet", inside, "DERGroupsOperationSet")


def _ask_readings(values: Values) -> str:
    key = f"<mRID>{values['group_mrid']}</mRID>"
    inside = (
        f'<Request><GetMeterReadings xmlns="{_OF_2011}GetMeterReadings#">'
        f"<EndDeviceGroup>{key}</EndDeviceGroup><ReadingType><mRID>{_NET_W}</mRID></ReadingType>"
        "</GetMeterReadings></Request>"
    )
    return _message(
        values, "GetMeterReadingsRequestMessage", "get", "MeterReadings", inside,
        "GetMeterReadings", "of_2011",
    )  # fmt: skip


def _told_readings(values: Values) -> str:
    inside = (
        f'<Payload><MeterReadings xmlns="{_OF_2011}MeterReadings#"><MeterReading><Meter><mRID>'
        f"{values['device1']}</mRID></Meter><Readings><timeStamp>{values['now']}</timeStamp>"
        f'<value>700</value><ReadingType ref="{_NET_W}"/></Readings></MeterReading>'
        "</MeterReadings></Payload>"
    )
    return _message(
        values, "CreatedMeterReadings", "created", "MeterReadings", inside, "MeterReadings",
        "of_2011",
    )  # fmt: skip


def _told_forecast(values: Values) -> str:
    points = "".join(
        f"<DERCurveData><intervalNumber>{k}</intervalNumber><maxYValue>2</maxYValue>"
        "<minYValue>0</minYValue><nominalYValue>1</nominalYValue></DERCurveData>"
        for k in range(1, 5)
    )
    return _payload(
        values, "CreatedDERGroupForecasts", "created", "DERGroupForecasts", values["base"],
        f"<DERGroupForecast><mRID>{uuid.uuid4()}</mRID><predictionCreationDate>{values['now']}"
        f"</predictionCreationDate><EndDeviceGroup><mRID>{values['group_mrid']}</mRID>"
        "<DERMonitorableParameter><DERParameter>activePower</DERParameter><yMultiplier>k"
        "</yMultiplier><yUnit>W</yUnit><DispatchSchedule><confidence>80</confidence>"
        f"<curveStyleKind>constantYValue</curveStyleKind><startTime>{values['now']}</startTime>"
        "<timeIntervalDuration>15</timeIntervalDuration><timeIntervalUnit>m</timeIntervalUnit>"
        f"{points}</DispatchSchedule></DERMonitorableParameter></EndDeviceGroup>"
        "</DERGroupForecast>",
    )  # fmt: skip


def _told_event(values: Values) -> str:
    return _payload(
        values, "CreatedEndDeviceEvents", "created", "EndDeviceEvents", _OF_2011,
        f"<EndDeviceEvent><mRID>{uuid.uuid4()}</mRID><createdDateTime>{values['now']}"
        f"</createdDateTime><Assets><mRID>{values['device1']}</mRID></Assets>"
        '<EndDeviceEventType ref="2.31.0.68"/></EndDeviceEvent>',
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
    "remove": lambda v: _removal(v, "execute"),
    "removed": lambda v: _removal(v, "executed"),
    "readings": _ask_readings,
    "told_readings": _told_readings,
    "forecasts": _told_forecast,
    "events": _told_event,
    "async": lambda v: _query(
        {**v, "answer_to": v["reply_address"]}, "DERGroupQueries", "DERGroups", _group(v)
    ),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around a sample.

    Attributes:
        base: Namespace of the messages up to the year, e.g. `http://iec.ch/TC57/2017/`.
        now: Timestamp of the message.
        is_soap: In a SOAP envelope, for the services; else as it is, for `/cim`.
    """

    base: str
    now: dt.datetime
    is_soap: bool = True

    @property
    def values(self) -> dict[str, str]:
        """What every sample is filled with."""
        stamp = self.now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"base": self.base, "of_2011": _OF_2011, "now": stamp}

    def around(self, message: str) -> str:
        """Return a message as it goes on the wire."""
        if not self.is_soap:
            return message
        return (
            f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Header/><soap:Body>{message}</soap:Body>'
            "</soap:Envelope>"
        )


def sample_of(name: str, values: Values, frame: Frame) -> str:
    """Return a message to copy, with a fresh MessageID.

    Args:
        name: Key of SAMPLES.
        values: Values of the run.
        frame: What is around it.
    """
    return frame.around(SAMPLES[name]({**values, **frame.values}))


def reply_sample(root: str, space: str, noun: str, message_id: str, frame: Frame) -> str:
    """Return the reply we expect to a message of ours.

    Args:
        root: Local name of the reply.
        space: Its namespace.
        noun: Noun of its header.
        message_id: MessageID of the message it answers.
        frame: What is around it.
    """
    header = _header(frame.values, "reply", noun, follows=message_id)
    reply = (
        f'<Reply xmlns:m="{MESSAGE}"><m:Result>OK</m:Result><m:Error><m:code>0.0</m:code></m:Error>'
        "</Reply>"
    )
    return frame.around(f'<{root} xmlns="{space}">{header}{reply}</{root}>')
