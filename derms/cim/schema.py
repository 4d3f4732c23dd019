"""Our XSD: written out for a noun and year, compiled once, and the one safe parser.

The files in `xsd/` are templates. What they become is self-contained, served at `?xsd=` and used
to check every message that comes in. Source: IEC 61968-5 profiles, IEC 61968-100 envelope.
"""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from lxml import etree

from derms.cim import names

_HERE = Path(__file__).parent
_templates = Engine(dirs=[str(_HERE / "xsd"), str(_HERE / "wsdl")])


@dataclass(frozen=True, slots=True)
class MessageSet:
    """The schemas one service speaks.

    Attributes:
        noun: Base noun and payload profile, e.g. `DERGroups`.
        query: Query profile of a get service, e.g. `DERGroupQueries`; else empty.
        constrained: Constrained profile (create, get) or unconstrained (change, delete).
        operation_set: True when the messages carry an OperationSet of the noun in its place.
    """

    noun: str
    query: str = ""
    constrained: bool = True
    operation_set: bool = False

    @property
    def subject(self) -> str:
        """What is asked for or told: the noun, or its operation set."""
        return f"{self.noun}OperationSet" if self.operation_set else self.noun

    @property
    def message(self) -> str:
        """What the message elements are named after."""
        return self.query or self.subject

    @property
    def header_noun(self) -> str:
        """The Noun in headers."""
        return "OperationSet" if self.operation_set else self.noun


def parser() -> etree.XMLParser:
    """Return a parser that loads nothing, expands nothing and stops at 256 levels of nesting.

    Not `huge_tree`: its absence keeps the limits on nesting, on one text (10 MB) and on entity
    amplification, and a message of 32 MB still passes.
    """
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def write(template: str, **values: Any) -> str:
    """Return a template of `xsd/` or `wsdl/` filled in; values are escaped for XML."""
    return _templates.get_template(template).render(Context(values))


def documents(messages: MessageSet) -> dict[str, str]:
    """Return the schemas of a message set by file name, for the year in the settings."""
    return _documents(messages, settings.CIM_NAMESPACE_YEAR)


@cache
def _documents(messages: MessageSet, _year: int) -> dict[str, str]:
    common = {
        "envelope": names.ENVELOPE,
        "wrapper": names.wrapper(messages.message),
        "noun": messages.noun,
        "query": messages.query,
        "profile": names.profile(messages.noun),
        "query_profile": names.profile(messages.query),
        "constrained": messages.constrained,
    }
    kind = "NounMessage.xsd"
    if messages.query:
        kind = "QueryMessage.xsd"
    elif messages.operation_set:
        kind = "OperationSetMessage.xsd"
    found = {
        "Message.xsd": write("Message.xsd", **common),
        f"{messages.message}Message.xsd": write(kind, **common),
        f"{messages.noun}.xsd": write(f"{messages.noun}.xsd", **common),
    }
    if messages.query:
        own = common | {"profile": names.profile(messages.query)}
        found[f"{messages.query}.xsd"] = write(f"{messages.query}.xsd", **own)
    return found


class _InMemory(etree.Resolver):
    """Answers imports of our schemas from memory and refuses everything else."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__()
        self._files = files

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override] # the stubs forget the context
        name = system_url.rsplit("/", 1)[-1]
        return self.resolve_string(self._files[name], context, base_url=name)


def compile_schema(files: dict[str, str], root: str) -> etree.XMLSchema:
    """Compile the schema `root` with its imports taken from `files`."""
    reader = etree.XMLParser(no_network=True)
    reader.resolvers.add(_InMemory(files))
    return etree.XMLSchema(etree.fromstring(files[root].encode(), reader, base_url=root))


# A compiled schema keeps its error list in itself, so two threads must not share one: each call
# borrows one and puts it back.
_idle: dict[tuple[MessageSet, int], deque[etree.XMLSchema]] = defaultdict(deque)
_compiling = threading.Lock()


def check(messages: MessageSet, root: etree._Element) -> str:
    """Validate a message against our schema.

    Args:
        messages: Schemas of the service.
        root: The message element, e.g. `CreateDERGroups`.

    Returns:
        The first violation with its line, or an empty text when the message is valid.
    """
    pool = _idle[messages, settings.CIM_NAMESPACE_YEAR]
    try:
        schema = pool.pop()
    except IndexError:
        with _compiling:
            schema = compile_schema(documents(messages), f"{messages.message}Message.xsd")
    try:
        if schema.validate(root):
            return ""
        first: Any = schema.error_log[0]  # type: ignore[index] # the stubs forget its items
        return f"Line {first.line}: {first.message}"
    finally:
        pool.append(schema)
