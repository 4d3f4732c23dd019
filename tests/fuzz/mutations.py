"""Twenty ways to spoil a message. Each takes a source of chance and a good body and returns bytes.

The classes are those of the test plan: damage of bytes, of encodings, of structure, of values, and
the known attacks on XML readers. The same seed always spoils the same way.
"""

import random
import re
from collections.abc import Callable

from lxml import etree

Mutation = Callable[[random.Random, bytes], bytes]
_PROLOG = b'<?xml version="1.0" encoding="UTF-8"?>'
_TEXT = re.compile(rb">([^<>]+)</")
_MESSAGE_ID = re.compile(rb"MessageID>([^<]*)</")

_NUMBERS = (
    "NaN", "INF", "-INF", "1e999", "-0", "0x10", "9" * 4000, "-1", "", " ", "1,5", "१२", "1e-400",
    "2147483648", "-2147483649", "1_000", "+1", "0.1.2",
)  # fmt: skip
_DATES = (
    "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z",
    "2026-11-20T10:00:00", "2026-13-01T00:00:00Z", "-0001-01-01T00:00:00Z", "yesterday",
    "2026-11-20T24:00:00Z", "2026-11-20T10:00:00+15:00", "1970-01-01T00:00:00Z", "2026-11-20",
    "2026-11-20T10:00:00.12345678901234567890Z",
)  # fmt: skip
_STRANGE = (
    "\u202eGROUP", "a\u200bb", "A\u0301", "\u0410BC", "\ufeffG", "\U0001f50c" * 50, "\u0000",
    "G" * 5000, "\t\n\r", "\u2028", "\ufffe", "G\u0085", "%s%n", "\\", "\x1f",
)  # fmt: skip
_INJECTIONS = (
    "'; DROP TABLE groups_dergroup; --", "<script>alert(1)</script>", "=cmd|'/C calc'!A0",
    "{{7*7}}", "${jndi:ldap://127.0.0.1/a}", "../../../../etc/passwd", "a\nINFO forged log line",
    "' OR '1'='1", "%00", "|| pg_sleep(10)", "$$;SELECT 1;$$", "@SUM(1+1)", "\\x00", "*", "%",
)  # fmt: skip
_WORDS = (
    "activePower", "voltage", "stateOfCharge", "k", "kilo", "W", "kW", "VAr", "constantYValue",
    "stepwise", "min", "fortnight", "true", "TRUE", "yes", "2.31.0.99", "forward", "sideways",
)  # fmt: skip


def _somewhere(chance: random.Random, body: bytes) -> int:
    return chance.randrange(len(body))


def flip(chance: random.Random, body: bytes) -> bytes:
    spoilt = bytearray(body)
    for _ in range(chance.randint(1, 5)):
        spoilt[_somewhere(chance, body)] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def delete(chance: random.Random, body: bytes) -> bytes:
    at = _somewhere(chance, body)
    return body[:at] + body[at + chance.randint(1, 60) :]


def insert(chance: random.Random, body: bytes) -> bytes:
    at = _somewhere(chance, body)
    return body[:at] + chance.randbytes(chance.randint(1, 30)) + body[at:]


def truncate(chance: random.Random, body: bytes) -> bytes:
    return body[: _somewhere(chance, body)]


def encode(chance: random.Random, body: bytes) -> bytes:
    """Another encoding, told or not, or told wrongly."""
    text = body.decode()
    said = chance.choice(("UTF-8", "UTF-16", "UTF-32", "UTF-7", "latin-1", "nonsense", "EBCDIC"))
    used = chance.choice(("utf-8", "utf-16", "utf-16-le", "utf-32", "utf-7", "latin-1", "cp037"))
    return text.replace('encoding="UTF-8"', f'encoding="{said}"').encode(used, "replace")


