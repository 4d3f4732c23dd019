"""Enumerations of the groups room; plain, so that rules may use them."""

from enum import StrEnum


class DerFunction(StrEnum):
    """The nine DERFunction flags, in the order of the schema. Source: IEC 61968-5 DERFunction."""

    CONNECT_DISCONNECT = "connectDisconnect"
    FREQUENCY_WATT_CURVE = "frequencyWattCurveFunction"
    MAX_REAL_POWER_LIMITING = "maxRealPowerLimiting"
    RAMP_RATE_CONTROL = "rampRateControl"
    REACTIVE_POWER_DISPATCH = "reactivePowerDispatch"
    REAL_POWER_DISPATCH = "realPowerDispatch"
    VOLTAGE_REGULATION = "voltageRegulation"
    VOLT_VAR_CURVE = "voltVarCurveFunction"
    VOLT_WATT_CURVE = "voltWattCurveFunction"
