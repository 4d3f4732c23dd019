"""The beat table: everything that happens by the clock, in one place.

Each entry expires, so a worker that falls behind finds a few wake-ups and not a pile of them; the
services guard themselves against overlap and skip a tick that comes right after another.
"""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab, schedule


def _every(
    seconds: float, task: str, *arguments: Any, expires_s: float | None = None
) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": schedule(run_every=timedelta(seconds=seconds)),
        "args": arguments,
        # Late by a few seconds under load still counts; piled-up ones skip themselves.
        "options": {"expires": expires_s or max(seconds, 5)},
    }


def _at(task: str, *, expires_s: float = 600, **when: str) -> dict[str, Any]:
    return {"task": task, "schedule": crontab(**when), "options": {"expires": expires_s}}


def table(*, shards: int, poll_rates_s: list[int]) -> dict[str, dict[str, Any]]:
    """Return Celery's beat schedule.

    Args:
        shards: Number of southbound shards; each polls and sends on its own.
        poll_rates_s: Poll periods in use [s].
    """
    entries = {
        "groups-refresh": _every(1, "groups.tasks.refresh_statuses"),
        "overview": _every(1, "derms.config.tasks.make_overview"),
        "dispatch-tick": _every(1, "dispatch.tasks.run_tick"),
        "dispatch-controls": _every(1, "dispatch.tasks.run_controls"),
        "events-relay": _every(1, "derms.events.tasks.relay"),
        "cim-sweep": _every(1, "derms.cim.tasks.sweep"),
        "cim-periods": _every(1, "derms.cim.tasks.push_due"),
        "conformance-advance": _every(1, "derms.conformance.tasks.advance_runs"),
        "devices-roll-up": _at("derms.devices.tasks.roll_up", minute="1-59/5"),
        "devices-partitions": _at("derms.devices.tasks.keep_partitions", minute="7"),
        "events-forget": _at("derms.events.tasks.forget_delivered", minute="12"),
        "southbound-forget": _at("derms.southbound.tasks.forget_commands", minute="*"),
        "dispatch-forget": _at("dispatch.tasks.forget_samples", minute="27"),
        "groups-forget": _at("groups.tasks.forget_history", minute="22"),
        "cim-forget-messages": _at("derms.cim.tasks.forget_messages", minute="47"),
        "accounts-certificates": _at("derms.alarms.tasks.watch_certificates", minute="52"),
        "cim-forget": _at("derms.cim.tasks.forget_finished", minute="37"),
        "accounts-forget": _at("derms.accounts.tasks.forget_old", minute="32"),
        "audit-verify": _at("derms.alarms.tasks.watch_audit", minute="42", hour="3"),
        "audit-anchor": _at("derms.audit.tasks.anchor", minute="2"),
    }
    for shard in range(shards):
        for task in ("send_shard", "reconcile_shard"):
            name = f"southbound-{task.removesuffix('_shard')}-{shard}"
            entries[name] = _every(1, f"derms.southbound.tasks.{task}", shard)
        for rate_s in poll_rates_s:
            entries[f"southbound-poll-{shard}-{rate_s}s"] = _every(
                rate_s, "derms.southbound.tasks.poll_shard", shard, rate_s
            )
    return entries
