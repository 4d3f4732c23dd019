"""What a device row must look like: one home for CSV rows and for single devices.

Columns in, errors out; a single device is a table of one row. Text is turned into values by
`parse_cells`, values are checked by `check_rows`.
Source: columns are ours (docs/devices-csv.md); ratings IEEE 1547-2018 table 28.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Columns = dict[str, list[Any]]

KINDS = ("pv", "battery", "ev_charger", "load", "genset", "wind", "other")
LIFECYCLE_STATES = ("planned", "registered", "suspended", "retired")
PHASES = ("ABC", "AB", "BC", "AC", "A", "B", "C", "s12")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TEXT = re.compile(r"[^\x00-\x1f\x7f]+")
_MRID = re.compile(r"[A-Za-z0-9._:~-]+")
# The same for a whole column at once, cells joined by line feeds: anything worth a closer look.
_TEXT_SUSPECT = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]|^\s|\s$", re.MULTILINE)
_MRID_SUSPECT = re.compile(r"[^A-Za-z0-9._:~\n-]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Nothing on a distribution grid is rated above this: 10 GW, or 10 GWh.
_LARGEST = 1e10
# A cell a spreadsheet would run as a formula, after any number of quotes of ours.
_FORMULA = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing wrong with one row.

    Attributes:
        row: Row as a spreadsheet counts it: the header is 1. For a single device 0.
        column: Column name; empty when the whole row is meant.
        code: snake_case code for machines.
        message: One sentence for the person who made the file.
    """

    row: int
    column: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Field:
    """What one column holds.

    Attributes:
        parse: Text to value; raises ValueError with the sentence to show.
        default: Value of an empty cell; `...` = must not be empty.
        low: Least number allowed.
        high: Greatest number allowed.
        length: Longest text allowed.
        pattern: What the whole text must match.
        suspect: What no cell may hold, for a look at all cells at once.
    """

    parse: Callable[[str], Any]
    default: Any = None
    low: float | None = None
    high: float = _LARGEST
    length: int = 0
    pattern: re.Pattern[str] = _TEXT
    suspect: re.Pattern[str] = _TEXT_SUSPECT


def _text(cell: str) -> str:
    return cell[1:] if cell[0] == "'" and _FORMULA.match(cell) else cell


def _number(cell: str) -> float:
    # float() alone would take nan, inf, 1_000 and digits of other scripts.
    if not _NUMBER.fullmatch(cell):
        raise ValueError(f"{cell[:40]!r} is not a number.")
    return float(cell)


def _whole(cell: str) -> int:
    if not re.fullmatch(r"\d{1,9}", cell, re.ASCII):
        raise ValueError(f"{cell[:40]!r} is not a whole number.")
    return int(cell)


def _flag(cell: str) -> bool:
    try:
        return _FLAGS[cell.lower()]
    except KeyError:
        raise ValueError(f"{cell[:40]!r} is neither true nor false.") from None


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(cell: str) -> str:
        if cell not in values:
            raise ValueError(f"{cell[:40]!r} is not one of {', '.join(values)}.")
        return cell

    return parse


def _rating(default: Any = None) -> Field:
    return Field(_number, default=default, low=0)


FIELDS: dict[str, Field] = {
    "mrid": Field(_text, default="", length=128, pattern=_MRID, suspect=_MRID_SUSPECT),
    "name": Field(_text, default=..., length=120),
    "kind": Field(_one_of(*KINDS), default=...),
    "owner": Field(_text, default=..., length=120),
    "feeder": Field(_text, default="", length=80),
    "transformer": Field(_text, default="", length=80),
    "usage_point": Field(_text, default="", length=80),
    "phase": Field(_one_of(*PHASES), default="ABC"),
    "import_limit_w": _rating(),
    "export_limit_w": _rating(),
    "protocol": Field(_text, default="", length=32),
    "address": Field(_text, default="", length=200),
    "poll_interval_s": Field(_whole, default=5, low=1, high=86_400),
    "rated_w": _rating(0.0),
    "rated_charge_w": _rating(0.0),
    "rated_va": _rating(),
    "rated_var_injected": _rating(0.0),
    "rated_var_absorbed": _rating(0.0),
    "rated_wh": _rating(),
    "ramp_w_per_s": _rating(),
    "rated_voltage_v": _rating(),
    "normal_category": Field(_one_of("A", "B"), default=""),
    "abnormal_category": Field(_one_of("I", "II", "III"), default=""),
    "manufacturer": Field(_text, default="", length=80),
    "model": Field(_text, default="", length=80),
    "serial_number": Field(_text, default="", length=80),
    "lifecycle_state": Field(_one_of(*LIFECYCLE_STATES), default="planned"),
    "eligible": Field(_flag, default=False),
}
COLUMNS = tuple(FIELDS)


