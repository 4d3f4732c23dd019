"""The scenarios, as data.

Source: use cases of IEC 61968-5 (create, maintain, delete, query, status, forecast, dispatch,
connect/disconnect and their notifications); EPRI test cases; section 6 of docs/standards.
"""

from derms.conformance.rules.scenario import Check, Kind, Scenario, Step

_GROUP = Check("EndDeviceGroup", "group")
_DISPATCHED = "DERGroupDispatch/EndDeviceGroup"
_PARAMETER = f"{_DISPATCHED}/DERMonitorableParameter"

_CREATE = Step(
    "create", "Create a group", "CreateDERGroups with exactly the two devices {device1} and "
    "{device2}, connectDisconnect and realPowerDispatch true. Reply OK.",
    "CreateDERGroups", sample="create", keeps_group=True,
    checks=(
        Check("EndDeviceGroup/EndDevices/mRID", "set", "{device1} {device2}"),
        Check("EndDeviceGroup/DERFunction/connectDisconnect", "is", "true"),
        Check("EndDeviceGroup/DERFunction/realPowerDispatch", "is", "true"),
    ),
)  # fmt: skip
_REPEAT = Step(
    "repeat", "Send the same message again", "The very same CreateDERGroups, with the same "
    "MessageID, as after a time-out. You get the first reply again; nothing happens twice.",
    "CreateDERGroups", Kind.REPEAT, needs=("create",),
)  # fmt: skip
_DUPLICATE = Step(
    "duplicate", "Create the group again", "CreateDERGroups of the same group with a new "
    "MessageID. Reply FAILED, code 6.1: it exists.",
    "CreateDERGroups", result="FAILED", code="6.1", sample="create", needs=("create",),
    checks=(_GROUP,),
)  # fmt: skip
_CHANGE = Step(
    "change", "Change the group", "ChangeDERGroups of the group that adds the device {device3}; "
    "what it does not name stays. Reply OK.",
    "ChangeDERGroups", sample="change", needs=("create",),
    checks=(_GROUP, Check("EndDeviceGroup/EndDevices/mRID", "set", "{device3}")),
)  # fmt: skip
_QUERY = Step(
    "query", "Query the group", "QueryDERGroups of the group by mRID or name. Reply OK with its "
    "devices and functions.",
    "QueryDERGroups", sample="query", needs=("create",), checks=(_GROUP,),
)  # fmt: skip
_UNKNOWN = Step(
    "unknown", "Query a group that does not exist", "QueryDERGroups of the mRID {unknown}. Reply "
    "FAILED, code 99.1.",
    "QueryDERGroups", result="FAILED", code="99.1", sample="unknown",
    checks=(Check("EndDeviceGroup/mRID", "is", "{unknown}"),),
)  # fmt: skip
_STATUS = Step(
    "status", "Ask for its status", "QueryDERGroupStatuses of the group. Reply OK with its power.",
    "QueryDERGroupStatuses", sample="status", needs=("create",), checks=(_GROUP,),
)  # fmt: skip
_FORECAST = Step(
    "forecast", "Ask for its forecast", "QueryDERGroupForecasts of the group's activePower, four "
    "intervals of 15 minutes. Reply OK with a forecast.",
    "QueryDERGroupForecasts", sample="forecast", needs=("create",),
    checks=(
        _GROUP,
        Check("DERMonitorableParameter/DERParameter", "is", "activePower"),
        Check("DispatchSchedule", "interval", "900"),
    ),
)  # fmt: skip
_DISPATCH = Step(
    "dispatch", "Dispatch the group", "CreateDERGroupDispatches of the group: activePower, 1 kW "
    "injected for 15 minutes from now. Reply OK.",
    "CreateDERGroupDispatches", sample="dispatch", needs=("create",),
    checks=(
        Check(_DISPATCHED, "group"),
        Check(f"{_PARAMETER}/DERParameter", "is", "activePower"),
        Check(f"{_PARAMETER}/yUnit", "is", "W"),
        Check(_PARAMETER, "power", "1000"),
        Check(f"{_PARAMETER}/DispatchSchedule", "interval", "900"),
    ),
)  # fmt: skip
_WRONG_UNIT = Step(
    "wrong_unit", "Dispatch in a unit that does not fit", "The same with yUnit V. Reply FAILED, "
    "code 2.29.",
    "CreateDERGroupDispatches", result="FAILED", code="2.29", sample="wrong_unit",
    needs=("create",), checks=(Check(f"{_PARAMETER}/yUnit", "is", "V"),),
)  # fmt: skip


def _switch(key: str, title: str, code: str, needs: tuple[str, ...]) -> Step:
    return Step(
        key, title, f"CreateEndDeviceControls, EndDeviceControlType/@ref {code}, with the group in "
        "EndDeviceGroups. Reply OK; the EndDeviceEvents follow.",
        "CreateEndDeviceControls", sample=key, needs=needs,
        checks=(
            Check("EndDeviceControl/EndDeviceControlType", "attribute", code),
            Check("EndDeviceControl/EndDeviceGroups", "group"),
        ),
    )  # fmt: skip


_OFF = _switch("disconnect", "Disconnect the group", "2.31.0.23", ("create",))
_ON = _switch("connect", "Connect it again", "2.31.0.18", ("disconnect",))
_INVALID = Step(
    "invalid", "Send a message that is not valid", "CreateDERGroups without DERFunction. Reply "
    "FAILED, code 1.8, naming the element.",
    "CreateDERGroups", result="FAILED", code="1.8", sample="invalid",
)  # fmt: skip
_DELETE = Step(
    "delete", "Delete the group", "DeleteDERGroups of the group. Reply OK.",
    "DeleteDERGroups", sample="delete", needs=("create",), checks=(_GROUP,),
)  # fmt: skip


