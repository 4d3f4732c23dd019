import asyncio

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from derms.accounts import services as accounts_services
from derms.core import valkey
from derms.core.actors import SYSTEM, Role
from derms.live import sender, services
from tests.unit.live.conftest import Browser, open_browser

pytestmark = pytest.mark.django_db(transaction=True)

push = sync_to_async(services.push_tick, thread_sensitive=False)


async def test_hello_tells_time_build_and_mode(operator):
    browser = Browser(operator)
    connected, protocol = await browser.connect()

    hello = await browser.hear("hello")

    assert (connected, protocol) == (True, "derms.ui.v1")
    assert (hello["mode"], hello["build"]) == ("TEST", "dev")
    assert hello["server_time"].endswith("Z")
    await browser.disconnect()


async def test_foreign_origin_gets_no_connection(operator):
    browser = Browser(operator, origin="https://evil.example")

    connected, _ = await browser.connect()

    assert not connected


async def test_stranger_is_told_to_log_in(stranger):
    browser = Browser(stranger)
    await browser.connect()

    assert await browser.closed_with() == 4401


async def test_unknown_protocol_is_closed(operator):
    browser = Browser(operator, protocols=("other",))
    await browser.connect()

    assert await browser.closed_with() == 4400


async def test_snapshot_then_numbered_deltas(operator, register):
    board = register("board")
    board.rows = [{"mrid": "g1", "p_w": 1.0}]
    async with open_browser(operator) as browser:
        snap = await browser.watch("board", ids=[1])
        await push("board", [{"mrid": "g1", "p_w": 2.0}])
        await push("board", [{"mrid": "g1", "p_w": 3.0}])
        one, two = await browser.hear("delta"), await browser.hear("delta")

    assert snap == {"op": "snap", "id": "a1", "topic": "board", "seq": 0, "data": board.rows}
    assert [one["seq"], two["seq"]] == [1, 2]
    assert two["data"] == [{"mrid": "g1", "p_w": 3.0}]
    assert set(two) == {"op", "id", "topic", "seq", "t", "data"}
    assert board.asked == [({"ids": [1]}, operator.actor.name)]


async def test_two_ids_on_one_topic_each_get_the_delta(operator, register):
    register("board")
    async with open_browser(operator) as browser:
        await browser.watch("board", "a1")
        await browser.watch("board", "a2")
        await push("board", {"mrid": "g1"})
        first, second = await browser.hear("delta"), await browser.hear("delta")

    assert {first["id"], second["id"]} == {"a1", "a2"}


async def test_unsubscribed_topic_is_silent(operator, register):
    register("board")
    async with open_browser(operator) as browser:
        await browser.watch("board")
        await browser.say(op="unsub", id="a1")
        await browser.say(op="ping")
        await browser.hear("pong")
        await push("board", {"mrid": "g1"})
        assert await browser.receive_nothing(0.3)


async def test_detailed_topic_hands_the_mrid_to_its_snapshot(operator, register):
    board = register("thing:{mrid}")
    odd = "urn:µ/1"
    async with open_browser(operator) as browser:
        await browser.watch(f"thing:{odd}")
        await push(f"thing:{odd}", {"mrid": odd, "p_w": 1})
        delta = await browser.hear("delta")

    assert board.asked[0][0] == {"mrid": odd}
    assert delta["topic"] == f"thing:{odd}"
    assert odd in services.watched("thing")


async def test_picked_topic_sends_only_the_rows_asked_for(operator, register):
    register("things", picked=True)
    async with open_browser(operator) as browser:
        await browser.watch("things", ids=["d1", 7])
        services._watched.clear()
        await push("things", [{"mrid": "d1", "p": 1}, {"mrid": "d2", "p": 2}])
        delta = await browser.hear("delta")
        await push("things", [{"mrid": "d3", "p": 2}])
        second = await browser.hear("snap")

    assert delta["data"] == [{"mrid": "d1", "p": 1}]
    assert second["seq"] == 1


