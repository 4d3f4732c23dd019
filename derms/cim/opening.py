"""Which operation a message asks for, and whether it is allowed, complete and valid.

Nothing is done here: what passes is carried out by `exchange.py`.
Source: section 6 rows 2 and 4 to 7 of docs/standards/61968-5.md.
"""

import difflib

from lxml import etree

from derms.accounts.permissions import has_permission
from derms.cim import forms, names, registry, schema, soap
from derms.cim.context import require_context
from derms.cim.envelope import Header
from derms.cim.forms import Form
from derms.cim.operations import Operation
from derms.cim.parts import forbidden
from derms.cim.registry import Profile
from derms.cim.soap import SoapFaultError
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError

_MIN_LIKENESS = 0.9


def find_operation(
    root: etree._Element, *, form: Form, path: str, soap_action: str
) -> tuple[etree._Element, Profile]:
    """Return the typed message and the profile that serves it.

    Args:
        root: The SOAP envelope, or the message itself in the other forms.
        form: In SOAP, bare or generic.
        path: Of the service.
        soap_action: As it was sent.

    Raises:
        SoapFaultError: there is no such thing here.
    """
    if form.is_soap:
        message = soap.message_in(root)
        return message, _profile_for(message, path, soap_action)
    if form.is_generic:
        profile = _profile_called(*forms.read_generic(root))
        return forms.typed(root, profile.operation), profile
    found = registry.profile_of(etree.QName(root).localname)
    if found is None or etree.QName(root).namespace != _wrapper(found):
        raise SoapFaultError(f"Unexpected message {root.tag}")
    return root, found


def _profile_called(noun: str, verb: str) -> Profile:
    """Find the operation of a generic message by Noun and Verb.

    Raises:
        SoapFaultError: no such noun here (2.5), or not with this verb (2.9).
    """
    served = [p for p in registry.all_profiles() if _is_noun_of(p.operation, noun)]
    if not served:
        raise SoapFaultError(f"Noun {noun[:80]!r} is not served here", code="2.5")
    for profile in served:
        if profile.operation.verb == verb:
            return profile
    raise SoapFaultError(f"Verb {verb[:20]!r} does not fit {noun[:80]}", code="2.9")


def _profile_for(message: etree._Element, path: str, soap_action: str) -> Profile:
    """Find the operation by body root; a SOAPAction of another operation is a contradiction."""
    known = registry.service_at(path)
    name = etree.QName(message)
    profile = known.get(name.localname)
    if profile is None or name.namespace != _wrapper(profile):
        wanted = ", ".join(f"{{{_wrapper(p)}}}{root}" for root, p in known.items())
        raise SoapFaultError(f"Unexpected wrapper element {message.tag} found. Expected {wanted}.")
    action = soap_action.strip().strip("\"'")
    if action and action.rsplit("/", 1)[-1] != profile.operation.name:
        raise SoapFaultError(f"SOAPAction {action[:200]} does not belong to {message.tag}.")
    return profile


def _wrapper(profile: Profile) -> str:
    return names.wrapper(profile.operation.messages.message)


def check_message(
    message: etree._Element, header: Header, operation: Operation, actor: Actor
) -> etree._Element:
    """Return the profile element of a message that is allowed, complete and valid.

    Raises:
        ForbiddenError: the client may not do this (7.5).
        InvalidInputError: 1.5, 1.6, 1.7, 1.8, 2.5 or 2.9.
        RuleViolationError: a Context that is not carried out here (6.1).
    """
    if not has_permission(actor, operation.permission):
        raise forbidden(message, who=actor.name, verb=operation.verb, noun=operation.noun)
    if not header.verb or not header.noun:
        raise InvalidInputError("Header with Verb and Noun is missing", cim_code="1.5")
    if header.verb != operation.verb:
        raise InvalidInputError(
            f"Verb {header.verb!r} does not fit {operation.name}", cim_code="2.9"
        )
    if not _is_noun_of(operation, header.noun):
        raise InvalidInputError(
            f"Noun {header.noun!r} does not fit {operation.name}", cim_code="2.5"
        )
    require_context(header, operation, actor)
    content = _content(message, operation)
    fault = schema.check(operation.messages, message)
    if fault:
        raise InvalidInputError(fault[:1000])
    return content


def _is_noun_of(operation: Operation, given: str) -> bool:
    """Tell whether a noun is meant: real clients misspell theirs (`DEGroupForecasts`)."""
    messages = operation.messages
    if given in (messages.message, messages.noun, messages.header_noun):
        return True
    return difflib.SequenceMatcher(a=given, b=messages.header_noun).ratio() >= _MIN_LIKENESS


def _content(message: etree._Element, operation: Operation) -> etree._Element:
    wrapper = f"{{{etree.QName(message).namespace}}}"
    part = message.find(f"{wrapper}{operation.part}")
    if part is not None:
        forms.inflate(part, operation.content)
    content = None if part is None else part.find(operation.content)
    if part is None or content is None:
        code = "1.6" if operation.part == "Request" else "1.7"
        missing = operation.part
        if part is not None:
            missing = f"{etree.QName(operation.content).localname} in {missing}"
        raise InvalidInputError(f"{missing} is missing", cim_code=code)
    extra = part.find(f"{wrapper}OperationSet")
    if extra is not None and extra is not content:
        raise InvalidInputError(f"OperationSet is not taken by {operation.name}")
    return content
