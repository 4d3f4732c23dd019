"""Hiding what must not be kept: the password of a UsernameToken in the message log.

Everything else of a message is kept byte by byte as it came in.
"""

import re

from lxml import etree

from derms.cim.security import names

# Up to the end tag, or the end: a message that cannot be parsed may be cut off in the middle.
_PASSWORD = re.compile(
    rb"(<(?:[\w.-]+:)?Password\b[^>]*(?<!/)>)(.+?)(?=</(?:[\w.-]+:)?Password\b|\Z)", re.DOTALL
)


def without_password(body: bytes, root: etree._Element | None) -> bytes:
    """Return a message with every WS-Security Password replaced by asterisks.

    Args:
        body: The message as it came in.
        root: The same, parsed; None when it cannot be parsed. Its passwords are hidden as well
            when the bytes alone do not show them (other encodings, CDATA): then the message is
            written anew.
    """
    hidden, count = body, 0
    if b"Password" in body:  # one quick look: the expression stops at every tag
        hidden, count = _PASSWORD.subn(lambda m: m.group(1) + b"*" * len(m.group(2)), body)
    found = [] if root is None else [e for e in root.iter(names.wsse("Password")) if e.text]
    if root is None or count == len(found):
        return hidden if count else body
    for element in found:
        element.text = "*" * len(element.text or "")
    return etree.tostring(root, encoding="utf-8")