def parse_cells(
    cells: Mapping[str, Sequence[str]], rows: Sequence[int]
) -> tuple[Columns, list[RowError]]:
    """Turn text cells into values.

    Args:
        cells: Column name to cells [n]; all of `COLUMNS`.
        rows: Row numbers [n] for the errors.

    Returns:
        Values, the default where a cell was empty or bad; errors.
    """
    values: Columns = {}
    errors: list[RowError] = []
    for name, field in FIELDS.items():
        column = cells[name]
        if field.parse is _text and _is_plain(column, field):
            values[name] = list(column)
            continue
        # Each different text is parsed once: most columns hold few (kind, owner, ratings).
        known: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for cell in set(column):
            known[cell], problem = _parse_cell(cell, field)
            if problem:
                problems[cell] = problem
        values[name] = list(map(known.__getitem__, column))
        if problems:
            errors += [
                RowError(row, name, "required" if not cell else "invalid", problems[cell])
                for row, cell in zip(rows, column, strict=True)
                if cell in problems
            ]
    return values, errors


def _is_plain(column: Sequence[str], field: Field) -> bool:
    """Say whether text needs no parsing: no quote of ours in it, none missing."""
    return "'" not in "".join(column) and (field.default is not ... or "" not in column)


def _parse_cell(cell: str, field: Field) -> tuple[Any, str]:
    fallback = "" if field.default is ... else field.default
    if not cell:
        return fallback, "A value is needed." if field.default is ... else ""
    try:
        return field.parse(cell), ""
    except ValueError as error:
        return fallback, str(error)


def check_rows(values: Columns, rows: Sequence[int]) -> list[RowError]:
    """Check ranges, lengths and what columns must say together.

    Args:
        values: All of `COLUMNS`, equally long [n]; `rated_va` is filled in where it is None.
        rows: Row numbers [n] for the errors.
    """
    errors: list[RowError] = []
    for name, field in FIELDS.items():
        if field.low is not None:
            _check_range(name, field, values[name], rows, errors)
        elif field.length:
            _check_text(name, field, values[name], rows, errors)
    values["rated_va"] = [
        max(w, c) if va is None else va
        for va, w, c in zip(
            values["rated_va"], values["rated_w"], values["rated_charge_w"], strict=True
        )
    ]
    _check_together(values, rows, errors)
    return errors


def _check_range(
    name: str, field: Field, column: list[Any], rows: Sequence[int], errors: list[RowError]
) -> None:
    numbers = np.array(column, dtype="float64")  # None becomes NaN, which is neither
    outside = (numbers < field.low) | (numbers > field.high)
    text = f"Must lie between {field.low:g} and {field.high:g}."
    errors += [
        RowError(rows[i], name, "out_of_range", text) for i in np.flatnonzero(outside).tolist()
    ]


def _check_text(
    name: str, field: Field, column: list[Any], rows: Sequence[int], errors: list[RowError]
) -> None:
    # The cells as lines of one text: no cell may hold a line feed, none may look suspicious.
    lines = "\n".join(column)
    if (
        max(map(len, column), default=0) <= field.length
        and lines.count("\n") < max(len(column), 1)
        and not field.suspect.search(lines)
    ):
        return
    bad: dict[str, str] = {}
    for text in set(column):
        if not text:
            continue
        if len(text) > field.length:
            bad[text] = f"Longer than {field.length} characters."
        elif text != text.strip():
            bad[text] = "Has blanks at its start or end."
        elif not field.pattern.fullmatch(text):
            bad[text] = "Holds characters that are not allowed."
    if bad:
        errors += [
            RowError(row, name, "invalid", bad[text])
            for row, text in zip(rows, column, strict=True)
            if text in bad
        ]


