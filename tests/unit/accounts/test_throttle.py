"""How long callers with bad proofs have to wait, counted in a real Valkey."""

import time

import pytest

from derms.accounts import throttle
from derms.accounts.throttle import Call
from derms.core import valkey

HERE, THERE = "10.0.0.1", "10.0.0.2"


@pytest.fixture(autouse=True)
def _few(settings):
    settings.CALL_REFUSALS = 3
    for key in valkey.client().scan_iter("derms:call:*"):
        valkey.client().delete(key)


def refuse(client_id, address, times):
    return [throttle.note_refusal(Call(client_id, address)) for _ in range(times)]


def wait(client_id, address):
    return throttle.hear(Call(client_id, address)).wait_s


def test_after_three_bad_proofs_a_client_waits(settings):
    assert refuse("dms", HERE, 3) == [0, 0, 0]

    assert 0 < throttle.note_refusal(Call("dms", HERE)) <= settings.CALL_REFUSAL_WINDOW_S
    assert 0 < wait("dms", HERE) <= settings.CALL_REFUSAL_WINDOW_S


def test_neither_another_address_nor_another_client_waits():
    refuse("dms", HERE, 3)

    assert wait("dms", THERE) == 0
    assert wait("aggregator", HERE) == 0


def test_one_address_cannot_try_many_names():
    for number in range(15):
        refuse(f"client{number}", HERE, 1)

    assert wait("yet another", HERE) > 0
    assert wait("yet another", THERE) == 0


def test_who_is_at_home_is_always_heard():
    throttle.note_admission(Call("dms", HERE))
    refuse("dms", HERE, 20)

    assert throttle.hear(Call("dms", HERE)) == throttle.Hearing(0, is_known=True)
    assert wait("somebody", HERE) > 0, "the address has used up its tries"


def test_waiting_ends_with_the_window():
    refuse("dms", HERE, 3)
    assert wait("dms", HERE) > 0

    for key in Call("dms", HERE).counters:
        assert valkey.client().ttl(key) > 0
        valkey.client().pexpire(key, 1)
    time.sleep(0.02)
    assert wait("dms", HERE) == 0
    assert refuse("dms", HERE, 1) == [0]


def test_without_valkey_everybody_is_heard(monkeypatch):
    monkeypatch.setattr(throttle.valkey, "client", _broken)

    assert throttle.hear(Call("dms", HERE)) == throttle.Hearing()
    assert refuse("dms", HERE, 5) == [0] * 5
    throttle.note_admission(Call("dms", HERE))


def _broken():
    import redis

    return redis.Redis(port=1, socket_connect_timeout=0.2)
