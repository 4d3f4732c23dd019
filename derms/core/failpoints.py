"""Named points at which tests stop a process; nothing happens unless DERMS_FAILPOINTS is set.

`DERMS_FAILPOINTS="southbound.sent=kill@0.01,southbound.claimed=sleep:2"` kills (SIGKILL) one pass
in a hundred at the first point and sleeps 2 s at the second. Never active in production.
"""

import os
import random
import signal
import time

_ACTIVE = (
    {}
    if os.environ.get("DERMS_ENV") == "production"
    else dict(
        part.split("=", 1)
        for part in os.environ.get("DERMS_FAILPOINTS", "").split(",")
        if "=" in part
    )
)


def pass_through(name: str) -> None:
    """Do what the environment asks at this point: nothing, `kill` or `sleep:<seconds>`."""
    if not _ACTIVE or name not in _ACTIVE:
        return
    action, _, chance = _ACTIVE[name].partition("@")
    if random.random() >= float(chance or 1):  # noqa: S311 - which pass dies needs no secrecy
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action.startswith("sleep:"):
        time.sleep(float(action.removeprefix("sleep:")))
