"""Builders of test messages, written apart from the product's own renderers."""

import uuid

BASE = "http://iec.ch/TC57/2017/"
ENVELOPE = "http://iec.ch/TC57/2011/schema/message"
FLAGS = [
    "connectDisconnect",
    "frequencyWattCurveFunction",
    "maxRealPowerLimiting",
    "rampRateControl",
    "reactivePowerDispatch",
    "realPowerDispatch",
    "voltageRegulation",
    "voltVarCurveFunction",
    "voltWattCurveFunction",
]
TIME = "2026-11-20T10:00:00.1234567Z"


def header(verb, noun, message_id=None, correlation_id=""):
    message_id = str(uuid.uuid4()) if message_id is None else message_id
    ids = f"<m:MessageID>{message_id}</m:MessageID>" if message_id else ""
    ids += f"<m:CorrelationID>{correlation_id}</m:CorrelationID>" if correlation_id else ""
    return (
        f'<Header xmlns:m="{ENVELOPE}"><m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun>'
        f"<m:Timestamp>{TIME}</m:Timestamp>{ids}</Header>"
    )


def names(*values):
    return "".join(f"<Names><name>{value}</name></Names>" for value in values)


def functions(*on):
    return (
        "<DERFunction>"
        + "".join(f"<{flag}>{'true' if flag in on else 'false'}</{flag}>" for flag in FLAGS)
        + "</DERFunction>"
    )


DEFAULT_FUNCTIONS = ("connectDisconnect", "realPowerDispatch", "reactivePowerDispatch")


def group(mrid="", name="", members=(), on=DEFAULT_FUNCTIONS, description="", version=""):
    """One EndDeviceGroup of DERGroups; `on=None` leaves DERFunction out."""
    return (
        "<EndDeviceGroup>"
        + (f"<mRID>{mrid}</mRID>" if mrid else "")
        + (f"<description>{description}</description>" if description else "")
        + ("" if on is None else functions(*on))
        + "".join(f"<EndDevices><mRID>{m}</mRID></EndDevices>" for m in members)
        + (names(name) if name else "")
        + version
        + "</EndDeviceGroup>"
    )


FULL_VERSION = (
    f"<version><date>{TIME}</date><major>1</major><minor>2</minor><revision>3</revision></version>"
)
FULL_NAME = (
    "<Names><name>G</name><NameType><description>d</description><name>t</name><NameTypeAuthority>"
    "<description>d</description><name>a</name></NameTypeAuthority></NameType></Names>"
)


def full_group():
    return (
        "<EndDeviceGroup><mRID>g1</mRID><description>text</description>"
        + functions("realPowerDispatch")
        + f"<EndDevices><mRID>d1</mRID>{FULL_NAME}</EndDevices>"
        + FULL_NAME
        + FULL_VERSION
        + "</EndDeviceGroup>"
    )


def request(operation, noun, verb, content, **ids):
    """A message with a Payload; `content` None leaves the Payload out."""
    payload = "" if content is None else f"<Payload>{content}</Payload>"
    inner = header(verb, noun, **ids) + payload
    return f'<{operation} xmlns="{BASE}{noun}Message">{inner}</{operation}>'


def groups_content(*items):
    return f'<DERGroups xmlns="{BASE}DERGroups#">{"".join(items)}</DERGroups>'


def create_groups(*items, verb="create", **ids):
    content = groups_content(*(items or (full_group(),)))
    return request(f"{verb.capitalize()}DERGroups", "DERGroups", verb, content, **ids)


def operation(number=1, verb="delete", content=None, elements=None, noun="DERGroups"):
    """One Operation of an OperationSet."""
    content = (
        groups_content(group(name="G", members=["d1"], on=None)) if content is None else content
    )
    return (
        f"<m:Operation><m:operationId>{number}</m:operationId><m:noun>{noun}</m:noun>"
        f"<m:verb>{verb}</m:verb>"
        + ("" if elements is None else f"<m:elementOperation>{elements}</m:elementOperation>")
        + f"{content}</m:Operation>"
    )


