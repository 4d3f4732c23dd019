import csv
import io

import pytest

from derms.accounts.models import Organisation
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM, Actor, ActorKind, Role
from derms.core.errors import InvalidInputError, TooLargeError
from derms.devices.models import EndDevice, Nameplate
from derms.devices.rules.device_rows import COLUMNS
from derms.devices.services.exporter import export_csv
from derms.devices.services.importer import import_csv
from derms.events.models import OutboxFact
from derms.grid.models import Feeder, Transformer, UsagePoint
from tests.factories.devices import make_owner

GOOD = {
    "name": "Battery 1",
    "kind": "battery",
    "owner": "Test utility",
    "rated_w": "5000",
    "rated_charge_w": "5000",
    "rated_wh": "10000",
    "lifecycle_state": "registered",
    "eligible": "true",
}


@pytest.fixture(autouse=True)
def _owner(db):
    make_owner()


def rows_to_csv(*rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def row(**more):
    return GOOD | {k: str(v) for k, v in more.items()}


def codes(report):
    return [(error.row, error.column, error.code) for error in report.errors]


def test_registers_devices_with_their_places():
    content = rows_to_csv(
        row(mrid="d-1", feeder="F1", transformer="T1", usage_point="UP1", export_limit_w=4000),
        row(name="PV 1", kind="pv", protocol="sunspec-modbus", address="127.0.0.1:5020/1"),
    )

    report = import_csv(content, actor=SYSTEM)

    assert (report.rows, report.created, report.bad, report.applied) == (2, 2, 0, True)
    device = EndDevice.objects.get(mrid="d-1")
    assert (device.name, device.eligible, device.revision) == ("Battery 1", True, 1)
    assert device.usage_point.export_limit_w == 4000
    assert device.usage_point.transformer.feeder.name == "F1"
    assert device.nameplate.rated_va == 5000
    assert EndDevice.objects.get(name="PV 1").usage_point is None


def test_one_import_is_one_audit_record_and_one_fact():
    import_csv(rows_to_csv(row(), row(name="Battery 2")), actor=SYSTEM)

    assert OutboxFact.objects.get().payload == {"count": 2}
    record = AuditRecord.objects.get()
    assert record.action == "devices.import_devices"
    assert '"created":2' in record.payload
    assert '"sha256":"' in record.payload


def test_own_export_changes_nothing():
    import_csv(
        rows_to_csv(
            row(mrid="d-1", feeder="F1", transformer="T1", usage_point="UP1", rated_w=0.1 + 0.2),
            row(name="=cmd|' /C calc'!A0", manufacturer="-2+3", model="''=x", serial_number="'"),
            row(name='Quote " comma, B', manufacturer="Müller"),
        ),
        actor=SYSTEM,
    )
    before = list(EndDevice.objects.order_by("id").values())
    exported = b"".join(export_csv())

    report = import_csv(exported, actor=SYSTEM)

    assert (report.unchanged, report.updated, report.created) == (3, 0, 0)
    assert list(EndDevice.objects.order_by("id").values()) == before
    assert b"'=cmd" in exported
    assert EndDevice.objects.filter(name="=cmd|' /C calc'!A0", nameplate__model="'=x").exists()


def test_changes_only_what_the_file_says_otherwise():
    import_csv(rows_to_csv(row(mrid="a"), row(mrid="b", name="Battery 2")), actor=SYSTEM)

    report = import_csv(
        rows_to_csv(row(mrid="a", rated_wh=12000), row(mrid="b", name="Battery 2")), actor=SYSTEM
    )

    assert (report.updated, report.unchanged) == (1, 1)
    assert Nameplate.objects.get(device__mrid="a").rated_wh == 12000
    revisions = dict(EndDevice.objects.values_list("mrid", "revision"))
    assert revisions == {"a": 2, "b": 1}


def test_corrected_usage_point_counts_as_change():
    place = {"feeder": "F1", "usage_point": "UP1"}
    import_csv(rows_to_csv(row(mrid="a", **place)), actor=SYSTEM)

    report = import_csv(rows_to_csv(row(mrid="a", **place, import_limit_w=1)), actor=SYSTEM)

    assert report.updated == 1
    assert UsagePoint.objects.get().import_limit_w == 1


def test_bad_row_refuses_the_whole_file():
    report = import_csv(
        rows_to_csv(row(feeder="F1", usage_point="U"), row(name="", rated_w="x")), actor=SYSTEM
    )

    assert (report.applied, report.bad, report.created) == (False, 1, 0)
    assert codes(report) == [(3, "name", "required"), (3, "rated_w", "invalid")]
    assert not EndDevice.objects.exists()
    assert not Feeder.objects.exists()
    assert not OutboxFact.objects.exists()


def test_skip_bad_imports_the_rest():
    content = rows_to_csv(
        row(name="A"), row(name="B", kind="boat"), row(name="A"), row(name="C", owner="Nobody")
    )

    report = import_csv(content, skip_bad=True, actor=SYSTEM)

    assert (report.applied, report.created, report.bad) == (True, 1, 3)
    assert codes(report) == [
        (3, "kind", "invalid"),
        (4, "name", "duplicate"),
        (5, "owner", "unknown_owner"),
    ]
    assert EndDevice.objects.get().name == "A"


def test_dry_run_reports_and_changes_nothing():
    content = rows_to_csv(row(feeder="F1", transformer="T1", usage_point="U"), row(name="B"))

    report = import_csv(content, dry_run=True, actor=SYSTEM)

    assert (report.applied, report.created, report.dry_run) == (True, 2, True)
    for model in (EndDevice, Feeder, Transformer, UsagePoint, OutboxFact, AuditRecord):
        assert not model.objects.exists()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"mrid": "has space"}, ("mrid", "invalid")),
        ({"mrid": "x" * 129}, ("mrid", "invalid")),
        ({"name": "x" * 121}, ("name", "invalid")),
        ({"name": " x"}, ("name", "invalid")),
        ({"name": "two\nlines"}, ("name", "invalid")),
        ({"kind": "PV"}, ("kind", "invalid")),
        ({"phase": "R"}, ("phase", "invalid")),
        ({"rated_w": "-1"}, ("rated_w", "out_of_range")),
        ({"rated_w": "nan"}, ("rated_w", "invalid")),
        ({"rated_w": "1e999"}, ("rated_w", "out_of_range")),
        ({"rated_w": "1_000"}, ("rated_w", "invalid")),
        ({"rated_w": "5.000,00"}, ("rated_w", "invalid")),
        ({"rated_w": "--5"}, ("rated_w", "invalid")),
        ({"rated_w": "0", "rated_charge_w": "0"}, ("rated_w", "required")),
        ({"rated_va": "4000"}, ("rated_va", "out_of_range")),
        ({"rated_wh": ""}, ("rated_wh", "required")),
        ({"poll_interval_s": "0"}, ("poll_interval_s", "out_of_range")),
        ({"poll_interval_s": "1.5"}, ("poll_interval_s", "invalid")),
        ({"address": "127.0.0.1:502/1"}, ("address", "required")),
        ({"feeder": "F1"}, ("usage_point", "required")),
        ({"transformer": "T1", "usage_point": "U"}, ("feeder", "required")),
        ({"eligible": "maybe"}, ("eligible", "invalid")),
        ({"lifecycle_state": "gone"}, ("lifecycle_state", "invalid")),
        ({"normal_category": "C"}, ("normal_category", "invalid")),
    ],
)
def test_says_what_is_wrong_with_a_cell(more, error):
    report = import_csv(rows_to_csv(row(**more)), actor=SYSTEM)

    assert codes(report) == [(2, *error)]


