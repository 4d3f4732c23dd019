"""Our WSDL as a client sees it: addresses that work, schemas that resolve, zeep unchanged."""

import datetime as dt

import pytest
import requests
from lxml import etree
from requests.auth import HTTPBasicAuth
from zeep import Client, Settings
from zeep.exceptions import Fault
from zeep.transports import Transport
from zeep.xsd import AnyObject

from derms.accounts.models import Organisation
from derms.cim import registry, schema
from derms.cim.registry import all_profiles
from derms.core import clock
from dispatch.models import EndDeviceControl, GroupDispatch
from groups.models import DerGroup
from tests.cim.conftest import make_devices
from tests.cim.messages import FLAGS
from tests.cim.test_dispatches import report

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
XS = "{http://www.w3.org/2001/XMLSchema}"
PATHS = sorted({p.operation.path for p in all_profiles()})


def test_a_profile_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(all_profiles()[:1])


@pytest.mark.parametrize("path", PATHS)
def test_wsdl_carries_the_address_it_was_asked_at(client, path):
    answer = client.get("/?WSDL", PATH_INFO=f"//61968-5/{path}", headers={"host": "localhost:8123"})

    root = etree.fromstring(answer.content)
    address = root.find(".//{http://schemas.xmlsoap.org/wsdl/soap/}address").get("location")
    assert address == f"http://localhost:8123/61968-5/{path}"
    imported = root.find(f".//{XS}import").get("schemaLocation")
    assert imported.startswith(address + "?xsd=")


@pytest.mark.parametrize("path", PATHS)
def test_every_schema_of_a_wsdl_is_served_and_compiles(client, path):
    messages = next(iter(registry.service_at(path).values())).operation.messages
    prefix = f"http://testserver/61968-5/{path}?xsd="
    files = {}
    waiting = [f"{messages.message}Message.xsd"]
    while waiting:
        name = waiting.pop()
        answer = client.get(prefix + name)
        assert answer.status_code == 200
        found = [
            i.get("schemaLocation") for i in etree.fromstring(answer.content).iter(f"{XS}import")
        ]
        assert all(location.startswith(prefix) for location in found)
        files[name] = answer.content.decode().replace(prefix, "")
        waiting += [
            f for f in (location.removeprefix(prefix) for location in found) if f not in files
        ]

    assert schema.compile_schema(files, f"{messages.message}Message.xsd") is not None
    assert client.get(f"/61968-5/{path}?xsd=../schema.py").status_code == 404


@pytest.fixture
def soap_client(dms, live_server):
    """Return a maker of zeep clients on our WSDLs, over real HTTP, with Basic credentials."""
    sessions = []

    def connect(path):
        session = requests.Session()
        session.auth = HTTPBasicAuth(dms.client_id, dms.secret)
        sessions.append(session)
        wsdl = f"{live_server.url}/61968-5/{path}?wsdl"
        return Client(wsdl, transport=Transport(session=session), settings=Settings(strict=True))

    yield connect
    for session in sessions:
        session.close()


def header(verb, noun):
    return {"Verb": verb, "Noun": noun, "MessageID": f"{verb}-{noun}"}


def group_of(name, members=(), **more):
    return {
        "DERFunction": dict.fromkeys(FLAGS, False) | {"realPowerDispatch": True},
        "EndDevices": [{"mRID": m} for m in members],
        "Names": [{"name": name}],
    } | more


@pytest.mark.django_db(transaction=True)
def test_zeep_creates_changes_queries_and_deletes_a_group(soap_client):
    members = make_devices(3)
    create, change = soap_client("create/executeDERGroups"), soap_client("change/executeDERGroups")
    ask = soap_client("get/queryDERGroups")

    created = create.service.CreateDERGroups(
        Header=header("create", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G", members[:2])]}},
    )
    changed = change.service.ChangeDERGroups(
        Header=header("change", "DERGroups"),
        Payload={
            "DERGroups": {
                "EndDeviceGroup": [{"Names": [{"name": "G"}], "EndDevices": [{"mRID": members[2]}]}]
            }
        },
    )
    found = ask.service.QueryDERGroups(
        Header=header("get", "DERGroups"),
        Request={"DERGroupQueries": {"EndDeviceGroup": [{"Names": [{"name": "G"}]}]}},
    )
    deleted = change.service.DeleteDERGroups(
        Header=header("delete", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [{"Names": [{"name": "G"}]}]}},
    )

    assert {r.Reply.Result for r in (created, changed, found, deleted)} == {"OK"}
    mrid = created.Payload.DERGroups.EndDeviceGroup[0].mRID
    (group,) = found.Payload.DERGroups.EndDeviceGroup
    assert (group.mRID, len(group.EndDevices)) == (mrid, 3)
    assert group.DERFunction.realPowerDispatch is True
    assert found.Header.CorrelationID == "get-DERGroups"
    assert DerGroup.objects.get(mrid=mrid).deleted_at is not None