def operation_set(*operations, sequence=None, integrity=None, verb="execute", **ids):
    """An ExecuteDERGroupsOperationSet (or Executed...) message."""
    name = f"{verb.capitalize()}DERGroupsOperationSet"
    flags = "" if sequence is None else f"<m:enforceMsgSequence>{sequence}</m:enforceMsgSequence>"
    if integrity is not None:
        flags += f"<m:enforceTransactionalIntegrity>{integrity}</m:enforceTransactionalIntegrity>"
    inner = "".join(operations or (operation(elements="true"),))
    return (
        f'<{name} xmlns="{BASE}DERGroupsOperationSetMessage" xmlns:m="{ENVELOPE}">'
        + header(verb, "OperationSet", **ids)
        + f"<Payload><OperationSet>{flags}{inner}</OperationSet></Payload></{name}>"
    )


def query(query_name, noun, *items, **ids):
    groups = "".join(items) or f"<EndDeviceGroup><mRID>g1</mRID>{FULL_NAME}</EndDeviceGroup>"
    return (
        f'<{query_name}RequestMessage xmlns="{BASE}{query_name}Message">'
        + header("get", noun, **ids)
        + f'<Request><{query_name} xmlns="{BASE}{query_name}#">{groups}</{query_name}></Request>'
        f"</{query_name}RequestMessage>"
    )


def asked(mrid="", name=""):
    """One EndDeviceGroup of a query."""
    inner = (f"<mRID>{mrid}</mRID>" if mrid else "") + (names(name) if name else "")
    return f"<EndDeviceGroup>{inner}</EndDeviceGroup>"


def schedule(
    values=(5.0, 6.0), style="constantYValue", start=TIME, duration=15, unit="m", numbers=None
):
    points = "".join(
        f"<DERCurveData><intervalNumber>{n}</intervalNumber><nominalYValue>{v}</nominalYValue>"
        "</DERCurveData>"
        for n, v in zip(numbers or range(1, len(values) + 1), values, strict=True)
    )
    return (
        f"<DispatchSchedule><curveStyleKind>{style}</curveStyleKind><startTime>{start}</startTime>"
        f"<timeIntervalDuration>{duration}</timeIntervalDuration>"
        f"<timeIntervalUnit>{unit}</timeIntervalUnit>{points}</DispatchSchedule>"
    )


def wanted(
    parameters=("activePower",), style="constantYValue", count=4, start=TIME, duration=15, unit="m",
    flow="", schedules=1,
):  # fmt: skip
    """Parameters and schedules of a forecast query."""
    direction = f"<flowDirection>{flow}</flowDirection>" if flow else ""
    return "".join(
        f"<DERMonitorableParameter><DERParameter>{parameter}</DERParameter>{direction}"
        "</DERMonitorableParameter>"
        for parameter in parameters
    ) + schedules * (
        f"<DispatchSchedule><curveStyleKind>{style}</curveStyleKind>"
        f"<numberOfIntervals>{count}</numberOfIntervals><startTime>{start}</startTime>"
        f"<timeIntervalDuration>{duration}</timeIntervalDuration>"
        f"<timeIntervalUnit>{unit}</timeIntervalUnit></DispatchSchedule>"
    )


def forecast_query(*items, noun="DERGroupForecasts", **more):
    """A query for forecasts of the groups; `more` as in `wanted`."""
    groups = items or (f"<EndDeviceGroup><mRID>g1</mRID>{FULL_NAME}</EndDeviceGroup>",)
    return query("DERGroupForecastQueries", noun, wanted(**more), *groups)


def forecasts(*items, verb="created", **ids):
    """A CreatedDERGroupForecasts message."""
    content = "".join(items or (forecast(),))
    content = f'<DERGroupForecasts xmlns="{BASE}DERGroupForecasts#">{content}</DERGroupForecasts>'
    return request("CreatedDERGroupForecasts", "DERGroupForecasts", verb, content, **ids)


