"""Where a message to a partner goes, and with which credentials."""

import zlib

from derms.cim import operations
from derms.cim.models import OutboundMessage, Partner
from derms.cim.push import secrets, wire
from derms.cim.push.wire import Post
from derms.cim.schema import MessageSet
from derms.cim.security import signing
from derms.core.errors import RuleViolationError


def post_of(partner: Partner, message: OutboundMessage) -> tuple[Post, MessageSet | None]:
    """Return the HTTP request for a message, and the schemas its reply has to fit.

    An asynchronous reply goes to its own address, has no SOAPAction and no reply of its own. It is
    signed, where the policy says so, at each try afresh: a signature is good for minutes only.

    Raises:
        RuleViolationError: the stored credentials cannot be read, or there is no key to sign with.
    """
    url, action, messages = message.address, "", None
    body = zlib.decompress(message.body)
    if not url:
        operation = operations.find(message.noun, message.verb)
        url, action = address_of(partner, operation), operation.soap_action
        messages = operation.messages
    elif partner.client.signs_replies:
        body = _signed(body)
    post = Post(
        url=url,
        soap_action=action,
        body=body,
        authorization=authorization_of(partner),
        connect_s=partner.connect_timeout_s,
        total_s=partner.timeout_s,
    )
    return post, messages


def _signed(body: bytes) -> bytes:
    try:
        return signing.sign(body)
    except ValueError as error:
        raise RuleViolationError(f"Cannot be signed: {error}", code="no_signing_key") from error


def address_of(partner: Partner, operation: operations.Operation) -> str:
    """Return the address of a service: its own, else its standard path below the base address."""
    own = partner.service_urls.get(operation.service)
    return str(own) if own else f"{partner.base_url.rstrip('/')}/{operation.address_path}"


def authorization_of(partner: Partner) -> str:
    """Return the Authorization header; empty for none.

    Raises:
        RuleViolationError: the stored credentials cannot be read.
    """
    if partner.auth == "none":
        return ""
    secret = secrets.unseal(partner.sealed_secret)
    return wire.basic(partner.username, secret) if partner.auth == "basic" else f"Bearer {secret}"
