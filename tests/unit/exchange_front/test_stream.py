"""The order stream: handshake, frames, and faults; in virtual time."""

import asyncio
import json

import pytest

from floorbroker.brokers.alpaca.transport import FramesClosed
from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.server import FrontRules
from tests.unit.exchange_front.conftest import (
    Client,
    an_exchange,
    events,
    hear,
    is_silent,
    virtually,
)

LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}
AUTHENTICATE = {"action": "authenticate", "data": {"key_id": "PK1", "secret_key": "s"}}


def said(status: str, action: str) -> object:
    return {"stream": "authorization", "data": {"status": status, "action": action}}


def test_the_server_is_silent_until_it_is_spoken_to() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.transport.connect("/stream")
            assert await is_silent(frames, 60)
            await frames.send(json.dumps(AUTHENTICATE))
            assert await hear(frames) == said("authorized", "authenticate")

    virtually(main)


@pytest.mark.parametrize(
    "words",
    [
        AUTHENTICATE,
        {"action": "auth", "key": "PK1", "secret": "s"},
        {"action": "authenticate", "data": {"oauth_token": "PK1"}},
    ],
)
def test_each_form_of_authentication_is_understood(words: object) -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.transport.connect("/stream")
            await frames.send(json.dumps(words).encode())
            assert await hear(frames) == said("authorized", "authenticate")
            await frames.send(json.dumps(LISTEN))
            heard = await hear(frames)
            assert heard == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
            await client.order()
            assert await events(frames, 2) == ["pending_new", "new"]

    virtually(main)


def test_a_wrong_key_and_listening_without_one_are_unauthorised() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(keys={"PK1": "other"})) as client:
            frames = await client.transport.connect("/stream")
            await frames.send(json.dumps(AUTHENTICATE))
            assert await hear(frames) == said("unauthorized", "authenticate")
            await frames.send(json.dumps(LISTEN))
            assert await hear(frames) == said("unauthorized", "listen")

    virtually(main)


def test_unknown_streams_are_dropped_and_each_list_replaces_the_last() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.listen()
            await frames.send(
                json.dumps({"action": "listen", "data": {"streams": ["T.AAPL", "Q.*"]}})
            )
            assert await hear(frames) == {"stream": "listening", "data": {"streams": []}}
            await client.order()
            assert await is_silent(frames)

    virtually(main)


def test_what_is_no_json_is_an_error_and_the_end() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.transport.connect("/stream")
            await frames.send("{")
            assert (await hear(frames))["action"] == "error"
            with pytest.raises(FramesClosed):
                await frames.receive()

    virtually(main)


def test_frames_are_binary_unless_text_is_wanted() -> None:
    async def main(*, has_text: bool) -> bytes | str:
        async with an_exchange(front=FrontRules(has_text_frames=has_text)) as client:
            frames = await client.listen()
            await client.order()
            return await frames.receive()

    assert isinstance(virtually(lambda: main(has_text=False)), bytes)
    assert isinstance(virtually(lambda: main(has_text=True)), str)


def test_each_account_hears_its_own_orders_on_all_its_streams() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            mine, also_mine = await client.listen(), await client.listen()
            theirs = await Client(client.front, "PK2").listen()
            await client.order()
            for frames in (mine, also_mine):
                assert await events(frames, 3) == ["pending_new", "new", "fill"]
            assert await is_silent(theirs)

    virtually(main)


def test_one_stream_for_an_account_where_that_is_the_rule() -> None:
    async def main() -> None:
        rules = FrontRules(has_one_stream_per_account=True)
        async with an_exchange(front=rules) as client:
            first = await client.listen()
            with pytest.raises(FramesClosed) as refusal:
                await client.transport.connect("/stream")
            assert refusal.value.code == 429
            await first.aclose()
            await client.front.server.setup.clock.sleep(1)
            await client.listen()

    virtually(main)


def test_the_last_event_equals_what_rest_says() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote(size=4)
            frames = await client.listen()
            order = await client.order()
            await client.quote(ask="187.3")
            frame = [await hear(frames) for _ in range(4)][-1]
            assert frame["data"]["event"] == "fill"
            assert frame["data"]["order"] == await client.ask("GET", f"/v2/orders/{order['id']}")
            assert (frame["data"]["qty"], frame["data"]["order"]["filled_qty"]) == ("6", "10")

    virtually(main)


