import numpy as np

from dispatch.rules.precedence import Rank, share_out


def ids(*keys):
    return np.array(keys, dtype="int32")


def test_priority_comes_first_then_the_later_one():
    ranks = [Rank.of(3, 1), Rank.of(3, 2), Rank.of(1, 0), Rank.of(5, 9)]

    assert sorted(range(4), key=ranks.__getitem__) == [2, 1, 0, 3]


def test_the_stronger_dispatch_takes_shared_devices():
    weak, strong = ids(1, 2, 3), ids(2, 3, 4)

    got = share_out([weak, strong], [Rank.of(3, 1), Rank.of(2, 0)])

    assert [g.tolist() for g in got] == [[True, False, False], [True, True, True]]


def test_nobody_wants_anything():
    assert share_out([], []) == []
    assert share_out([ids()], [Rank.of(1, 1)])[0].size == 0