def forecast(
    group_mrid="g1", parameter="activePower", unit="W", multiplier="k", style="constantYValue",
    start=TIME, duration=15, interval="m", values=((9.0, 1.0, 5.0),), created=TIME, flow="forward",
):  # fmt: skip
    """One DERGroupForecast with (max, min, nominal) per interval."""
    points = "".join(
        f"<DERCurveData><intervalNumber>{k}</intervalNumber><maxYValue>{high}</maxYValue>"
        f"<minYValue>{low}</minYValue><nominalYValue>{nominal}</nominalYValue></DERCurveData>"
        for k, (high, low, nominal) in enumerate(values, start=1)
    )
    return (
        f"<DERGroupForecast><mRID>f1</mRID><predictionCreationDate>{created}"
        "</predictionCreationDate><EndDeviceGroup>"
        + (f"<mRID>{group_mrid}</mRID>" if group_mrid else "")
        + f"<DERMonitorableParameter><DERParameter>{parameter}"
        f"</DERParameter><flowDirection>{flow}</flowDirection><yMultiplier>{multiplier}"
        f"</yMultiplier><yUnit>{unit}</yUnit><yUnitInstalledMax>20</yUnitInstalledMax>"
        "<yUnitInstalledMin>-20</yUnitInstalledMin><DispatchSchedule><confidence>80</confidence>"
        f"<curveStyleKind>{style}</curveStyleKind><startTime>{start}</startTime>"
        f"<timeIntervalDuration>{duration}</timeIntervalDuration><timeIntervalUnit>{interval}"
        f"</timeIntervalUnit>{points}</DispatchSchedule></DERMonitorableParameter>"
        f"{FULL_NAME if group_mrid == 'g1' else ''}</EndDeviceGroup>"
        f"{names('forecast')}</DERGroupForecast>"
    )


def dispatch(
    group_mrid="g1",
    group_name="",
    mrid="",
    parameter="activePower",
    unit="W",
    multiplier="k",
    flow="",
    schedules=None,
    name="",
):
    """One DERGroupDispatch."""
    return (
        "<DERGroupDispatch>"
        + (f"<mRID>{mrid}</mRID>" if mrid else "")
        + "<EndDeviceGroup>"
        + (f"<mRID>{group_mrid}</mRID>" if group_mrid else "")
        + f"<DERMonitorableParameter><DERParameter>{parameter}</DERParameter>"
        + (f"<flowDirection>{flow}</flowDirection>" if flow else "")
        + f"<yMultiplier>{multiplier}</yMultiplier><yUnit>{unit}</yUnit>"
        + (schedules or schedule())
        + "</DERMonitorableParameter>"
        + (names(group_name) if group_name else "")
        + "</EndDeviceGroup>"
        + (names(name) if name else "")
        + "</DERGroupDispatch>"
    )


def create_dispatches(*items, **ids):
    inner = "".join(items or (dispatch(mrid="x", flow="forward", name="n", group_name="g"),))
    content = f'<DERGroupDispatches xmlns="{BASE}DERGroupDispatches#">{inner}</DERGroupDispatches>'
    return request("CreateDERGroupDispatches", "DERGroupDispatches", "create", content, **ids)