async def test_topic_hides_rows_of_others(operator, register):
    register("rows", visible=lambda actor: lambda rows: [r for r in rows if r["own"]])
    async with open_browser(operator) as browser:
        await browser.watch("rows")
        await push("rows", [{"own": True, "n": 1}, {"own": False, "n": 2}])
        delta = await browser.hear("delta")

    assert [row["n"] for row in delta["data"]] == [1]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"op": "sub", "id": "a", "topic": "nothing"}, "unknown_topic"),
        ({"op": "sub", "id": "a", "topic": "thing:"}, "unknown_topic"),
        ({"op": "sub", "id": "a", "topic": "secret"}, "forbidden"),
        ({"op": "sub", "id": "", "topic": "board"}, "invalid_input"),
        ({"op": "sub", "id": "a", "topic": 5}, "invalid_input"),
        ({"op": "sub", "id": "a", "topic": "picked"}, "invalid_input"),
        (
            {"op": "sub", "id": "a", "topic": "picked", "args": {"ids": ["x"] * 201}},
            "invalid_input",
        ),
        ({"op": "sub", "id": "a", "topic": "board", "args": [1]}, "invalid_input"),
        ({"op": "fly", "id": "a"}, "invalid_input"),
        ({"op": "sub", "id": "a", "topic": "broken"}, "internal_error"),
    ],
)
async def test_bad_request_gets_an_error_and_the_socket_lives(operator, register, frame, code):
    register("board")
    register("secret", permission="audit.read")
    register("picked", picked=True)
    from derms.live import topics

    broken = topics.Topic(name="broken2", permission="groups.read", snapshot=lambda *_: 1 / 0)
    topics._topics["broken", False] = broken
    async with open_browser(operator) as browser:
        await browser.say(**frame)
        error = await browser.hear("error")
        await browser.say(op="ping")
        await browser.hear("pong")

    assert (error["code"], error["id"]) == (code, frame.get("id"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1" * 70000, '{"op": "\\ud800"}'])
async def test_noise_is_answered_by_an_error(operator, text):
    async with open_browser(operator) as browser:
        await browser.send_text(text)
        await browser.hear("error")


async def test_lost_frame_opens_a_gap_and_resubscribing_heals_it(operator, register):
    board = register("board")
    async with open_browser(operator) as browser:
        await browser.watch("board")
        valkey.client().incr(services.sequence_key("board"))  # the frame of number 1 is lost
        await push("board", {"mrid": "g1"})
        gap = await browser.hear("gap")
        board.rows = [{"mrid": "g1", "p_w": 9}]
        snap = await browser.watch("board")
        await push("board", {"mrid": "g1", "p_w": 10})
        delta = await browser.hear("delta")

    assert gap["id"] == "a1"
    assert (snap["seq"], delta["seq"]) == (2, 3)


async def test_loss_before_silence_is_found_too(operator, register):
    register("board")
    async with open_browser(operator) as browser:
        await browser.watch("board")
        valkey.client().incr(services.sequence_key("board"))

        assert (await browser.hear("gap", timeout=3))["id"] == "a1"


async def test_numbers_that_went_back_open_a_gap(operator, register):
    register("board")
    async with open_browser(operator) as browser:
        await push("board", {"n": 1})
        assert (await browser.watch("board"))["seq"] == 1
        valkey.client().delete(services.sequence_key("board"))

        await browser.hear("gap")


async def test_deltas_during_a_slow_snapshot_follow_it_without_a_gap(operator, register):
    import time

    board = register("board")
    quick = board.snapshot

    def slow(args, actor):
        rows = quick(args, actor)
        time.sleep(0.4)
        return rows

    from derms.live import topics

    topics._topics["board", False] = topics.Topic(
        name="board", permission="groups.read", snapshot=slow
    )
    async with open_browser(operator) as browser:
        await browser.say(op="sub", id="a1", topic="board")
        await asyncio.sleep(0.15)
        for number in range(3):
            await push("board", {"n": number})
        snap = await browser.hear("snap")
        deltas = [await browser.hear("delta") for _ in range(3)]

    assert snap["seq"] == 0
    assert [delta["seq"] for delta in deltas] == [1, 2, 3]


async def test_logout_closes_the_socket_soon(operator):
    async with open_browser(operator) as browser:
        await sync_to_async(operator.post)("/logout")

        assert await browser.closed_with(timeout=2) == 4401


async def test_switched_off_user_is_closed_soon(operator):
    async with open_browser(operator) as browser:
        await sync_to_async(accounts_services.update_user)(
            mrid=operator.actor.mrid, is_active=False, actor=SYSTEM
        )

        assert await browser.closed_with(timeout=2) == 4401


async def test_revoked_permission_stops_the_topic_soon(operator, register):
    register("board", permission="dispatches.write")
    async with open_browser(operator) as browser:
        await browser.watch("board")
        me = await browser.watch("me", "m")
        await sync_to_async(accounts_services.update_user)(
            mrid=operator.actor.mrid, roles=[Role.VIEWER], actor=SYSTEM
        )
        frames = {(f["op"], f["id"]): f for f in [await browser.hear(), await browser.hear()]}
        await push("board", {"n": 1})
        assert await browser.receive_nothing(0.3)

    assert me["data"]["roles"] == ["operator"]
    assert frames["error", "a1"]["code"] == "forbidden"
    assert frames["snap", "m"]["data"]["roles"] == ["viewer"]


async def test_flood_of_requests_is_closed(operator):
    async with open_browser(operator) as browser:
        for _ in range(60):
            await browser.say(op="ping")

        assert await browser.closed_with() == 4429


async def test_at_most_sixty_four_subscriptions(operator, register):
    register("board")
    async with open_browser(operator) as browser:
        for number in range(65):
            if number % 40 == 39:
                await asyncio.sleep(1.1)
            await browser.say(op="sub", id=f"s{number}", topic="board")
        frames = [await browser.hear() for _ in range(65)]

    assert [f["code"] for f in frames if f["op"] == "error"] == ["too_many"]


async def test_layer_name_is_the_one_the_channel_layer_uses():
    layer = get_channel_layer()

    assert services._group_prefix() + "x" == layer._get_layer()._get_group_channel_name("x")


async def test_push_without_valkey_is_lost_quietly(settings, caplog):
    valkey.client.cache_clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    try:
        await push("board", {"n": 1})
    finally:
        valkey.client.cache_clear()

    assert "not pushed" in caplog.text


async def test_full_sender_refuses_frames_but_not_news_of_it(monkeypatch):
    monkeypatch.setattr(sender, "_MAX_FRAMES", 3)
    stuck = asyncio.Event()

    async def write(_text):
        await stuck.wait()

    out = sender.Sender(write)
    out.put(b"first", owner="a")
    await asyncio.sleep(0)
    assert [out.put(b"x", owner="a") for _ in range(4)] == [True, True, True, False]
    assert out.put(b"gap")
    out.forget("a")
    assert out.put(b"x", owner="a")
    assert out.stuck_s() > 0
    await out.finish()
