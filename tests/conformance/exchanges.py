"""The exchanges, in the order a DMS makes them. Each raises AssertionError when it is not held.

Source: docs/standards/61968-5.md sections 1, 3 and 6.
"""

import base64
import datetime as dt
import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from lxml import etree
from zeep.wsse.username import UsernameToken

from derms.core import clock
from tests.certificates import Pair
from tests.cim import messages
from tests.cim import meter_messages as meters
from tests.cim.wss import Sender, username_token
from tests.conformance.dms import Dms, Person, header, wait_until
from tests.partner.client import Listener

FIVE, NINE = "61968-5", "61968-9"
CREATE, CHANGE = f"{FIVE}/create/executeDERGroups", f"{FIVE}/change/executeDERGroups"
SET = f"{FIVE}/change/executeDERGroupsOperationSet"
FUNCTIONS = {flag: flag in ("realPowerDispatch", "reactivePowerDispatch", "connectDisconnect")
             for flag in messages.FLAGS}  # fmt: skip


@dataclass
class World:
    """Who takes part.

    Attributes:
        dms: Asks us, and is told by push at `listener`.
        other: A DERMS of an aggregator, which tells us.
        operator: Works at the console meanwhile.
        devices: mRIDs of simulated batteries.
        their_device: mRID of a device the aggregator owns.
        signer: Certificate and key that the DMS signs with.
    """

    dms: Dms
    other: Dms
    operator: Person
    listener: Listener
    devices: list[str]
    their_device: str
    signer: Pair


@dataclass(frozen=True)
class Exchange:
    """One exchange: which operation, who sends, what must happen."""

    operation: str
    sender: str
    what: str
    run: Callable[[World], None]


EXCHANGES: list[Exchange] = []


def exchange(operation: str, sender: str, what: str) -> Callable[[Callable[[World], None]], None]:
    def add(run: Callable[[World], None]) -> None:
        EXCHANGES.append(Exchange(operation, sender, what, run))

    return add


# --- helpers ------------------------------------------------------------------------------------
def codes(reply: Any) -> list[str]:
    return [error.code for error in reply.Reply.Error]


def held(reply: Any, *expected: str) -> None:
    """Demand the codes; 0.0 alone means OK."""
    said = [f"{e.code} {e.details or ''}" for e in reply.Reply.Error]
    assert codes(reply) == list(expected or ["0.0"]), f"{reply.Reply.Result}: {said}"
    assert reply.Reply.Result == ("OK" if codes(reply) == ["0.0"] else "FAILED"), reply.Reply.Result
    assert reply.Header.Verb == "reply"


def a_group(mrid: str | None, name: str, members: list[str]) -> dict[str, Any]:
    return {
        "mRID": mrid,
        "DERFunction": FUNCTIONS,
        "EndDevices": [{"mRID": member} for member in members],
        "Names": [{"name": name}],
        "version": {"major": 1},
    }


def groups(*found: dict[str, Any]) -> dict[str, Any]:
    return {"DERGroups": {"EndDeviceGroup": list(found)}}


def create(world: World, group: dict[str, Any], **more: Any) -> Any:
    return world.dms.call(
        CREATE, "CreateDERGroups", header("create", "DERGroups", **more), Payload=groups(group)
    )


def query(world: World, noun: str, *mrids: str, **more: Any) -> Any:
    singular = noun.removesuffix("es") if noun.endswith("Statuses") else noun.removesuffix("s")
    name = f"{singular.removesuffix('s')}Queries" if noun == "DERGroups" else f"{singular}Queries"
    content = more | {"EndDeviceGroup": [{"mRID": mrid} for mrid in mrids]}
    return world.dms.call(
        f"{FIVE}/get/query{noun}", f"Query{noun}", header("get", noun), Request={name: content}
    )


def in_an_hour() -> dt.datetime:
    return clock.now().replace(microsecond=0) + dt.timedelta(hours=1)