def test_finds_what_rows_say_against_each_other():
    place = {"feeder": "F1", "transformer": "T1", "usage_point": "U1"}
    wire = {"protocol": "sunspec-modbus", "address": "h:1/1"}
    content = rows_to_csv(
        row(mrid="a", name="A", **place, **wire),
        row(mrid="a", name="B"),
        row(name="C", **place | {"feeder": "F2", "usage_point": "U2"}),
        row(name="D", **place | {"phase": "A"}),
        row(name="E", **wire),
        row(name="F", **wire, lifecycle_state="retired"),
    )

    report = import_csv(content, actor=SYSTEM)

    assert codes(report) == [
        (3, "mrid", "duplicate"),
        (4, "transformer", "conflict"),
        (5, "usage_point", "conflict"),
        (6, "address", "duplicate"),
    ]


def test_finds_what_stands_against_the_register():
    wire = {"protocol": "sunspec-modbus", "address": "h:1/1"}
    place = {"feeder": "F1", "transformer": "T1", "usage_point": "U1"}
    import_csv(
        rows_to_csv(
            row(mrid="a", name="A", **wire, **place),
            row(mrid="r", name="R", lifecycle_state="retired"),
        ),
        actor=SYSTEM,
    )

    report = import_csv(
        rows_to_csv(
            row(mrid="b", name="A"),
            row(name="C", **wire),
            row(mrid="r", name="R", lifecycle_state="registered"),
            row(name="D", **place | {"feeder": "F2", "usage_point": "U2"}),
        ),
        actor=SYSTEM,
    )

    assert codes(report) == [
        (2, "name", "duplicate"),
        (3, "address", "duplicate"),
        (4, "lifecycle_state", "lifecycle_step"),
        (5, "transformer", "conflict"),
    ]


