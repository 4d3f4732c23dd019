"""Integration health: every partner system and every wire at a glance, for engineers."""

from typing import Any

from derms.accounts import selectors as accounts
from derms.accounts.choices import ClientStage
from derms.accounts.rules.certificates import ENDS_SOON
from derms.accounts.scopes import SANDBOX_MRID
from derms.cim import health
from derms.cim.push.selectors import list_partners
from derms.conformance import selectors as bench
from derms.conformance.choices import RunState
from derms.core import clock
from derms.core.actors import Actor
from derms.southbound import selectors as southbound


def get_integration(*, actor: Actor) -> dict[str, Any]:
    """Return what the page shows: partners by login, links by driver, the last refusals.

    Args:
        actor: Who looks.
    """
    return {
        "at": clock.now(),
        "hours": health.HOURS,
        "bucket_s": health.BUCKET_S,
        "certificate_warning_days": ENDS_SOON.days,
        "partners": _partners(actor),
        "links": southbound.count_links_by_protocol(
            besides_owner=accounts.find_organisation_id(SANDBOX_MRID) or -1
        ),
        "refusals": health.last_refusals(),
    }


def _partners(actor: Actor) -> list[dict[str, Any]]:
    now = clock.now()
    clients = bench.list_partners(actor=actor)
    endpoints = {partner.client_id: partner for partner in list_partners()}
    traffic = health.traffic_of([client.client_id for client, _ in clients])
    return [
        {
            "client": client,
            "run": run,
            "bench": _bench(client, run),
            "endpoint": endpoints.get(client.pk),
            "certificate_days": bench.certificate_days(client, now),
            "traffic": traffic[client.client_id],
        }
        for client, run in clients
    ]


def _bench(client: accounts.Client, run: bench.Run | None) -> str:
    """Return how far a client is on its way to live work."""
    if client.stage == ClientStage.LIVE:
        return "live"
    if run is None:
        return "sandbox"
    if run.state == RunState.PASSED and run.accepted_at is None:
        return "to_accept"
    return "running" if run.state == RunState.RUNNING else "sandbox"
