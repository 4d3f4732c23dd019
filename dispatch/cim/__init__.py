"""CIM messages of the dispatch room: DERGroupDispatches.

`PROFILES` is what `apps.py` registers with the engine.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from dispatch.cim import der_group_dispatches

PROFILES = (
    Profile(operations.get("CreateDERGroupDispatches"), der_group_dispatches.handle_create),
)
