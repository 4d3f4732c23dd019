"""CIM messages of the devices room: MeterReadings and EndDeviceEvents that come in.

`PROFILES` is what `apps.py` registers with the engine. Questions for readings may be about groups
and are answered one room up, by `groups/cim/meter_readings.py`, with `rendering` of this one.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from derms.devices.cim import end_device_events, meter_readings

PROFILES = (
    Profile(operations.get("CreatedMeterReadings"), meter_readings.handle_created),
    Profile(operations.get("CreatedEndDeviceEvents"), end_device_events.handle_created),
)
