"""Raise, clear and acknowledge operator alarms.

Raising and clearing is the system's own doing and the alarm row is its record; what a person
does (acknowledging) is audited as well. Everybody hears of a change by the facts published here.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from derms.accounts.selectors import list_expiring
from derms.alarms.choices import Priority
from derms.alarms.events import AlarmChanged, AlarmsChanged
from derms.alarms.models import Alarm
from derms.alarms.rules.states import AlarmState, state_of
from derms.alarms.selectors import list_active_sources
from derms.audit import services as audit
from derms.core import clock, ids
from derms.core.actors import SYSTEM, Actor
from derms.core.errors import NotFoundError
from derms.events.services import publish

_FACT_SIZE = 1000
_BROKEN = "audit_broken"
_CERTIFICATE = "certificate_ending"
_SOON_DAYS, _URGENT_DAYS = 30, 7

# A second raise counts up, which is no news; another priority is, and a higher one asks for
# another acknowledgement.
_RAISE = """
WITH before AS (
    SELECT source_mrid, priority FROM alarms_alarm
    WHERE cleared_at IS NULL AND kind = %(kind)s AND source_type = %(source_type)s
      AND source_mrid = ANY(%(source_mrids)s::text[])
)
INSERT INTO alarms_alarm AS old (mrid, kind, priority, source_type, source_mrid, source_name,
    condition, response, raised_at, last_raised_at, count, acknowledged_by, comment)
SELECT new.mrid, %(kind)s, %(priority)s, %(source_type)s, new.source_mrid, new.source_name,
    new.condition, %(response)s, %(at)s, %(at)s, 1, '', ''
FROM unnest(%(mrids)s::text[], %(source_mrids)s::text[], %(names)s::text[], %(conditions)s::text[])
    AS new (mrid, source_mrid, source_name, condition)
ORDER BY new.source_mrid
ON CONFLICT (kind, source_type, source_mrid) WHERE cleared_at IS NULL DO UPDATE SET
    count = old.count + 1, last_raised_at = excluded.last_raised_at,
    condition = excluded.condition, response = excluded.response, priority = excluded.priority,
    acknowledged_at = CASE WHEN excluded.priority < old.priority THEN NULL
                      ELSE old.acknowledged_at END
RETURNING mrid, acknowledged_at, count = 1 OR priority IS DISTINCT FROM
    (SELECT before.priority FROM before WHERE before.source_mrid = old.source_mrid)
"""
_CLEAR = """
UPDATE alarms_alarm SET cleared_at = %(at)s WHERE id IN (
    SELECT id FROM alarms_alarm
    WHERE cleared_at IS NULL AND kind = %(kind)s AND source_type = %(source_type)s
      AND source_mrid = ANY(%(source_mrids)s::text[])
    ORDER BY id FOR UPDATE)
