"""The whole of a run in one file, to keep beside a contract: HTML for people, JSON for programs.

The message log forgets after DERMS_CIM_MESSAGE_RETENTION_DAYS; the file does not.
"""

import json
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string

from derms.conformance import selectors
from derms.conformance.rules.scenario import TOLD
from derms.core import clock
from derms.core.actors import Actor

KINDS = {"html": "text/html; charset=utf-8", "json": "application/json"}
"""Kinds of reports and their media types."""
_OF_RUN = (
    "mrid", "scenario", "scenario_version", "state", "started_at", "started_by", "finished_at",
    "step_timeout_s", "clock_drift_s", "certificate_days", "endpoint_certificate_days", "comment",
    "accepted_at", "accepted_by", "acceptance_comment",
)  # fmt: skip
_OF_STEP = (
    "number", "key", "title", "kind", "operation", "expected", "expected_result", "expected_code",
    "state", "opened_at", "finished_at", "difference", "remark", "latency_ms", "drift_s",
)  # fmt: skip


def describe(run: selectors.Run, *, actor: Actor) -> dict[str, Any]:
    """Return all that is known of a run, with the messages of its steps as the actor may see them.

    Args:
        run: The run.
        actor: Who reads.
    """
    client = run.client
    return {
        "client_id": client.client_id,
        "client_name": client.name,
        "organisation": client.organisation.name,
        **{name: getattr(run, name) for name in _OF_RUN},
        "values": run.values,
        "build": settings.BUILD_ID,
        "made_at": clock.now(),
        "steps": [_step(shown, actor) for shown in selectors.steps_of(run)],
    }


def _step(shown: selectors.Shown, actor: Actor) -> dict[str, Any]:
    row = shown.row
    request_xml, reply_xml = selectors.messages_of(row, actor=actor)
    return {
        **{name: getattr(row, name) for name in _OF_STEP},
        "sender": "DERMS" if row.kind in TOLD else "partner",
        "example": shown.sample,
        "request_xml": request_xml,
        "reply_xml": reply_xml,
    }


def render(run: selectors.Run, kind: str, *, actor: Actor) -> str:
    """Return the report of a run.

    Args:
        run: The run.
        kind: `html` or `json`.
        actor: Who reads.
    """
    found = describe(run, actor=actor)
    if kind == "json":
        return json.dumps(found, cls=DjangoJSONEncoder, indent=1)
    return render_to_string("conformance/report.html", {"run": found})
