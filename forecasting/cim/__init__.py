"""CIM messages of the forecasting room: DERGroupForecasts.

`PROFILES` is what `apps.py` registers with the engine.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from forecasting.cim import der_group_forecasts

PROFILES = (Profile(operations.get("QueryDERGroupForecasts"), der_group_forecasts.handle_query),)
