"""What a record says, as the text that the hash covers.

The text is two lines of JSON: an array of the search columns, spelled exactly as PostgreSQL's
`json_build_array` spells them, and an object with the rest. So the database can say in one
expression what the first line should be, and verification compares text.
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Columns(NamedTuple):
    """The search columns of a record in the order of the first line; all but `at` are text."""

    at: dt.datetime
    actor_kind: str
    actor_mrid: str
    actor_name: str
    source: str
    address: str
    action: str
    outcome: str
    object_type: str
    object_mrid: str
    correlation_id: str


# Widths of the columns in the table; longer text is cut rather than refused.
_WIDTHS = (None, 10, 64, 150, 20, 64, 60, 10, 60, 128, 64)
AT_FORMAT = 'YYYY-MM-DD"T"HH24:MI:SS.US'
HEAD_SQL = (
    f"json_build_array(to_char(at AT TIME ZONE 'UTC', '{AT_FORMAT}'), "
    f"{', '.join(Columns._fields[1:])})::text"
)


def tidy(columns: Columns) -> Columns:
    """Return columns as the database can hold them: no NUL, no half characters, not too long."""
    texts = (
        str(value).replace("\0", "").encode(errors="replace").decode()[:width]
        for value, width in zip(columns[1:], _WIDTHS[1:], strict=True)
    )
    return Columns(columns.at, *texts)


def payload_of(columns: Columns, rest: Mapping[str, Any]) -> str:
    """Return the text of a record.

    Args:
        columns: Tidied search columns.
        rest: JSON-able object; values of other types are written as text.
    """
    at = columns.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    head = json.dumps([at, *columns[1:]], ensure_ascii=False)
    return head + "\n" + json.dumps(rest, sort_keys=True, separators=(",", ":"), default=str)


def rest_of(payload: str) -> dict[str, Any]:
    """Return what a record says besides its search columns; {} when it cannot be read."""
    try:
        rest = json.loads(payload.partition("\n")[2])
    except ValueError:
        return {}
    return rest if isinstance(rest, dict) else {}
