"""Writes of accounts: users, roles, API clients and organisations.

Secrets and passwords are never returned twice, logged or audited.
"""

from derms.accounts.services.callers import Caller, check_rest_policy, identify
from derms.accounts.services.certificates import register_certificate, revoke_certificate
from derms.accounts.services.clients import (
    Policy,
    authenticate_client,
    authenticate_digest,
    create_client,
    ensure_client,
    rotate_secret,
    set_client_secret,
    set_stage,
    update_client,
)
from derms.accounts.services.grants import set_grants
from derms.accounts.services.nonces import note_nonce
from derms.accounts.services.organisations import (
    create_organisation,
    ensure_organisation,
    ensure_sandbox,
)
from derms.accounts.services.retiring import retire_client
from derms.accounts.services.users import (
    create_user,
    ensure_user,
    forget_sessions,
    set_password,
    set_preferences,
    update_user,
)

__all__ = [
    "Caller",
    "Policy",
    "authenticate_client",
    "authenticate_digest",
    "check_rest_policy",
    "create_client",
    "create_organisation",
    "create_user",
    "ensure_client",
    "ensure_organisation",
    "ensure_sandbox",
    "ensure_user",
    "forget_sessions",
    "identify",
    "note_nonce",
    "register_certificate",
    "retire_client",
    "revoke_certificate",
    "rotate_secret",
    "set_client_secret",
    "set_grants",
    "set_password",
    "set_preferences",
    "set_stage",
    "update_client",
    "update_user",
]