RETURNING mrid, acknowledged_at
"""


def raise_alarm(  # noqa: PLR0913 - one alarm has this many parts
    *,
    kind: str,
    priority: int,
    source_type: str,
    source_mrid: str,
    source_name: str,
    condition: str,
    response: str = "",
    actor: Actor = SYSTEM,
) -> None:
    """Raise an alarm, or count up the one of this kind that is already active at the source.

    Args:
        kind: What sort of alarm, snake_case, at most 60 characters.
        priority: 1 (critical) to 4 (low), `derms.alarms.choices.Priority`.
        source_type: CIM class the alarm is about.
        source_mrid: Its mRID.
        source_name: Its name, for people.
        condition: What is wrong, one sentence; cut at 300 characters.
        response: What the operator should do.
        actor: Who raised it.
    """
    raise_many(
        kind=kind,
        priority=priority,
        source_type=source_type,
        sources=[(source_mrid, source_name)],
        conditions=[condition],
        response=response,
        actor=actor,
    )


def raise_many(
    *,
    kind: str,
    priority: int,
    source_type: str,
    sources: Sequence[tuple[str, str]],
    conditions: str | Sequence[str],
    response: str = "",
    actor: Actor = SYSTEM,
) -> int:
    """Raise one alarm at each of many sources in one statement.

    Args:
        kind: As in `raise_alarm`, the same for all.
        priority: 1 to 4, the same for all.
        source_type: CIM class of all sources.
        sources: (mRID, name) of each source; repeated mRIDs count once.
        conditions: One sentence for all, or one for each source.
        response: What the operator should do.
        actor: Who raised them.

    Returns:
        Number of alarms that are new or have another priority now.
    """
    texts = [conditions] * len(sources) if isinstance(conditions, str) else conditions
    rows = {
        mrid: (name[:200], text[:300]) for (mrid, name), text in zip(sources, texts, strict=True)
    }
    if not rows:
        return 0
    parameters = {
        "kind": kind,
        "priority": int(priority),
        "source_type": source_type,
        "response": response[:300],
        "at": clock.now(),
        "mrids": [ids.new_mrid() for _ in rows],
        "source_mrids": list(rows),
        "names": [name for name, _ in rows.values()],
        "conditions": [text for _, text in rows.values()],
    }
    with transaction.atomic():
        news = [(mrid, seen) for mrid, seen, is_news in _run(_RAISE, parameters) if is_news]
        _announce([m for m, seen in news if not seen], AlarmState.UNACKNOWLEDGED_ACTIVE)
        _announce([m for m, seen in news if seen], AlarmState.ACKNOWLEDGED_ACTIVE)
    return len(news)


def clear_alarm(*, kind: str, source_type: str, source_mrid: str, actor: Actor = SYSTEM) -> None:
    """Clear the active alarm of this kind at the source; nothing happens when there is none."""
    clear_many(kind=kind, source_type=source_type, source_mrids=[source_mrid], actor=actor)


def clear_many(
    *,
    kind: str,
    source_type: str,
    source_mrids: Sequence[str],
    actor: Actor = SYSTEM,
) -> int:
    """Clear the active alarms of one kind at many sources; return how many there were."""
    parameters = {
        "kind": kind,
        "source_type": source_type,
        "source_mrids": list(source_mrids),
        "at": clock.now(),
    }
    with transaction.atomic():
        rows = _run(_CLEAR, parameters)
        _announce([m for m, seen in rows if seen is None], AlarmState.UNACKNOWLEDGED_RETURNED)
        _announce([m for m, seen in rows if seen is not None], AlarmState.NORMAL)
    return len(rows)


def acknowledge_alarm(*, mrid: str, comment: str = "", actor: Actor) -> Alarm:
    """Acknowledge one alarm; the first to do so is the one that counts.

    Raises:
        NotFoundError: no such alarm.
    """
    acknowledge_many(mrids=[mrid], comment=comment, actor=actor)
    alarm = Alarm.objects.filter(mrid=mrid).first()
    if alarm is None:
        raise NotFoundError(f"There is no alarm {mrid}.")
    return alarm


def acknowledge_many(*, mrids: Sequence[str], comment: str = "", actor: Actor) -> int:
    """Acknowledge those of many alarms that nobody has acknowledged yet; return how many."""
    with transaction.atomic():
        rows = list(
            Alarm.objects.select_for_update()
            .filter(mrid__in=mrids, acknowledged_at__isnull=True)
            .order_by("id")
        )
        now = clock.now()
        Alarm.objects.filter(pk__in=[row.pk for row in rows]).update(
            acknowledged_at=now, acknowledged_by=actor.name, comment=comment[:500]
        )
        for row in rows:
            audit.record(
                action="alarms.acknowledge",
                object_type="Alarm",
                object_mrid=row.mrid,
                before={"state": state_of(None, row.cleared_at)},
                after={"state": state_of(now, row.cleared_at), "comment": comment[:500]},
                actor=actor,
            )
        _announce([r.mrid for r in rows if not r.cleared_at], AlarmState.ACKNOWLEDGED_ACTIVE)
        _announce([r.mrid for r in rows if r.cleared_at], AlarmState.NORMAL)
    return len(rows)


def watch_audit() -> None:
    """Verify the audit chain; a broken one is an alarm. Audit itself stands below alarms."""
    report = audit.verify()
    if report.intact:
        clear_alarm(kind=_BROKEN, source_type="AuditChain", source_mrid="audit")
        return
    first = report.faults[0]
    raise_alarm(
        kind=_BROKEN,
        priority=Priority.CRITICAL,
        source_type="AuditChain",
        source_mrid="audit",
        source_name="Audit chain",
        condition=f"{len(report.faults)} faults, the first at record {first.seq}: {first.detail}.",
        response="Keep the database as it is, run `manage.py audit_verify`, call security.",
    )


def watch_certificates() -> None:
    """Raise an alarm at API clients whose last certificate ends soon; accounts stands below alarms.

    Medium within 30 days, high within 7; cleared once the client has another one, or none.
    """
    now = clock.now()
    last = {row.client.mrid: row for row in list_expiring(now + dt.timedelta(days=_SOON_DAYS))}
    left = {mrid: (row.not_after - now).total_seconds() / 86400 for mrid, row in last.items()}
    for priority in (Priority.HIGH, Priority.MEDIUM):
        mrids = [mrid for mrid in last if _priority_of(left[mrid]) == priority]
        raise_many(
            kind=_CERTIFICATE,
            priority=priority,
            source_type="ApiClient",
            sources=[(mrid, last[mrid].client.client_id) for mrid in mrids],
            conditions=[
                f"Certificate {last[mrid].sha256[:16]} ({last[mrid].subject[:100]}) "
                + ("has expired." if left[mrid] < 0 else f"expires in {left[mrid]:.0f} days.")
                for mrid in mrids
            ],
            response="Register the client's new certificate before the old one ends.",
        )
    gone = list_active_sources(_CERTIFICATE) - set(last)
    clear_many(kind=_CERTIFICATE, source_type="ApiClient", source_mrids=sorted(gone))


def _priority_of(days: float) -> Priority:
    return Priority.HIGH if days < _URGENT_DAYS else Priority.MEDIUM


def _run(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _announce(mrids: Iterable[str], state: AlarmState) -> None:
    waiting = list(mrids)
    if len(waiting) == 1:
        publish(AlarmChanged(mrid=waiting[0], state=state))
        return
    for start in range(0, len(waiting), _FACT_SIZE):
        publish(AlarmsChanged(mrids=tuple(waiting[start : start + _FACT_SIZE]), state=state))
