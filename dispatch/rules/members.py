"""The members of a group as a dispatch sees them: limits, capacity, energy, measurement.

For acceptance and for the closed loop. All arrays [n], powers in W or var of the dispatched
parameter, positive = injection. Source: ours (ADR 0031, 0032).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from derms.devices.rules.limits import Capability, KindCode, PresentState, reactive_power_bounds
from dispatch.rules.allocation import FloatArray
from dispatch.rules.limits import Flexibility
from dispatch.rules.tracking import BoolArray
from forecasting.rules.available import available_power


@dataclass(frozen=True, slots=True)
class Readings:
    """What devices say of themselves, arrays [n]; NaN = not said.

    Attributes:
        p_w: Active power [W].
        q_var: Reactive power [var].
        available_w: Active power that could be injected now [W].
        soc_pct: State of charge [%].
        able: Connected, not in fault, not under local control.
    """

    p_w: FloatArray
    q_var: FloatArray
    available_w: FloatArray
    soc_pct: FloatArray
    able: BoolArray


@dataclass(frozen=True, slots=True)
class MemberColumns:
    """The members of one group, in ascending order of their keys.

    Attributes:
        ids: Device keys.
        low: Lowest set point now, energy and ramp left aside.
        high: Highest set point now.
        neutral: Where the member would be by itself.
        weight: Capacity, > 0.
        now: Last measured value; NaN = never.
        measured_at_us: When, microseconds since 1970 UTC; 0 = never.
        silent: Stale or of no use as a measurement.
        usable: Registered, eligible, able and of some capacity.
        ramp_per_s: Change per second it can make; inf = no limit.
        stored_wh: Energy above its lower bound; NaN = no store, or it does not tell.
        space_wh: Energy below its upper bound; NaN likewise.
        poll_s: Seconds between two measurements.
        guessed: What it could do without us is not known once we command it.
        installed_low: Lowest value its ratings allow.
        installed_high: Highest value its ratings allow.
    """

    ids: NDArray[np.int32]
    low: FloatArray
    high: FloatArray
    neutral: FloatArray
    weight: FloatArray
    now: FloatArray
    measured_at_us: NDArray[np.int64]
    silent: BoolArray
    usable: BoolArray
    ramp_per_s: FloatArray
    stored_wh: FloatArray
    space_wh: FloatArray
    poll_s: NDArray[np.int32]
    guessed: BoolArray
    installed_low: FloatArray
    installed_high: FloatArray

    def take(self, where: NDArray[np.intp] | BoolArray) -> "MemberColumns":
        """Return some of the members."""
        return MemberColumns(**{n: getattr(self, n)[where] for n in self.__dataclass_fields__})

    def available(self) -> BoolArray:
        """Say who can be counted on now."""
        return self.usable & ~self.silent

    def flexibility(self) -> Flexibility:
        """Return what the members can do through a schedule."""
        return Flexibility(
            low=self.low,
            high=self.high,
            neutral=self.neutral,
            weight=self.weight,
            now=np.where(np.isnan(self.now), self.neutral, self.now),
            ramp_per_s=self.ramp_per_s,
            stored_wh=self.stored_wh,
            space_wh=self.space_wh,
        )

    def with_baseline(self, baseline: FloatArray) -> "MemberColumns":
        """Return the members with a remembered undispatched value where theirs is a guess.

        Once commanded, a load that does not tell its demand shows only what we asked of it.

        Args:
            baseline: Undispatched value of each member; NaN = not remembered.
        """
        known = self.guessed & ~np.isnan(baseline)
        # Sun may have risen since: what it gives then is found by trying, up to the rating.
        low = np.where(baseline < 0, np.fmin(self.low, baseline), self.low)
        high = np.where(baseline < 0, self.high, self.installed_high)
        return replace(
            self,
            low=np.where(known, low, self.low),
            high=np.where(known, high, self.high),
            neutral=np.where(known, np.clip(baseline, low, high), self.neutral),
        )


@dataclass(frozen=True, slots=True)
class Register:
    """What the device register says of the members; arrays [n]."""

    ids: NDArray[np.int32]
    capability: Capability
    rated_wh: FloatArray
    ramp_w_per_s: FloatArray
    poll_s: NDArray[np.int32]
    dispatchable: BoolArray


def assemble(
    register: Register,
    said: Readings,
    *,
    measured_at_us: NDArray[np.int64],
    silent: BoolArray,
    reactive: bool,
) -> MemberColumns:
    """Put together what a dispatch of active or reactive power needs to know.

    Args:
        register: Ratings, settings and eligibility.
        said: Last readings.
        measured_at_us: When the dispatched parameter was measured.
        silent: Whose measurement does not count.
        reactive: Reactive instead of active power.
    """
    cap, n = register.capability, len(register.ids)
    unlimited, no_store = np.full(n, np.inf), np.full(n, np.nan)
    if reactive:
        low, high = reactive_power_bounds(cap, said.p_w, said.able)
        neutral, now = np.zeros(n), said.q_var
        least, most = -cap.max_var_absorbed, cap.max_var_injected
        ramp, stored, space, guessed = unlimited, no_store, no_store, np.zeros(n, dtype=bool)
    else:
        power = available_power(
            cap, PresentState(said.p_w, said.available_w, said.soc_pct, said.able)
        )
        low, high, neutral = power.low_w, power.high_w, power.undispatched_w
        now = said.p_w
        demand = np.isin(cap.kind, (KindCode.LOAD, KindCode.EV_CHARGER))
        supply = np.isin(cap.kind, (KindCode.PV, KindCode.WIND, KindCode.GENSET))
        least = np.where(supply, 0.0, -cap.max_charge_w)
        most = np.where(demand, 0.0, cap.max_w)
        ramp = np.where(register.ramp_w_per_s > 0, register.ramp_w_per_s, np.inf)
        store = (register.rated_wh > 0) & (cap.kind == KindCode.BATTERY)
        rated = np.where(store, register.rated_wh, np.nan) / 100
        stored = np.maximum(said.soc_pct - cap.min_soc_pct, 0.0) * rated
        space = np.maximum(cap.max_soc_pct - said.soc_pct, 0.0) * rated
        sun_or_wind = supply & (cap.kind != KindCode.GENSET)
        guessed = (demand | sun_or_wind) & np.isnan(said.available_w)
    weight = np.maximum(-least, most)
    return MemberColumns(
        ids=register.ids,
        low=low,
        high=high,
        neutral=neutral,
        weight=weight,
        now=now,
        measured_at_us=measured_at_us,
        silent=silent,
        usable=register.dispatchable & said.able & (weight > 0),
        ramp_per_s=ramp,
        stored_wh=stored,
        space_wh=space,
        poll_s=register.poll_s,
        guessed=guessed,
        installed_low=least,
        installed_high=most,
    )
