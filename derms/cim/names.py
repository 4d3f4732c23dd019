"""Namespaces of the messages: the year of the schema set is one setting.

Three namespaces meet in one message: the wrapper's (root, Header, Request, Reply, Payload), the
envelope's (everything inside Header and Reply) and the profile's (the payload itself).
Source: IEC 61968-5 schema set, section 1.0 of docs/standards/61968-5.md.
"""

from django.conf import settings

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE = "http://iec.ch/TC57/2011/schema/message"
_PROFILES_OF_2011 = {"EndDeviceControls", "EndDeviceEvents"}


def base() -> str:
    """Return the base of all namespaces of the schema set in use, with a trailing slash."""
    return f"http://iec.ch/TC57/{settings.CIM_NAMESPACE_YEAR}/"


def wrapper(message: str) -> str:
    """Return the namespace of the message elements, e.g. `.../2017/DERGroupsMessage`."""
    return f"{base()}{message}Message"


def profile(name: str) -> str:
    """Return the namespace of a payload profile, e.g. `.../2017/DERGroups#`.

    The profiles of 61968-9 are older than the messages around them and keep their year.
    """
    if name in _PROFILES_OF_2011:
        return f"http://iec.ch/TC57/2011/{name}#"
    return f"{base()}{name}#"
