"""The oracle sees each broken promise; a check that cannot fail would prove nothing."""

import pytest

from tests.chaos.oracle import Row, Write, violations


def row(state, revision=1, settled=100.0):
    return Row("A", revision, state, "", "", settled)


def judge(rows, writes, promised=None, reboots=()):
    counts = {r.revision: 1 for r in rows} if promised is None else promised
    return violations(rows, writes, promised=counts, reboots=reboots)


def test_a_command_applied_once_is_fine():
    assert judge([row("active")], [Write("A", 1, 99.0)]) == []


@pytest.mark.parametrize(
    ("rows", "writes", "words"),
    [
        ([row("active")], [], "never applied"),
        ([row("active")], [Write("A", 1, 98.0), Write("A", 1, 99.0)], "applied 2 times"),
        ([row("unknown")], [], "never settled"),
        ([row("leased")], [Write("A", 1, 99.0)], "never settled"),
        ([row("expired")], [Write("A", 1, 99.0)], "applied all the same"),
        ([row("failed")], [Write("A", 1, 99.0)], "although the device held it"),
        ([row("failed")], [Write("A", 1, 101.0)], "after it had been given up"),
        ([], [Write("A", 1, 99.0)], "never journaled"),
        (
            [row("active", 1), row("active", 2)],
            [Write("A", 2, 98.0), Write("A", 1, 99.0)],
            "r1 came after r2",
        ),
    ],
)
def test_names_what_was_broken(rows, writes, words):
    assert any(words in text for text in judge(rows, writes))


def test_a_revision_missing_from_the_journal_is_named():
    assert "1 commands promised, 0 in the journal" in judge([], [], promised={3: 1})[0]


def test_a_device_that_rebooted_may_have_forgotten():
    assert judge([row("failed")], [Write("A", 1, 99.0)], reboots=[99.5]) == []