def told(
    world: World, verb: str, noun: str, within_s: float = 5.0, **wanted: Any
) -> dict[str, Any]:
    """Return the first push of that kind the DMS has heard; it must be without fault."""

    def find() -> dict[str, Any] | None:
        heard = world.listener.messages(verb=verb, noun=noun)
        fits = [m for m in heard if all(v in (m[k], *m["groups"]) for k, v in wanted.items())]
        return fits[0] if fits else None

    found = wait_until(find, within_s, f"no {verb} {noun} at the DMS")
    assert not found["fault"], found["fault"]
    assert found["message_id"]
    return found


# --- a DMS asks: groups -------------------------------------------------------------------------
@exchange("CreateDERGroups", "DMS", "group with mRID: OK, no Payload")
def _(world: World) -> None:
    reply = create(world, a_group("CONF-1", "Conf 1", world.devices[:4]))
    held(reply)
    assert reply.Payload is None


@exchange("CreateDERGroups", "DMS", "without mRID: the assigned one comes back")
def _(world: World) -> None:
    reply = create(world, a_group(None, "Conf 2", world.devices[4:6]))
    held(reply)
    assert reply.Payload.DERGroups.EndDeviceGroup[0].mRID


@exchange("CreateDERGroups", "DMS", "again: 6.1 with the ID")
def _(world: World) -> None:
    reply = create(world, a_group("CONF-1", "Conf 1", world.devices[:4]))
    held(reply, "6.1")
    assert reply.Reply.Error[0].ID._value_1 == "CONF-1"


@exchange("CreateDERGroups", "DMS", "same MessageID twice: same reply, one effect")
def _(world: World) -> None:
    group = messages.group("CONF-R", "Conf R", world.devices[:1])
    body = messages.soap(messages.create_groups(group, message_id="conf-replay"))
    first, second = world.dms.post(CREATE, body), world.dms.post(CREATE, body)
    assert first.content == second.content
    assert b">OK<" in first.content, first.text[:500]


@exchange("CreateDERGroups", "DMS", "DERFunction missing: 1.8")
def _(world: World) -> None:
    body = messages.create_groups(messages.group("CONF-X", "Conf X", on=None))
    assert b">1.8<" in world.dms.post(CREATE, messages.soap(body)).content


@exchange("CreateDERGroups", "DMS", "no XML at all: SOAP fault of the client")
def _(world: World) -> None:
    said = world.dms.post(CREATE, b"<oops")
    assert said.status_code == 500
    assert b"<faultcode>soap:Client" in said.content


@exchange("CreateDERGroups", "DMS", "asynchronous: 0.3 at once, the reply later")
def _(world: World) -> None:
    address = f"{world.listener.url}/replies"
    more = {"AsyncReplyFlag": True, "ReplyAddress": address, "CorrelationID": "conf-async"}
    reply = create(world, a_group("CONF-A", "Conf A", world.devices[:1]), **more)
    held_ack = codes(reply)
    assert held_ack == ["0.3"], held_ack
    found = told(world, "reply", "DERGroups", 10, correlation_id="conf-async")
    assert found["result"] == "OK"


@exchange("ChangeDERGroups", "DMS", "a member more, the others stay")
def _(world: World) -> None:
    change = {"mRID": "CONF-1", "EndDevices": [{"mRID": world.devices[4]}]}
    held(world.dms.call(CHANGE, "ChangeDERGroups", header("change", "DERGroups"),
                        Payload=groups(change)))  # fmt: skip
    found = query(world, "DERGroups", "CONF-1").Payload.DERGroups.EndDeviceGroup[0]
    assert len(found.EndDevices) == 5


@exchange("ChangeDERGroups", "DMS", "unknown group: 99.1")
def _(world: World) -> None:
    held(world.dms.call(CHANGE, "ChangeDERGroups", header("change", "DERGroups"),
                        Payload=groups({"mRID": "CONF-NONE"})), "99.1")  # fmt: skip


