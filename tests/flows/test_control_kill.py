"""Controls under concurrency and SIGKILL: one release of fifty, nothing lost, nothing doubled."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import close_old_connections, connection

from derms.audit.models import AuditRecord
from derms.core.errors import RuleViolationError
from derms.events.models import OutboxFact
from derms.southbound.contract import CommandState
from derms.southbound.models import DeviceCommand
from dispatch import services
from tests.factories.accounts import actor
from tests.factories.controls import answer, control_of, run
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
_RUN = "import django; django.setup(); from dispatch import services; services.run_controls()"


def killed_run(point):
    """Do a second of work in a process of its own that dies at `point`; return its exit status."""
    database = connection.settings_dict
    address = f"{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{address}",
        "DERMS_FAILPOINTS": f"{point}=kill",
        "DERMS_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings",
    }
    command = [sys.executable, "-W", "ignore", "-c", _RUN]
    return subprocess.run(
        command, cwd=ROOT, env=environment, timeout=60, check=False, capture_output=True
    ).returncode


def told_devices():
    facts = OutboxFact.objects.filter(topic="dispatch.devices_switched")
    return sorted(d["mrid"] for fact in facts for d in fact.payload["devices"])


def test_of_fifty_releases_exactly_one_counts(settings):
    settings.CONTROL_RELEASE_DEVICES = 0
    utility = Utility(3)
    row = services.create_control(data=control_of(utility), actor=actor())
    people = [actor() for _ in range(50)]

    def release(person):
        try:
            services.release_control(mrid=row.mrid, revision=1, actor=person)
        except RuleViolationError as error:
            return error.code
        else:
            return person.name
        finally:
            close_old_connections()
            connection.close()

    with ThreadPoolExecutor(25) as pool:
        results = list(pool.map(release, people))

    row.refresh_from_db()
    assert results.count("control_decided") == 49
    assert row.decided_by in results
    # The 49 are recorded by the doors they came through (tests/cim/test_one_record.py).
    done = AuditRecord.objects.filter(object_mrid=row.mrid, action="control.scheduled")
    assert done.count() == 1


@pytest.mark.parametrize(
    ("point", "commands"),
    [("control.started", 0), ("control.journaled", 0), ("control.committed", 6)],
)
def test_a_killed_start_is_done_once(point, commands):
    utility = Utility(6)
    row = services.create_control(data=control_of(utility), actor=actor())
    of_it = DeviceCommand.objects.filter(origin=row.journal_key)

    status = killed_run(point)
    after_kill = of_it.count()
    run(row)
    answer(row)

    assert (status, after_kill) == (-signal.SIGKILL, commands)
    assert run(row) == "completed"
    assert of_it.count() == 6
    assert told_devices() == sorted(d.mrid for d in utility.devices)


def test_a_killed_settlement_tells_of_each_device_once():
    utility = Utility(6)
    row = services.create_control(data=control_of(utility), actor=actor())
    run(row)
    answer(row, CommandState.REJECTED, devices=utility.devices[:2])
    answer(row)

    status = killed_run("control.settled")
    row.refresh_from_db()
    left = row.state
    run(row)
    run(row)

    assert (status, left) == (-signal.SIGKILL, "executing")
    assert (row.state, row.done, row.failed) == ("partly_failed", 4, 2)
    assert told_devices() == sorted(d.mrid for d in utility.devices)


def test_a_killed_restoration_is_done_once():
    utility = Utility(4)
    row = services.create_control(data=control_of(utility, duration_s=1), actor=actor())
    run(row)
    answer(row)
    run(row)
    type(row).objects.filter(pk=row.pk).update(end_at=row.created_at)

    status = killed_run("control.restoring")
    row.refresh_from_db()
    left = row.state
    run(row)
    answer(row)

    assert (status, left) == (-signal.SIGKILL, "holding")
    assert run(row) == "completed"
    assert DeviceCommand.objects.filter(origin=row.journal_key).count() == 8
