"""Every operation of the standard, hosted or called: root, verb, SOAPAction, path, response root.

The one place that says them. Rooms register a handler for what we host (`registry.Profile`); what
we send to others is looked up by noun and verb (`find`). Source: the 61968-5 and 61968-9 WSDL
sets, section 1 of docs/standards/61968-5.md.
"""

from dataclasses import dataclass

from derms.cim import names
from derms.cim.schema import MessageSet

EVENT_VERBS = frozenset({"created", "changed", "deleted", "canceled", "closed", "executed"})
"""Verbs of messages that tell what has happened; the others ask for something."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one service.

    Attributes:
        service: WSDL service, e.g. `ExecuteDERGroups`.
        path: Below the family, e.g. `create/executeDERGroups`.
        name: WSDL operation and end of the SOAPAction, e.g. `CreateDERGroups`.
        verb: Verb of the header.
        messages: Noun, query profile, constrained or not.
        family: The standard whose paths these are: `61968-5` or `61968-9`.
    """

    service: str
    path: str
    name: str
    verb: str
    messages: MessageSet
    family: str = "61968-5"

    @property
    def noun(self) -> str:
        """The noun of permissions, SOAPAction and message log."""
        return self.messages.subject

    @property
    def root(self) -> str:
        """Local name of the message element."""
        query = self.messages.query
        return f"{query}RequestMessage" if query else self.name

    @property
    def response_root(self) -> str:
        """Local name of the message element of the reply."""
        return f"{self.messages.message}ResponseMessage"

    @property
    def part(self) -> str:
        """Which part of the message carries the content."""
        return "Request" if self.messages.query else "Payload"

    @property
    def content(self) -> str:
        """Tag of the element in that part: the profile, or the OperationSet."""
        if self.messages.operation_set:
            return f"{{{names.wrapper(self.messages.message)}}}OperationSet"
        name = self.messages.message
        return f"{{{names.profile(name)}}}{name}"

    @property
    def soap_action(self) -> str:
        """The full SOAPAction."""
        return f"{names.base(self.noun)}{self.noun}/{self.name}"

    @property
    def address_path(self) -> str:
        """Where the service stands below a base URL, e.g. `61968-5/create/receiveDERGroups`."""
        return f"{self.family}/{self.path}"

    @property
    def is_event(self) -> bool:
        """True for a message that tells what happened, false for one that asks."""
        return self.verb in EVENT_VERBS

    @property
    def permission(self) -> str:
        """Permission a client needs to send it to us."""
        return f"cim.{self.noun}.{self.verb}"


_GROUPS = MessageSet("DERGroups")
_GROUPS_LOOSE = MessageSet("DERGroups", constrained=False)
_GROUP_SETS = MessageSet("DERGroups", constrained=False, operation_set=True)
_STATUSES = MessageSet("DERGroupStatuses")
_FORECASTS = MessageSet("DERGroupForecasts")
_CONTROLS = MessageSet("EndDeviceControls")
_EVENTS = MessageSet("EndDeviceEvents")
_READINGS = MessageSet("MeterReadings")

OPERATIONS = (
    Operation("ExecuteDERGroups", "create/executeDERGroups", "CreateDERGroups", "create", _GROUPS),
    Operation(
        "ExecuteDERGroups", "change/executeDERGroups", "ChangeDERGroups", "change", _GROUPS_LOOSE
    ),
    Operation(
        "ExecuteDERGroups", "change/executeDERGroups", "DeleteDERGroups", "delete", _GROUPS_LOOSE
    ),
    Operation(
        "ExecuteDERGroupsOperationSet",
        "change/executeDERGroupsOperationSet",
        "ExecuteDERGroupsOperationSet",
        "execute",
        _GROUP_SETS,
    ),
    Operation(
        "QueryDERGroups",
        "get/queryDERGroups",
        "QueryDERGroups",
        "get",
        MessageSet("DERGroups", "DERGroupQueries"),
    ),
    Operation(
        "QueryDERGroupStatuses",
        "get/queryDERGroupStatuses",
        "QueryDERGroupStatuses",
        "get",
        MessageSet("DERGroupStatuses", "DERGroupStatusQueries"),
    ),
    Operation(
        "QueryDERGroupForecasts",
        "get/queryDERGroupForecasts",
        "QueryDERGroupForecasts",
        "get",
        MessageSet("DERGroupForecasts", "DERGroupForecastQueries"),
    ),
    Operation(
        "ExecuteDERGroupDispatches",
        "create/executeDERGroupDispatches",
        "CreateDERGroupDispatches",
        "create",
        MessageSet("DERGroupDispatches"),
    ),
    Operation(
        "ExecuteEndDeviceControls",
        "create/executeEndDeviceControls",
        "CreateEndDeviceControls",
        "create",
        _CONTROLS,
        "61968-9",
    ),
    Operation(
        "ReceiveDERGroups", "create/receiveDERGroups", "CreatedDERGroups", "created", _GROUPS
    ),
    Operation(
        "ReceiveDERGroups", "change/receiveDERGroups", "ChangedDERGroups", "changed", _GROUPS_LOOSE
    ),
    Operation(
        "ReceiveDERGroups", "change/receiveDERGroups", "DeletedDERGroups", "deleted", _GROUPS_LOOSE
    ),
    Operation(
        "ReceiveDERGroupsOperationSet",
        "change/receiveDERGroupsOperationSet",
        "ExecutedDERGroupsOperationSet",
        "executed",
        _GROUP_SETS,
    ),
    Operation(
        "ReceiveDERGroupStatuses",
        "change/receiveDERGroupStatuses",
        "ChangedDERGroupStatuses",
        "changed",
        _STATUSES,
    ),
    Operation(
        "ReceiveDERGroupForecasts",
        "create/receiveDERGroupForecasts",
        "CreatedDERGroupForecasts",
        "created",
        _FORECASTS,
    ),
    Operation(
        "ReceiveEndDeviceEvents",
        "create/receiveEndDeviceEvents",
        "CreatedEndDeviceEvents",
        "created",
        _EVENTS,
        "61968-9",
    ),
    Operation(
        "ReceiveMeterReadings",
        "create/receiveMeterReadings",
        "CreatedMeterReadings",
        "created",
        _READINGS,
        "61968-9",
    ),
    Operation(
        "QueryMeterReadings",
        "get/queryMeterReadings",
        "QueryMeterReadings",
        "get",
        MessageSet("MeterReadings", "GetMeterReadings"),
        "61968-9",
    ),
)

_BY_NAME = {operation.name: operation for operation in OPERATIONS}
_BY_VERB = {(operation.noun, operation.verb): operation for operation in OPERATIONS}
# Headers of operation sets say OperationSet, the standard's word for that noun.
_BY_VERB |= {
    (operation.messages.header_noun, operation.verb): operation for operation in OPERATIONS
}


def get(name: str) -> Operation:
    """Return the operation of that name, e.g. `CreateDERGroups`.

    Raises:
        KeyError: the standard has none.
    """
    return _BY_NAME[name]


def find(noun: str, verb: str) -> Operation:
    """Return the operation for a noun and verb, e.g. `DERGroupStatuses` and `changed`.

    Raises:
        KeyError: the standard has none.
    """
    return _BY_VERB[noun, verb]
