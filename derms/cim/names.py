"""Namespaces of the messages: the year of the schema set is one setting.

Three namespaces meet in one message: the wrapper's (root, Header, Request, Reply, Payload), the
envelope's (everything inside Header and Reply) and the profile's (the payload itself).
Source: IEC 61968-5 schema set, section 1.0 of docs/standards/61968-5.md.
"""

from django.conf import settings

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE = "http://iec.ch/TC57/2011/schema/message"
_MESSAGES_OF_2011 = {"MeterReadings", "GetMeterReadings"}
_PROFILES_OF_2011 = {"EndDeviceControls", "EndDeviceEvents"} | _MESSAGES_OF_2011


def base(message: str = "") -> str:
    """Return the base of the namespaces of a message, with a trailing slash.

    Meter readings are in no set of 61968-5 and come in messages of their own year.
    """
    year = 2011 if message in _MESSAGES_OF_2011 else settings.CIM_NAMESPACE_YEAR
    return f"http://iec.ch/TC57/{year}/"


def wrapper(message: str) -> str:
    """Return the namespace of the message elements, e.g. `.../2017/DERGroupsMessage`."""
    return f"{base(message)}{message}Message"


def profile(name: str) -> str:
    """Return the namespace of a payload profile, e.g. `.../2017/DERGroups#`.

    The profiles of 61968-9 are older than the messages around them and keep their year.
    """
    if name in _PROFILES_OF_2011:
        return f"http://iec.ch/TC57/2011/{name}#"
    return f"{base()}{name}#"
