"""numpy arrays to and from PostgreSQL in its binary formats: COPY in, arrays out, parameters.

For every room that moves more than a few hundred rows. The ORM's bulk_create runs at 1-5 % of
COPY; these three functions run at its speed, because rows are laid out by numpy and no Python
object is made per row. Times are `datetime64[us]` arrays, UTC. NULL is not supported in arrays:
select `coalesce(x, 'NaN')` and the like.

Source: PostgreSQL manual, COPY, "Binary Format"; src/backend/utils/adt/arrayfuncs.c (array_recv).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import psycopg
from django.db import connections
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

Array = NDArray[Any]

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = b"\xff\xff"
# PostgreSQL counts microseconds from 2000-01-01.
_EPOCH_2000_US = np.datetime64("2000-01-01", "us").astype("int64")
# numpy type -> PostgreSQL type name, type number, wire type.
_TYPES = {
    "bool": ("bool", 16, "u1"),
    "int16": ("int2", 21, ">i2"),
    "int32": ("int4", 23, ">i4"),
    "int64": ("int8", 20, ">i8"),
    "float32": ("float4", 700, ">f4"),
    "float64": ("float8", 701, ">f8"),
    "datetime64[us]": ("timestamptz", 1184, ">i8"),
    "|V16": ("uuid", 2950, "V16"),
}


def _wire(values: Array) -> Array:
    if values.dtype.kind == "M":
        return cast("Array", values.astype("M8[us]").view("int64") - _EPOCH_2000_US)
    return values


def _spec(values: Array) -> tuple[str, int, str]:
    try:
        return _TYPES[str(values.dtype)]
    except KeyError:
        raise TypeError(f"no PostgreSQL type for arrays of {values.dtype}") from None


def encode_copy(columns: Mapping[str, Array]) -> bytes:
    """Lay out equally long columns as one binary COPY stream.

    Args:
        columns: Column name to array [n], in the order of the COPY column list.

    Raises:
        TypeError: an array has a type without a PostgreSQL twin.
        ValueError: lengths differ.
    """
    arrays = list(columns.values())
    if len({len(values) for values in arrays}) != 1:
        raise ValueError("columns of one COPY must be equally long")
    layout: list[tuple[str, str]] = [("n", ">i2")]
    for i, values in enumerate(arrays):
        layout += [(f"l{i}", ">i4"), (f"v{i}", _spec(values)[2])]
    rows = np.empty(len(arrays[0]), dtype=layout)
    rows["n"] = len(arrays)
    for i, values in enumerate(arrays):
        rows[f"l{i}"] = rows.dtype[f"v{i}"].itemsize
        rows[f"v{i}"] = _wire(values)
    return b"".join((_HEADER, rows.tobytes(), _TRAILER))


def copy_in(table: str, columns: Mapping[str, Array], *, using: str = "default") -> int:
    """COPY equally long columns into `table` and return the number of rows.

    Args:
        table: Table name; never from outside input.
        columns: Column name to array [n].
        using: Django database alias; the current transaction of it is used.

    Raises:
        psycopg.errors.UniqueViolation, CheckViolation, ...: as PostgreSQL says; nothing is
            written, and the transaction needs a rollback to a savepoint.
    """
    names = ", ".join(columns)
    with connections[using].cursor() as cursor:
        sql = f"COPY {table} ({names}) FROM STDIN (FORMAT binary)"
        with cursor.copy(sql) as copy:
            copy.write(encode_copy(columns))
        return int(cursor.rowcount)


def copy_out(query: str, columns: Mapping[str, str], *, using: str = "default") -> dict[str, Array]:
    """Return the rows of `query` as one array per column.

    The server packs each column into one array, so a hundred thousand rows arrive as a handful
    of values: COPY TO hands every row to Python and takes forty times the processor time.

    Args:
        query: SELECT whose columns have exactly the types of `columns`, none NULL; never built
            from outside input except through `int_list`.
        columns: Column name to numpy type name (`int32`, `float64`, `datetime64[us]`, ...).
        using: Django database alias.

    Raises:
        ValueError: the rows do not have the layout asked for (a NULL or another type).
    """
    connection = connections[using]
    connection.ensure_connection()
    cursor: psycopg.Cursor[tuple[bytes | None, ...]] = psycopg.Cursor(connection.connection)
    for oid in _ARRAY_OIDS:
        cursor.adapters.register_loader(oid, _RawLoader)
    names = [f"c{i}" for i in range(len(columns))]
    packed = ", ".join(f"array_agg({name})" for name in names)
    row = cursor.execute(
        f"SELECT {packed} FROM ({query}) AS q({', '.join(names)})",
        binary=True,
    ).fetchone()
    return {
        column: _unpack(column, data, dtype)
        for (column, dtype), data in zip(columns.items(), row or (), strict=True)
    }


class _RawLoader(Loader):
    """Leaves an array in PostgreSQL's binary format."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


