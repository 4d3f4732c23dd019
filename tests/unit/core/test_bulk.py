import numpy as np
import psycopg
import pytest
from django.db import connection, transaction

from derms.core import bulk

COLUMNS = {
    "a": np.array([1, -2, 2**31 - 1], dtype="int32"),
    "b": np.array([True, False, True]),
    "c": np.array([0.1, np.inf, np.nan]),
    "d": np.array(["1970-01-01", "2026-11-21T01:02:03.000004", "1999-12-31"], dtype="M8[us]"),
    "e": np.array([-(2**63), 0, 2**63 - 1], dtype="int64"),
    "f": np.array([-1, 0, 7], dtype="int16"),
}


@pytest.fixture
def table(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE bulk_test "
            "(a int4 UNIQUE, b bool, c float8, d timestamptz, e int8, f int2) ON COMMIT DROP"
        )
    return "bulk_test"


def read(table):
    return bulk.copy_out(
        f"SELECT a, b, c, d, e, f FROM {table} ORDER BY f",
        {
            "a": "int32",
            "b": "bool",
            "c": "float64",
            "d": "datetime64[us]",
            "e": "int64",
            "f": "int16",
        },
    )


def test_copy_there_and_back(table):
    assert bulk.copy_in(table, COLUMNS) == 3

    for name, values in read(table).items():
        np.testing.assert_array_equal(values, COLUMNS[name])
        assert values.flags.writeable


def test_arrays_as_parameters(table):
    sql = f"INSERT INTO {table} SELECT * FROM {bulk.unnest(COLUMNS)}"

    assert bulk.execute(sql, COLUMNS).rowcount == 3

    for name, values in read(table).items():
        np.testing.assert_array_equal(values, COLUMNS[name])


def test_nothing_goes_there_and_back(table):
    empty = {name: values[:0] for name, values in COLUMNS.items()}

    assert bulk.copy_in(table, empty) == 0
    sql = f"INSERT INTO {table} SELECT * FROM {bulk.unnest(empty)}"
    assert bulk.execute(sql, empty).rowcount == 0

    assert [len(values) for values in read(table).values()] == [0] * 6


def test_null_is_not_taken_for_a_value(table):
    bulk.execute(f"INSERT INTO {table} VALUES (1, true, NULL, now(), 1, 1)")

    with pytest.raises(ValueError, match="NULL"):
        read(table)


def test_broken_constraint_says_so(table):
    twice = {name: values[[0, 0]] for name, values in COLUMNS.items()}

    with pytest.raises(psycopg.errors.UniqueViolation), transaction.atomic():
        bulk.copy_in(table, twice)

    assert len(read(table)["a"]) == 0


def test_refuses_columns_it_cannot_send(table):
    with pytest.raises(ValueError, match="equally long"):
        bulk.encode_copy({"a": np.zeros(1), "b": np.zeros(2)})
    with pytest.raises(TypeError):
        bulk.encode_copy({"a": np.array(["text"])})


def test_numbers_as_a_literal(db):
    sql = f"SELECT {bulk.int_list([3, 1, -2])}::int4[]"

    assert bulk.execute(sql).fetchall() == [([3, 1, -2],)]
