"""CIM messages of the dispatch room: DERGroupDispatches, EndDeviceControls and EndDeviceEvents.

`PROFILES` is what `apps.py` registers with the engine; `push` tells partners of outcomes.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from dispatch.cim import der_group_dispatches, end_device_controls

PROFILES = (
    Profile(operations.get("CreateDERGroupDispatches"), der_group_dispatches.handle_create),
    Profile(operations.get("CreateEndDeviceControls"), end_device_controls.handle_create),
)