@exchange("QueryDERGroups", "DMS", "two groups in the order asked")
def _(world: World) -> None:
    reply = query(world, "DERGroups", "CONF-R", "CONF-1")
    held(reply)
    assert [g.mRID for g in reply.Payload.DERGroups.EndDeviceGroup] == ["CONF-R", "CONF-1"]


@exchange("QueryDERGroupStatuses", "DMS", "active power with its limits")
def _(world: World) -> None:
    def measured() -> Any:
        reply = query(world, "DERGroupStatuses", "CONF-1")
        held(reply)
        point = reply.Payload.DERGroupStatuses.EndDeviceGroup[0].DERMonitorableParameter[0]
        return point if point.DERCurveData.nominalYValue is not None else None

    point = wait_until(measured, 15, "a status with a measured value")
    assert point.DERParameter == "activePower"
    assert point.yUnitInstalledMax > 0 > point.yUnitInstalledMin


@exchange("QueryDERGroupStatuses", "DMS", "one unknown: 99.1 and the known one")
def _(world: World) -> None:
    reply = query(world, "DERGroupStatuses", "CONF-1", "CONF-NONE")
    held(reply, "99.1")
    assert len(reply.Payload.DERGroupStatuses.EndDeviceGroup) == 1


@exchange("QueryDERGroupForecasts", "DMS", "4 intervals, straight line: 5 points")
def _(world: World) -> None:
    reply = query(
        world, "DERGroupForecasts", "CONF-1",
        DERMonitorableParameter=[{"DERParameter": "activePower"}],
        DispatchSchedule=[{
            "curveStyleKind": "straightLineYValues", "numberOfIntervals": 4,
            "startTime": in_an_hour(), "timeIntervalDuration": 15, "timeIntervalUnit": "m"}],
    )  # fmt: skip
    held(reply)
    forecast = reply.Payload.DERGroupForecasts.DERGroupForecast[0]
    schedule = forecast.EndDeviceGroup.DERMonitorableParameter[0].DispatchSchedule[0]
    assert len(schedule.DERCurveData) == 5


# --- a DMS asks: dispatches, controls, sets -----------------------------------------------------
def dispatch(world: World, group: str, parameter: str, unit: str, value: float) -> Any:
    schedule = {
        "curveStyleKind": "constantYValue", "startTime": in_an_hour(),
        "timeIntervalDuration": 15, "timeIntervalUnit": "m",
        "DERCurveData": [{"intervalNumber": 1, "nominalYValue": value}],
    }  # fmt: skip
    wanted = {"DERParameter": parameter, "yMultiplier": "k", "yUnit": unit,
              "DispatchSchedule": [schedule]}  # fmt: skip
    content = {"DERGroupDispatch": [
        {"EndDeviceGroup": {"mRID": group, "DERMonitorableParameter": wanted}}]}  # fmt: skip
    return world.dms.call(
        f"{FIVE}/create/executeDERGroupDispatches", "CreateDERGroupDispatches",
        header("create", "DERGroupDispatches"), Payload={"DERGroupDispatches": content},
    )  # fmt: skip


@exchange("CreateDERGroupDispatches", "DMS", "1 kW in an hour: OK, mRID assigned")
def _(world: World) -> None:
    reply = dispatch(world, "CONF-1", "activePower", "W", 1.0)
    held(reply)
    assert reply.Payload.DERGroupDispatches.DERGroupDispatch[0].mRID


@exchange("CreateDERGroupDispatches", "DMS", "unknown group: 99.1")
def _(world: World) -> None:
    held(dispatch(world, "CONF-NONE", "activePower", "W", 1.0), "99.1")


@exchange("CreateDERGroupDispatches", "DMS", "a parameter the group cannot do: 6.1")
def _(world: World) -> None:
    held(dispatch(world, "CONF-1", "voltage", "V", 12.0), "6.1")


