import threading

import numpy as np
import pytest
from django.db import connection, transaction

from derms.accounts.services import ensure_sandbox
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM
from derms.core.errors import NotFoundError, RuleViolationError
from derms.devices import selectors, services
from derms.devices.models import DeviceSettings, DeviceStatus, EndDevice
from derms.devices.rules.lifecycle import may_become
from derms.events.models import OutboxFact
from tests.factories.devices import make_batch, make_device
from tests.unit.devices.test_fleet import statuses

STATES = ("planned", "registered", "suspended", "retired")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("wanted", STATES)
def test_steps_of_the_life_cycle(state, wanted):
    allowed = {
        ("planned", "registered"),
        ("planned", "retired"),
        ("registered", "suspended"),
        ("registered", "retired"),
        ("suspended", "registered"),
        ("suspended", "retired"),
    }

    assert may_become(state, wanted) == (state == wanted or (state, wanted) in allowed)


def test_finds_keys_in_the_order_asked(db):
    first, second = make_device(), make_device()

    found = selectors.find_ids([second.mrid, "nobody", first.mrid, second.mrid])

    assert found.tolist() == [second.pk, -1, first.pk, second.pk]
    assert selectors.find_ids([]).tolist() == []


def test_only_registered_and_eligible_devices_are_dispatchable(db):
    good = make_device()
    planned = make_device(lifecycle_state="planned")
    barred = make_device(eligible=False, eligibility_reason="recall")

    verdict = selectors.dispatchable(np.array([good.pk, planned.pk, barred.pk, -1]))

    assert verdict.allowed.tolist() == [True, False, False, False]
    assert verdict.reasons == [
        "",
        "The device is planned, not registered.",
        "The device is not eligible for dispatch: recall.",
        "There is no such device.",
    ]


def test_members_are_found_in_one_query_on_their_own_side_of_the_sandbox(db):
    good, toy = make_device(), make_device(owner=ensure_sandbox())
    barred = make_device(eligible=False, eligibility_reason="recall")
    asked = [
        toy.mrid,
        good.mrid,
        make_device(lifecycle_state="planned").mrid,
        barred.mrid,
        "nobody",
    ]

    live = selectors.find_dispatchable(asked, in_sandbox=False)
    in_sandbox = selectors.find_dispatchable(asked, in_sandbox=True)

    assert live.tolist() == [-1, good.pk, -1, -1, -1]
    assert in_sandbox.tolist() == [toy.pk, -1, -1, -1, -1]


def test_columns_keep_the_order_asked(db):
    first, second = make_device(kind="pv"), make_device()

    columns = selectors.device_columns(np.array([second.pk, 10**9, first.pk], dtype="int32"))

    assert columns.mrid == [second.mrid, first.mrid]
    assert columns.kind.tolist() == [1, 0]
    assert columns.max_w.tolist() == [5000.0, 5000.0]
    assert len(selectors.device_columns(np.zeros(0, dtype="int32"))) == 0


def test_settings_never_exceed_the_rating(db):
    device = make_device()
    DeviceSettings.objects.create(device=device, max_w=9e9)

    assert selectors.device_columns(np.array([device.pk])).max_w.tolist() == [5000.0]


def test_latest_columns_of_devices_without_readings(db):
    device, silent = make_device(), make_device()
    services.store_readings(make_batch([device.pk], 7.0))

    latest = selectors.latest_columns(np.array([silent.pk, device.pk], dtype="int32"))

    assert latest.p_w[1] == 7.0
    assert np.isnan(latest.p_w[0])
    assert latest.quality.tolist() == [5, 0]
    assert latest.measured_at[0] == np.datetime64(0, "us")


def test_eligibility_of_many_is_all_or_none(db):
    devices = [make_device() for _ in range(3)]
    mrids = [device.mrid for device in devices]
    OutboxFact.objects.all().delete()

    with pytest.raises(NotFoundError):
        services.set_eligible(mrids=[*mrids, "x"], eligible=False, reason="r", actor=SYSTEM)
    assert EndDevice.objects.filter(eligible=True).count() == 3

    assert services.set_eligible(mrids=mrids, eligible=False, reason="r", actor=SYSTEM) == 3
    assert services.set_eligible(mrids=mrids, eligible=False, reason="r", actor=SYSTEM) == 0
    assert AuditRecord.objects.filter(action="devices.set_eligible").count() == 3
    assert OutboxFact.objects.get().payload == {"count": 3}


def test_retired_device_leaves_its_address_to_a_successor(db):
    wire = {"protocol": "sunspec-modbus", "address": "h:1/1"}
    old = make_device(**wire)
    with pytest.raises(RuleViolationError):
        make_device(**wire)

    services.set_lifecycle(mrid=old.mrid, state="retired", actor=SYSTEM)

    assert make_device(**wire).address == "h:1/1"


def test_status_changes_are_dated(db):
    device = make_device()
    services.store_status(statuses([device.pk]))
    first = DeviceStatus.objects.get()
    services.store_status(statuses([device.pk]))
    same = DeviceStatus.objects.get()
    services.store_status(statuses([device.pk], alarm_bits=4))
    other = DeviceStatus.objects.get()

    assert same.changed_at == first.changed_at
    assert same.last_contact_at > first.last_contact_at
    assert other.changed_at == other.last_contact_at
    assert services.store_status(statuses([10**9])) == 0


@pytest.mark.django_db(transaction=True)
def test_writers_of_the_same_devices_do_not_block_each_other_for_good():
    ids = [make_device().pk for _ in range(50)]
    rng = np.random.default_rng(1)
    errors = []

    def write(seed):
        try:
            for k in range(10):
                with transaction.atomic():
                    order = rng.permutation(ids)
                    services.store_readings(make_batch(order, float(seed * 100 + k)))
                    services.store_status(statuses(rng.permutation(ids)))
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connection.cursor() as cursor:  # Django empties only the tables it manages
        cursor.execute("TRUNCATE devices_reading")

    assert errors == []
