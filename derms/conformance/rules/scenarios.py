"""The scenarios, as data: which steps, in which order, for whom."""

from derms.conformance.rules.announcing import (
    ANNOUNCES,
    RETRACT,
    TOLD,
    TOLD_DELETED,
    TOLD_EVENTS,
)
from derms.conformance.rules.asking import ANSWER, ASKS, ASYNC, CREATE, DELETE
from derms.conformance.rules.scenario import Scenario

SCENARIOS = (
    Scenario(
        "dms", "DMS: requests and notifications", "dms",
        (*ASKS, *TOLD, TOLD_EVENTS, TOLD_DELETED, DELETE),
    ),
    Scenario("dms-requests", "DMS: requests alone", "dms", (*ASKS, DELETE)),
    Scenario(
        "aggregator", "Aggregator: announcements and notifications", "aggregator",
        (*ANNOUNCES, *TOLD, TOLD_DELETED, RETRACT),
    ),
    Scenario("aggregator-told", "Aggregator: announcements alone", "aggregator",
             (*ANNOUNCES, RETRACT)),
    Scenario("dms-async", "DMS: asynchronous replies", "dms", (CREATE, ASYNC, ANSWER, DELETE),
             lets_live=False),
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
