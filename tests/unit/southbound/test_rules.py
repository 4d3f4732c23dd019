import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derms.devices import choices as device_choices
from derms.southbound.contract import CommandKind, OperatingState
from derms.southbound.rules import links
from derms.southbound.rules.breaker import LONGEST_PAUSE_S, THRESHOLD, Breaker
from derms.southbound.rules.families import REPLACES
from derms.southbound.rules.rates import interval_range


def test_breaker_opens_after_repeated_silence_and_closes_on_an_answer():
    breaker = Breaker()

    for i in range(THRESHOLD):
        assert breaker.allows(float(i))
        breaker.note(answered=False, now=float(i))
    assert not breaker.allows(THRESHOLD - 1 + 1.9)
    assert breaker.allows(THRESHOLD - 1 + 2.0)
    breaker.note(answered=True, now=10.0)

    assert breaker == Breaker()


@given(st.lists(st.booleans(), max_size=60))
def test_breaker_never_waits_longer_than_its_longest_pause(answers):
    breaker = Breaker()

    for now, answered in enumerate(answers):
        breaker.note(answered=answered, now=float(now))

    assert breaker.allows(len(answers) + LONGEST_PAUSE_S)
    assert not answers or not answers[-1] or breaker.allows(0.0)


@pytest.mark.parametrize(
    ("state", "failures", "answered", "after", "lost", "back"),
    [
        (links.UNKNOWN, 0, True, links.UP, False, False),
        (links.UNKNOWN, 0, False, links.DEGRADED, False, False),
        (links.UP, 0, False, links.DEGRADED, False, False),
        (links.DEGRADED, 1, False, links.DEGRADED, False, False),
        (links.DEGRADED, 2, False, links.DOWN, True, False),
        (links.DOWN, 3, False, links.DOWN, False, False),
        (links.DEGRADED, 2, True, links.UP, False, False),
        (links.DOWN, 9, True, links.UP, False, True),
    ],
)
def test_link_after_a_poll(state, failures, answered, after, lost, back):
    change = links.next_links(
        state=np.array([state], dtype="int8"),
        failures=np.array([failures], dtype="int32"),
        answered=np.array([answered]),
    )

    assert (change.state[0], change.lost[0], change.back[0]) == (after, lost, back)
    assert change.failures[0] == (0 if answered else failures + 1)
    assert change.changed[0] == (state != after)


@given(st.sets(st.integers(1, 3600), min_size=1, max_size=6), st.integers(1, 86_400))
def test_every_interval_belongs_to_exactly_one_rate(rates, interval_s):
    serving = [
        rate
        for rate in rates
        if interval_range(rate, list(rates))[0] <= interval_s < interval_range(rate, list(rates))[1]
    ]

    assert len(serving) == 1
    assert serving[0] <= interval_s or serving[0] == min(rates)


def test_every_command_replaces_at_least_itself():
    assert all(kind in REPLACES[kind] for kind in CommandKind)


def test_operating_states_are_numbered_as_the_register_stores_them():
    ours = {state.name: state.value for state in OperatingState}
    theirs = {state.name: state.value for state in device_choices.OperatingState}

    assert ours == theirs