def statuses(mrid="g", at=TIME, nominal="1.5", multiplier="k", unit="W", flow="forward", **ids):
    """A ChangedDERGroupStatuses message about the active power of one group."""
    return request(
        "ChangedDERGroupStatuses",
        "DERGroupStatuses",
        "changed",
        f'<DERGroupStatuses xmlns="{BASE}DERGroupStatuses#"><EndDeviceGroup>'
        + (f"<mRID>{mrid}</mRID>" if mrid else "")
        + "<DERMonitorableParameter><DERParameter>activePower</DERParameter>"
        f"<flowDirection>{flow}</flowDirection><yMultiplier>{multiplier}</yMultiplier>"
        f"<yUnit>{unit}</yUnit>"
        "<yUnitInstalledMax>9</yUnitInstalledMax><yUnitInstalledMin>-9</yUnitInstalledMin>"
        "<DERCurveData><maxYValue>8</maxYValue><minYValue>-8</minYValue>"
        f"<nominalYValue>{nominal}</nominalYValue><timeStamp>{at}</timeStamp></DERCurveData>"
        + f"</DERMonitorableParameter>{FULL_NAME if mrid == 'g' else ''}<status><dateTime>{TIME}"
        "</dateTime><reason>r</reason><remark>m</remark><value>Online</value></status>"
        "</EndDeviceGroup></DERGroupStatuses>",
        **ids,
    )


BASE_2011 = "http://iec.ch/TC57/2011/"


def timing(start="", end="", duration="", indefinite="", randomisation="", name="primary"):
    """A primaryDeviceTiming."""
    interval = "".join(f"<{k}>{v}</{k}>" for k, v in (("end", end), ("start", start)) if v)
    parts = (
        ("duration", duration),
        ("durationIndefinite", indefinite),
        ("randomisation", randomisation),
    )
    inner = "".join(f"<{k}>{v}</{k}>" for k, v in parts if v)
    inner += f"<interval>{interval}</interval>" if interval else ""
    return f"<{name}DeviceTiming>{inner}</{name}DeviceTiming>"


def control(
    ref="2.31.0.23", *, groups=(), group_names=(), devices=(), mrid="", reason="", timing="",
    issuer="", more="", after="",
):  # fmt: skip
    """One EndDeviceControl; `ref=None` leaves the attribute out."""
    attribute = "" if ref is None else f' ref="{ref}"'
    return (
        "<EndDeviceControl>"
        + (f"<mRID>{mrid}</mRID>" if mrid else "")
        + (f"<issuerID>{issuer}</issuerID>" if issuer else "")
        + (f"<reason>{reason}</reason>" if reason else "")
        + more
        + f"<EndDeviceControlType{attribute}/>"
        + "".join(f"<EndDeviceGroups><mRID>{g}</mRID></EndDeviceGroups>" for g in groups)
        + "".join(f"<EndDeviceGroups>{names(g)}</EndDeviceGroups>" for g in group_names)
        + "".join(f"<EndDevices><mRID>{d}</mRID></EndDevices>" for d in devices)
        + timing
        + after
        + "</EndDeviceControl>"
    )


def full_control():
    """A control that fills every element but the home network's."""
    address = ["email1", "email2", "lan", "mac", "password", "radio", "userID", "web"]
    return (
        "<EndDeviceControl><mRID>c</mRID><drProgramLevel>0</drProgramLevel>"
        "<drProgramMandatory>true</drProgramMandatory><issuerID>i</issuerID>"
        "<issuerTrackingID>t</issuerTrackingID><priceSignal>1.5</priceSignal><reason>r</reason>"
        '<EndDeviceControlType ref="2.31.0.18"/>'
        f"<EndDeviceGroups><mRID>g1</mRID>{FULL_NAME}</EndDeviceGroups>"
        "<EndDevices><mRID>d1</mRID><installCode>x</installCode><isPan>false</isPan>"
        f"<electronicAddress>{''.join(f'<{k}>x</{k}>' for k in address)}</electronicAddress>"
        f"{FULL_NAME}</EndDevices>"
        + timing(TIME, TIME, "5", "false", "startAndEnd")
        + timing(TIME, TIME, "5", "false", "none", name="secondary")
        + f"<UsagePointGroups><mRID>u</mRID>{FULL_NAME}</UsagePointGroups>"
        f"<UsagePoints><mRID>u</mRID>{FULL_NAME}</UsagePoints></EndDeviceControl>"
    )


