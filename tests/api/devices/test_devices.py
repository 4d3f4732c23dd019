import gzip
import json

import pytest

from derms.accounts.models import Organisation
from derms.audit.models import AuditRecord
from derms.core import valkey
from derms.core.quantities import Quantity
from derms.devices.models import EndDevice
from derms.devices.services import store_readings
from derms.grid.services import UsagePointData
from tests.factories.devices import make_batch, make_device, make_owner

URL = "/api/v1/devices"


@pytest.fixture(autouse=True)
def _fresh_columns(db):
    """Forget the columns another test left in Valkey."""
    for key in valkey.client().scan_iter("derms:devices:columns:*"):
        valkey.client().delete(key)


@pytest.fixture
def new_device(db):
    return {
        "name": "Roof 7",
        "kind": "pv",
        "owner": make_owner().mrid,
        "nameplate": {"rated_w": 8000, "rated_va": 8500, "manufacturer": "Acme"},
        "usage_point": {"name": "UP 7", "feeder": "F1", "export_limit_w": 7000},
        "protocol": "sunspec-modbus",
        "address": "127.0.0.1:5020/1",
        "names": [{"name": "pv-7", "name_type": "serial"}],
    }


def test_registers_a_device(engineer, new_device):
    response = engineer.post(URL, new_device)

    assert response.status_code == 201
    body = response.json()
    assert response["Location"] == f"{URL}/{body['mrid']}"
    assert response["ETag"] == '"1"'
    assert (body["lifecycle_state"], body["eligible"]) == ("planned", False)
    assert body["usage_point"]["feeder"] == "F1"
    assert body["nameplate"]["rated_va"] == 8500
    assert body["names"] == [{"name": "pv-7", "name_type": "serial", "name_type_authority": ""}]
    assert (body["settings"], body["status"], body["latest"]) == (None, None, {})
    assert AuditRecord.objects.get(action="devices.register_device").object_mrid == body["mrid"]


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"kind": "boat"}, 422, "/kind"),
        ({"name": ""}, 422, "/name"),
        ({"nameplate": {}}, 422, "rated_w"),
        ({"nameplate": {"rated_w": -1}}, 422, "rated_w"),
        ({"mrid": "with space"}, 422, "mrid"),
        ({"address": ""}, 422, "address"),
        ({"kind": "battery"}, 422, "rated_wh"),
        ({"owner": "nobody"}, 404, None),
    ],
)
def test_refuses_a_bad_device_and_changes_nothing(engineer, new_device, change, status, pointer):
    response = engineer.post(URL, new_device | change)

    assert response.status_code == status
    if pointer:
        assert response.json()["errors"][0]["pointer"] == pointer
    assert not EndDevice.objects.exists()


@pytest.mark.parametrize("field", ["mrid", "name", "address"])
def test_refuses_what_another_device_has(engineer, new_device, field):
    first = engineer.post(URL, new_device).json()
    second = new_device | {"name": "Other", "address": "127.0.0.1:5020/2", "names": []}

    response = engineer.post(URL, second | {field: first[field]})

    assert response.status_code == 409
    assert response.json()["errors"][0]["pointer"] == field
    assert EndDevice.objects.count() == 1


def test_lists_with_filters_and_search(viewer):
    pv = make_device(kind="pv", name="Roof", usage_point=UsagePointData(name="U", feeder="F9"))
    make_device(kind="battery", name="Cellar", eligible=False)

    def names(query):
        return [row["name"] for row in viewer.get(f"{URL}{query}").json()["results"]]

    assert names("") == ["Roof", "Cellar"]
    assert names("?kind=pv") == ["Roof"]
    assert names("?kind=pv&kind=battery") == ["Roof", "Cellar"]
    assert names("?eligible=false") == ["Cellar"]
    assert names("?feeder=F9") == ["Roof"]
    assert names("?q=ell") == ["Cellar"]
    assert names(f"?q={pv.mrid[:8]}") == ["Roof"]
    assert names("?lifecycle_state=retired") == []
    assert names("?owner=Test utility") == ["Roof", "Cellar"]
    assert viewer.get(f"{URL}?eligible=maybe").status_code == 422


def test_pages_by_cursor(viewer):
    for _ in range(5):
        make_device()

    first = viewer.get(f"{URL}?page_size=3").json()
    rest = viewer.get(first["next"]).json()

    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (3, 2, None)


def test_list_needs_few_queries(viewer, django_assert_max_num_queries):
    for _ in range(5):
        make_device(usage_point=UsagePointData(name="U", feeder="F", transformer="T"))

    # Session, user, roles, and one for the page, however many rows it has.
    with django_assert_max_num_queries(7):
        assert len(viewer.get(URL).json()["results"]) == 5


def test_changes_a_device_with_if_match(engineer):
    device = make_device(name="Before")

    response = engineer.patch(
        f"{URL}/{device.mrid}",
        {"name": "After", "nameplate": {"rated_w": 4000}, "settings": {"min_soc_pct": 20}},
        headers={"If-Match": '"1"'},
    )

    assert response.status_code == 200
    body = response.json()
    assert (body["name"], body["revision"], response["ETag"]) == ("After", 2, '"2"')
    assert (body["nameplate"]["rated_w"], body["nameplate"]["rated_wh"]) == (4000, 10_000)
    assert body["settings"]["min_soc_pct"] == 20
    payload = AuditRecord.objects.get(action="devices.update_device").payload
    assert '"name":"Before"' in payload
    assert '"name":"After"' in payload


