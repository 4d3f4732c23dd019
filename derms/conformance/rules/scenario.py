"""What a scenario is made of: steps, and checks on what a partner sends."""

import hashlib
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
    ANSWER = "answer"
    """We post the reply of an earlier asynchronous request to its ReplyAddress."""


TOLD = (Kind.TELL, Kind.TELL_AGAIN, Kind.ANSWER)
"""Steps in which we send and the partner answers."""


@dataclass(frozen=True, slots=True)
class Check:
    """What must be in a message, besides what its schema says.

    Attributes:
        path: Element below the profile's root, as local names: `EndDeviceGroup/DERFunction`; or
            `Header/` and an element of the header.
        rule: `is` (every one has the value), `set` (they are exactly these words), `group` (mRID or
            Names is that of the run's group), `power` (value [W] after multiplier), `interval`
            (duration [s] after unit), `now` (an instant at most so many seconds from receipt),
            `attribute` (the attribute `ref` has the value).
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
    """A named list of steps for clients with a role.

    Attributes:
        key: Word for it.
        title: What it is, for people.
        role: Role a client needs for it.
        steps: In their order.
        lets_live: A passed run of it is enough to go live.
    """

    key: str
    title: str
    role: str
    steps: tuple[Step, ...]
    lets_live: bool = True

    @property
    def needs_endpoint(self) -> bool:
        """True when we send something to the partner."""
        return any(step.kind in (Kind.TELL, Kind.TELL_AGAIN) for step in self.steps)

    @property
    def needs_reply_address(self) -> bool:
        """True when the partner asks for asynchronous replies."""
        return any(step.kind == Kind.ANSWER for step in self.steps)

    @property
    def version(self) -> str:
        """Fingerprint of what is demanded: a run proves the scenario it went through."""
        return hashlib.sha256(repr(self.steps).encode()).hexdigest()[:12]

    def step(self, key: str) -> Step:
        """Return a step by its key.

        Raises:
            KeyError: there is none.
        """
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)
