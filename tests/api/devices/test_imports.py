import pytest

from derms.audit.models import AuditRecord
from derms.core import valkey
from derms.devices import services, tasks
from derms.devices.models import DeviceImport, EndDevice
from derms.devices.selectors.imports import progress_key
from derms.events import services as events
from tests.factories.devices import make_device, make_owner
from tests.unit.devices.test_import import row, rows_to_csv

URL = "/api/v1/devices/imports"


@pytest.fixture
def send(engineer):
    make_owner()

    def post(content, query=""):
        return engineer.generic("POST", f"{URL}{query}", content, content_type="text/csv")

    return post


def test_import_runs_in_the_background(send, engineer, monkeypatch):
    # The queue is not under test: the task runs where the relay is.
    monkeypatch.setattr(tasks.run_import, "delay", tasks.run_import)

    response = send(rows_to_csv(row(), row(name="Battery 2")))

    assert response.status_code == 202
    assert response.json()["state"] == "queued"
    events.relay()
    result = engineer.get(response["Location"]).json()
    assert (result["state"], result["rows"], result["done"]) == ("done", 2, 2)
    assert (result["created"], result["updated"], result["bad"]) == (2, 0, 0)
    assert EndDevice.objects.count() == 2
    assert bytes(DeviceImport.objects.get().content) == b""
    record = AuditRecord.objects.get(action="devices.import_devices")
    assert record.actor_name == engineer.actor.name


def test_refused_import_lists_its_bad_rows(send, engineer):
    location = send(rows_to_csv(row(kind="boat")))["Location"]

    services.run_import(location.rpartition("/")[2])

    result = engineer.get(location).json()
    assert (result["state"], result["bad"]) == ("refused", 1)
    assert result["errors"][0]["row"] == 2
    assert result["errors"][0]["column"] == "kind"


def test_dry_run_and_skip_bad(send, engineer):
    content = rows_to_csv(row(), row(name="B", kind="boat"))

    for query, created in (("?dry_run=true&skip_bad=true", 0), ("?skip_bad=true", 1)):
        location = send(content, query)["Location"]
        services.run_import(location.rpartition("/")[2])
        result = engineer.get(location).json()
        assert (result["state"], result["created"], result["bad"]) == ("done", 1, 1)
        assert EndDevice.objects.count() == created


def test_file_that_is_no_csv_is_refused_with_its_line(send, engineer):
    location = send("mrid\nMüller".encode("latin-1"))["Location"]

    services.run_import(location.rpartition("/")[2])

    result = engineer.get(location).json()
    assert (result["state"], result["errors"][0]["row"]) == ("refused", 2)
    assert result["errors"][0]["code"] == "encoding"


def test_an_import_runs_once(send):
    mrid = send(rows_to_csv(row()))["Location"].rpartition("/")[2]

    services.run_import(mrid)
    services.run_import(mrid)

    assert AuditRecord.objects.filter(action="devices.import_devices").count() == 1


def test_import_of_a_worker_that_died_is_run_again(send):
    mrid = send(rows_to_csv(row()))["Location"].rpartition("/")[2]
    DeviceImport.objects.update(state="running")

    services.run_import(mrid)

    assert DeviceImport.objects.get().state == "done"


def test_broken_off_import_is_told(send, engineer, monkeypatch):
    location = send(rows_to_csv(row()))["Location"]
    monkeypatch.setattr(services, "run_import", lambda mrid: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        tasks.run_import(location.rpartition("/")[2])

    assert engineer.get(location).json()["state"] == "failed"


def test_progress_of_a_running_import(send, engineer):
    location = send(rows_to_csv(row()))["Location"]
    mrid = location.rpartition("/")[2]
    DeviceImport.objects.update(state="running")
    valkey.client().set(progress_key(mrid), "300/1000")

    result = engineer.get(location).json()

    assert (result["done"], result["rows"]) == (300, 1000)


def test_refuses_what_cannot_be_a_file(send, engineer):
    assert send(b"").status_code == 422
    assert send(b"x", "?dry_run=perhaps").status_code == 422
    assert engineer.post(URL, {"a": 1}).status_code == 415
    assert engineer.get(f"{URL}/nothing").status_code == 404


def test_export_can_be_imported_again(send, engineer):
    make_device(name="=1+1", mrid="d-1")
    exported = engineer.get("/api/v1/devices/export")
    content = b"".join(exported)
    assert exported["Content-Type"] == "text/csv; charset=utf-8"

    location = send(content)["Location"]
    services.run_import(location.rpartition("/")[2])

    result = engineer.get(location).json()
    assert (result["state"], result["created"], result["updated"]) == ("done", 0, 0)
    assert EndDevice.objects.get().revision == 1


def test_idempotency_key_starts_one_import(engineer):
    make_owner()
    content = rows_to_csv(row())

    responses = [
        engineer.generic(
            "POST", URL, content, content_type="text/csv", headers={"Idempotency-Key": "k1"}
        )
        for _ in range(2)
    ]

    assert responses[0].json()["mrid"] == responses[1].json()["mrid"]
    assert DeviceImport.objects.count() == 1
