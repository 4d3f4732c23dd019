"""Every DERParameterKind a dispatch may name: the function it needs, and why some are refused.

Source: section 5 of docs/standards/61968-5.md (function needed per dispatch parameter); what is
carried out is what a driver can send and read back (docs/drivers), docs/adr/0035.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dispatch.choices import DerParameter
from groups.choices import DerFunction


@dataclass(frozen=True, slots=True)
class Support:
    """What stands behind a parameter.

    Attributes:
        function: The DERFunction a group needs for it; None = the standard has none.
        missing: Why it is not carried out, for people; empty = it is.
    """

    function: DerFunction | None
    missing: str = ""


_FREQUENCY = Support(
    None,
    "the standard has no function for regulation signals, and no driver follows one",
)
_RAMP = Support(
    DerFunction.RAMP_RATE_CONTROL,
    "no driver sets a ramp rate; devices keep the one they are set to",
)
SUPPORT: Mapping[DerParameter, Support] = {
    DerParameter.ACTIVE_POWER: Support(DerFunction.REAL_POWER_DISPATCH),
    DerParameter.REACTIVE_POWER: Support(DerFunction.REACTIVE_POWER_DISPATCH),
    DerParameter.APPARENT_POWER: Support(
        None, "no driver takes apparent power; ask for active and reactive power"
    ),
    DerParameter.VOLTAGE: Support(
        DerFunction.VOLTAGE_REGULATION, "no driver takes a voltage to regulate to"
    ),
    DerParameter.INCREASING_RAMP_RATE: _RAMP,
    DerParameter.DECREASING_RAMP_RATE: _RAMP,
    DerParameter.HIGH_FILTER_BI_DIRECTIONAL: _FREQUENCY,
    DerParameter.HIGH_FILTER_DOWN: _FREQUENCY,
    DerParameter.HIGH_FILTER_UP: _FREQUENCY,
    DerParameter.LOW_FILTER_BI_DIRECTIONAL: _FREQUENCY,
    DerParameter.LOW_FILTER_DOWN: _FREQUENCY,
    DerParameter.LOW_FILTER_UP: _FREQUENCY,
}


def is_carried_out(parameter: DerParameter) -> bool:
    """Say whether a dispatch of this parameter reaches devices."""
    return not SUPPORT[parameter].missing


def missing_for(parameter: DerParameter, *, group: str, functions: Collection[str]) -> str:
    """Say in one sentence what is missing to dispatch a parameter; empty when nothing is.

    Args:
        parameter: What is asked for.
        group: Name of the group.
        functions: The DERFunctions it has.
    """
    support, parts = SUPPORT[parameter], []
    if support.function is not None and support.function not in functions:
        parts.append(f"group {group} does not have the function {support.function}")
    if support.missing:
        parts.append(support.missing)
    return f"{parameter} cannot be dispatched here: {'; '.join(parts)}." if parts else ""
