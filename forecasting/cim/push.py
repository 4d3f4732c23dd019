"""What partners are told about forecasts, by the period of their subscription.

Source: IEC 61968-5 figure 17 (forecast push).
"""

from collections.abc import Sequence

from derms.cim import periods
from derms.cim.pushing import Event
from derms.core import clock
from derms.core.actors import Actor
from forecasting import selectors
from forecasting.choices import CurveStyle
from forecasting.cim.der_group_forecasts import render_forecasts
from forecasting.rules.schedule import Schedule
from groups.selectors import list_groups

_INTERVAL_S = 900
_INTERVALS = 96
_PARAMETERS = ("activePower", "reactivePower", "voltage")
_CHUNK = 50
"""Groups in one message."""


def render_day(actor: Actor, groups: Sequence[str]) -> list[Event]:
    """Return the next 24 hours of the groups in quarter-hours, from the present one on.

    Nobody is told back what he told himself: two systems that subscribe to each other would send
    one forecast to and fro, each time newer. Who asks gets it, marked as told.
    """
    now = clock.now()
    start_at = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    schedule = Schedule(CurveStyle.CONSTANT, start_at, _INTERVAL_S, _INTERVALS)
    found = list_groups(actor=actor, noun="DERGroupForecasts")
    rows = list(found.filter(mrid__in=groups) if groups else found)
    events = []
    for start in range(0, len(rows), _CHUNK):
        made = selectors.forecast_groups(
            rows[start : start + _CHUNK], _PARAMETERS, [schedule], but_told_by=actor.mrid
        )
        told = [forecast for forecast in made if forecast.parameters]
        if told:
            mrids = tuple(forecast.group.mrid for forecast in told)
            events.append(Event("DERGroupForecasts", "created", render_forecasts(told), mrids))
    return events


periods.register("DERGroupForecasts", render_day)