def control(world: World, code: str, group: str, correlation_id: str) -> Any:
    content = {"EndDeviceControl": [{
        "EndDeviceControlType": {"ref": code}, "EndDeviceGroups": [{"mRID": group}]}]}  # fmt: skip
    return world.dms.call(
        f"{NINE}/create/executeEndDeviceControls", "CreateEndDeviceControls",
        header("create", "EndDeviceControls", CorrelationID=correlation_id),
        Payload={"EndDeviceControls": content},
    )  # fmt: skip


def switched(world: World, code: str, event: str, correlation_id: str) -> None:
    held(control(world, code, "CONF-1", correlation_id))

    def heard() -> list[Any]:
        found = world.listener.messages(noun="EndDeviceEvents", correlation_id=correlation_id)
        return found if sum(m["body"].count("<EndDeviceEvent>") for m in found) == 5 else []

    for message in wait_until(heard, 30, "five EndDeviceEvents"):
        assert not message["fault"], message["fault"]
        assert f'ref="{event}"' in message["body"]


@exchange(
    "CreateEndDeviceControls", "DMS", "disconnect: OK, then events .68 with its CorrelationID"
)
def _(world: World) -> None:
    switched(world, "2.31.0.23", "2.31.0.68", "conf-off")


@exchange("CreateEndDeviceControls", "DMS", "connect: OK, then events .42")
def _(world: World) -> None:
    switched(world, "2.31.0.18", "2.31.0.42", "conf-on")


@exchange("CreateEndDeviceControls", "DMS", "unknown group: 99.1")
def _(world: World) -> None:
    held(control(world, "2.31.0.18", "CONF-NONE", "conf-none"), "99.1")


def operation_set(world: World, *operations: str, **more: Any) -> etree._Element:
    """Send a set as raw XML: its `any` holds another schema's element."""
    body = messages.soap(messages.operation_set(*operations, **more))
    return etree.fromstring(world.dms.post(SET, body).content)


def only(group: str, member: str) -> str:
    return messages.groups_content(messages.group(group, members=[member], on=None))


@exchange("ExecuteDERGroupsOperationSet", "DMS", "member removed, reply with operationId")
def _(world: World) -> None:
    one = messages.operation(1, "delete", only("CONF-1", world.devices[4]), elements="true")
    said = operation_set(world, one)
    assert said.findtext(".//{*}Reply/{*}Result") == "OK", etree.tostring(said)
    assert said.findtext(".//{*}Reply/{*}operationId") == "1"
    found = query(world, "DERGroups", "CONF-1").Payload.DERGroups.EndDeviceGroup[0]
    assert len(found.EndDevices) == 4


@exchange("ExecuteDERGroupsOperationSet", "DMS", "last one fails: all undone, 5.9 and 99.1")
def _(world: World) -> None:
    good = messages.operation(1, "delete", only("CONF-1", world.devices[0]), elements="true")
    bad = messages.operation(2, "delete", messages.groups_content(
        messages.group("CONF-NONE", on=None)))  # fmt: skip
    said = operation_set(world, good, bad, sequence="true", integrity="true")
    found = {e.findtext("{*}operationId"): e.findtext("{*}code") for e in said.iter("{*}Error")}
    assert found == {"1": "5.9", "2": "99.1"}, found
    group = query(world, "DERGroups", "CONF-1").Payload.DERGroups.EndDeviceGroup[0]
    assert len(group.EndDevices) == 4


@exchange("DeleteDERGroups", "DMS", "by name")
def _(world: World) -> None:
    for name in ("Conf 2", "Conf R", "Conf A"):
        held(world.dms.call(CHANGE, "DeleteDERGroups", header("delete", "DERGroups"),
                            Payload=groups({"Names": [{"name": name}]})))  # fmt: skip
    held(query(world, "DERGroups", "CONF-R"), "99.1")