def test_change_keeps_the_usage_point_unless_told(engineer):
    device = make_device(usage_point=UsagePointData(name="U", feeder="F"))

    engineer.patch(f"{URL}/{device.mrid}", {"name": "B"}, headers={"If-Match": '"1"'})
    assert EndDevice.objects.get().usage_point.name == "U"

    engineer.patch(f"{URL}/{device.mrid}", {"usage_point": None}, headers={"If-Match": '"2"'})
    assert EndDevice.objects.get().usage_point is None


def test_change_needs_the_revision_read(engineer):
    device = make_device()

    assert engineer.patch(f"{URL}/{device.mrid}", {"name": "A"}).status_code == 428
    stale = engineer.patch(f"{URL}/{device.mrid}", {"name": "A"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    assert EndDevice.objects.get().revision == 1


def test_takes_a_device_out_of_dispatch(operator):
    device = make_device()

    response = operator.put(
        f"{URL}/{device.mrid}/eligibility", {"eligible": False, "reason": "inverter recall"}
    )

    assert response.status_code == 200
    assert response.json()["eligibility_reason"] == "inverter recall"
    assert AuditRecord.objects.filter(action="devices.set_eligible").count() == 1


def test_taking_out_needs_a_reason(operator):
    device = make_device()

    response = operator.put(f"{URL}/{device.mrid}/eligibility", {"eligible": False})

    assert response.status_code == 422
    assert EndDevice.objects.get().eligible


def test_eligibility_honours_if_match(operator):
    device = make_device()

    response = operator.put(
        f"{URL}/{device.mrid}/eligibility",
        {"eligible": False, "reason": "x"},
        headers={"If-Match": '"9"'},
    )

    assert response.status_code == 412
    assert EndDevice.objects.get().eligible


def test_moves_along_the_life_cycle(engineer):
    device = make_device(lifecycle_state="planned")
    url = f"{URL}/{device.mrid}/lifecycle"

    assert engineer.put(url, {"state": "registered"}).json()["lifecycle_state"] == "registered"
    assert engineer.put(url, {"state": "retired", "reason": "sold"}).status_code == 200
    assert engineer.put(url, {"state": "registered"}).status_code == 409
    assert EndDevice.objects.get().lifecycle_state == "retired"


def test_shows_one_device_with_its_values(viewer):
    device = make_device()
    store_readings(make_batch([device.pk], -1500.0))

    body = viewer.get(f"{URL}/{device.mrid}").json()

    latest = body["latest"]["active_power_w"]
    assert (latest["value"], latest["quality"], latest["stale"]) == (-1500.0, "good", False)
    assert viewer.get(f"{URL}/{device.mrid}/latest").json()["active_power_w"]["value"] == -1500


def test_unknown_device_is_404(viewer):
    for path in ("", "/latest", "/readings"):
        assert viewer.get(f"{URL}/nobody{path}").status_code == 404


def test_aggregator_sees_only_its_own(aggregator):
    organisation = Organisation.objects.get(mrid=aggregator.actor.organisation_mrid)
    mine = make_device(owner=organisation)
    other = make_device()

    assert [d["mrid"] for d in aggregator.get(URL).json()["results"]] == [mine.mrid]
    assert aggregator.get(f"{URL}/{other.mrid}").status_code == 404
    assert aggregator.get(f"{URL}/{other.mrid}/readings").status_code == 404
    assert aggregator.get(f"{URL}/columns").json()["columns"]["mrid"] == [mine.mrid]
    exported = b"".join(aggregator.get(f"{URL}/export")).decode()
    assert mine.mrid in exported
    assert other.mrid not in exported


def test_columns_of_the_whole_fleet(viewer):
    device = make_device(usage_point=UsagePointData(name="U", feeder="F1"))
    silent = make_device(
        kind="load", plate={"rated_w": 0, "rated_charge_w": 3000, "rated_va": None}
    )
    store_readings(make_batch([device.pk], 1500.0))
    store_readings(make_batch([device.pk], 55.0, quantity=Quantity.SOC_PCT))

    response = viewer.get(f"{URL}/columns", headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    body = json.loads(gzip.decompress(response.content))
    columns = body["columns"]
    assert body["count"] == 2
    assert columns["mrid"] == [device.mrid, silent.mrid]
    assert columns["kind"] == ["battery", "load"]
    assert columns["feeder"] == ["F1", ""]
    assert columns["p_w"] == [1500.0, None]
    assert columns["soc_pct"] == [55.0, None]
    assert columns["rated_w"] == [5000.0, 3000.0]
    assert columns["link"] == ["up", "unknown"]
    assert columns["measured_at"][1] is None
    assert columns["quality"] == [0, 5]


def test_columns_answer_304_to_who_has_them(viewer):
    make_device()
    etag = viewer.get(f"{URL}/columns")["ETag"]

    response = viewer.get(f"{URL}/columns", headers={"If-None-Match": etag})

    assert response.status_code == 304
    assert response.content == b""


READERS = {"viewer", "operator", "approver", "engineer", "auditor", "csr", "admin", "dms"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", "", READERS),
        ("post", "", {"engineer"}),
        ("patch", "/{mrid}", {"engineer"}),
        ("put", "/{mrid}/eligibility", {"operator", "approver", "engineer"}),
        ("put", "/{mrid}/lifecycle", {"engineer"}),
        ("get", "/columns", READERS),
        ("post", "/imports", {"engineer"}),
    ],
)
def test_only_some_roles_may(db, request, method, path, allowed):
    device = make_device()
    url = URL + path.format(mrid=device.mrid)
    for name in ("viewer", "operator", "approver", "engineer", "auditor", "csr", "admin", "dms"):
        persona = request.getfixturevalue(name)
        refused = getattr(persona, method)(url, {}).status_code == 403
        assert refused == (name not in allowed), name
    assert getattr(request.getfixturevalue("stranger"), method)(url, {}).status_code in {401, 403}
