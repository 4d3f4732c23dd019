"""A preview as the composer shows it."""

from typing import Any

import numpy as np

from derms.devices.selectors import latest_columns, list_devices
from dispatch.services import Preview


def preview_body(preview: Preview) -> dict[str, Any]:
    """Return the JSON of a preview; devices get their names, feeders and state of charge."""
    result = preview.assessment
    step = result.schedule.step
    excluded = result.total - result.available - result.stale
    return {
        "verdict": preview.verdict,
        "reasons": [{"code": code, "message": text} for code, text in _reasons(preview)],
        "intervals": [
            {
                "start_at": point.at,
                **({} if result.schedule.straight_line else {"end_at": point.at + step}),
                "requested": point.requested,
                "deliverable_min": point.low,
                "deliverable_max": point.high,
                "deliverable": point.value,
            }
            for point in result.points
        ],
        "members": {
            "total": result.total,
            "available": result.available,
            "excluded": excluded,
            "stale": result.stale,
        },
        "disaggregation": _disaggregation(preview),
        "overlaps": [
            {
                "mrid": overlap.row.mrid,
                "name": overlap.row.name or overlap.row.group_name,
                "priority": overlap.row.priority,
                "outcome": "loses" if overlap.wins else "supersedes",
            }
            for overlap in result.overlaps
        ],
        "at": result.at,
    }


def _reasons(preview: Preview) -> list[tuple[str, str]]:
    result = preview.assessment
    if result.refusals:
        return [(error.code, error.message) for error in result.refusals]
    short = result.short
    if short is None:
        return []
    text = f"Of {short.requested:g} only {short.value:g} can be delivered from {short.at:%H:%M:%S}."
    return [("partial", text)]


def _disaggregation(preview: Preview) -> list[dict[str, Any]]:
    keys = [share.device_id for share in preview.shares]
    devices = {d.pk: d for d in list_devices().filter(pk__in=keys)}
    charge = dict(zip(keys, latest_columns(np.array(keys, "int32")).soc_pct.tolist(), strict=True))
    rows = []
    for share in preview.shares:
        device = devices[share.device_id]
        point, soc = device.usage_point, charge[share.device_id]
        rows.append(
            {
                "device": device.mrid,
                "name": device.name,
                "kind": device.kind,
                "feeder": point.feeder.name if point and point.feeder else "",
                "now_w": None if np.isnan(share.now) else share.now,
                "share_w": share.share,
                "headroom_w": share.headroom,
                "min_w": share.low,
                "max_w": share.high,
                "soc_pct": None if np.isnan(soc) else soc,
                "note": share.note,
            }
        )
    return rows
