"""What workers do in processes of their own, in one loop: relay, decide, poll, send, reconcile."""

import contextlib
import time

from derms.accounts.choices import OrganisationKind
from derms.devices.fleet import get_fleet
from derms.events.services import relay
from derms.southbound import gateway, runtime
from derms.southbound import services as southbound
from tests.factories.devices import make_owner
from tests.factories.wires import register, running_fleet

RATE_S = 3


@contextlib.contextmanager
def registered_fleet(folder, count):
    """Run simulated devices on TCP, registered and polled every RATE_S."""
    get_fleet.cache_clear()
    make_owner(kind=OrganisationKind.UTILITY)
    with running_fleet(folder, "--poll-interval", str(RATE_S), count=count) as simulator:
        yield register(simulator)
        runtime.stop()
        gateway.forget_breakers()


class Workers:
    """The loop of all workers over a fleet.

    Args:
        fleet: Of `registered_fleet`.
        settings: Django's.
        decide: What the worker of the room under test does each second.
        told: Returns what to show when something does not come true.
    """

    def __init__(self, fleet, settings, *, decide, told):
        self.fleet, self.shards = fleet, range(settings.SOUTHBOUND_SHARDS)
        self._decide, self._told = decide, told

    def cycle(self):
        for shard in self.shards:
            southbound.poll_shard(shard, RATE_S)
        relay()
        self._decide()
        for shard in self.shards:
            southbound.send_shard(shard)
            southbound.reconcile_shard(shard)

    def until(self, holds, *, within_s, every_s=0.3):
        """Go round, once in `every_s` at most, until it holds; returns how long that took [s]."""
        begun = time.monotonic()
        while time.monotonic() - begun < within_s:
            started = time.monotonic()
            self.cycle()
            if holds():
                return time.monotonic() - begun
            time.sleep(max(0.0, every_s - (time.monotonic() - started)))
        raise AssertionError(f"{holds.__name__} not within {within_s} s: {self._told()}")
