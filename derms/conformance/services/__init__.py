"""Writes of the partner bench: start and follow runs, accept them, send clients back; replay."""

from derms.conformance.services.acceptance import accept_run, send_back
from derms.conformance.services.following import advance_all, advance_run
from derms.conformance.services.replaying import Replayed, replay_message
from derms.conformance.services.runs import abandon_run, start_run

__all__ = [
    "Replayed",
    "abandon_run",
    "accept_run",
    "advance_all",
    "advance_run",
    "replay_message",
    "send_back",
    "start_run",
]
