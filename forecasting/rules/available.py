"""What devices are expected to be able to deliver.

Until models are trained: persistence, the last reading inside the present limits. For dispatch
preview, planning and forecasts. Source: ours; IEC 61968-5 asks for a confidence: here it is 0.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from derms.devices.rules.limits import (
    Capability,
    KindCode,
    PresentState,
    active_power_bounds,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AvailablePower:
    """Expected limits of active power [W], arrays [n], and the point without any dispatch.

    Attributes:
        low_w: Least reachable.
        high_w: Greatest reachable, >= low_w.
        undispatched_w: Where the device would be by itself, inside the limits.
        confidence_pct: Trust in the limits of the future; 0 for persistence.
    """

    low_w: Floats
    high_w: Floats
    undispatched_w: Floats
    confidence_pct: float = 0.0


def available_power(capability: Capability, now: PresentState) -> AvailablePower:
    """Return the expected active power limits of devices, the same for any time ahead.

    Sun and wind that do not say what they could give are taken at what they give now.

    Args:
        capability: Limits of the devices, arrays [n].
        now: Their last readings, arrays [n].
    """
    renewable = (capability.kind == KindCode.PV) | (capability.kind == KindCode.WIND)
    demand = (capability.kind == KindCode.LOAD) | (capability.kind == KindCode.EV_CHARGER)
    persisting = np.where(renewable & np.isnan(now.available_w), now.p_w, now.available_w)
    low, high = active_power_bounds(capability, replace(now, available_w=persisting))
    by_itself = np.where(renewable, high, np.where(demand, low, np.clip(0.0, low, high)))
    return AvailablePower(low, high, by_itself)