@pytest.mark.django_db(transaction=True)
def test_zeep_queries_a_status_and_reads_an_error(soap_client):
    soap_client("create/executeDERGroups").service.CreateDERGroups(
        Header=header("create", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G")]}},
    )
    ask = soap_client("get/queryDERGroupStatuses")

    said = ask.service.QueryDERGroupStatuses(
        Header=header("get", "DERGroupStatuses"),
        Request={
            "DERGroupStatusQueries": {
                "EndDeviceGroup": [{"Names": [{"name": "G"}]}, {"Names": [{"name": "ghost"}]}]
            }
        },
    )

    (status,) = said.Payload.DERGroupStatuses.EndDeviceGroup
    assert status.DERMonitorableParameter[0].DERParameter == "activePower"
    assert (said.Reply.Result, said.Reply.Error[0].code) == ("FAILED", "99.1")
    assert said.Reply.Error[0].ID._value_1 == "ghost"


@pytest.mark.django_db(transaction=True)
def test_zeep_dispatches_a_group(soap_client):
    members = make_devices(2)
    report(members)
    soap_client("create/executeDERGroups").service.CreateDERGroups(
        Header=header("create", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G", members)]}},
    )
    client = soap_client("create/executeDERGroupDispatches")
    start = clock.now().replace(microsecond=0) + dt.timedelta(minutes=5)
    points = [{"intervalNumber": k + 1, "nominalYValue": 4.0 + k} for k in range(2)]
    asked = {
        "DERParameter": "activePower",
        "yMultiplier": "k",
        "yUnit": "W",
        "DispatchSchedule": [
            {
                "curveStyleKind": "constantYValue",
                "startTime": start,
                "timeIntervalDuration": 15,
                "timeIntervalUnit": "m",
                "DERCurveData": points,
            }
        ],
    }

    said = client.service.CreateDERGroupDispatches(
        Header=header("create", "DERGroupDispatches"),
        Payload={
            "DERGroupDispatches": {
                "DERGroupDispatch": [
                    {"EndDeviceGroup": {"DERMonitorableParameter": asked, "Names": [{"name": "G"}]}}
                ]
            }
        },
    )

    row = GroupDispatch.objects.get()
    assert said.Reply.Result == "OK"
    assert said.Payload.DERGroupDispatches.DERGroupDispatch[0].mRID == row.mrid
    assert (row.values, row.start_at) == ([4000.0, 5000.0], start)


@pytest.mark.django_db(transaction=True)
def test_zeep_disconnects_a_group(soap_client):
    able = dict.fromkeys(FLAGS, False) | {"connectDisconnect": True}
    soap_client("create/executeDERGroups").service.CreateDERGroups(
        Header=header("create", "DERGroups"),
        Payload={
            "DERGroups": {"EndDeviceGroup": [group_of("G", make_devices(2), DERFunction=able)]}
        },
    )
    control = {
        "EndDeviceControlType": {"ref": "2.31.0.23"},
        "EndDeviceGroups": [{"Names": [{"name": "G"}]}],
        "primaryDeviceTiming": {"duration": 30.0},
    }

    said = soap_client("create/executeEndDeviceControls").service.CreateEndDeviceControls(
        Header=header("create", "EndDeviceControls"),
        Payload={"EndDeviceControls": {"EndDeviceControl": [control]}},
    )

    row = EndDeviceControl.objects.get()
    assert said.Reply.Result == "OK"
    assert (row.action, row.duration_s, row.devices) == ("disconnect", 1800, 2)


@pytest.mark.django_db(transaction=True)
def test_zeep_raises_our_fault(soap_client):
    create = soap_client("create/executeDERGroups")
    create.service._binding_options["address"] = create.service._binding_options["address"].replace(
        "create/executeDERGroups", "change/executeDERGroups"
    )

    with pytest.raises(Fault) as fault:
        create.service.CreateDERGroups(
            Header=header("create", "DERGroups"),
            Payload={"DERGroups": {"EndDeviceGroup": [group_of("G")]}},
        )

    assert fault.value.code == "soap:Client"
    assert "Unexpected wrapper element" in fault.value.message


@pytest.mark.django_db(transaction=True)
def test_zeep_asks_for_a_forecast(soap_client):
    members = make_devices(2)
    report(members, p_w=3000.0)
    soap_client("create/executeDERGroups").service.CreateDERGroups(
        Header=header("create", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G", members)]}},
    )
    ask = soap_client("get/queryDERGroupForecasts")
    start = clock.now().replace(microsecond=0) + dt.timedelta(minutes=5)

    said = ask.service.QueryDERGroupForecasts(
        Header=header("get", "DERGroupForecasts"),
        Request={
            "DERGroupForecastQueries": {
                "DERMonitorableParameter": [{"DERParameter": "activePower"}],
                "DispatchSchedule": [
                    {
                        "curveStyleKind": "straightLineYValues",
                        "numberOfIntervals": 2,
                        "startTime": start,
                        "timeIntervalDuration": 15,
                        "timeIntervalUnit": "m",
                    }
                ],
                "EndDeviceGroup": [{"Names": [{"name": "G"}]}],
            }
        },
    )

    (told,) = said.Payload.DERGroupForecasts.DERGroupForecast
    (schedule,) = told.EndDeviceGroup.DERMonitorableParameter[0].DispatchSchedule
    assert said.Reply.Result == "OK"
    assert (schedule.startTime, schedule.confidence) == (start, 20.0)
    assert [p.nominalYValue for p in schedule.DERCurveData] == [6.0, 6.0, 6.0]


@pytest.mark.django_db(transaction=True)
def test_zeep_removes_a_member_by_an_operation_set(soap_client):
    members = make_devices(2)
    create = soap_client("create/executeDERGroups")
    create.service.CreateDERGroups(
        Header=header("create", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G", members)]}},
    )
    client = soap_client("change/executeDERGroupsOperationSet")
    kind = client.get_element(f"{{{schema.names.profile('DERGroups')}}}DERGroups")
    profile = kind(
        EndDeviceGroup=[{"Names": [{"name": "G"}], "EndDevices": [{"mRID": members[0]}]}]
    )

    said = client.service.ExecuteDERGroupsOperationSet(
        Header=header("execute", "OperationSet"),
        Payload={
            "OperationSet": {
                "enforceTransactionalIntegrity": True,
                "Operation": [
                    {
                        "operationId": 1,
                        "noun": "DERGroups",
                        "verb": "delete",
                        "elementOperation": True,
                        "_value_1": AnyObject(kind, profile),
                    }
                ],
            }
        },
    )

    # zeep takes the operationId for the wildcard that stands before it in ReplyType.
    assert said.Reply.Result == "OK"
    assert DerGroup.objects.get(name="G").member_count == 1


@pytest.mark.django_db(transaction=True)
def test_zeep_tells_of_a_group_and_its_status(soap_client):
    made = soap_client("create/receiveDERGroups").service.CreatedDERGroups(
        Header=header("created", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G", ["x1"], mRID="p1")]}},
    )
    point = {"nominalYValue": 2.5, "timeStamp": clock.now()}
    value = {"DERParameter": "activePower", "yMultiplier": "M", "yUnit": "W", "DERCurveData": point}
    told = soap_client("change/receiveDERGroupStatuses").service.ChangedDERGroupStatuses(
        Header=header("changed", "DERGroupStatuses"),
        Payload={
            "DERGroupStatuses": {
                "EndDeviceGroup": [{"mRID": "p1", "DERMonitorableParameter": [value]}]
            }
        },
    )
    change = soap_client("change/receiveDERGroups").service
    changed = change.ChangedDERGroups(
        Header=header("changed", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": "p1", "description": "new"}]}},
    )
    deleted = change.DeletedDERGroups(
        Header=header("deleted", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [{"mRID": "p1"}]}},
    )

    assert [r.Reply.Result for r in (made, told, changed, deleted)] == ["OK"] * 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
def test_zeep_reads_every_wsdl_and_finds_its_operations(soap_client, path):
    client = soap_client(path)

    (service,) = client.wsdl.services.values()
    (port,) = service.ports.values()
    served = {p.operation.name for p in registry.service_at(path).values()}
    assert set(port.binding._operations) == served
    for name in served:
        assert client.service[name]


@pytest.mark.django_db(transaction=True)
def test_zeep_tells_of_a_forecast_and_of_an_event(soap_client):
    owner = Organisation.objects.get(kind="utility")
    (device,) = make_devices(1, owner=owner)
    soap_client("create/receiveDERGroups").service.CreatedDERGroups(
        Header=header("created", "DERGroups"),
        Payload={"DERGroups": {"EndDeviceGroup": [group_of("G", mRID="p1")]}},
    )
    schedule = {
        "confidence": 80,
        "curveStyleKind": "constantYValue",
        "startTime": clock.now() + dt.timedelta(hours=1),
        "timeIntervalDuration": 1,
        "timeIntervalUnit": "h",
        "DERCurveData": [{"intervalNumber": 1, "nominalYValue": 2.5}],
    }
    told = {
        "DERParameter": "activePower",
        "yMultiplier": "M",
        "yUnit": "W",
        "DispatchSchedule": [schedule],
    }
    forecast = soap_client("create/receiveDERGroupForecasts").service.CreatedDERGroupForecasts(
        Header=header("created", "DERGroupForecasts"),
        Payload={
            "DERGroupForecasts": {
                "DERGroupForecast": [
                    {
                        "predictionCreationDate": clock.now(),
                        "EndDeviceGroup": {"mRID": "p1", "DERMonitorableParameter": [told]},
                    }
                ]
            }
        },
    )
    event = soap_client("create/receiveEndDeviceEvents").service.CreatedEndDeviceEvents(
        Header=header("created", "EndDeviceEvents"),
        Payload={
            "EndDeviceEvents": {
                "EndDeviceEvent": [
                    {
                        "createdDateTime": clock.now(),
                        "Assets": {"mRID": device},
                        "EndDeviceEventType": {"ref": "2.31.0.68"},
                    }
                ]
            }
        },
    )

    assert [r.Reply.Result for r in (forecast, event)] == ["OK", "OK"]
