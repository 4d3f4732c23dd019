"""Differences in one sentence: the element and the rule it breaks.

Built from what the schema validator says of an element; the validator's own words are for people
who know XML Schema.
"""

import re
from collections.abc import Sequence

_NAME = re.compile(r"\{[^{}]*\}")
_EXPECTED = re.compile(r"Expected is(?: one of)? \( (.+) \)")
_ENUMERATION = re.compile(r"The value '(.*)' is not an element of the set \{(.+)\}", re.DOTALL)
_TYPE = re.compile(r"'(.*)' is not a valid value of the (?:atomic|local atomic|union) type", re.S)
_TYPE_NAME = re.compile(r"type '(?:\{[^}]*\})?([^']+)'")
_ATTRIBUTE = re.compile(r"The attribute '([^']+)' (is required but missing|is not allowed)")
_MOST_LISTED = 8


def sentence_of(said: str, path: Sequence[str], siblings: Sequence[str], verb: str) -> str:
    """Return what is wrong in a message.

    Args:
        said: Sentence of the schema validator.
        path: Local names from the profile's root to the element it speaks of.
        siblings: Local names of the children of that element's parent.
        verb: Verb of the message.
    """
    where, parent = "/".join(path), "/".join(path[:-1])
    expected = _EXPECTED.search(said)
    if "Missing child element" in said and expected:
        return f"{where}/{_last(expected)} is missing: mandatory on {verb}"
    if "This element is not expected" in said:
        return _unexpected(path, siblings, verb, expected)
    if found := _ENUMERATION.search(said):
        return f"{where} is {found[1]!r}: allowed are {_few(found[2])}"
    if found := _TYPE.search(said):
        kind = _TYPE_NAME.search(said)
        return f"{where} is {found[1]!r}: not a valid {kind[1] if kind else 'value'}"
    if found := _ATTRIBUTE.search(said):
        return f"{where}/@{found[1]} {found[2]}"
    return f"{where or parent}: {_NAME.sub('', said)}"


def _unexpected(
    path: Sequence[str], siblings: Sequence[str], verb: str, expected: re.Match[str] | None
) -> str:
    where, parent, name = "/".join(path), "/".join(path[:-1]), path[-1]
    if expected is None:
        return f"{where} is not allowed there: the standard has no such element after those before"
    wanted = _last(expected)
    if wanted in siblings:
        return f"{where} is in the wrong place: {wanted} comes before {name}"
    return f"{parent}/{wanted} is missing: mandatory on {verb} before {name}"


def _last(expected: re.Match[str]) -> str:
    """Return the last of the elements expected: those before it are optional."""
    return _NAME.sub("", expected[1]).split(",")[-1].strip()


def _few(allowed: str) -> str:
    values = [value.strip().strip("'") for value in allowed.split(",")]
    more = f" and {len(values) - _MOST_LISTED} more" if len(values) > _MOST_LISTED else ""
    return ", ".join(values[:_MOST_LISTED]) + more


def seconds_text(drift_s: float) -> str:
    """Return a difference of clocks in words: `600 s behind`."""
    return f"{abs(drift_s):.0f} s {'ahead of' if drift_s > 0 else 'behind'}"
