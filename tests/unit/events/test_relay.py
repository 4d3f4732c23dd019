import dataclasses
from typing import ClassVar

import pytest

from derms.events import registry, services
from derms.events.models import OutboxFact

pytestmark = pytest.mark.django_db(transaction=True)


@dataclasses.dataclass(frozen=True)
class Rang:
    topic: ClassVar[str] = "tests.rang"

    number: int


@pytest.fixture
def rang():
    yield Rang
    registry.unsubscribe(Rang)


def test_subscriber_gets_the_published_fact(rang):
    got = []

    @registry.subscribe(rang)
    def on_rang(fact):
        got.append(fact)

    services.publish(rang(7))

    assert services.relay() == 1
    assert got == [rang(7)]
    assert OutboxFact.objects.get().delivered_at is not None