def _tell(key: str, operation: str, what: str, *needs: str) -> Step:
    return Step(
        key, f"We tell you {what}", f"We post {operation} to your endpoint. Your reply: "
        "ResponseMessage, valid, Result OK, in time.",
        operation, Kind.TELL, needs=needs,
    )  # fmt: skip


_TOLD = (
    _tell("told_created", "CreatedDERGroups", "of a new group", "create"),
    Step(
        "told_again", "We repeat that message", "The same CreatedDERGroups with the same "
        "MessageID, as after a lost reply. Your reply: Result OK again.",
        "CreatedDERGroups", Kind.TELL_AGAIN, needs=("told_created",),
    ),
    _tell("told_changed", "ChangedDERGroups", "of a change", "create"),
    _tell(
        "told_removed", "ExecutedDERGroupsOperationSet", "of a member that has left", "create"
    ),
    _tell("told_status", "ChangedDERGroupStatuses", "a status", "create"),
    _tell("told_forecast", "CreatedDERGroupForecasts", "a forecast", "create"),
)  # fmt: skip
_TOLD_EVENTS = _tell(
    "told_events", "CreatedEndDeviceEvents", "that devices were disconnected", "create"
)
_TOLD_DELETED = _tell("told_deleted", "DeletedDERGroups", "that a group is gone", "create")

_ASKS = (
    _CREATE, _REPEAT, _DUPLICATE, _CHANGE, _QUERY, _UNKNOWN, _STATUS, _FORECAST, _DISPATCH,
    _WRONG_UNIT, _OFF, _ON, _INVALID,
)  # fmt: skip
_ANNOUNCES = (
    Step(
        "create", "Tell of a group of yours", "CreatedDERGroups with exactly the two devices "
        "{device1} and {device2}. Reply OK.",
        "CreatedDERGroups", sample="created", keeps_group=True,
        checks=(Check("EndDeviceGroup/EndDevices/mRID", "set", "{device1} {device2}"),),
    ),
    Step(
        "repeat", "Send the same message again", "The very same CreatedDERGroups, with the same "
        "MessageID. You get the first reply again; nothing happens twice.",
        "CreatedDERGroups", Kind.REPEAT, needs=("create",),
    ),
    Step(
        "duplicate", "Tell of it again", "CreatedDERGroups of the same group with a new MessageID. "
        "Reply FAILED, code 6.1: it exists.",
        "CreatedDERGroups", result="FAILED", code="6.1", sample="created", needs=("create",),
        checks=(_GROUP,),
    ),
    Step(
        "status", "Tell its status", "ChangedDERGroupStatuses of the group: activePower in W, with "
        "a present timeStamp. Reply OK.",
        "ChangedDERGroupStatuses", sample="statuses", needs=("create",),
        checks=(
            _GROUP,
            Check("EndDeviceGroup/DERMonitorableParameter/DERParameter", "is", "activePower"),
            Check("EndDeviceGroup/DERMonitorableParameter/yUnit", "is", "W"),
        ),
    ),
    _QUERY,
    _UNKNOWN,
    Step(
        "change", "Tell of a change", "ChangedDERGroups of the group that adds the device "
        "{device3}. Reply OK.",
        "ChangedDERGroups", sample="changed", needs=("create",),
        checks=(_GROUP, Check("EndDeviceGroup/EndDevices/mRID", "set", "{device3}")),
    ),
    Step(
        "invalid", "Send a message that is not valid", "CreatedDERGroups without DERFunction. "
        "Reply FAILED, code 1.8, naming the element.",
        "CreatedDERGroups", result="FAILED", code="1.8", sample="invalid_told",
    ),
)  # fmt: skip
_RETRACT = Step(
    "delete", "Tell that the group is gone", "DeletedDERGroups of the group. Reply OK.",
    "DeletedDERGroups", sample="deleted", needs=("create",), checks=(_GROUP,),
)  # fmt: skip

SCENARIOS = (
    Scenario(
        "dms", "DMS: requests and notifications", "dms",
        (*_ASKS, *_TOLD, _TOLD_EVENTS, _TOLD_DELETED, _DELETE),
    ),
    Scenario("dms-requests", "DMS: requests alone", "dms", (*_ASKS, _DELETE)),
    Scenario(
        "aggregator", "Aggregator: announcements and notifications", "aggregator",
        (*_ANNOUNCES, *_TOLD, _TOLD_DELETED, _RETRACT),
    ),
    Scenario("aggregator-told", "Aggregator: announcements alone", "aggregator",
             (*_ANNOUNCES, _RETRACT)),
)  # fmt: skip
"""The first one of a role is what a client without a choice runs."""


_BY_KEY = {scenario.key: scenario for scenario in SCENARIOS}


def get_scenario(key: str) -> Scenario:
    """Return a scenario.

    Raises:
        KeyError: there is none.
    """
    return _BY_KEY[key]


def scenario_of_role(role: str) -> Scenario:
    """Return the whole scenario of a role.

    Raises:
        KeyError: there is none.
    """
    return {scenario.role: scenario for scenario in reversed(SCENARIOS)}[role]
