"""Giving back what was asked, with the mRID it was given: for replies to create messages."""

import copy
from collections.abc import Iterable

from lxml import etree

from derms.cim import names
from derms.cim.markup import node
from derms.cim.parts import namespace_of


def render_echoes(noun: str, shown: Iterable[tuple[etree._Element, str]]) -> str:
    """Return the payload `noun` of (element as it came, its mRID); empty for nothing."""
    inner = [_echo(element, mrid) for element, mrid in shown]
    return node(noun, *inner, xmlns=names.profile(noun)) if inner else ""


def _echo(element: etree._Element, mrid: str) -> str:
    answer = copy.deepcopy(element)
    answer.tail = None
    own = answer.find(f"{namespace_of(answer)}mRID")
    if own is None:
        own = etree.Element(f"{namespace_of(answer)}mRID")
        answer.insert(0, own)
    own.text = mrid
    etree.cleanup_namespaces(answer)
    return etree.tostring(answer, encoding="unicode")
