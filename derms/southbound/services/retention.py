"""Keep the journal bounded: end what reverted, forget what is old."""

import datetime as dt

from django.conf import settings
from django.db import transaction

from derms.core import bulk, clock
from derms.southbound.services import journal

_CHUNK = 20_000
_REVERTED = """
UPDATE southbound_devicecommand SET state = 6, detail = 'its reversion time is over'
WHERE state = 5 AND reversion_s > 0
  AND settled_at + make_interval(secs => reversion_s) < clock_timestamp()
RETURNING origin, revision, state
"""
_FORGET = """
DELETE FROM southbound_devicecommand WHERE id IN (
    SELECT id FROM southbound_devicecommand WHERE id <= (
        SELECT coalesce(max(id), 0) FROM (
            SELECT id, created_at FROM southbound_devicecommand ORDER BY id LIMIT %(chunk)s) AS old
        WHERE created_at < %(before)s)
      AND state NOT IN (1, 2, 3, 4, 5, 11))
"""


def forget_commands() -> int:
    """End set points whose reversion time is over; delete settled commands past their retention.

    Returns:
        Number of commands deleted.
    """
    with transaction.atomic():
        journal.announce(bulk.execute(_REVERTED).fetchall())
    before = clock.now() - dt.timedelta(days=settings.COMMAND_RETENTION_DAYS)
    deleted = 0
    while count := bulk.execute(_FORGET, {"chunk": _CHUNK, "before": before}).rowcount:
        deleted += count
    return deleted
