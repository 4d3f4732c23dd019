"""Reading the `wsse:Security` header: its parts, each at most once, nothing unread.

Source: OASIS WSS SOAP Message Security 1.1 section 5.
"""

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from derms.cim import names as cim
from derms.cim.security import names
from derms.cim.security.errors import TrustError, insufficient, malformed

_MOST_TOKENS = 5
_MOST_PARTS = 10


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """A UsernameToken as it was sent; absent text is empty."""

    username: str
    password: str
    is_digest: bool
    nonce: str
    created: str


@dataclass(frozen=True, slots=True)
class Security:
    """What a security header holds.

    Attributes:
        element: The header itself.
        username_token: Name and password, if any.
        timestamp: The `wsu:Timestamp` element, if any.
        signature: The `ds:Signature` element, if any.
        tokens: Certificates that came along, base64 text by `wsu:Id`.
    """

    element: etree._Element
    username_token: UsernameToken | None
    timestamp: etree._Element | None
    signature: etree._Element | None
    tokens: dict[str, str]


def read_security(envelope: etree._Element) -> Security | None:
    """Return the security header meant for us; None when the message has none.

    Raises:
        TrustError: more than one, a part twice, or a part we do not understand.
    """
    found = [
        block
        for block in envelope.iterfind(f"{{{cim.SOAP}}}Header/{names.wsse('Security')}")
        if block.get(f"{{{cim.SOAP}}}actor", names.NEXT_ACTOR) in ("", names.NEXT_ACTOR)
    ]
    if not found:
        return None
    if len(found) > 1:
        raise malformed("The message has more than one Security header")
    parts = _parts(found[0])
    token = _only(parts, names.wsse("UsernameToken"))
    return Security(
        element=found[0],
        username_token=None if token is None else _username_token(token),
        timestamp=_only(parts, names.wsu("Timestamp")),
        signature=_only(parts, names.ds("Signature")),
        tokens=_tokens(parts.get(names.wsse("BinarySecurityToken"), [])),
    )


def _parts(header: etree._Element) -> dict[str, list[etree._Element]]:
    known = {
        names.wsse("UsernameToken"),
        names.wsu("Timestamp"),
        names.ds("Signature"),
        names.wsse("BinarySecurityToken"),
    }
    parts: dict[str, list[etree._Element]] = {}
    for part in islice(header, _MOST_PARTS):
        tag = str(part.tag)
        if tag not in known:
            raise malformed(f"The Security header holds {tag[:120]}, which is not understood")
        parts.setdefault(tag, []).append(part)
    if len(header) > _MOST_PARTS:
        raise malformed(f"The Security header has more than {_MOST_PARTS} parts")
    return parts


def _only(parts: dict[str, list[etree._Element]], tag: str) -> etree._Element | None:
    found = parts.get(tag, [])
    if len(found) > 1:
        raise malformed(f"The Security header has more than one {etree.QName(tag).localname}")
    return found[0] if found else None


def _tokens(elements: list[etree._Element]) -> dict[str, str]:
    if len(elements) > _MOST_TOKENS:
        raise malformed(f"The Security header has more than {_MOST_TOKENS} tokens")
    found: dict[str, str] = {}
    for element in elements:
        kind = element.get("ValueType", names.X509V3)
        if kind != names.X509V3:
            raise insufficient(f"Tokens of type {kind[:120]} are not taken; send X509v3")
        found[element.get(names.ID, "")] = re.sub(r"\s", "", element.text or "")
    return found


def _username_token(element: etree._Element) -> UsernameToken:
    password = element.find(names.wsse("Password"))
    kind = names.PASSWORD_TEXT
    if password is not None:
        kind = password.get("Type", kind)
    if kind not in (names.PASSWORD_TEXT, names.PASSWORD_DIGEST):
        raise insufficient(f"Passwords of type {kind[:120]} are not taken")
    username = (element.findtext(names.wsse("Username")) or "").strip()
    if not username or password is None:
        raise TrustError("The UsernameToken has no Username or no Password")
    return UsernameToken(
        username=username,
        password=password.text or "",
        is_digest=kind == names.PASSWORD_DIGEST,
        nonce=re.sub(r"\s", "", element.findtext(names.wsse("Nonce")) or ""),
        created=(element.findtext(names.wsu("Created")) or "").strip(),
    )
