"""A tick killed with SIGKILL at any point: the next one carries on, nothing lost or doubled."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from derms.southbound.models import DeviceCommand
from dispatch import services
from dispatch.models import DispatchEvent, GroupDispatch
from dispatch.services import tick
from tests.factories.accounts import actor
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
_TICK = "import django; django.setup(); from dispatch import services; print(services.run_tick())"


@pytest.fixture(autouse=True)
def quick_devices(settings):
    settings.DISPATCH_RESPONSE_S = 0.0
    tick._tracks.clear()
    tick._members.clear()


def killed_tick(point):
    """Run one tick in a process of its own that dies at `point`; return its exit status."""
    database = connection.settings_dict
    address = f"{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{address}",
        "DERMS_FAILPOINTS": f"{point}=kill",
        "DERMS_DISPATCH_RESPONSE_S": "0",
        "DERMS_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings",
    }
    command = [sys.executable, "-W", "ignore", "-c", _TICK]
    return subprocess.run(
        command, cwd=ROOT, env=environment, timeout=60, check=False, capture_output=True
    ).returncode


@pytest.mark.parametrize(
    ("point", "revision", "commands"),
    [
        ("dispatch.activated", 0, 0),
        ("dispatch.revision_taken", 1, 0),
        ("dispatch.journaled", 1, 0),
        ("dispatch.committed", 2, 6),
    ],
)
def test_a_killed_tick_loses_and_doubles_nothing(point, revision, commands):
    utility = Utility(6)
    row = services.create_dispatch(data=utility.data(30_000.0), actor=actor())
    of_it = DeviceCommand.objects.filter(origin=row.journal_key)

    status = killed_tick(point)
    row.refresh_from_db()
    after_kill = row.revision, of_it.count()
    for _ in range(3):
        services.run_tick()
        utility.step()

    assert status == -signal.SIGKILL
    assert after_kill == (revision, commands)
    row.refresh_from_db()
    assert (row.state, row.revision) == ("active", 2)
    assert of_it.count() == 6
    assert utility.output.sum() == pytest.approx(30_000)
    kinds = list(DispatchEvent.objects.filter(dispatch=row).values_list("kind", flat=True))
    assert kinds.count("active") == kinds.count("planned") == 1


def test_a_killed_end_releases_every_device_once():
    utility = Utility(6)
    row = services.create_dispatch(data=utility.data(30_000.0), actor=actor())
    for _ in range(2):
        services.run_tick()
        utility.step()
    GroupDispatch.objects.filter(pk=row.pk).update(end_at=row.start_at)

    status = killed_tick("dispatch.ended")
    row.refresh_from_db()
    left = row.state
    for _ in range(2):
        services.run_tick()
        utility.step()

    assert (status, left) == (-signal.SIGKILL, "active")
    row.refresh_from_db()
    assert row.state == "completed"
    assert DeviceCommand.objects.filter(origin=row.journal_key, kind=6).count() == 6
    assert utility.output.sum() == 0
