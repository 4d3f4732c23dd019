"""OperationSets of DERGroups: several creates, changes and deletes in one message.

Each operation is what the message of that verb would be, through the same services. Operations run
in the sequence presented, whether the set enforces it or not; with transactional integrity all
succeed or nothing happened.
Source: IEC 61968-100 OperationSet; section 6 row 18 of docs/standards/61968-5.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from lxml import etree

from derms.accounts.permissions import has_permission
from derms.cim import names, operations, schema
from derms.cim.envelope import Outcome, ReplyError, error_of, render_operation
from derms.cim.exchange import MAX_ITEMS, carry_out
from derms.cim.markup import node
from derms.cim.operations import Operation
from derms.cim.parts import Identified, forbidden, read_integer, text_of
from derms.cim.registry import Call, Handler
from derms.core.errors import DermsError, InvalidInputError, TooLargeError
from groups.cim import der_groups
from groups.cim.der_groups import parse_members
from groups.cim.queries import key_of, read_groups
from groups.rules.definition import GroupChange
from groups.selectors import Group
from groups.services import change_group

_M = f"{{{names.ENVELOPE}}}"
_TRUE = ("true", "1")
_OPERATIONS = {
    "create": "CreateDERGroups",
    "change": "ChangeDERGroups",
    "delete": "DeleteDERGroups",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One Operation of a set.

    Attributes:
        number: operationId, unique in the set.
        noun: As given; empty when left out.
        verb: As given, in lower case.
        on_elements: elementOperation: the verb is about the members listed, not about the group.
        profile: The content; None when left out.
    """

    number: int
    noun: str
    verb: str
    on_elements: bool
    profile: etree._Element | None


class _AbortedError(Exception):
    """Leaves the savepoint of a set that is to be rolled back."""


def read_steps(operation_set: etree._Element) -> list[Step]:
    """Read the operations of a set.

    Raises:
        InvalidInputError: none at all (1.7), or an operationId that is there twice (1.8).
        RuleViolationError: an operationId beyond 32 bits (6.1).
        TooLargeError: more than MAX_ITEMS operations (3.1).
    """
    found = operation_set.findall(f"{_M}Operation")
    if not found:
        raise InvalidInputError("The OperationSet has no Operation", cim_code="1.7")
    if len(found) > MAX_ITEMS:
        raise TooLargeError(f"An OperationSet has at most {MAX_ITEMS} operations")
    steps = [_read_step(element) for element in found]
    numbers = [step.number for step in steps]
    for number in numbers:
        if numbers.count(number) > 1:
            raise InvalidInputError(f"operationId {number} is there more than once")
    return steps


def _read_step(element: etree._Element) -> Step:
    profile = next((child for child in element if not str(child.tag).startswith(_M)), None)
    return Step(
        number=read_integer(text_of(element, "operationId"), "operationId"),
        noun=text_of(element, "noun"),
        verb=text_of(element, "verb").lower(),
        on_elements=text_of(element, "elementOperation") in _TRUE,
        profile=profile,
    )


def handle_execute(call: Call) -> Outcome:
    """Carry out the operations; every error says which operation it is about.

    The reply names the operation when there is only one. Groups that were created without an mRID
    come back with theirs. Source: EPRI test case DERG-3.
    """
    return run_steps(call, read_steps(call.content), _carry_out)


def run_steps(
    call: Call, steps: Sequence[Step], act: Callable[[Call, Step, etree._Element], Outcome]
) -> Outcome:
    """Do the operations of a set one after the other, all or nothing when the set says so.

    Args:
        call: The message with the set.
        steps: Its operations.
        act: Does one operation; raises DermsError when it is refused as a whole.
    """
    outcomes: list[Outcome] = []
    try:
        with transaction.atomic():
            for step in steps:
                outcomes.append(_one(call, step, act))
                _keep_integrity(call, outcomes[-1])
    except _AbortedError:
        return _aborted(steps, outcomes)
    errors = tuple(error for outcome in outcomes for error in outcome.errors)
    return Outcome(
        errors,
        _render_done(steps, outcomes),
        sum(outcome.done for outcome in outcomes),
        _only(steps),
    )