# --- we tell the DMS ----------------------------------------------------------------------------
@exchange("CreatedDERGroups", "DERMS", "an operator makes a group")
def _(world: World) -> None:
    body = {"name": "Conf push", "functions": {"realPowerDispatch": True},
            "members": world.devices[:2]}  # fmt: skip
    made = world.operator.ask("POST", "groups", body)
    told(world, "created", "DERGroups", groups=made["mrid"])


def pushed_group(world: World) -> str:
    found = world.operator.ask("GET", "groups?q=Conf%20push")["results"]
    return str(found[0]["mrid"])


@exchange("ChangedDERGroups", "DERMS", "and gives it a member more")
def _(world: World) -> None:
    mrid = pushed_group(world)
    world.operator.ask("POST", f"groups/{mrid}/members", {"add": [world.devices[2]]},
                       **{"If-Match": "*"})  # fmt: skip
    told(world, "changed", "DERGroups", groups=mrid)


@exchange("ExecutedDERGroupsOperationSet", "DERMS", "and takes one away")
def _(world: World) -> None:
    mrid = pushed_group(world)
    world.operator.ask("POST", f"groups/{mrid}/members", {"remove": [world.devices[2]]},
                       **{"If-Match": "*"})  # fmt: skip
    told(world, "executed", "OperationSet", groups=mrid)


@exchange("ChangedDERGroupStatuses", "DERMS", "its status within 2 s and again")
def _(world: World) -> None:
    told(world, "changed", "DERGroupStatuses", 10, groups=pushed_group(world))


@exchange("CreatedDERGroupForecasts", "DERMS", "its forecast by period")
def _(world: World) -> None:
    told(world, "created", "DERGroupForecasts", 30, groups=pushed_group(world))


@exchange("CreatedEndDeviceEvents", "DERMS", "devices switched by the operator")
def _(world: World) -> None:
    told(world, "created", "EndDeviceEvents")


@exchange("DeletedDERGroups", "DERMS", "and is deleted")
def _(world: World) -> None:
    mrid = pushed_group(world)
    world.operator.ask("DELETE", f"groups/{mrid}", **{"If-Match": "*"})
    told(world, "deleted", "DERGroups", groups=mrid)


# --- another party tells us ---------------------------------------------------------------------
def tell(world: World, path: str, message: str, family: str = FIVE) -> etree._Element:
    said = world.other.post(f"{family}/{path}", messages.soap(message))
    root = etree.fromstring(said.content)
    result = root.findtext(".//{*}Reply/{*}Result")
    assert result == "OK", said.text[:1500]
    return root


def theirs(*members: str, verb: str) -> str:
    on = messages.DEFAULT_FUNCTIONS if verb == "created" else None
    return messages.create_groups(messages.group("THEIRS-1", "Theirs 1", members, on=on), verb=verb)


@exchange("CreatedDERGroups", "party", "a group of its own becomes known")
def _(world: World) -> None:
    tell(world, "create/receiveDERGroups", theirs("their-1", "their-2", verb="created"))
    held(query(world, "DERGroups", "THEIRS-1"))


@exchange("CreatedDERGroups", "party", "a group of ours stays ours: refused")
def _(world: World) -> None:
    ours = messages.create_groups(messages.group("CONF-1", "Conf 1", ["x"]), verb="created")
    said = world.other.post(f"{FIVE}/create/receiveDERGroups", messages.soap(ours))
    assert b">FAILED<" in said.content


@exchange("ChangedDERGroups", "party", "a member more")
def _(world: World) -> None:
    tell(world, "change/receiveDERGroups", theirs("their-3", verb="changed"))
    found = query(world, "DERGroups", "THEIRS-1").Payload.DERGroups.EndDeviceGroup[0]
    assert len(found.EndDevices) == 3


