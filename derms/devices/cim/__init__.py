"""CIM messages of the devices room: MeterReadings that come in.

`PROFILES` is what `apps.py` registers with the engine. Questions for readings may be about groups
and are answered one room up, by `groups/cim/meter_readings.py`, with `rendering` of this one.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from derms.devices.cim import meter_readings

PROFILES = (Profile(operations.get("CreatedMeterReadings"), meter_readings.handle_created),)
