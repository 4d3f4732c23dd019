"""The steps of the demo and its verdict: every step that did not hold makes the demo fail."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from derms.config.demo.dms import Dms
from derms.southbound.simulator.client import ask

TOLERANCE = 0.02
WANTED = {"battery": 30, "pv": 12, "ev_charger": 4, "load": 4}
MEMBERS = sum(WANTED.values())
KILLED = 10
_KW = 1e3


@dataclass
class Outcome:
    """One line of the final table."""

    asked: str
    delivered: str
    took_s: float
    held: bool


@dataclass
class Story:
    """Runs the main job once against a running system.

    Args:
        dms: The DMS that asks.
        control_port: Port of the device simulator, to kill devices.
        say: Where the lines go.
    """

    dms: Dms
    control_port: int
    say: Callable[[str], None]
    group: str = field(default_factory=lambda: str(uuid.uuid4()))
    outcomes: list[Outcome] = field(default_factory=list)
    members: list[dict[str, str]] = field(default_factory=list)

    def run(self) -> bool:
        """Tell the story; return True only if all of it held."""
        try:
            if self._create():
                self._track_target()
                self._track_schedule()
                self._survive_losses()
        finally:
            self._clean_up()
        return all(outcome.held for outcome in self.outcomes)

    # --- steps -------------------------------------------------------------------------------
    def _note(self, asked: str, delivered: str, started: float, *, held: bool) -> None:
        self.outcomes.append(Outcome(asked, delivered, time.monotonic() - started, held))
        self.say(f"  {'ok' if held else 'FAILED'}: {delivered}\n")

    def _create(self) -> bool:
        self.say(f"1. CreateDERGroups: a group of {MEMBERS} simulated devices")
        started = time.monotonic()
        self.members = self.dms.devices(WANTED)
        self.dms.create_group(
            self.group, f"DEMO-{self.group[:8]}", [m["mrid"] for m in self.members]
        )
        size = self.dms.group_size(self.group)
        self._note(
            f"group of {MEMBERS}", f"QueryDERGroups returns {size} members", started,
            held=size == MEMBERS,
        )  # fmt: skip
        self.say("2. QueryDERGroupStatuses until the members report")
        started = time.monotonic()
        while time.monotonic() - started < 60:
            report = self.dms.quality(self.group)
            if report["coverage_pct"] >= 99:
                break
            time.sleep(1)
        status = self.dms.status(self.group)
        self._note(
            "status", f"{status['now'] / _KW:.1f} kW now, available {status['low'] / _KW:.1f} to "
            f"{status['high'] / _KW:.1f} kW, {report['coverage_pct']:.0f} % of members good",
            started, held=report["coverage_pct"] >= 99 and status["high"] > status["low"],
        )  # fmt: skip
        return size == MEMBERS

    def _level(self, share: float) -> float:
        """Return a target [W] between what is measured and the upper end of what is available."""
        status = self.dms.status(self.group)
        return round(status["now"] + share * (status["high"] - status["now"]), -2)

    def _watch(self, target_w: float, limit_s: float) -> tuple[float, float | None]:
        """Print target and measured power each second until tracked for three seconds.

        Returns:
            Last measured power [W], and seconds until it came within tolerance to stay, or None.
        """
        started, inside_since, measured = time.monotonic(), None, float("nan")
        while (elapsed := time.monotonic() - started) < limit_s:
            measured = self.dms.status(self.group)["now"]
            error = (measured - target_w) / max(abs(target_w), 1.0)
            self.say(
                f"    {elapsed:5.1f} s   target {target_w / _KW:9.1f} kW   measured "
                f"{measured / _KW:9.1f} kW   {100 * error:+6.1f} %"
            )
            if abs(error) > TOLERANCE:
                inside_since = None
            elif inside_since is None:
                inside_since = elapsed
            elif elapsed - inside_since >= 3:
                return measured, inside_since
            time.sleep(max(0.0, 1 - (time.monotonic() - started - elapsed)))
        return measured, None

    def _judge(self, asked: str, target_w: float, limit_s: float) -> None:
        started = time.monotonic()
        measured, after_s = self._watch(target_w, limit_s)
        within = f"within 2 % after {after_s:.0f} s" if after_s is not None else "not within 2 %"
        self._note(asked, f"{measured / _KW:.1f} kW, {within}", started, held=after_s is not None)

    def _track_target(self) -> None:
        target = self._level(0.4)
        self.say(f"3. CreateDERGroupDispatches: {target / _KW:.1f} kW for 2 minutes")
        mrid = str(uuid.uuid4())
        self.dms.dispatch(mrid, self.group, [target], 120)
        self._judge(f"{target / _KW:.1f} kW", target, 40)
        self.dms.cancel(mrid)

    def _track_schedule(self) -> None:
        low, high = self._level(0.2), self._level(0.5)
        self.say(
            f"4. A schedule of two intervals of 20 s: {low / _KW:.1f} kW, then {high / _KW:.1f} kW"
        )
        mrid = str(uuid.uuid4())
        self.dms.dispatch(mrid, self.group, [low, high], 20)
        started = time.monotonic()
        self._judge(f"interval 1: {low / _KW:.1f} kW", low, 19)
        time.sleep(max(0.0, 21.5 - (time.monotonic() - started)))
        self._judge(f"interval 2: {high / _KW:.1f} kW", high, 17)
        self.dms.cancel(mrid) if self._is_open(mrid) else None

    def _survive_losses(self) -> None:
        target = self._level(0.3)
        self.say(f"5. {target / _KW:.1f} kW, and {KILLED} of the devices die under it")
        mrid = str(uuid.uuid4())
        self.dms.dispatch(mrid, self.group, [target], 300)
        self._judge(f"{target / _KW:.1f} kW with all", target, 40)
        victims = [member["name"] for member in self.members[:KILLED]]
        for name in victims:
            ask(self.control_port, {"op": "fault", "fault": "dead", "device": name})
        self.say(f"    killed: {', '.join(victims)}")
        # First the loss has to be seen at all; then the rest takes over the share.
        self._wait_for_stale(KILLED, 30)
        self._judge(f"{target / _KW:.1f} kW with {MEMBERS - KILLED} of {MEMBERS}", target, 60)
        self.say("6. Cancel")
        started = time.monotonic()
        self.dms.cancel(mrid)
        state = self.dms.get(f"dispatches/{mrid}")["state"]
        self._note("cancel", f"dispatch is {state}", started, held=state == "cancelled")

    def _wait_for_stale(self, count: int, limit_s: float) -> None:
        started = time.monotonic()
        stale = 0.0
        while stale < count and time.monotonic() - started < limit_s:
            stale = self.dms.quality(self.group)["stale"]
            time.sleep(0.5)
        self._note(
            f"{count} devices die", f"{stale:.0f} seen as lost", started, held=stale >= count
        )

    def _is_open(self, mrid: str) -> bool:
        return self.dms.get(f"dispatches/{mrid}")["state"] in {"scheduled", "active", "ending"}

    def _clean_up(self) -> None:
        for member in self.members[:KILLED]:
            ask(self.control_port, {"op": "clear", "device": member["name"]})
        if not self.members:
            return
        self.say("7. DeleteDERGroups")
        started = time.monotonic()
        self.dms.delete_group(self.group)
        self._note("delete", "group is gone", started, held=True)


def table(outcomes: list[Outcome]) -> str:
    """Return the final table: what was asked, delivered and how fast."""
    head = f"{'asked':34}  {'delivered':58}  {'took':>7}  held"
    lines = [
        f"{o.asked:34}  {o.delivered[:58]:58}  {o.took_s:5.1f} s  {'yes' if o.held else 'NO'}"
        for o in outcomes
    ]
    return "\n".join([head, "-" * len(head), *lines])
