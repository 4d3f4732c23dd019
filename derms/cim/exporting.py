"""The message log as files: found rows as CSV, one exchange as a zip.

Source: OWASP "CSV Injection": a cell a spreadsheet would run gets a quote in front.
"""

import csv
import io
import zipfile
from collections.abc import Iterator

import orjson

from derms.cim import selectors
from derms.cim.models import CimMessage
from derms.cim.selectors import Search
from derms.core.actors import Actor

MOST_ROWS = 100_000
_COLUMNS = (
    *("received_at", "direction", "client_name", "address", "path", "verb", "noun", "result"),
    *("code", "details", "http_status", "duration_ms", "request_size", "reply_size", "replays"),
    *("message_id", "correlation_id", "request_correlation_id", "groups", "replay_of", "mrid"),
)
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "'")


def export_rows(search: Search) -> Iterator[str]:
    """Yield the exchanges that match as CSV, header first, newest first, at most MOST_ROWS."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(_COLUMNS)
    found = selectors.list_messages(search).order_by("-received_at", "-id")
    for message in found[:MOST_ROWS].iterator(chunk_size=1000):
        writer.writerow(_cell(getattr(message, name)) for name in _COLUMNS)
        if line.tell() > 1 << 16:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, str) and value.startswith(_RUN_BY_SPREADSHEETS):
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else value


def archive(message: CimMessage, actor: Actor) -> bytes:
    """Return a zip of one exchange: request.xml, reply.xml and what else is known, as JSON.

    Args:
        message: The exchange with its bodies.
        actor: The reader; without the right, personal data are hidden as on the page.
    """
    shown = selectors.show_bodies(message, actor)
    known = {
        "masked": shown.masked,
        "request_fault": shown.request_fault,
        "reply_fault": shown.reply_fault,
        "changed": message.changed,
    } | {name: getattr(message, name) for name in _COLUMNS}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("request.xml", shown.request_xml)
        pack.writestr("reply.xml", shown.reply_xml)
        pack.writestr("exchange.json", orjson.dumps(known, option=orjson.OPT_INDENT_2))
    return file.getvalue()
