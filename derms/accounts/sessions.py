"""Who is behind many open sessions at once, for connections that outlive a request."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils.crypto import constant_time_compare

from derms.accounts import selectors
from derms.accounts.middleware import has_ended
from derms.accounts.models import User
from derms.core import clock
from derms.core.actors import Actor


def current_actors(session_keys: Collection[str]) -> dict[str, Actor]:
    """Return who each session belongs to now; sessions that are over are left out.

    A session is over when it is gone, idle or old, when its owner was switched off, or when his
    password has changed since. Three queries, however many sessions.
    """
    now = clock.now()
    rows = Session.objects.filter(session_key__in=session_keys, expire_date__gt=now)
    data = {row.session_key: row.get_decoded() for row in rows}
    open_data = {
        key: values
        for key, values in data.items()
        if BACKEND_SESSION_KEY in values and not has_ended(values, now.timestamp())
    }
    wanted = {values[SESSION_KEY] for values in open_data.values()}
    users = {str(u.pk): u for u in selectors.list_users().filter(pk__in=wanted, is_active=True)}
    return {
        key: selectors.actor_of_user(users[values[SESSION_KEY]], source="session")
        for key, values in open_data.items()
        if values[SESSION_KEY] in users and _still_fits(values, users[values[SESSION_KEY]])
    }


def _still_fits(values: dict[str, Any], user: User) -> bool:
    return constant_time_compare(values.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