@exchange("ExecutedDERGroupsOperationSet", "party", "a member less")
def _(world: World) -> None:
    one = messages.operation(1, "delete", only("THEIRS-1", "their-3"), elements="true")
    tell(world, "change/receiveDERGroupsOperationSet", messages.operation_set(one, verb="executed"))
    found = query(world, "DERGroups", "THEIRS-1").Payload.DERGroups.EndDeviceGroup[0]
    assert len(found.EndDevices) == 2


@exchange("ChangedDERGroupStatuses", "party", "its status as it tells it")
def _(world: World) -> None:
    now = clock.now().isoformat()
    said = messages.statuses().replace("<mRID>g</mRID>", "<mRID>THEIRS-1</mRID>")
    said = said.replace(messages.FULL_NAME, "").replace(
        "<flowDirection>forward</flowDirection>", ""
    )
    tell(world, "change/receiveDERGroupStatuses", said.replace(messages.TIME, now))
    reply = query(world, "DERGroupStatuses", "THEIRS-1")
    point = reply.Payload.DERGroupStatuses.EndDeviceGroup[0].DERMonitorableParameter[0]
    assert abs(point.DERCurveData.nominalYValue - 1.5) < 1e-6, point


@exchange("CreatedDERGroupForecasts", "party", "its forecast as it tells it")
def _(world: World) -> None:
    start = in_an_hour().isoformat()
    one = messages.forecast("THEIRS-1", start=start, created=start, flow="forward")
    one = one.replace(messages.FULL_NAME, "").replace("<flowDirection>forward</flowDirection>", "")
    tell(world, "create/receiveDERGroupForecasts", messages.forecasts(one))


@exchange("CreatedEndDeviceEvents", "party", "an event of a device of its own")
def _(world: World) -> None:
    told = messages.created_events().replace("<mRID>d</mRID>", f"<mRID>{world.their_device}</mRID>")
    tell(world, "create/receiveEndDeviceEvents", told, family=NINE)


@exchange("CreatedMeterReadings", "party", "readings of its meter, one of an unknown one refused")
def _(world: World) -> None:
    at = clock.now().isoformat()
    good, bad = (
        meters.meter_reading(mrid, readings=meters.single(meters.NET_W, at, 700.0))
        for mrid in (world.their_device, "nobody")
    )
    tell(world, "create/receiveMeterReadings", meters.created(good), family=NINE)
    said = world.other.post(
        f"{NINE}/create/receiveMeterReadings", messages.soap(meters.created(bad))
    )
    assert b">2.4<" in said.content, said.text[:900]


@exchange("QueryMeterReadings", "DMS", "the latest power of a group and of a device")
def _(world: World) -> None:
    wanted = meters.device(world.devices[0]) + meters.group("CONF-1") + meters.types(meters.NET_W)
    said = world.dms.post(f"{NINE}/get/queryMeterReadings", messages.soap(meters.get(wanted)))
    root = etree.fromstring(said.content)
    assert root.findtext(".//{*}Reply/{*}Result") == "OK", said.text[:900]
    assert len(root.findall(".//{*}MeterReading")) == 2, said.text[:900]


@exchange("CreatedMeterReadings", "DERMS", "usage of groups by period")
def _(world: World) -> None:
    told(world, "created", "MeterReadings", 40)


@exchange("DeletedDERGroups", "party", "and is gone")
def _(world: World) -> None:
    tell(world, "change/receiveDERGroups", theirs(verb="deleted"))
    held(query(world, "DERGroups", "THEIRS-1"), "99.1")


# --- without SOAP -------------------------------------------------------------------------------
@exchange("CreateDERGroups", "bus", "plain XML at /cim, then deleted")
def _(world: World) -> None:
    made = messages.create_groups(messages.group("CONF-B", "Conf B", world.devices[:1]))
    gone = messages.create_groups(messages.group("CONF-B", on=None), verb="delete")
    for message in (made, gone):
        said = world.dms.post("cim", message.encode())
        assert said.status_code == 200, said.text[:500]
        root = etree.fromstring(said.content)
        assert root.findtext(".//{*}Reply/{*}Result") == "OK", said.text[:500]


