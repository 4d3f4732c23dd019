"""Steps in which a DMS asks us: groups, queries, dispatches, controls, and what is refused.

Source: use cases of IEC 61968-5 (create, maintain, delete, query, status, forecast, dispatch,
connect/disconnect); EPRI test cases; section 6 of docs/standards/61968-5.md.
"""

from derms.conformance.rules.scenario import Check, Kind, Step

GROUP = Check("EndDeviceGroup", "group")
_DISPATCHED = "DERGroupDispatch/EndDeviceGroup"
_PARAMETER = f"{_DISPATCHED}/DERMonitorableParameter"

CREATE = Step(
    "create", "Create a group", "CreateDERGroups with exactly the two devices {device1} and "
    "{device2}, connectDisconnect and realPowerDispatch true. Reply OK.",
    "CreateDERGroups", sample="create", keeps_group=True,
    checks=(
        Check("EndDeviceGroup/EndDevices/mRID", "set", "{device1} {device2}"),
        Check("EndDeviceGroup/DERFunction/connectDisconnect", "is", "true"),
        Check("EndDeviceGroup/DERFunction/realPowerDispatch", "is", "true"),
    ),
)  # fmt: skip
REPEAT = Step(
    "repeat", "Send the same message again", "The very same CreateDERGroups, with the same "
    "MessageID, as after a time-out. You get the first reply again; nothing happens twice.",
    "CreateDERGroups", Kind.REPEAT, needs=("create",),
)  # fmt: skip
DUPLICATE = Step(
    "duplicate", "Create the group again", "CreateDERGroups of the same group with a new "
    "MessageID. Reply FAILED, code 6.1: it exists.",
    "CreateDERGroups", result="FAILED", code="6.1", sample="create", needs=("create",),
    checks=(GROUP,),
)  # fmt: skip
CHANGE = Step(
    "change", "Change the group", "ChangeDERGroups of the group that adds the device {device3}; "
    "what it does not name stays. Reply OK.",
    "ChangeDERGroups", sample="change", needs=("create",),
    checks=(GROUP, Check("EndDeviceGroup/EndDevices/mRID", "set", "{device3}")),
)  # fmt: skip
REMOVE = Step(
    "remove", "Take a member out", "ExecuteDERGroupsOperationSet with one Operation: verb delete, "
    "elementOperation true, DERGroups with the group and its device {device3}. Reply OK.",
    "ExecuteDERGroupsOperationSet", sample="remove", needs=("change",),
    checks=(
        Check("Operation/verb", "is", "delete"),
        Check("Operation/elementOperation", "is", "true"),
        Check("Operation/DERGroups/EndDeviceGroup", "group"),
        Check("Operation/DERGroups/EndDeviceGroup/EndDevices/mRID", "set", "{device3}"),
    ),
)  # fmt: skip
QUERY = Step(
    "query", "Query the group", "QueryDERGroups of the group by mRID or name. Reply OK with its "
    "devices and functions.",
    "QueryDERGroups", sample="query", needs=("create",), checks=(GROUP,),
)  # fmt: skip
UNKNOWN = Step(
    "unknown", "Query a group that does not exist", "QueryDERGroups of the mRID {unknown}. Reply "
    "FAILED, code 99.1.",
    "QueryDERGroups", result="FAILED", code="99.1", sample="unknown",
    checks=(Check("EndDeviceGroup/mRID", "is", "{unknown}"),),
)  # fmt: skip
STATUS = Step(
    "status", "Ask for its status", "QueryDERGroupStatuses of the group. Reply OK with its power.",
    "QueryDERGroupStatuses", sample="status", needs=("create",), checks=(GROUP,),
)  # fmt: skip
FORECAST = Step(
    "forecast", "Ask for its forecast", "QueryDERGroupForecasts of the group's activePower, four "
    "intervals of 15 minutes. Reply OK with a forecast.",
    "QueryDERGroupForecasts", sample="forecast", needs=("create",),
    checks=(
        GROUP,
        Check("DERMonitorableParameter/DERParameter", "is", "activePower"),
        Check("DispatchSchedule", "interval", "900"),
    ),
)  # fmt: skip
READINGS = Step(
    "readings", "Ask for its meter readings", "QueryMeterReadings of the group's latest active "
    "power. Reply OK.",
    "QueryMeterReadings", sample="readings", needs=("create",), checks=(GROUP,),
)  # fmt: skip
DISPATCH = Step(
    "dispatch", "Dispatch the group", "CreateDERGroupDispatches of the group: activePower, 1 kW "
    "injected for 15 minutes from now. Reply OK.",
    "CreateDERGroupDispatches", sample="dispatch", needs=("create",),
    checks=(
        Check(_DISPATCHED, "group"),
        Check(f"{_PARAMETER}/DERParameter", "is", "activePower"),
        Check(f"{_PARAMETER}/yUnit", "is", "W"),
        Check(_PARAMETER, "power", "1000"),
        Check(f"{_PARAMETER}/DispatchSchedule", "interval", "900"),
        Check(f"{_PARAMETER}/DispatchSchedule/startTime", "now", "900"),
    ),
)  # fmt: skip
WRONG_UNIT = Step(
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


OFF = _switch("disconnect", "Disconnect the group", "2.31.0.23", ("create",))
ON = _switch("connect", "Connect it again", "2.31.0.18", ("disconnect",))
INVALID = Step(
    "invalid", "Send a message that is not valid", "CreateDERGroups without DERFunction. Reply "
    "FAILED, code 1.8, naming the element.",
    "CreateDERGroups", result="FAILED", code="1.8", sample="invalid",
)  # fmt: skip
DELETE = Step(
    "delete", "Delete the group", "DeleteDERGroups of the group. Reply OK.",
    "DeleteDERGroups", sample="delete", needs=("create",), checks=(GROUP,),
)  # fmt: skip


ASYNC = Step(
    "async", "Query the group asynchronously", "QueryDERGroups of the group with AsyncReplyFlag "
    "true and ReplyAddress {reply_address}. Reply OK, code 0.3: the answer follows.",
    "QueryDERGroups", code="0.3", sample="async", needs=("create",),
    checks=(
        Check("Header/AsyncReplyFlag", "is", "true"),
        Check("Header/ReplyAddress", "is", "{reply_address}"),
        GROUP,
    ),
)  # fmt: skip
ANSWER = Step(
    "async_answer", "We send the answer", "We post the ResponseMessage to your ReplyAddress, with "
    "the CorrelationID (or else the MessageID) of your query. Any HTTP 200, 202 or 204 will do.",
    "QueryDERGroups", Kind.ANSWER, needs=("async",),
)  # fmt: skip

ASKS = (
    CREATE, REPEAT, DUPLICATE, CHANGE, REMOVE, QUERY, UNKNOWN, STATUS, FORECAST, READINGS,
    DISPATCH, WRONG_UNIT, OFF, ON, INVALID,
)  # fmt: skip
