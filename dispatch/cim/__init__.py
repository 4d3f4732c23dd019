"""CIM messages of the dispatch room: DERGroupDispatches.

`PROFILES` is what `apps.py` registers with the engine.
"""

from derms.cim.registry import Profile
from derms.cim.schema import MessageSet
from dispatch.cim import der_group_dispatches

PROFILES = (
    Profile(
        service="ExecuteDERGroupDispatches",
        path="create/executeDERGroupDispatches",
        operation="CreateDERGroupDispatches",
        verb="create",
        messages=MessageSet("DERGroupDispatches"),
        handle=der_group_dispatches.handle_create,
    ),
)