@exchange("QueryDERGroups", "bus", "RequestMessage at /cim: generic ResponseMessage")
def _(world: World) -> None:
    content = (
        f'<DERGroupQueries xmlns="{messages.BASE}DERGroupQueries#">{messages.asked("CONF-1")}'
        "</DERGroupQueries>"
    )
    head = messages.header("get", "DERGroups")
    inner = head[head.index("<m:Verb>") : head.index("</Header>")]
    said = world.dms.post("cim", (
        f'<m:RequestMessage xmlns:m="{messages.ENVELOPE}"><m:Header>{inner}</m:Header><m:Request>'
        f"{content}</m:Request></m:RequestMessage>"
    ).encode())  # fmt: skip
    root = etree.fromstring(said.content)
    assert etree.QName(root).localname == "ResponseMessage", said.text[:500]
    assert root.findtext(".//{*}EndDeviceGroup/{*}mRID") == "CONF-1", said.text[:500]


# --- packed, and trusted by other means than a password of HTTP ---------------------------------
def accepted(said: requests.Response, code: str = "0.0") -> None:
    root = etree.fromstring(said.content)
    assert root.findtext(".//{*}code") == code, said.text[:800]


def from_nobody(world: World, body: bytes) -> requests.Response:
    """Post without any credentials but those in the message."""
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    return requests.post(f"{world.dms.address}/{CREATE}", body, headers=headers, timeout=30)


def plain_group(mrid: str, world: World) -> bytes:
    return messages.soap(messages.create_groups(messages.group(mrid, mrid, world.devices[:1])))


@exchange("CreateDERGroups", "DMS", "Payload compressed: base64 of gzip")
def _(world: World) -> None:
    whole = messages.create_groups(messages.group("CONF-Z", "Conf Z", world.devices[:1]))
    inner = whole[whole.index("<Payload>") + len("<Payload>") : whole.index("</Payload>")]
    packed = base64.b64encode(gzip.compress(inner.encode())).decode()
    body = whole.replace(inner, f"<Compressed>{packed}</Compressed>")
    accepted(world.dms.post(CREATE, messages.soap(body)))
    held(query(world, "DERGroups", "CONF-Z"))


@exchange("CreateDERGroups", "DMS", "signed by X.509, without a password: OK")
def _(world: World) -> None:
    accepted(from_nobody(world, Sender(world.signer).sign(plain_group("CONF-S", world))))
    held(query(world, "DERGroups", "CONF-S"))


@exchange("CreateDERGroups", "DMS", "signed and altered on the way: fault 7.4")
def _(world: World) -> None:
    signed = Sender(world.signer).sign(plain_group("CONF-T", world))
    accepted(from_nobody(world, signed.replace(b"CONF-T", b"CONF-U")), "7.4")
    held(query(world, "DERGroups", "CONF-U"), "99.1")


@exchange("QueryDERGroups", "DMS", "UsernameToken, digest, by zeep: OK")
def _(world: World) -> None:
    client_id, secret = world.dms.session.auth
    kept = hashlib.sha256(secret.encode()).hexdigest()
    dms = Dms(world.dms.address, "", "", wsse=UsernameToken(client_id, kept, use_digest=True))
    held(dms.call(
        f"{FIVE}/get/queryDERGroups", "QueryDERGroups", header("get", "DERGroups"),
        Request={"DERGroupQueries": {"EndDeviceGroup": [{"mRID": "CONF-1"}]}},
    ))  # fmt: skip


@exchange("CreateDERGroups", "DMS", "UsernameToken with a wrong password: fault 7.4")
def _(world: World) -> None:
    client_id, _secret = world.dms.session.auth
    body = plain_group("CONF-V", world)
    accepted(from_nobody(world, username_token(body, client_id, "guessed")), "7.4")
    held(query(world, "DERGroups", "CONF-V"), "99.1")
