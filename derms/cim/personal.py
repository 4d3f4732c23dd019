"""Personal data in messages: found by the elements of the CIM that hold them, and hidden.

Names of groups and devices are not personal; who a person is, where he lives and how he is
reached are. Source: IEC 61968-100 Header/User; IEC 61968-9 EndDeviceEvent, electronicAddress;
CIM Customer, Person, StreetAddress, TelephoneNumber.
"""

from lxml import etree

from derms.cim import schema

MASK = "***"
_HIDDEN = frozenset(
    {
        *("UserID", "userID", "email1", "email2", "firstName", "lastName", "mName", "password"),
        *("electronicAddress", "electronicAddress1", "electronicAddress2", "streetAddress"),
        *("postalAddress", "mainAddress", "secondaryAddress", "phone1", "phone2", "Customer"),
        *("Customers", "Person", "Persons", "CustomerAccount", "ServiceLocation"),
        # Nobody looks into it here, and anybody could unpack it elsewhere.
        "Compressed",
    }
)
_UNREADABLE = "The message cannot be read as XML, so the personal data in it cannot be hidden."


def masked(text: str) -> str:
    """Return a message with what personal elements hold hidden; all else stays as it is.

    What is no XML is not shown at all, comments and instructions neither, because nobody can say
    what in it is personal.
    """
    if not text:
        return text
    try:
        root = etree.fromstring(text.encode(), schema.parser())
    except (etree.XMLSyntaxError, LookupError, ValueError):
        return _UNREADABLE
    found = [e for e in root.iter("{*}*") if etree.QName(e).localname in _HIDDEN]
    if not found and "<!" not in text and text.count("<?") <= 1:
        return text
    for element in found:
        for part in element.iter("{*}*"):
            part.text = _masked(part.text)
            if part is not element:
                part.tail = _masked(part.tail)
            for name, value in part.attrib.items():
                part.set(name, MASK if value else value)
    return etree.tostring(root, encoding="unicode")


def _masked(text: str | None) -> str | None:
    return MASK if text and text.strip() else text