def pan_controls():
    """Controls with the parts of home networks."""
    kinds = """
        ElectricVehicle ExteriorLighting GenerationSystem HvacCompressorOrFurnace InteriorLighting
        IrrigationPump ManagedCommercialIndustrialLoad PoolPumpSpaJacuzzi SimpleMiscLoad
        SmartAppliance StripAndBaseboardHeater WaterHeater
    """.split()  # noqa: SIM905 - as in the table of the standard
    appliance = "".join(f"<is{k}>true</is{k}>" for k in kinds)
    until = f"<duration>5</duration><durationIndefinite>true</durationIndefinite>{{}}{TIMED}"
    return (
        control(more=(
            "<PanDemandResponse><avgLoadAdjustment>5</avgLoadAdjustment>"
            f"<cancelControlMode>x</cancelControlMode><cancelDateTime>{TIME}</cancelDateTime>"
            "<cancelNow>true</cancelNow><command>x</command><coolingOffset>1</coolingOffset>"
            "<coolingSetpoint>1</coolingSetpoint><criticalityLevel>x</criticalityLevel>"
            "<duration>5</duration><durationIndefinite>true</durationIndefinite>"
            "<dutyCycle>5</dutyCycle><enrollmentGroup>x</enrollmentGroup>"
            "<heatingOffset>1</heatingOffset><heatingSetpoint>1</heatingSetpoint>"
            f"{TIMED}<appliance>{appliance}</appliance></PanDemandResponse>"
        )),
        control(more=(
            "<PanDisplay><command>display</command><confirmationRequired>true"
            f"</confirmationRequired>{until.format('<priority>critical</priority>')}"
            "<textMessage>x</textMessage><transmissionMode>both</transmissionMode></PanDisplay>"
        )),
        control(more=(
            f"<PanPricing><command>x</command>{until.format('<providerID>1</providerID>')}"
            "<PanPricingDetails><alternateCostDelivered>1</alternateCostDelivered>"
            f"<alternateCostUnit>x</alternateCostUnit><currentTimeDate>{TIME}</currentTimeDate>"
            "<generationPrice>1.5</generationPrice><generationPriceRatio>1</generationPriceRatio>"
            "<price>1.5</price><priceRatio>1</priceRatio><priceTier>1</priceTier>"
            "<priceTierCount>1</priceTierCount><priceTierLabel>x</priceTierLabel>"
            "<rateLabel>x</rateLabel><registerTier>x</registerTier><unitOfMeasure>x</unitOfMeasure>"
            "</PanPricingDetails></PanPricing>"
        )),
    )  # fmt: skip


TIMED = f"<startDateTime>{TIME}</startDateTime>"


def _type_definition(noun):
    parts = "".join(f"<{k}>1</{k}>" for k in ("domain", "eventOrAction", "subDomain", "type"))
    return f"<{noun}Type><mRID>t</mRID>{parts}{FULL_NAME}</{noun}Type>"


def create_controls(*items, **ids):
    inner = "".join(
        items or (full_control(), *pan_controls(), _type_definition("EndDeviceControl"))
    )
    content = (
        f'<EndDeviceControls xmlns="{BASE_2011}EndDeviceControls#">{inner}</EndDeviceControls>'
    )
    return request("CreateEndDeviceControls", "EndDeviceControls", "create", content, **ids)


def created_events():
    """A CreatedEndDeviceEvents message that fills every element."""
    event = (
        f"<EndDeviceEvent><mRID>e</mRID><createdDateTime>{TIME}</createdDateTime>"
        "<issuerID>i</issuerID><issuerTrackingID>t</issuerTrackingID><reason>r</reason>"
        f"<severity>s</severity><userID>u</userID><Assets><mRID>d</mRID>{FULL_NAME}</Assets>"
        "<EndDeviceEventDetails><name>n</name><value>v</value></EndDeviceEventDetails>"
        f'<EndDeviceEventType ref="2.31.0.42"/>{FULL_NAME}<status><dateTime>{TIME}</dateTime>'
        "<reason>r</reason><remark>m</remark><value>v</value></status>"
        f"<UsagePoint><mRID>u</mRID>{FULL_NAME}</UsagePoint></EndDeviceEvent>"
    )
    inner = event + _type_definition("EndDeviceEvent")
    content = f'<EndDeviceEvents xmlns="{BASE_2011}EndDeviceEvents#">{inner}</EndDeviceEvents>'
    return request("CreatedEndDeviceEvents", "EndDeviceEvents", "created", content)