def raw_bytes(chance: random.Random, body: bytes) -> bytes:
    """Byte order marks, NUL, overlong UTF-8, lone surrogates."""
    piece = chance.choice(
        (b"\xef\xbb\xbf", b"\0", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff\xfe", b"\xf5")
    )
    at = chance.choice((0, _somewhere(chance, body)))
    return body[:at] + piece + body[at:]


def _with_text(chance: random.Random, body: bytes, values: tuple[str, ...]) -> bytes:
    """Put one of the values where a text stands."""
    found = list(_TEXT.finditer(body))
    if not found:
        return body + b" "
    hit = chance.choice(found)
    value = chance.choice(values).replace("&", "&amp;").replace("<", "&lt;")
    return body[: hit.start(1)] + value.encode("utf-8", "surrogatepass") + body[hit.end(1) :]


def strange_text(chance: random.Random, body: bytes) -> bytes:
    return _with_text(chance, body, _STRANGE)


def numbers(chance: random.Random, body: bytes) -> bytes:
    return _with_text(chance, body, _NUMBERS)


def dates(chance: random.Random, body: bytes) -> bytes:
    return _with_text(chance, body, _DATES)


def injections(chance: random.Random, body: bytes) -> bytes:
    return _with_text(chance, body, _INJECTIONS)


def words(chance: random.Random, body: bytes) -> bytes:
    """A word of one enumeration where another, or none, is allowed."""
    return _with_text(chance, body, _WORDS)


def _elements(body: bytes) -> tuple[etree._Element, list[etree._Element]]:
    root = etree.fromstring(body)
    return root, list(root.iter("*"))[3:]  # below Envelope, Header, Body


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def drop_element(chance: random.Random, body: bytes) -> bytes:
    root, below = _elements(body)
    victim = chance.choice(below)
    victim.getparent().remove(victim)
    return _written(root)


def add_element(chance: random.Random, body: bytes) -> bytes:
    root, below = _elements(body)
    parent = chance.choice(below)
    ns = etree.QName(parent).namespace
    name = chance.choice(("mRID", "Names", "EndDevices", "unheardOf", "Header", "DERFunction"))
    extra = etree.Element(f"{{{ns}}}{name}")
    extra.text = chance.choice(("", "x", "1"))
    parent.insert(chance.randint(0, len(parent)), extra)
    return _written(root)


def double_element(chance: random.Random, body: bytes) -> bytes:
    root, below = _elements(body)
    twin = chance.choice(below)
    twin.addnext(etree.fromstring(etree.tostring(twin, with_tail=False)))
    return _written(root)


def reorder(chance: random.Random, body: bytes) -> bytes:
    root, below = _elements(body)
    parents = [each for each in below if len(each) > 1]
    if not parents:
        return body[:-1]
    parent = chance.choice(parents)
    children = list(parent)
    chance.shuffle(children)
    parent[:] = children
    return _written(root)


def rename(chance: random.Random, body: bytes) -> bytes:
    """A wrong namespace, verb, noun, MessageID or correlation."""
    root, below = _elements(body)
    each = chance.choice(below)
    name = etree.QName(each).localname
    if name in {"Verb", "Noun", "MessageID", "CorrelationID"} or chance.random() < 0.3:
        each.text = chance.choice(("create", "delete", "get", "DERGroups", "Meters", "", "x" * 300))
    else:
        ns = chance.choice((etree.QName(each).namespace, "urn:x", "http://iec.ch/TC57/2011/Other#"))
        each.tag = f"{{{ns}}}{chance.choice((name, name + 's', name.lower(), 'x'))}"
    return _written(root)


def repeat(chance: random.Random, body: bytes) -> bytes:
    """One element two hundred times."""
    root, below = _elements(body)
    one = chance.choice(below)
    text = etree.tostring(one, with_tail=False)
    for _ in range(200):
        one.addnext(etree.fromstring(text))
    return _written(root)


def nest(chance: random.Random, body: bytes) -> bytes:
    """Three thousand levels, closed or not."""
    opened, closed = b"<a>" * 3000, b"</a>" * chance.choice((0, 3000))
    found = list(_TEXT.finditer(body))
    at = chance.choice(found).start(1) if found else len(body)
    return body[:at] + opened + closed + body[at:]


def doctype(chance: random.Random, body: bytes) -> bytes:
    """External and parameter entities, exponential and quadratic growth."""
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    inner, used = chance.choice((
        ("", ""),
        ('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
        ('<!ENTITY a SYSTEM "http://127.0.0.1:9/">', "&a;"),
        ('<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;', ""),
        ('<!ENTITY a0 "lol">' + laughs, "&a9;"),
        (f'<!ENTITY a "{"A" * 20_000}">', "&a;" * 20_000),
        ("<!ATTLIST x y CDATA 'z'>", ""),
    ))  # fmt: skip
    start = _PROLOG + f"<!DOCTYPE x [{inner}]>".encode()
    return _with_entity(start + body.removeprefix(_PROLOG), used)


def _with_entity(body: bytes, used: str) -> bytes:
    """Put a reference where any text is allowed, so that nothing but the DTD is wrong."""
    hit = _MESSAGE_ID.search(body)
    return body if hit is None else body[: hit.end(1)] + used.encode() + body[hit.end(1) :]


def references(chance: random.Random, body: bytes) -> bytes:
    """XInclude, processing instructions, schema locations and namespaces pointing outside."""
    piece = chance.choice((
        b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>',
        b'<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>',
        b"<?php echo 1 ?>",
        b'<x xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:schemaLocation="urn:x http://127.0.0.1:9/x.xsd"/>',
        b'<x xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>',
        b"<!-- " + b"-" * 10 + b" -->",
        b"<![CDATA[ <x/> ]]>",
    ))  # fmt: skip
    at = body.index(b">", chance.randrange(len(body) // 2) + len(_PROLOG)) + 1
    return body[:at] + piece + body[at:]


MUTATIONS: tuple[Mutation, ...] = (
    flip, delete, insert, truncate, encode, raw_bytes, strange_text, numbers, dates, injections,
    words, drop_element, add_element, double_element, reorder, rename, repeat, nest, doctype,
    references,
)  # fmt: skip
