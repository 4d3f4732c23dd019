"""Tampering as a superuser would: triggers off, any row changed, the head adjusted or not."""

import random
import threading
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from derms.audit import services
from derms.audit.models import AuditHead, AuditRecord
from derms.audit.rules.chain import FaultKind, link_hash
from derms.audit.services.verification import anchor_path
from derms.core.actors import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_anchors(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def write(count=20, start=0):
    for number in range(start, start + count):
        services.record(
            action="tests.write",
            object_type="X",
            object_mrid=str(number),
            after=number,
            actor=SYSTEM,
        )


def sql(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def tamper(text, *values):
    with transaction.atomic():
        sql("SET LOCAL session_replication_role = replica")
        sql(text, *values)


def kinds():
    return {fault.kind for fault in services.verify().faults}


def test_untouched_chain_is_intact_and_in_order():
    write()

    report = services.verify()

    assert (report.intact, report.records) == (True, 20)
    rows = list(AuditRecord.objects.order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, 21))
    assert all(row.hash == link_hash(row.prev_hash, row.payload) for row in rows)
    assert AuditHead.objects.get().hash == rows[-1].hash


def test_rolled_back_record_leaves_no_hole():
    write(2)
    with transaction.atomic():
        write(2)
        transaction.set_rollback(True)
    write(1)

    assert AuditRecord.objects.count() == 3
    assert services.verify().intact


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE audit_auditrecord SET actor_name = 'x'",
        "UPDATE audit_auditrecord SET seq = seq + 100",
        "DELETE FROM audit_auditrecord",
        "UPDATE audit_audithead SET seq = 1",
        "DELETE FROM audit_audithead",
    ],
)
def test_database_refuses_to_change_the_past(text):
    write(3)

    with pytest.raises(Exception, match="audit"):
        sql(text)
    assert services.verify().intact


@pytest.mark.parametrize("table", ["audit_auditrecord", "audit_audithead"])
def test_database_refuses_to_be_emptied(table):
    write(3)
    guard = "audit_no_truncate" if table == "audit_auditrecord" else "audit_head_no_truncate"
    sql(f"ALTER TABLE {table} ENABLE TRIGGER {guard}")
    try:
        with pytest.raises(Exception, match="audit"):
            sql(f"TRUNCATE {table}")
    finally:
        sql(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")


def test_nobody_brings_his_own_seal():
    write(1)
    sql(
        "INSERT INTO audit_auditrecord (seq, prev_hash, hash, at, actor_kind, actor_mrid,"
        " actor_name, source, address, action, outcome, object_type, object_mrid,"
        " correlation_id, payload) SELECT 77, 'x', 'y', at, actor_kind, actor_mrid, actor_name,"
        " source, address, action, outcome, object_type, object_mrid, correlation_id, payload"
        " FROM audit_auditrecord"
    )

    assert list(AuditRecord.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert services.verify().intact


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("UPDATE audit_auditrecord SET payload = payload || ' ' WHERE seq = 7", FaultKind.EDITED),
        ("UPDATE audit_auditrecord SET actor_name = 'eve' WHERE seq = 7", FaultKind.COLUMNS),
        ("UPDATE audit_auditrecord SET at = at + interval '1 s' WHERE seq = 7", FaultKind.COLUMNS),
        ("DELETE FROM audit_auditrecord WHERE seq = 7", FaultKind.MISSING),
        ("DELETE FROM audit_auditrecord WHERE seq > 15", FaultKind.TRUNCATED),
        ("DELETE FROM audit_auditrecord", FaultKind.TRUNCATED),
        ("UPDATE audit_audithead SET seq = 12", FaultKind.HEAD),
        ("DELETE FROM audit_audithead", FaultKind.HEAD),
        ("UPDATE audit_auditrecord SET seq = NULL WHERE seq = 20", FaultKind.UNSEALED),
    ],
)
def test_each_kind_of_tampering_is_named(text, kind):
    write()
    tamper(text)

    assert kind in kinds()


