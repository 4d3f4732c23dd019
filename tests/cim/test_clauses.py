"""The page of the standard answers for every clause, operation, code and row."""

import re
import tomllib

import pytest

from derms.cim import envelope
from derms.cim.operations import OPERATIONS
from tests.architecture.test_traceability import ROOT, rows

PAGE = ROOT / "docs" / "standards" / "61968-5.md"
PAGE_9 = ROOT / "docs" / "standards" / "61968-9.md"
with (PAGE.parent / "clauses.toml").open("rb") as file:
    CLAUSES = tomllib.load(file)
ROWS = [row for page in (PAGE, PAGE_9) for _, row in rows(page)]


def first_cells(row):
    """Return what a row is about: all before Module, without the word of what is done."""
    told = [
        value for name, value in row.items() if name not in ("Module", "Test", "What", "Answer")
    ]
    return " | ".join(told)


ABOUT = [first_cells(row) for row in ROWS]


@pytest.mark.parametrize(
    "clause", [clause for part in CLAUSES.values() for clause in part["clauses"]]
)
def test_every_clause_has_a_row(clause):
    assert [about for about in ABOUT if re.search(rf"(?<![\w-]){re.escape(clause)}(?!\w)", about)]


@pytest.mark.parametrize("operation", [operation.name for operation in OPERATIONS])
def test_every_operation_has_a_row(operation):
    assert [about for about in ABOUT if re.search(rf"\b{operation}\b", about)]


def test_every_code_has_a_row_and_a_reason():
    told = {row["Code"] for row in ROWS if "Code" in row}
    sources = [
        path.read_text()
        for room in ("derms", "groups", "dispatch", "forecasting", "customers")
        for path in (ROOT / room).rglob("*.py")
        if "conformance" not in path.parts
    ]
    raised = set(re.findall(r"cim_code\b[^=\n]{0,6}= ?\"(\d+\.\d+)\"", "\n".join(sources)))

    assert raised <= set(envelope._REASONS)
    assert told == set(envelope._REASONS) | {"0.0"}


def test_every_row_of_the_validation_table_has_a_row():
    assert {row["Row"] for row in ROWS if "Row" in row} == {str(n) for n in range(1, 23)}