def test_aggregator_imports_only_its_own():
    mine = make_owner("Aggregator", "aggregator")
    import_csv(rows_to_csv(row(mrid="a")), actor=SYSTEM)
    actor = Actor(
        kind=ActorKind.CLIENT,
        mrid="c",
        name="c",
        roles=frozenset({Role.AGGREGATOR}),
        organisation_mrid=mine.mrid,
    )

    report = import_csv(
        rows_to_csv(row(name="X"), row(mrid="a", name="Y", owner="Aggregator")), actor=actor
    )

    assert codes(report) == [(2, "owner", "unknown_owner"), (3, "mrid", "forbidden")]


def test_reads_bom_crlf_and_any_column_order():
    text = rows_to_csv(row()).decode()
    reordered = "\r\n".join(
        ",".join(reversed(line.split(","))) for line in text.strip().splitlines()
    )

    report = import_csv(b"\xef\xbb\xbf" + reordered.encode() + b"\r\n\r\n", actor=SYSTEM)

    assert (report.rows, report.created) == (1, 1)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        ("name\nMüller".encode("latin-1"), "encoding"),
        ("name\nx".encode("utf-16"), "encoding"),
        (b"name\n\0", "encoding"),
        (b"name,kind\nx,y", "header"),
        (",".join([*COLUMNS, "extra"]).encode(), "header"),
        (",".join([*COLUMNS, "name"]).encode(), "header"),
        (";".join(COLUMNS).encode(), "header"),
        (",".join(COLUMNS).encode() + b'\n"open', "not_csv"),
        (",".join(COLUMNS).encode() + b"\n" + b"x" * 200_000, "not_csv"),
    ],
)
def test_refuses_files_that_are_not_ours(content, code):
    with pytest.raises(InvalidInputError) as caught:
        import_csv(content, actor=SYSTEM)

    assert caught.value.code == code


def test_refuses_bombs():
    header = ",".join(COLUMNS).encode() + b"\n"
    with pytest.raises(TooLargeError):
        import_csv(header + b"a\n" * 250_002, actor=SYSTEM)
    with pytest.raises(TooLargeError):
        import_csv(header + b"x" * (64 * 2**20), actor=SYSTEM)


def test_row_with_wrong_number_of_cells_is_one_bad_row():
    content = rows_to_csv(row()) + b"a,b,c\n"

    report = import_csv(content, skip_bad=True, actor=SYSTEM)

    assert codes(report) == [(3, "", "cells")]
    assert (report.rows, report.created, report.bad) == (2, 1, 1)


def test_owner_may_be_named_by_mrid():
    owner = Organisation.objects.get()

    report = import_csv(rows_to_csv(row(owner=owner.mrid)), actor=SYSTEM)

    assert report.created == 1
