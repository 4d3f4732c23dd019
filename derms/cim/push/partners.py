"""Who is told what, and where: partners and their subscriptions, written by engineers.

For the REST door. Every change is audited, secrets left out.
"""

import functools
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from derms.accounts.selectors import list_clients
from derms.audit.services import record
from derms.cim.choices import PartnerAuth
from derms.cim.models import Partner, Subscription
from derms.cim.push import secrets, selectors, wake
from derms.cim.push.addresses import check_url
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, RuleViolationError

_SHOWN = ("name", "base_url", "service_urls", "auth", "username", "connect_timeout_s",
          "timeout_s", "reply_addresses", "enabled")  # fmt: skip
_ASKED = ("noun", "groups", "on_change", "change_w", "change_pct", "on_state", "min_interval_s",
          "period_s", "active")  # fmt: skip
_STATE = "DERGroupStatuses"
_BY_PERIOD = ("DERGroupForecasts", "MeterReadings")
_LONGEST_S = {"MeterReadings": 3600}
"""Each message tells the quarter-hours of two hours, so that none is left out between two."""
_MAX_GROUPS = 10_000


def create_partner(*, client_id: str, values: Mapping[str, Any], actor: Actor) -> Partner:
    """Create the endpoint of an API client.

    Args:
        client_id: Login of the API client; one that has an endpoint already is refused.
        values: Fields of `Partner`; `secret` is the password or token in clear.
        actor: Who asks.

    Raises:
        InvalidInputError: unknown client, or an address or time-out that cannot be.
        RuleViolationError: the client or the name has an endpoint.
    """
    client = list_clients().filter(client_id=client_id).first()
    if client is None:
        raise InvalidInputError(f"There is no API client {client_id}", field="client_id")
    now = clock.now()
    partner = Partner(client=client, created_at=now, modified_at=now)
    _fill(partner, values)
    with transaction.atomic():
        _save(partner)
        _record("cim.create_partner", partner, None, actor)
    return selectors.get_partner(partner.mrid)


def update_partner(
    *, mrid: str, values: Mapping[str, Any], expected_revision: int, actor: Actor
) -> Partner:
    """Change a partner; what waits for it goes to the new address.

    Raises:
        NotFoundError: no such partner.
        InvalidInputError: an address or time-out that cannot be, or another host without the
            credentials: whoever may change an address may not send a stored password there.
        RuleViolationError: revision differs, or the name is taken.
    """
    with transaction.atomic():
        partner = selectors.lock_partner(mrid)
        if partner.revision != expected_revision:
            raise RuleViolationError("Somebody else changed the partner", code="stale_revision")
        before, hosts = describe(partner), _hosts(partner)
        _fill(partner, values)
        if partner.sealed_secret and not values.get("secret") and not _hosts(partner) <= hosts:
            raise InvalidInputError(
                "Enter the credentials again for another host", field="secret", code="no_secret"
            )
        partner.revision += 1
        partner.modified_at = clock.now()
        # Whatever was wrong may be mended: do not wait for the back-off.
        partner.failures, partner.not_before = 0, None
        _save(partner)
        _record("cim.update_partner", partner, before, actor)
        transaction.on_commit(functools.partial(wake.ask, partner.pk))
    return selectors.get_partner(mrid)


def _fill(partner: Partner, values: Mapping[str, Any]) -> None:
    for name in _SHOWN:
        if name in values:
            setattr(partner, name, values[name])
    if values.get("secret"):
        partner.sealed_secret = secrets.seal(values["secret"])
    if partner.auth == PartnerAuth.NONE:
        partner.username, partner.sealed_secret = "", ""
    elif not partner.sealed_secret or (partner.auth == PartnerAuth.BASIC and not partner.username):
        raise InvalidInputError("These credentials are not complete", field="secret")
    partner.base_url = check_url(partner.base_url, "base_url").rstrip("/")
    unknown = set(partner.service_urls) - set(selectors.services())
    if unknown:
        raise InvalidInputError(f"There is no service {min(unknown)}", field="service_urls")
    partner.service_urls = {
        service: check_url(url, "service_urls")
        for service, url in partner.service_urls.items()
        if url
    }
    partner.reply_addresses = [check_url(u, "reply_addresses") for u in partner.reply_addresses]


def _hosts(partner: Partner) -> set[str]:
    every = (partner.base_url, *partner.service_urls.values(), *partner.reply_addresses)
    return {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in every}


