import pytest

from derms.accounts import services
from derms.audit.models import AuditRecord
from derms.core.actors import SYSTEM, Role
from derms.core.errors import RuleViolationError
from tests.factories import accounts

pytestmark = pytest.mark.django_db


def test_client_authenticates_with_its_secret_only():
    client, secret = accounts.client()

    assert services.authenticate_client(client.client_id, secret) == client
    assert services.authenticate_client(client.client_id, secret + "x") is None
    assert services.authenticate_client("nobody", secret) is None


def test_ensure_client_is_idempotent_and_follows_the_secret():
    organisation = accounts.organisation()
    values = {"client_id": "dms", "name": "DMS", "organisation": organisation}
    one = services.ensure_client(**values, secret="a" * 32, roles=[Role.DMS])
    two = services.ensure_client(**values, secret="b" * 32, roles=[Role.DMS])

    assert one.pk == two.pk
    assert services.authenticate_client("dms", "b" * 32) == one
    assert services.authenticate_client("dms", "a" * 32) is None


def test_aggregator_gets_no_role_of_the_utility():
    organisation = accounts.organisation("aggregator")

    with pytest.raises(RuleViolationError, match="operator"):
        accounts.user(Role.OPERATOR, organisation=organisation)


def test_secrets_and_passwords_stay_out_of_the_audit():
    user = accounts.user()
    services.set_password(mrid=user.mrid, password="another long secret", actor=SYSTEM)
    _, secret = accounts.client()

    text = "".join(AuditRecord.objects.values_list("payload", flat=True))
    assert "another long secret" not in text
    assert secret not in text
