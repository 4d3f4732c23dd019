"""A message of the log once more: taken apart for the room that translates it, and carried out.

The second half of the exchange of section 6 of docs/standards/61968-5.md does the work
(`exchange.serve`); who sent the first one, and how he proved it, is not asked again.
Source: ours; docs/adr/0071-replay-into-the-sandbox.md.
"""

import contextlib
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from derms.cim import exchange, forms, names, operations, soap
from derms.cim.forms import SOAP, Form
from derms.cim.models import CimMessage
from derms.cim.parts import render_instant
from derms.cim.security.freshness import Freshness
from derms.cim.selectors import body_text, get_message
from derms.cim.services import Entry
from derms.cim.soap import SoapFaultError
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, RuleViolationError
from derms.core.ids import new_mrid

Message: TypeAlias = CimMessage
"""What other rooms may name of our rows."""

_M = f"{{{names.ENVELOPE}}}"
_GENERIC_PATH = "cim"
# What dates the first sending, and what asks for a reply at an address of a live partner.
_DROPPED = ("ReplayDetection", "AsyncReplyFlag", "ReplyAddress")


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of the log, taken apart.

    Attributes:
        logged: Its exchange.
        form: In SOAP, bare or generic.
        root: The document; its SOAP envelope without what stood in the SOAP Header, which proved
            who sent it then.
        message: The message element, without SOAP; may be changed before it is carried out.
    """

    logged: CimMessage
    form: Form
    root: etree._Element
    message: etree._Element

    @property
    def parts(self) -> list[etree._Element]:
        """Payload or Request: all that is no Header."""
        return [part for part in self.message if etree.QName(part).localname != "Header"]


def read_stored(mrid: str) -> Stored:
    """Return a message that came in, with a compressed Payload unpacked.

    Raises:
        NotFoundError: no such exchange.
        RuleViolationError: it went out, is a replay itself, or was never read as a message.
    """
    logged = get_message(mrid)
    if logged.direction != "in":
        raise _refused("Only a message that came in can be replayed", "not_inbound")
    if logged.replay_of:
        raise _refused("This is a replay already: replay the first message", "is_replay")
    if not logged.noun:
        raise _refused("Nobody could say what this message asks for", "no_operation")
    body = body_text(logged.request_body).encode()
    try:
        root = soap.parse(body)
        form = forms.form_of(root) if logged.path == _GENERIC_PATH else SOAP
        message = soap.message_in(root) if form.is_soap else root
    except SoapFaultError as error:
        raise _refused(f"The message cannot be read: {error.message}", "unreadable") from error
    for header in root.findall(f"{{{names.SOAP}}}Header"):
        header.clear()
    stored = Stored(logged, form, root, message)
    content = operations.find(logged.noun, logged.verb).content
    for part in stored.parts:
        # What cannot be unpacked is refused by the exchange, as it was the first time.
        with contextlib.suppress(InvalidInputError):
            forms.inflate(part, content)
    return stored


def carry_out(stored: Stored, *, actor: Actor) -> CimMessage:
    """Carry a message out for an actor, as one that came in now; return its exchange.

    It has a MessageID of its own where the first one had any, and the time of now. Its reply comes
    at once, whatever the first one asked for. The log says what it is a replay of.
    """
    _renew(stored.message)
    body = etree.tostring(stored.root, encoding="utf-8", xml_declaration=True)
    entry = Entry(actor, stored.logged.path, body, form=stored.form)
    entry.replay_of = stored.logged.mrid
    exchange.serve(entry, soap.parse(body), Freshness(client=actor.mrid))
    return get_message(entry.mrid)


def _renew(message: etree._Element) -> None:
    header = message.find(f"{message.tag[: message.tag.index('}') + 1]}Header")
    if header is None:
        return
    for name in _DROPPED:
        for element in header.findall(f"{_M}{name}"):
            header.remove(element)
    for name, value in (("Timestamp", render_instant(clock.now())), ("MessageID", new_mrid())):
        for element in header.findall(f"{_M}{name}"):
            element.text = value


def _refused(text: str, code: str) -> RuleViolationError:
    return RuleViolationError(text, code=code, object_type="Message")
