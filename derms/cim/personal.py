"""Personal data in messages: found by the elements of the CIM that hold them, and hidden.

Names of groups and devices are not personal; who a person is, where he lives and how he is
reached are. Source: IEC 61968-100 Header/User; IEC 61968-9 EndDeviceEvent, electronicAddress;
CIM Customer, Person, StreetAddress, TelephoneNumber.
"""

from lxml import etree

from derms.cim import schema

MASK = "***"
_LEAVES = frozenset(
    {"UserID", "userID", "email1", "email2", "firstName", "lastName", "mName", "password"}
)
_WHOLE = frozenset(
    {
        *("electronicAddress", "electronicAddress1", "electronicAddress2", "streetAddress"),
        *("postalAddress", "mainAddress", "secondaryAddress", "phone1", "phone2", "Customer"),
        *("Customers", "Person", "Persons", "CustomerAccount", "ServiceLocation"),
    }
)
_UNREADABLE = "The message cannot be read as XML, so the personal data in it cannot be hidden."


def masked(text: str) -> str:
    """Return a message with the text of personal elements hidden; all else stays as it is.

    What is no XML is not shown at all, because nobody can say what in it is personal.
    """
    if not text:
        return text
    try:
        root = etree.fromstring(text.encode(), schema.parser())
    except (etree.XMLSyntaxError, ValueError):
        return _UNREADABLE
    hidden = [e for e in root.iter("{*}*") if etree.QName(e).localname in _LEAVES]
    for element in root.iter("{*}*"):
        if etree.QName(element).localname in _WHOLE:
            hidden.extend(element.iter("{*}*"))
    if not hidden:
        return text
    for element in hidden:
        if (element.text or "").strip():
            element.text = MASK
    return etree.tostring(root, encoding="unicode")
