"""CIM messages of the groups room: DERGroups, DERGroupStatuses, questions for MeterReadings.

`PROFILES` is what `apps.py` registers with the engine.
"""

from derms.cim import operations
from derms.cim.registry import Profile
from groups.cim import der_group_statuses, der_groups, meter_readings, operation_sets, received

PROFILES = (
    Profile(operations.get("CreateDERGroups"), der_groups.handle_create),
    Profile(operations.get("ChangeDERGroups"), der_groups.handle_change),
    Profile(operations.get("DeleteDERGroups"), der_groups.handle_delete),
    Profile(operations.get("ExecuteDERGroupsOperationSet"), operation_sets.handle_execute),
    Profile(operations.get("QueryDERGroups"), der_groups.handle_query),
    Profile(operations.get("QueryDERGroupStatuses"), der_group_statuses.handle_query),
    Profile(operations.get("CreatedDERGroups"), received.handle_created),
    Profile(operations.get("ChangedDERGroups"), received.handle_changed),
    Profile(operations.get("DeletedDERGroups"), received.handle_deleted),
    Profile(operations.get("ExecutedDERGroupsOperationSet"), received.handle_executed),
    Profile(operations.get("ChangedDERGroupStatuses"), received.handle_statuses),
    Profile(operations.get("QueryMeterReadings"), meter_readings.handle_query),
)