def _keep_integrity(call: Call, outcome: Outcome) -> None:
    """Leave the savepoint when an operation failed and the set asks for all or nothing."""
    enforced = call.content.findtext(f"{_M}enforceTransactionalIntegrity", "").strip()
    if outcome.errors and enforced in _TRUE:
        raise _AbortedError


def _only(steps: Sequence[Step]) -> int | None:
    return steps[0].number if len(steps) == 1 else None


def _one(call: Call, step: Step, act: Callable[[Call, Step, etree._Element], Outcome]) -> Outcome:
    try:
        with transaction.atomic():
            outcome = act(call, step, _profile_of(step))
    except DermsError as error:
        outcome = Outcome(errors=(error_of(error),))
    return replace(
        outcome, errors=tuple(replace(e, operation_id=step.number) for e in outcome.errors)
    )


def _aborted(steps: Sequence[Step], outcomes: Sequence[Outcome]) -> Outcome:
    """Return the errors of the operation that failed, and 5.9 for all the others, in order."""
    failed = len(outcomes) - 1
    why = f"Nothing was done, because operation {steps[failed].number} failed"
    errors: list[ReplyError] = []
    for place, step in enumerate(steps):
        if place == failed:
            errors += outcomes[failed].errors
        else:
            errors.append(ReplyError("5.9", why, operation_id=step.number))
    return Outcome(tuple(errors), operation_id=_only(steps))


def _profile_of(step: Step) -> etree._Element:
    """Return the content of an operation that is complete.

    Raises:
        InvalidInputError: another noun (2.5) or no content (1.7).
    """
    profile = f"{{{names.profile('DERGroups')}}}DERGroups"
    if step.noun and step.noun != "DERGroups":
        raise InvalidInputError(f"Noun {step.noun!r} is not taken here", cim_code="2.5")
    if step.profile is None or step.profile.tag != profile:
        raise InvalidInputError("The operation carries no DERGroups", cim_code="1.7")
    return step.profile


def check_profile(profile: etree._Element, operation: Operation) -> None:
    """Check the content of an operation, which the schema of the message lets through unread.

    Raises:
        InvalidInputError: not valid (1.8).
    """
    fault = schema.check(operation.messages, profile)
    if fault:
        raise InvalidInputError(fault[:1000])


def _carry_out(call: Call, step: Step, profile: etree._Element) -> Outcome:
    if step.verb not in _OPERATIONS:
        raise InvalidInputError(
            f"Verb {step.verb!r} is none of {', '.join(_OPERATIONS)}", cim_code="2.9"
        )
    operation = operations.get(_OPERATIONS[step.verb])
    if not has_permission(call.actor, operation.permission):
        raise forbidden(profile, who=call.actor.name, verb=step.verb, noun="DERGroups")
    inner = replace(call, content=profile)
    if step.on_elements:
        check_profile(profile, operations.get("ChangeDERGroups"))
        return _on_members(inner, step)
    check_profile(profile, operation)
    handlers: dict[str, Handler] = {
        "create": der_groups.handle_create,
        "change": der_groups.handle_change,
        "delete": der_groups.handle_delete,
    }
    return handlers[step.verb](inner)


def _on_members(call: Call, step: Step) -> Outcome:
    """Apply the verb to the members listed: delete removes them, the others add them."""

    def change(item: Identified) -> Group:
        members = parse_members(item.element)
        if not members:
            raise InvalidInputError("The operation lists no EndDevices", cim_code="1.7")
        wanted = GroupChange(remove=members) if step.verb == "delete" else GroupChange(add=members)
        return change_group(key=key_of(item), change=wanted, actor=call.actor)

    done, errors = carry_out(read_groups(call), change, once=True)
    return Outcome(errors, "", len(done))


def _render_done(steps: Sequence[Step], outcomes: Sequence[Outcome]) -> str:
    """Return an OperationSet with what the operations gave back; empty when that is nothing."""
    shown = [
        render_operation(step.number, "DERGroups", step.verb, outcome.payload)
        for step, outcome in zip(steps, outcomes, strict=True)
        if outcome.payload
    ]
    return node("OperationSet", *shown) if shown else ""