def test_swapped_records_are_found():
    write()
    tamper(
        "UPDATE audit_auditrecord a SET payload = b.payload, hash = b.hash,"
        " prev_hash = b.prev_hash, object_mrid = b.object_mrid, at = b.at"
        " FROM audit_auditrecord b WHERE (a.seq, b.seq) IN ((5, 9), (9, 5))"
    )

    assert FaultKind.REORDERED in kinds()


def cut(length):
    """Cut the tail and adjust the head, as somebody who knows the design would."""
    with transaction.atomic():
        sql("SET LOCAL session_replication_role = replica")
        sql("DELETE FROM audit_auditrecord WHERE seq > %s", length)
        row = AuditRecord.objects.filter(seq=length).first()
        sql("UPDATE audit_audithead SET seq = %s, hash = %s", length, row.hash if row else "")


@pytest.mark.parametrize("length", [0, 5, 19])
def test_cut_of_table_and_head_together_is_found_by_the_anchor(length):
    write()
    services.anchor()
    cut(length)

    assert kinds() == {FaultKind.TRUNCATED}


def test_rewritten_history_is_found_by_the_anchor():
    write()
    services.anchor()
    cut(10)
    write(15, start=50)

    assert kinds() == {FaultKind.ANCHOR}


def test_anchor_is_written_once_for_each_head():
    write()
    assert services.anchor().seq == 20
    assert services.anchor() is None
    write(1)
    assert services.anchor().seq == 21
    assert len(anchor_path().read_text().splitlines()) == 2


def test_four_hundred_random_tamperings_are_all_found():
    chance = random.Random(61968)
    write(60)
    columns = ["payload", "hash", "prev_hash", "actor_name", "action", "object_mrid", "outcome"]
    missed = []
    for number in range(400):
        seq = chance.randint(1, 60)
        what = chance.choice(["edit", "delete", "renumber", "swap", "tail", "unseal"])
        column = chance.choice(columns)
        text = {
            "edit": f"UPDATE audit_auditrecord SET {column} ="
            f" overlay({column} placing 'x' from 1 for 1) WHERE seq = {seq}",
            "delete": f"DELETE FROM audit_auditrecord WHERE seq = {seq}",
            "renumber": f"UPDATE audit_auditrecord SET seq = seq + 1000 WHERE seq = {seq}",
            "swap": "UPDATE audit_auditrecord a SET payload = b.payload, at = b.at,"
            " object_mrid = b.object_mrid FROM audit_auditrecord b"
            f" WHERE (a.seq, b.seq) IN (({seq}, {seq % 60 + 1}), ({seq % 60 + 1}, {seq}))",
            "tail": f"DELETE FROM audit_auditrecord WHERE seq >= {seq}",
            "unseal": f"UPDATE audit_auditrecord SET seq = NULL WHERE seq = {seq}",
        }[what]
        with transaction.atomic():
            tamper(text)
            if services.verify().intact:
                missed.append((number, what, seq))
            transaction.set_rollback(True)

    assert missed == []
    assert services.verify().intact


def test_eight_writers_at_once_make_one_chain_without_a_gap():
    def run(writer):
        try:
            for number in range(50):
                with transaction.atomic():
                    write(1 + number % 3, start=1000 * writer + 10 * number)
                    if number % 7 == 0:
                        time.sleep(0.001)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[writer]) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    report = services.verify()
    assert (report.intact, report.records) == (True, 8 * sum(1 + n % 3 for n in range(50)))


def test_open_transaction_holds_nobody_up():
    began = threading.Event()
    done = threading.Event()

    def slow():
        try:
            with transaction.atomic():
                write(1, start=100)
                began.set()
                done.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    began.wait(10)
    write(1, start=200)
    done.set()
    thread.join()

    order = AuditRecord.objects.order_by("seq").values_list("object_mrid", flat=True)
    assert list(order) == ["200", "100"]


def test_command_fails_on_a_broken_chain(capsys):
    write()
    call_command("audit_verify")
    assert "intact" in capsys.readouterr().out

    tamper("DELETE FROM audit_auditrecord WHERE seq = 3")
    with pytest.raises(CommandError, match="broken"):
        call_command("audit_verify")
