"""CIM messages of the groups room: DERGroups and DERGroupStatuses.

`PROFILES` is what `apps.py` registers with the engine.
"""

from derms.cim.registry import Profile
from derms.cim.schema import MessageSet
from groups.cim import der_group_statuses, der_groups

_UNCONSTRAINED = MessageSet("DERGroups", constrained=False)

PROFILES = (
    Profile(
        service="ExecuteDERGroups",
        path="create/executeDERGroups",
        operation="CreateDERGroups",
        verb="create",
        messages=MessageSet("DERGroups"),
        handle=der_groups.handle_create,
    ),
    Profile(
        service="ExecuteDERGroups",
        path="change/executeDERGroups",
        operation="ChangeDERGroups",
        verb="change",
        messages=_UNCONSTRAINED,
        handle=der_groups.handle_change,
    ),
    Profile(
        service="ExecuteDERGroups",
        path="change/executeDERGroups",
        operation="DeleteDERGroups",
        verb="delete",
        messages=_UNCONSTRAINED,
        handle=der_groups.handle_delete,
    ),
    Profile(
        service="QueryDERGroups",
        path="get/queryDERGroups",
        operation="QueryDERGroups",
        verb="get",
        messages=MessageSet("DERGroups", "DERGroupQueries"),
        handle=der_groups.handle_query,
    ),
    Profile(
        service="QueryDERGroupStatuses",
        path="get/queryDERGroupStatuses",
        operation="QueryDERGroupStatuses",
        verb="get",
        messages=MessageSet("DERGroupStatuses", "DERGroupStatusQueries"),
        handle=der_group_statuses.handle_query,
    ),
)
