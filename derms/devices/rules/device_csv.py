"""The devices CSV: bytes to rows, with everything that can be wrong with a file.

For imports. UTF-8, comma, one header line with exactly the columns of `device_rows.COLUMNS` in
any order.
Source: RFC 4180; guard against formulas OWASP "CSV Injection".
"""

import csv
import io
from dataclasses import dataclass

from derms.core.errors import InvalidInputError, TooLargeError
from derms.devices.rules.device_rows import (
    COLUMNS,
    Columns,
    RowError,
    check_rows,
    check_unique,
    parse_cells,
)

MAX_BYTES = 64 * 2**20
MAX_ROWS = 250_000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """A file read and checked.

    Attributes:
        values: Typed columns of all rows whose cells could be split, [n].
        rows: Row numbers as a spreadsheet counts them, [n]; the header is 1.
        errors: What is wrong, by row number.
        count: Rows in the file, bad ones included.
    """

    values: Columns
    rows: list[int]
    errors: list[RowError]
    count: int


def read_devices(content: bytes) -> DeviceFile:
    """Read and check a devices CSV.

    Raises:
        InvalidInputError: the file as a whole cannot be read; nothing is known of its rows.
        TooLargeError: more bytes or rows than allowed.
    """
    records = _split(_decode(content))
    header = records[0] if records else []
    order = _columns(header)
    errors: list[RowError] = []
    good, rows = [], []
    for row, record in enumerate(records[1:], start=2):
        if len(record) == len(COLUMNS):
            good.append(record)
            rows.append(row)
        elif record:  # a blank line is nothing
            text = f"The row has {len(record)} cells, the header has {len(COLUMNS)}."
            errors.append(RowError(row, "", "cells", text))
    count = len(rows) + len(errors)
    columns = list(zip(*good, strict=True)) if good else [()] * len(COLUMNS)
    cells = {name: columns[place] for name, place in order.items()}
    values, problems = parse_cells(cells, rows)
    errors += problems
    spoilt = {error.row for error in problems}
    # A row that could not be read would only be blamed again for the defaults put in.
    errors += [error for error in check_rows(values, rows) if error.row not in spoilt]
    errors += check_unique(values, rows)
    errors.sort(key=lambda error: error.row)
    return DeviceFile(values, rows, errors, count)


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise TooLargeError(f"The file is larger than {MAX_BYTES // 2**20} MiB.")
    if content.startswith(_UTF16):
        raise InvalidInputError("The file is UTF-16; save it as CSV UTF-8.", code="encoding")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(
            f"The file is not UTF-8 (line {line}); save it as CSV UTF-8.",
            code="encoding",
            line=line,
        ) from error
    if "\0" in text:
        raise InvalidInputError("The file holds NUL characters; it is not a CSV.", code="encoding")
    if not text.strip():
        raise InvalidInputError("The file is empty.", code="empty")
    return text


def _split(text: str) -> list[list[str]]:
    records = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for record in reader:
            records.append(record)
            if len(records) > MAX_ROWS + 1:
                raise TooLargeError(f"The file has more than {MAX_ROWS} rows.")
    except csv.Error as error:
        raise InvalidInputError(
            f"The file is not a CSV: {error} (line {reader.line_num}).",
            code="not_csv",
            line=reader.line_num,
        ) from error
    return records


def _columns(header: list[str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    unknown = sorted(set(names) - set(COLUMNS))
    twice = sorted({name for name in names if names.count(name) > 1})
    for said, found in (("lacks", missing), ("does not know", unknown), ("repeats", twice)):
        if found:
            listed = ", ".join(name[:40] for name in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise InvalidInputError(
                f"The header {said} {listed}{more}.", code="header", columns=found[:50]
            )
    return {name: names.index(name) for name in COLUMNS}
