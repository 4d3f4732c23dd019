"""Which quantities a group speaks of, by its functions: for statuses, forecasts and their queries.

Source: section 5 of docs/standards/61968-5.md (parameters by function); which function stands for
which quantity is ours.
"""

from collections.abc import Collection

from groups.choices import DerFunction

REACTIVE = frozenset(
    {
        DerFunction.REACTIVE_POWER_DISPATCH,
        DerFunction.VOLT_VAR_CURVE,
        DerFunction.VOLTAGE_REGULATION,
    }
)
VOLTAGE = frozenset(
    {
        DerFunction.VOLTAGE_REGULATION,
        DerFunction.VOLT_VAR_CURVE,
        DerFunction.VOLT_WATT_CURVE,
    }
)


def observable(functions: Collection[str]) -> tuple[str, ...]:
    """Return the DERParameterKind values a group with these functions tells."""
    own = set(functions)
    found = ["activePower"]
    if own & REACTIVE:
        found += ["reactivePower", "apparentPower"]
    if own & VOLTAGE:
        found.append("voltage")
    return tuple(found)