def test_fills_come_by_themselves_when_the_clock_reaches_them() -> None:
    async def main() -> None:
        async with an_exchange(speed=1.0) as client:
            frames = await client.listen()
            await client.order(type="limit", limit_price=100)
            assert await events(frames, 2) == ["pending_new", "new"]
            # Nobody asks for anything until the close, six hours away.
            assert await events(frames, 1) == ["expired"]

    virtually(main)


def names_after(*faults: FaultRule, count: int) -> list[str]:
    """The events that a filled market order leaves on a spoiled stream."""

    async def main() -> list[str]:
        async with an_exchange(*faults) as client:
            await client.quote()
            frames = await client.listen()
            await client.order()
            heard = await events(frames, count)
            assert await is_silent(frames, 60)
            return heard

    return virtually(main)


def test_a_lost_frame_never_comes() -> None:
    assert names_after(FaultRule(kind="stream_lose", event="new"), count=2) == [
        "pending_new",
        "fill",
    ]


def test_a_duplicate_comes_twice_with_one_execution_id() -> None:
    duplicate = FaultRule(kind="stream_duplicate", event="fill")
    assert names_after(duplicate, count=4) == ["pending_new", "new", "fill", "fill"]


def test_a_reordered_frame_follows_the_next() -> None:
    assert names_after(FaultRule(kind="stream_reorder", event="new"), count=3) == [
        "pending_new",
        "fill",
        "new",
    ]


def test_a_frame_held_back_with_nothing_after_it_still_comes() -> None:
    assert names_after(FaultRule(kind="stream_reorder", event="fill"), count=3)[-1] == "fill"


def test_a_delayed_frame_comes_late() -> None:
    delay = FaultRule(kind="stream_delay", event="pending_new", seconds=30.0)
    assert names_after(delay, count=3) == ["new", "fill", "pending_new"]


def test_an_unknown_event_keeps_its_order() -> None:
    unknown = FaultRule(kind="stream_unknown_event", event="fill")
    assert names_after(unknown, count=3) == ["pending_new", "new", "unheard_of"]


def test_a_garbled_frame_is_no_json() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="stream_garbage", event="new")) as client:
            frames = await client.listen()
            await client.order()
            await frames.receive()
            with pytest.raises(json.JSONDecodeError):
                json.loads(await frames.receive())

    virtually(main)


def test_a_mute_stream_stays_open_and_speaks_again_later() -> None:
    async def main() -> None:
        mute = FaultRule(kind="stream_mute", event="new", seconds=100.0, count=1)
        async with an_exchange(mute) as client:
            frames = await client.listen()
            await client.order()
            assert await events(frames, 1) == ["pending_new"]
            assert await is_silent(frames, 99)
            await client.front.server.setup.clock.sleep(2)
            await client.order()
            assert await events(frames, 2) == ["pending_new", "new"]

    virtually(main)


@pytest.mark.parametrize("code", [1006, 1012])
def test_a_disconnected_client_may_come_back_to_new_events_only(code: int) -> None:
    async def main() -> None:
        fault = FaultRule(kind="stream_disconnect", event="new", code=code, count=1)
        async with an_exchange(fault) as client:
            frames = await client.listen()
            await client.order()
            assert await events(frames, 1) == ["pending_new"]
            with pytest.raises(FramesClosed) as closed:
                await frames.receive()
            assert closed.value.code == code
            again = await client.listen()
            assert await is_silent(again)
            await client.order()
            assert await events(again, 2) == ["pending_new", "new"]

    virtually(main)


def test_a_refused_handshake_is_answered_429() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="stream_refuse", nth=(1,))) as client:
            with pytest.raises(FramesClosed) as refusal:
                await client.transport.connect("/stream")
            assert refusal.value.code == 429
            await client.listen()

    virtually(main)


def test_another_path_is_no_stream() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            with pytest.raises(FramesClosed) as refusal:
                await client.transport.connect("/v2/nowhere")
            assert refusal.value.code == 404

    virtually(main)


def test_a_client_that_hangs_up_is_forgotten() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.listen()
            await frames.aclose()
            await client.front.server.setup.clock.sleep(1)
            await client.order()
            tasks = {task for task in asyncio.all_tasks() if not task.done()}
            assert len(tasks) <= 3  # this one, the market's, the application's lifespan

    virtually(main)