# Arrays of bool, int2, int4, int8, float4, float8, timestamptz, uuid.
_ARRAY_OIDS = (1000, 1005, 1007, 1016, 1021, 1022, 1185, 2951)
_ARRAY_HEAD = struct.Struct(">iiIii")  # dimensions, has NULL, element type, length, first index


def _unpack(column: str, data: bytes | None, dtype: str) -> Array:
    if data is None:
        return np.zeros(0, dtype=dtype)
    _, oid, wire = _TYPES[dtype]
    if not isinstance(data, bytes) or _ARRAY_HEAD.unpack_from(data)[1:3] != (0, oid):
        raise ValueError(f"column {column} is NULL somewhere or not {dtype}")
    values = np.frombuffer(data, dtype=[("l", ">i4"), ("v", wire)], offset=_ARRAY_HEAD.size)["v"]
    if dtype == "datetime64[us]":
        return cast("Array", (values.astype("int64") + _EPOCH_2000_US).view("M8[us]"))
    return values.astype(dtype)


def int_list(values: Array | Sequence[int]) -> str:
    """Render whole numbers as an SQL literal `'{1,2,3}'`, safe because they are numbers."""
    return "'{" + ",".join(map(str, np.asarray(values, dtype="int64").tolist())) + "}'"


class _ArrayParameter:
    """A numpy array already in PostgreSQL's binary array format."""

    __slots__ = ("data",)

    def __init__(self, values: Array) -> None:
        _, oid, wire = _spec(values)
        body = np.empty(len(values), dtype=[("l", ">i4"), ("v", wire)])
        body["l"] = body.dtype["v"].itemsize
        body["v"] = _wire(values)
        dimensions = 1 if len(values) else 0
        head = struct.pack(">iiI", dimensions, 0, oid)
        if dimensions:
            head += struct.pack(">ii", len(values), 1)
        self.data = head + body.tobytes()


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _ArrayParameter) -> Buffer | None:
        return obj.data


def unnest(columns: Mapping[str, Array], alias: str = "new") -> str:
    """Return the SQL `unnest(%(a)s::int4[], ...) AS alias(a, ...)` for `execute`."""
    parts = ", ".join(f"%({name})s::{_spec(values)[0]}[]" for name, values in columns.items())
    return f"unnest({parts}) AS {alias}({', '.join(columns)})"


def execute(
    sql: str, parameters: Mapping[str, Any] | None = None, *, using: str = "default"
) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run `sql` with parameters bound by the server; numpy arrays go as binary arrays.

    Django's own cursor writes parameters into the text of the statement, which costs more than
    the statement itself for arrays of thousands.

    Args:
        sql: Statement with `%(name)s` places; arrays need a cast as `unnest` writes it.
        parameters: Values; numpy arrays of the types above or anything psycopg knows.
        using: Django database alias; runs inside its current transaction.

    Returns:
        The executed cursor: `fetchall()`, `rowcount`.
    """
    connection = connections[using]
    # As Django's own cursor does: a connection the server has dropped is replaced, not used.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: psycopg.Cursor[tuple[Any, ...]] = psycopg.Cursor(connection.connection)
    cursor.adapters.register_dumper(_ArrayParameter, _ArrayDumper)
    bound = {
        name: _ArrayParameter(value) if isinstance(value, np.ndarray) else value
        for name, value in (parameters or {}).items()
    }
    return cursor.execute(sql, bound or None)