def reply_with_everything(noun):
    """A ResponseMessage that fills every element of the envelope."""
    return (
        f'<{noun}ResponseMessage xmlns="{BASE}{noun}Message" xmlns:m="{ENVELOPE}"><Header>'
        "<m:Verb>reply</m:Verb><m:Noun>n</m:Noun><m:Revision>1</m:Revision><m:ReplayDetection>"
        f"<m:Nonce>x</m:Nonce><m:Created>{TIME}</m:Created></m:ReplayDetection>"
        f"<m:Context>TESTING</m:Context><m:Timestamp>{TIME}</m:Timestamp><m:Source>s</m:Source>"
        "<m:AsyncReplyFlag>false</m:AsyncReplyFlag><m:ReplyAddress>a</m:ReplyAddress>"
        "<m:AckRequired>true</m:AckRequired><m:User><m:UserID>u</m:UserID>"
        "<m:Organization>o</m:Organization></m:User><m:MessageID>1</m:MessageID>"
        "<m:CorrelationID>2</m:CorrelationID><m:Comment>c</m:Comment><m:Property><m:Name>n</m:Name>"
        '<m:Value>v</m:Value></m:Property><x:e xmlns:x="urn:x"/></Header><Reply>'
        "<m:Result>FAILED</m:Result><m:Error><m:code>6.1</m:code><m:level>FATAL</m:level>"
        "<m:reason>r</m:reason><m:details>d</m:details><m:xpath>a</m:xpath>"
        "<m:stackTrace>s</m:stackTrace><m:Location><m:node>n</m:node><m:pipeline>p</m:pipeline>"
        '<m:stage>s</m:stage></m:Location><m:ID kind="uuid" objectType="DERGroup" idType="t" '
        'idAuthority="a">i</m:ID><m:relatedID kind="name">j</m:relatedID><m:object>'
        "<m:mRID>o</m:mRID>"
        "<m:Name><m:name>n</m:name><m:NameType><m:name>n</m:name><m:description>d</m:description>"
        "<m:NameTypeAuthority><m:name>n</m:name><m:description>d</m:description>"
        "</m:NameTypeAuthority></m:NameType></m:Name><m:objectType>t</m:objectType></m:object>"
        '<m:operationId>1</m:operationId></m:Error><m:ID kind="transaction">t</m:ID>'
        '<x:e xmlns:x="urn:x"/><m:operationId>2</m:operationId></Reply><Payload>'
        + (
            groups_content(full_group())
            if noun == "DERGroups"
            else f'<{noun} xmlns="{BASE}{noun}#">{dispatch()}</{noun}>'
        )
        + "<OperationSet><m:enforceMsgSequence>true</m:enforceMsgSequence>"
        "<m:enforceTransactionalIntegrity>true</m:enforceTransactionalIntegrity><m:Operation>"
        "<m:operationId>1</m:operationId><m:noun>n</m:noun><m:verb>delete</m:verb>"
        '<m:elementOperation>true</m:elementOperation><x:any xmlns:x="urn:x"/></m:Operation>'
        "</OperationSet><Compressed>c</Compressed><Format>XML</Format></Payload>"
        f"</{noun}ResponseMessage>"
    )


def soap(message, prefix="soapenv"):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{prefix}:Envelope '
        f'xmlns:{prefix}="http://schemas.xmlsoap.org/soap/envelope/"><{prefix}:Header/>'
        f"<{prefix}:Body>{message}</{prefix}:Body></{prefix}:Envelope>"
    ).encode()
