"""Writes of the dispatch room.

`acceptance` previews and accepts, `lifecycle` moves dispatches through their states, `tick` is
the second's work: starts, intervals, closed loop, ends.
"""

from dispatch.rules.request import DispatchData
from dispatch.services.acceptance import Preview, create_dispatch, preview_dispatch
from dispatch.services.lifecycle import cancel_dispatch, end_of_group, settle
from dispatch.services.retention import forget_samples
from dispatch.services.tick import run_tick

__all__ = [
    "DispatchData",
    "Preview",
    "cancel_dispatch",
    "create_dispatch",
    "end_of_group",
    "forget_samples",
    "preview_dispatch",
    "run_tick",
    "settle",
]
