"""WebSockets are for people: credentials of an API client, in the sandbox or not, open none."""

import pytest

from derms.accounts import services
from derms.accounts.choices import ClientStage
from derms.core.actors import SYSTEM
from tests.unit.live.conftest import Browser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandboxed(dms):
    services.set_stage(mrid=dms.actor.mrid, stage=ClientStage.SANDBOX, reason="test", actor=SYSTEM)
    return dms


async def test_a_client_in_the_sandbox_has_no_websocket(sandboxed):
    browser = Browser(sandboxed)
    header = sandboxed.defaults["HTTP_AUTHORIZATION"].encode()
    browser.scope["headers"].append((b"authorization", header))

    await browser.connect()

    assert await browser.closed_with() == 4401
