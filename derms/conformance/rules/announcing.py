"""Steps in which somebody tells: we a partner, or an aggregator us of its own groups and devices.

Source: notifications of IEC 61968-5 (figures 8-10, 13, 17) and 61968-9.
"""

from derms.conformance.rules.asking import GROUP, QUERY, UNKNOWN
from derms.conformance.rules.scenario import Check, Kind, Step

_FORECAST = "DERGroupForecast/EndDeviceGroup/DERMonitorableParameter"


def _tell(key: str, operation: str, what: str, *needs: str) -> Step:
    return Step(
        key, f"We tell you {what}", f"We post {operation} to your endpoint. Your reply: "
        "ResponseMessage, valid, CorrelationID = our MessageID, Result OK, in time.",
        operation, Kind.TELL, needs=needs,
    )  # fmt: skip


TOLD = (
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
    _tell("told_readings", "CreatedMeterReadings", "its usage", "create"),
)  # fmt: skip
TOLD_EVENTS = _tell(
    "told_events", "CreatedEndDeviceEvents", "that devices were disconnected", "create"
)
TOLD_DELETED = _tell("told_deleted", "DeletedDERGroups", "that a group is gone", "create")

STATUS_BACK = Step(
    "status_back", "Ask for that status", "QueryDERGroupStatuses of the group. Reply OK with what "
    "you have told.",
    "QueryDERGroupStatuses", sample="status", needs=("status",), checks=(GROUP,),
)  # fmt: skip
ANNOUNCES = (
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
        checks=(GROUP,),
    ),
    Step(
        "status", "Tell its status", "ChangedDERGroupStatuses of the group: activePower in W, with "
        "a present timeStamp. Reply OK.",
        "ChangedDERGroupStatuses", sample="statuses", needs=("create",),
        checks=(
            GROUP,
            Check("EndDeviceGroup/DERMonitorableParameter/DERParameter", "is", "activePower"),
            Check("EndDeviceGroup/DERMonitorableParameter/yUnit", "is", "W"),
            Check(
                "EndDeviceGroup/DERMonitorableParameter/DERCurveData/timeStamp", "now", "900"
            ),
        ),
    ),
    Step(
        "forecast", "Tell its forecast", "CreatedDERGroupForecasts of the group: activePower in W, "
        "intervals of 15 minutes from now. Reply OK.",
        "CreatedDERGroupForecasts", sample="forecasts", needs=("create",),
        checks=(
            Check("DERGroupForecast/EndDeviceGroup", "group"),
            Check(f"{_FORECAST}/DERParameter", "is", "activePower"),
            Check(f"{_FORECAST}/yUnit", "is", "W"),
            Check(f"{_FORECAST}/DispatchSchedule", "interval", "900"),
        ),
    ),
    Step(
        "events", "Tell of an event of a device", "CreatedEndDeviceEvents with one "
        "EndDeviceEvent of the device {device1} in Assets/mRID, EndDeviceEventType/@ref 2.31.0.68. "
        "Reply OK.",
        "CreatedEndDeviceEvents", sample="events",
        checks=(
            Check("EndDeviceEvent/Assets/mRID", "set", "{device1}"),
            Check("EndDeviceEvent/EndDeviceEventType", "attribute", "2.31.0.68"),
            Check("EndDeviceEvent/createdDateTime", "now", "900"),
        ),
    ),
    Step(
        "readings", "Tell a reading of a meter", "CreatedMeterReadings with the present active "
        "power of the device {device1} in Meter/mRID. Reply OK.",
        "CreatedMeterReadings", sample="told_readings",
        checks=(Check("MeterReading/Meter/mRID", "set", "{device1}"),),
    ),
    QUERY,
    UNKNOWN,
    STATUS_BACK,
    Step(
        "change", "Tell of a change", "ChangedDERGroups of the group that adds the device "
        "{device3}. Reply OK.",
        "ChangedDERGroups", sample="changed", needs=("create",),
        checks=(GROUP, Check("EndDeviceGroup/EndDevices/mRID", "set", "{device3}")),
    ),
    Step(
        "remove", "Tell that a member has left", "ExecutedDERGroupsOperationSet with one "
        "Operation: verb delete, elementOperation true, DERGroups with the group and its device "
        "{device3}. Reply OK.",
        "ExecutedDERGroupsOperationSet", sample="removed", needs=("change",),
        checks=(
            Check("Operation/verb", "is", "delete"),
            Check("Operation/elementOperation", "is", "true"),
            Check("Operation/DERGroups/EndDeviceGroup", "group"),
            Check("Operation/DERGroups/EndDeviceGroup/EndDevices/mRID", "set", "{device3}"),
        ),
    ),
    Step(
        "invalid", "Send a message that is not valid", "CreatedDERGroups without DERFunction. "
        "Reply FAILED, code 1.8, naming the element.",
        "CreatedDERGroups", result="FAILED", code="1.8", sample="invalid_told",
    ),
)  # fmt: skip
RETRACT = Step(
    "delete", "Tell that the group is gone", "DeletedDERGroups of the group. Reply OK.",
    "DeletedDERGroups", sample="deleted", needs=("create",), checks=(GROUP,),
)  # fmt: skip