def _save(partner: Partner) -> None:
    try:
        with transaction.atomic():
            partner.save()
    except IntegrityError as error:
        raise RuleViolationError(
            "The name is taken, or the API client is a partner already", code="taken"
        ) from error


def describe(partner: Partner) -> dict[str, Any]:
    """Return what audit keeps of a partner: everything but the secret."""
    return {name: getattr(partner, name) for name in _SHOWN}


def _record(action: str, partner: Partner, before: dict[str, Any] | None, actor: Actor) -> None:
    record(
        action=action,
        object_type="Partner",
        object_mrid=partner.mrid,
        before=before,
        after=describe(partner),
        actor=actor,
    )


def create_subscription(
    *, partner_mrid: str, values: Mapping[str, Any], actor: Actor
) -> Subscription:
    """Subscribe a partner to a noun.

    Raises:
        NotFoundError: no such partner.
        InvalidInputError: unknown noun, or conditions that do not fit it.
    """
    with transaction.atomic():
        partner = selectors.lock_partner(partner_mrid)
        subscription = Subscription(partner=partner, created_at=clock.now())
        _ask(subscription, values)
        subscription.save()
        _record_subscription("cim.create_subscription", subscription, None, actor)
    return subscription


def update_subscription(
    *, mrid: str, values: Mapping[str, Any], expected_revision: int, actor: Actor
) -> Subscription:
    """Change a subscription; a noun of states is told afresh.

    Raises:
        NotFoundError: no such subscription.
        InvalidInputError: conditions that do not fit the noun.
        RuleViolationError: revision differs.
    """
    with transaction.atomic():
        subscription = selectors.get_subscription(mrid, lock=True)
        if subscription.revision != expected_revision:
            raise RuleViolationError("Somebody else changed it meanwhile", code="stale_revision")
        before = _asked(subscription)
        _ask(subscription, values)
        subscription.revision += 1
        subscription.next_at = None
        subscription.save()
        _record_subscription("cim.update_subscription", subscription, before, actor)
    return subscription


def delete_subscription(*, mrid: str, expected_revision: int, actor: Actor) -> None:
    """End a subscription; what waits is still delivered.

    Raises:
        NotFoundError: no such subscription.
        RuleViolationError: revision differs.
    """
    with transaction.atomic():
        subscription = selectors.get_subscription(mrid, lock=True)
        if subscription.revision != expected_revision:
            raise RuleViolationError("Somebody else changed it meanwhile", code="stale_revision")
        record(
            action="cim.delete_subscription",
            object_type="Subscription",
            object_mrid=mrid,
            before=_asked(subscription),
            actor=actor,
        )
        subscription.delete()


def _ask(subscription: Subscription, values: Mapping[str, Any]) -> None:
    for name in _ASKED:
        if name in values:
            setattr(subscription, name, values[name])
    if subscription.noun not in selectors.nouns():
        raise InvalidInputError(f"Nobody tells {subscription.noun}", field="noun")
    subscription.groups = list(dict.fromkeys(g.strip() for g in subscription.groups if g.strip()))
    if len(subscription.groups) > _MAX_GROUPS:
        raise InvalidInputError(f"At most {_MAX_GROUPS} groups", field="groups")
    by_change = subscription.on_change and (
        subscription.on_state
        or subscription.change_w is not None
        or subscription.change_pct is not None
    )
    longest_s = _LONGEST_S.get(subscription.noun)
    if subscription.noun in _BY_PERIOD and subscription.period_s is None:
        raise InvalidInputError(f"{subscription.noun} are told by period", field="period_s")
    if longest_s and (subscription.period_s or 0) > longest_s:
        raise InvalidInputError(
            f"{subscription.noun} are told every {longest_s} s or more often", field="period_s"
        )
    if subscription.noun == _STATE and not by_change and subscription.period_s is None:
        raise InvalidInputError("Say at which change or which period", field="on_change")
    if subscription.noun not in (_STATE, *_BY_PERIOD) and subscription.period_s is not None:
        raise InvalidInputError(f"{subscription.noun} are told as they happen", field="period_s")


def _asked(subscription: Subscription) -> dict[str, Any]:
    return {name: getattr(subscription, name) for name in _ASKED}


def _record_subscription(
    action: str, subscription: Subscription, before: dict[str, Any] | None, actor: Actor
) -> None:
    record(
        action=action,
        object_type="Subscription",
        object_mrid=subscription.mrid,
        before=before,
        after=_asked(subscription) | {"partner": subscription.partner.name},
        actor=actor,
    )
