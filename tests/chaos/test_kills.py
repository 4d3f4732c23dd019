"""Kill -9 of any process loses no device command and doubles none; see `tests/chaos/__main__`."""

import json
import subprocess
import sys

import pytest

from tests.chaos.world import ROOT


def torment(kills, seed, timeout_s):
    command = [sys.executable, "-m", "tests.chaos", "--kills", str(kills), "--seed", str(seed)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.stdout, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["violations"] == []
    assert done.returncode == 0
    assert result["kills"] >= kills
    assert result["writes"] >= 40
    return result


def test_no_command_is_lost_or_doubled_by_a_few_kills():
    torment(kills=4, seed=7, timeout_s=110)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_command_is_lost_or_doubled_by_200_kills():
    result = torment(kills=200, seed=1, timeout_s=3500)

    assert all(result["deaths"][name] > 0 for name in ("worker-a", "worker-b", "postgres"))
    assert all(result["deaths"][name] > 0 for name in ("valkey", "simulator", "beat"))
