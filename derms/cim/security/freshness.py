"""Is a message of now, and is it the first of its kind: dates within the clock skew, nonces once.

Source: OASIS WSS SOAP Message Security 1.1 section 10; IEC 61968-100 Header/ReplayDetection.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from lxml import etree

from derms.accounts.services import note_nonce
from derms.cim import names as cim
from derms.cim.security import names
from derms.cim.security.errors import TrustError
from derms.core import clock


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is still to be checked once the Header of a message is known.

    Attributes:
        client: mRID of the API client.
        nonces: Nonces the security header used.
        dated: The message carries a date that was checked; its age is known.
        demands_date: The message must carry one: it is signed, or the policy says so.
        demands_timestamp: The policy demands a Timestamp.
    """

    client: str
    nonces: tuple[str, ...] = ()
    dated: bool = False
    demands_date: bool = False
    demands_timestamp: bool = False


def check_age(text: str, what: str, zone: str = "UTC") -> None:
    """Refuse a date that is further from our clock than DERMS_CIM_CLOCK_SKEW_S.

    Args:
        text: xs:dateTime.
        what: Whose date it is, for the sentence.
        zone: Zone of a date without one.

    Raises:
        TrustError: no date, or too far off; the sentence names the skew (7.7).
    """
    skew_s = _ahead_s(text, what, zone)
    if abs(skew_s) > settings.CIM_CLOCK_SKEW_S:
        side = "ahead of" if skew_s > 0 else "behind"
        raise _stale(
            f"{what} is {abs(skew_s):.0f} s {side} our clock; "
            f"{settings.CIM_CLOCK_SKEW_S} s are tolerated"
        )


def check_timestamp(timestamp: etree._Element) -> None:
    """Refuse a `wsu:Timestamp` that was created too long ago or has expired.

    Raises:
        TrustError: too old, from the future, expired, or without Created (7.7).
    """
    check_age(timestamp.findtext(names.wsu("Created")) or "", "Created of the Timestamp")
    expires = timestamp.findtext(names.wsu("Expires"))
    if expires is None:
        return
    late_s = -_ahead_s(expires, "Expires of the Timestamp", "UTC")
    if late_s > settings.CIM_CLOCK_SKEW_S:
        raise _stale(
            f"The message has expired {late_s:.0f} s ago; {settings.CIM_CLOCK_SKEW_S} s of clock "
            "skew are tolerated"
        )


def _ahead_s(text: str, what: str, zone: str) -> float:
    """Return how far a date lies ahead of our clock [s]; negative is in the past."""
    try:
        date = dt.datetime.fromisoformat(text.strip())
        date = date if date.tzinfo else date.replace(tzinfo=ZoneInfo(zone))
        return (date - clock.now()).total_seconds()
    except (ValueError, OverflowError) as error:
        raise _stale(f"{what} is no date: {text[:60]!r}") from error


def drift_of(message: etree._Element, received_at: dt.datetime) -> float | None:
    """Return how far the sender's clock is ahead [s]; None when its Header does not say the time.

    Args:
        message: The message element with its Header.
        received_at: When it came in.
    """
    header = message.find(f"{message.tag[: message.tag.index('}') + 1]}Header")
    text = None if header is None else header.findtext(_envelope("Timestamp"))
    try:
        date = dt.datetime.fromisoformat((text or "").strip())
        date = date if date.tzinfo else date.replace(tzinfo=ZoneInfo(settings.SITE_TIME_ZONE))
        return (date - received_at).total_seconds()
    except (ValueError, OverflowError):
        return None


def check(fresh: Freshness, message: etree._Element, body: bytes) -> None:
    """Check the dates and nonces of a message before it is carried out.

    A nonce counts once. The very same bytes again are no forgery but a repetition, which the
    MessageID answers with the stored reply; without a MessageID, or for a query, they are refused.

    Args:
        fresh: What the security header has left to check.
        message: The message element with its Header.
        body: The whole message as it came in.

    Raises:
        TrustError: stale, undated though it must be dated, or played back (7.7).
    """
    header = message.find(f"{message.tag[: message.tag.index('}') + 1]}Header")
    nonces, dated = list(fresh.nonces), fresh.dated
    detection = None if header is None else header.find(_envelope("ReplayDetection"))
    if detection is not None:
        created = detection.findtext(_envelope("Created")) or ""
        check_age(created, "Created of ReplayDetection", settings.SITE_TIME_ZONE)
        nonces.append(f"header:{detection.findtext(_envelope('Nonce')) or ''}")
        dated = True
    if fresh.demands_timestamp:
        dated = _check_header_timestamp(header) or dated
    if (fresh.demands_date or fresh.demands_timestamp) and not dated:
        raise _stale("The message must carry a Timestamp or a ReplayDetection, and does not")
    _note(nonces, fresh.client, header, body)


def _check_header_timestamp(header: etree._Element | None) -> bool:
    text = None if header is None else header.findtext(_envelope("Timestamp"))
    if text is None:
        return False
    check_age(text, "Timestamp of the Header", settings.SITE_TIME_ZONE)
    return True


def _note(nonces: list[str], client: str, header: etree._Element | None, body: bytes) -> None:
    if not nonces:
        return
    digest = hashlib.sha256(body).hexdigest()
    verb = "" if header is None else (header.findtext(_envelope("Verb")) or "").strip().lower()
    has_id = header is not None and bool((header.findtext(_envelope("MessageID")) or "").strip())
    for nonce in nonces:
        try:
            is_new = note_nonce(client=client, nonce=nonce, message_sha256=digest)
        except LookupError as error:
            raise _stale("The nonce was used before, by another message") from error
        if not is_new and (verb == "get" or not has_id):
            raise _stale("This message was received before")


def _envelope(name: str) -> str:
    return f"{{{cim.ENVELOPE}}}{name}"


def _stale(text: str) -> TrustError:
    return TrustError(text, cim_code="7.7", fault="MessageExpired")
