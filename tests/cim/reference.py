"""The reference schemas and sample messages beside the project, where they exist."""

import csv
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from derms.cim.schema import MessageSet

SHARED = Path(__file__).resolve().parents[3] / "shared"
WSDL = SHARED / "standards" / "wsdl" / "61968-5"
WSDL_9 = SHARED / "standards" / "wsdl" / "61968-9"
SAMPLES = SHARED / "samples"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"

needs_reference = pytest.mark.skipif(
    not WSDL.exists(), reason="the reference schemas (../shared/standards) are not on this machine"
)


@cache
def reference_schema(messages: MessageSet) -> etree.XMLSchema:
    """Compile the reference schema that stands where ours does."""
    if messages.noun.startswith("EndDevice"):
        folder = WSDL_9 / "create"
    elif messages.query:
        folder = WSDL / "get"
    elif messages.noun == "DERGroupStatuses" or not messages.constrained:
        folder = WSDL / "change"
    else:
        folder = WSDL / "create"
    return etree.XMLSchema(etree.parse(folder / "xsd" / f"{messages.message}Message.xsd"))


def has_reference(messages: MessageSet) -> bool:
    """Tell whether there is a reference to compare with; there is none for meter readings."""
    return WSDL.exists() and messages.noun != "MeterReadings"


def body_of(soap: bytes) -> etree._Element | None:
    """Return the message inside a SOAP envelope, or None when the body is empty."""
    return etree.fromstring(soap).find(f"{SOAP}Body/*")


def samples() -> list[tuple[str, str]]:
    """Return (file, root element) of every sample with a body."""
    if not SAMPLES.exists():
        return []
    with (SAMPLES / "MANIFEST.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["verdict"] != "EMPTY-BODY"]
    return [(r["file"], r["root_element"]) for r in rows]
