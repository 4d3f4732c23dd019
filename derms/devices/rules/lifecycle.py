"""Where a device may go from where it stands.

Source: ours; a retired device never comes back, its successor is another device.
"""

from derms.core.errors import RuleViolationError

_NEXT: dict[str, frozenset[str]] = {
    "planned": frozenset({"registered", "retired"}),
    "registered": frozenset({"suspended", "retired"}),
    "suspended": frozenset({"registered", "retired"}),
    "retired": frozenset(),
}


def may_become(state: str, wanted: str) -> bool:
    """Say whether a device in `state` may be put into `wanted`; staying is always allowed."""
    return state == wanted or wanted in _NEXT[state]


def require_step(state: str, wanted: str) -> None:
    """Refuse a step the table does not have.

    Raises:
        RuleViolationError: `lifecycle_step`.
    """
    if not may_become(state, wanted):
        raise RuleViolationError(
            f"A device that is {state} cannot become {wanted}.",
            code="lifecycle_step",
            field="state",
            state=state,
            wanted=wanted,
        )
