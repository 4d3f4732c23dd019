"""Which rows of a delta reach a browser, when only the database can say."""

import threading

import pytest
from asgiref.sync import sync_to_async

from derms.accounts import services as accounts_services
from derms.accounts.scopes import SANDBOX_MRID
from derms.core.actors import SYSTEM, Role
from derms.live import filtering, services, topics
from dispatch import selectors
from dispatch.services import create_control
from groups.rules.definition import GroupData, MemberKeys
from groups.services import create_group
from tests.factories import accounts
from tests.factories.controls import control_of
from tests.factories.devices import make_device
from tests.factories.dispatch import ALL_FUNCTIONS, Utility
from tests.unit.live.conftest import open_browser

pytestmark = pytest.mark.django_db(transaction=True)

push = sync_to_async(services.push_tick, thread_sensitive=False)


class Gate:
    """A filter that waits to be let through, and keeps odd numbers."""

    def __init__(self):
        self.open = threading.Event()
        self.began = 0

    def __call__(self, rows):
        self.began += 1
        assert self.open.wait(10)
        return [row for row in rows if row["n"] % 2]


@pytest.fixture
def gate(register):
    gate = Gate()
    register("rows", visible=lambda _actor: gate)
    register("plain")
    yield gate
    gate.open.set()


@pytest.fixture
def sandbox_device(db):
    return make_device(owner=accounts_services.ensure_sandbox())


@pytest.fixture
def partner(sandbox_device):
    return accounts.actor(Role.DMS, organisation_mrid=SANDBOX_MRID)


def test_whoever_sees_all_pays_for_no_thread_he_does_not_need(operator):
    found = {name: topic.filter_for(operator.actor) for name, topic in topics.registered().items()}

    assert {name for name, wanted in found.items() if wanted} == {"dispatches", "controls"}


async def test_dispatches_of_the_sandbox_stay_out_of_live_lists(operator, sandbox_device, partner):
    def groups():
        data = GroupData(
            name="Sandbox",
            functions=ALL_FUNCTIONS,
            members=MemberKeys(mrids=(sandbox_device.mrid,)),
        )
        return Utility(1).group.mrid, create_group(data=data, actor=partner).mrid

    here, there = await sync_to_async(groups)()
    async with open_browser(operator) as browser:
        await browser.watch("dispatches")
        await push("dispatches", [{"mrid": "a", "group_mrid": there}])
        await push(
            "dispatches", [{"mrid": "b", "group_mrid": there}, {"mrid": "c", "group_mrid": here}]
        )
        heard = [await browser.hear("delta") for _ in range(2)]

    assert [[row["mrid"] for row in delta["data"]] for delta in heard] == [[], ["c"]]


def test_controls_of_the_sandbox_stay_out_of_lists(operator, sandbox_device, partner):
    utility = Utility(1)
    here = create_control(data=control_of(utility), actor=accounts.actor())
    there = create_control(data=control_of(utility, devices=[sandbox_device]), actor=partner)
    rows = [{"mrid": here.mrid}, {"mrid": there.mrid}]
    live = accounts.actor(Role.DMS, kind="client", organisation_mrid=utility.group.owner.mrid)
    topic = topics.registered()["controls"]

    assert topic.filter_for(operator.actor)(rows) == rows[:1]
    assert list(selectors.list_controls(actor=operator.actor)) == [here]
    by_device = {"device_mrid": sandbox_device.mrid}
    assert list(selectors.list_controls(actor=operator.actor, **by_device)) == [there]
    assert list(selectors.list_controls(actor=live, **by_device)) == []
    assert list(selectors.list_controls(actor=partner)) == [there]


async def test_filtered_deltas_keep_their_order_and_hold_up_nothing_else(operator, gate):
    async with open_browser(operator) as browser, open_browser(operator) as other:
        await browser.watch("rows", "slow")
        await browser.watch("plain", "quick")
        await other.watch("plain")
        for number in range(5):
            await push("rows", [{"n": number}])
        await push("plain", [{"n": 0}])
        quick = [await browser.hear("delta"), await other.hear("delta")]
        gate.open.set()
        slow = [await browser.hear("delta") for _ in range(5)]

    assert [delta["topic"] for delta in quick] == ["plain", "plain"]
    assert [(delta["seq"], [row["n"] for row in delta["data"]]) for delta in slow] == [
        (1, []), (2, [1]), (3, []), (4, [3]), (5, []),
    ]  # fmt: skip


async def test_slow_filter_makes_the_browser_start_over(operator, gate, monkeypatch):
    monkeypatch.setattr(filtering, "_MAX_WAITING", 3)
    async with open_browser(operator) as browser:
        await browser.watch("rows")
        for number in range(6):
            await push("rows", [{"n": number}])
        await browser.hear("gap")
        gate.open.set()
        again = await browser.watch("rows")
        await push("rows", [{"n": 7}])
        delta = await browser.hear("delta")

    assert (again["seq"], delta["seq"], delta["data"]) == (6, 7, [{"n": 7}])
    assert gate.began == 2


async def test_a_later_snapshot_leaves_no_older_delta_behind_it(operator, gate, register):
    register("picked", picked=True, row_key="n", visible=lambda _actor: gate)
    async with open_browser(operator) as browser:
        await browser.watch("picked", ids=[1])
        services._watched.clear()
        await push("picked", [{"n": 1}])
        again = await browser.hear("snap")
        gate.open.set()
        await push("picked", [{"n": 1}])
        delta = await browser.hear("delta")

    assert (again["seq"], delta["seq"], gate.began) == (1, 2, 2)


async def test_filter_that_fails_costs_a_gap_and_not_the_connection(operator, register, caplog):
    broken = [True]

    def wanted(rows):
        return 1 / 0 if broken else rows

    register("rows", visible=lambda _actor: wanted)
    async with open_browser(operator) as browser:
        await browser.watch("rows")
        await push("rows", [{"n": 1}])
        await browser.hear("gap")
        broken.clear()
        await browser.watch("rows")
        await push("rows", [{"n": 2}])
        delta = await browser.hear("delta")

    assert delta["data"] == [{"n": 2}]
    assert "filter of rows failed" in caplog.text


async def test_other_rights_begin_with_a_new_snapshot(operator, register):
    register("rows", visible=lambda actor: None if Role.ENGINEER in actor.roles else lambda _: [])
    async with open_browser(operator) as browser:
        await browser.watch("rows")
        await push("rows", [{"n": 1}])
        before = await browser.hear("delta")
        await sync_to_async(accounts_services.update_user)(
            mrid=operator.actor.mrid, roles=[Role.OPERATOR, Role.ENGINEER], actor=SYSTEM
        )
        await browser.hear("gap")
        await browser.watch("rows")
        await push("rows", [{"n": 2}])
        after = await browser.hear("delta")

    assert (before["data"], after["data"]) == ([], [{"n": 2}])


async def test_one_row_alone_is_filtered_too(operator, register):
    register("rows", visible=lambda _actor: lambda rows: [row for row in rows if row["n"] % 2])
    async with open_browser(operator) as browser:
        await browser.watch("rows")
        await push("rows", {"n": 2})
        delta = await browser.hear("delta")

    assert delta["data"] == []
