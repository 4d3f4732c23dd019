import pytest

from dispatch.choices import DispatchState as S
from dispatch.rules.dispatch_states import NEXT, OPEN, TERMINAL, may_follow, sources_of


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (S.SCHEDULED, S.ACTIVE, True),
        (S.SCHEDULED, S.EXPIRED, True),
        (S.SCHEDULED, S.COMPLETED, False),
        (S.ACTIVE, S.ENDING, True),
        (S.ACTIVE, S.CANCELLED, True),
        (S.ACTIVE, S.SUPERSEDED, True),
        (S.ACTIVE, S.SCHEDULED, False),
        (S.ENDING, S.COMPLETED, True),
        (S.ENDING, S.CANCELLED, False),
        (S.COMPLETED, S.ACTIVE, False),
        (S.CANCELLED, S.ACTIVE, False),
    ],
)
def test_allows_only_the_steps_of_the_table(old, new, allowed):
    assert may_follow(old, new) is allowed
    assert (old in sources_of(new)) is allowed


def test_every_state_is_in_the_table_and_reaches_an_end():
    assert set(NEXT) == set(S)
    assert {S.SCHEDULED, S.ACTIVE, S.ENDING} == OPEN
    for state in OPEN:
        seen, front = set(), {state}
        while front - seen:
            seen |= front
            front = set().union(*(NEXT[s] for s in front))
        assert seen & TERMINAL
