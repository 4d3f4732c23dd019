"""Partners and subscriptions, valid by default."""

import itertools

from derms.accounts import selectors
from derms.cim.models import Partner, Subscription
from derms.core import clock
from derms.core.actors import Role
from tests.factories import accounts

_numbers = itertools.count(1)


def partner(*roles: Role, kind="utility", base_url="http://127.0.0.1:9/61968-5", **more):
    """Create a partner with an API client of its own."""
    client, _ = accounts.client(*(roles or (Role.DMS,)), organisation=accounts.organisation(kind))
    now = clock.now()
    values = {
        "name": f"Partner {next(_numbers)}",
        "client": selectors.get_client(client.mrid),
        "base_url": base_url,
        "created_at": now,
        "modified_at": now,
    }
    return Partner.objects.create(**values | more)


def subscription(of=None, noun="DERGroups", **more):
    """Create a subscription; without `of`, of a new partner."""
    return Subscription.objects.create(
        partner=of or partner(), noun=noun, created_at=clock.now(), **more
    )
