"""CIM messages of the forecasting room: DERGroupForecasts.

`PROFILES` is what `apps.py` registers with the engine.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from forecasting.cim import der_group_forecasts, received

PROFILES = (
    Profile(operations.get("QueryDERGroupForecasts"), der_group_forecasts.handle_query),
    Profile(operations.get("CreatedDERGroupForecasts"), received.handle_created),
)
