"""Which device of the sandbox plays which live one.

Source: ours; docs/adr/0071-replay-into-the-sandbox.md.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from derms.accounts.scopes import SANDBOX_MRID
from derms.conformance.rules.doubles import choose
from derms.core.errors import NotFoundError
from derms.devices import selectors as devices


def doubles_of_devices(
    mrids: Sequence[str], names: Sequence[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Return who plays live devices in the sandbox: `{mRID: mRID}` and `{name: name}`.

    Unknown devices and those of the sandbox are left out.

    Raises:
        NotFoundError: there are live devices to be played and the sandbox has none.
    """
    by_mrid = dict(zip(mrids, devices.find_ids(mrids).tolist(), strict=True))
    by_name = dict(zip(names, devices.find_ids_by_name(names).tolist(), strict=True))
    own = devices.owned_ids(SANDBOX_MRID).tolist()
    live = {*by_mrid.values(), *by_name.values()} - {-1, *own}
    if not live:
        return {}, {}
    played = _players(live)
    return (
        {mrid: played[key].mrid for mrid, key in by_mrid.items() if key in played},
        {name: played[key].name for name, key in by_name.items() if key in played},
    )


def _players(live: set[int]) -> dict[int, Any]:
    """Return the sandbox device that plays each of the live ones, by their keys."""
    actors = _actors()
    older: Counter[str] = Counter()
    played = {}
    register = devices.without_sandbox(devices.list_devices())
    for key, kind in register.values_list("pk", "kind").iterator():
        if key in live:
            played[key] = choose(kind, older[kind], actors)
        older[kind] += 1
    return played


def _actors() -> dict[str, list[Any]]:
    """Return the devices of the sandbox that may be dispatched, by kind."""
    own = devices.list_devices(visible={SANDBOX_MRID})
    found: dict[str, list[Any]] = {}
    for device in devices.filter_devices(own, states=("registered",), eligible=True):
        found.setdefault(device.kind, []).append(device)
    if not found:
        raise NotFoundError(
            "The sandbox utility has no devices to play the live ones: set DERMS_SANDBOX_DEVICES.",
            code="no_sandbox_devices",
        )
    return found