def _numbers(values: Columns, name: str) -> Any:
    return np.array(values[name], dtype="float64")  # None becomes NaN


def _filled(values: Columns, name: str) -> Any:
    column = values[name]
    return np.fromiter(map(bool, column), dtype=bool, count=len(column))


def _check_together(values: Columns, rows: Sequence[int], errors: list[RowError]) -> None:
    kind = np.array(values["kind"], dtype="U12")
    power, charge = _numbers(values, "rated_w"), _numbers(values, "rated_charge_w")
    apparent, energy = _numbers(values, "rated_va"), _numbers(values, "rated_wh")
    point = _filled(values, "usage_point")
    located = _filled(values, "feeder") | _filled(values, "transformer")
    # A volt-ampere rating may be rounded down on the plate; a watt of slack in 100 kW is fine.
    slack = 1 + 1e-5
    rules = (
        (
            "rated_w",
            "required",
            "A device needs a rated_w or a rated_charge_w above 0.",
            (power <= 0) & (charge <= 0),
        ),
        (
            "rated_va",
            "out_of_range",
            "Must not be less than rated_w and rated_charge_w.",
            apparent * slack < np.maximum(power, charge),
        ),
        (
            "rated_wh",
            "required",
            "A battery needs its rated energy, above 0.",
            (kind == "battery") & ~(energy > 0),
        ),
        (
            "address",
            "required",
            "Protocol and address go together: give both or neither.",
            _filled(values, "protocol") != _filled(values, "address"),
        ),
        (
            "usage_point",
            "required",
            "A feeder or transformer needs the usage_point the device hangs on.",
            located & ~point,
        ),
        (
            "feeder",
            "required",
            "A transformer needs the feeder it hangs on.",
            _filled(values, "transformer") & ~_filled(values, "feeder"),
        ),
    )
    for column, code, message, bad in rules:
        errors += [RowError(rows[i], column, code, message) for i in np.flatnonzero(bad).tolist()]


def check_unique(values: Columns, rows: Sequence[int]) -> list[RowError]:
    """Find rows that repeat an mRID, name or address of an earlier row of the same file.

    Also rows that describe a usage point or transformer otherwise than an earlier row does.
    """
    errors: list[RowError] = []
    addresses = [
        (protocol, address) if address and state != "retired" else None
        for protocol, address, state in zip(
            values["protocol"], values["address"], values["lifecycle_state"], strict=True
        )
    ]
    for name, keys in (
        ("mrid", values["mrid"]),
        ("name", values["name"]),
        ("address", addresses),
    ):
        if len(set(keys)) == len(keys):
            continue
        first: dict[Any, int] = {}
        for row, key in zip(rows, keys, strict=True):
            if key and first.setdefault(key, row) != row:
                text = f"Row {first[key]} has the same {name}."
                errors.append(RowError(row, name, "duplicate", text))
    point = ("feeder", "transformer", "phase", "import_limit_w", "export_limit_w")
    errors += _check_same(values, rows, "usage_point", point)
    errors += _check_same(values, rows, "transformer", ("feeder",))
    return errors


def _check_same(
    values: Columns, rows: Sequence[int], name: str, described_by: Sequence[str]
) -> list[RowError]:
    columns = [values[column] for column in described_by]
    if len(set(zip(values[name], *columns, strict=True))) == len(set(values[name])):
        return []
    descriptions = zip(*columns, strict=True)
    first: dict[str, tuple[int, Any]] = {}
    errors = []
    for row, key, described in zip(rows, values[name], descriptions, strict=True):
        if key and first.setdefault(key, (row, described))[1] != described:
            text = f"Row {first[key][0]} describes {name} {key} otherwise."
            errors.append(RowError(row, name, "conflict", text))
    return errors
