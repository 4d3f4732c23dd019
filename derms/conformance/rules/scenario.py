"""What a scenario is made of: steps, and checks on what a partner sends."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Who acts in a step."""

    SEND = "send"
    """The partner sends a message to us."""
    REPEAT = "repeat"
    """The partner sends the message of an earlier step once more, with the same MessageID."""
    TELL = "tell"
    """We send a message to the partner."""
    TELL_AGAIN = "tell_again"
    """We send the message of an earlier step once more, with the same MessageID."""


@dataclass(frozen=True, slots=True)
class Check:
    """What must be in a message, besides what its schema says.

    Attributes:
        path: Element below the profile's root, as local names: `EndDeviceGroup/DERFunction`.
        rule: `is` (every one has the value), `set` (they are exactly these words), `group` (mRID or
            Names is that of the run's group), `power` (value [W] after multiplier), `interval`
            (duration [s] after unit), `attribute` (the attribute `ref` has the value).
        value: What it is compared with; `{words}` come from the values of the run.
    """

    path: str
    rule: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        key: Unique in the scenario.
        title: What happens, in a few words.
        expected: The message and the reply, in a sentence for the integrator.
        operation: WSDL operation, e.g. `CreateDERGroups`.
        kind: Who acts.
        result: Result of the reply.
        code: Code of the first Error of the reply.
        sample: Name of the sample message (`samples.py`); empty = none.
        checks: What must be in the message.
        needs: Keys of steps without which this one makes no sense.
        keeps_group: The group of this message is the run's group from now on.
    """

    key: str
    title: str
    expected: str
    operation: str
    kind: Kind = Kind.SEND
    result: str = "OK"
    code: str = ""
    sample: str = ""
    checks: tuple[Check, ...] = ()
    needs: tuple[str, ...] = ()
    keeps_group: bool = False

    @property
    def refused(self) -> bool:
        """True when the message is meant to be refused."""
        return self.result != "OK"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named list of steps for clients with a role."""

    key: str
    title: str
    role: str
    steps: tuple[Step, ...]

    def step(self, key: str) -> Step:
        """Return a step by its key.

        Raises:
            KeyError: there is none.
        """
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)
