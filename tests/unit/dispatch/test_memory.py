import numpy as np

from dispatch.rules.memory import decode, encode


def test_remembers_only_what_matters_and_finds_it_again():
    ids = np.array([3, 5, 8, 9], dtype="int32")
    held = np.array([False, True, False, False])
    baseline = np.array([np.nan, np.nan, -400.0, np.nan])

    data = encode(ids, held, baseline)
    back, base = decode(data, np.array([8, 5, 1], dtype="int32"))

    assert len(data) == 2 * 13
    assert back.tolist() == [False, True, False]
    assert base[0] == -400
    assert np.isnan(base[1:]).all()


def test_nothing_remembered_is_nothing_stored():
    empty = np.zeros(0, dtype="int32")

    assert encode(empty, np.zeros(0, bool), np.zeros(0)) == b""
    assert decode(b"", np.array([1], dtype="int32"))[0].tolist() == [False]
