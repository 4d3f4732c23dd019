"""Writes of the dispatch room.

`acceptance` previews and accepts, `lifecycle` moves dispatches through their states, `tick` is
the second's work: starts, intervals, closed loop, ends. Of connect and disconnect controls,
`control_requests` accepts, `control_decisions` is what people decide, `control_steps` the work.
"""

from dispatch.rules.control_request import ControlData
from dispatch.rules.request import DispatchData
from dispatch.services.acceptance import Preview, create_dispatch, preview_dispatch
from dispatch.services.control_decisions import cancel_control, reject_control, release_control
from dispatch.services.control_requests import (
    ControlPreview,
    create_control,
    preview_control,
    release_limits,
)
from dispatch.services.control_steps import end_controls_of_group, run_controls, settle_control
from dispatch.services.lifecycle import cancel_dispatch, end_of_group, settle
from dispatch.services.retention import forget_samples
from dispatch.services.tick import run_tick

__all__ = [
    "ControlData",
    "ControlPreview",
    "DispatchData",
    "Preview",
    "cancel_control",
    "cancel_dispatch",
    "create_control",
    "create_dispatch",
    "end_controls_of_group",
    "end_of_group",
    "forget_samples",
    "preview_control",
    "preview_dispatch",
    "reject_control",
    "release_control",
    "release_limits",
    "run_controls",
    "run_tick",
    "settle",
    "settle_control",
]
