"""A stream that is connected and does not tell is found within a bounded time."""

import asyncio

import pytest
from msgspec.structs import replace

from floorbroker.brokers.port import StreamState
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import OrdStatus
from tests.unit.brokers.alpaca.test_stream import Followed, accept, execution, following
from tests.unit.brokers.tiny import TinySocket, update


@pytest.mark.proves("S11")
def test_heartbeats_do_not_make_up_for_answers() -> None:
    """Frames come all the time, pings are answered, and nothing that is said is."""

    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        while True:
            await asyncio.sleep(1)
            await socket.raw_send({"type": "websocket.send", "bytes": b"\x01"})

    async def test(made: Followed) -> None:
        await asyncio.sleep(40.5)
        assert len(made.connects) == 2
        health = made.stream.health()
        assert health.deaf == 1
        assert "mute" in health.last_loss

    following(test, serve)


@pytest.mark.proves("S11")
def test_a_stream_that_answers_and_has_not_told_of_an_end_is_left() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.send(update("new"))
        await socket.stay()

    async def test(made: Followed) -> None:
        await asyncio.sleep(1)
        [told] = made.items
        assert isinstance(told, ExecutionReport)
        made.stream.listed(replace(told, ord_status=OrdStatus.CANCELED))
        await asyncio.sleep(4.9)
        assert len(made.connects) == 1
        await asyncio.sleep(1)
        assert len(made.connects) == 2
        assert made.state is StreamState.READY
        assert made.stream.health().deaf == 1
        assert str(told.order_id) in made.stream.health().last_loss

    following(test, serve)


def test_an_end_that_the_stream_tells_in_time_is_no_reason_to_leave() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.send(update("new"))
        await asyncio.sleep(4)
        await socket.send(update("canceled", changes={"status": "canceled"}))
        await socket.stay()

    async def test(made: Followed) -> None:
        await asyncio.sleep(1)
        [told] = made.items
        assert isinstance(told, ExecutionReport)
        made.stream.listed(replace(told, ord_status=OrdStatus.CANCELED))
        await asyncio.sleep(600)
        assert len(made.connects) == 1
        assert made.stream.health().deaf == 0

    following(test, serve)


def test_a_subscription_that_is_gone_is_found() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.receive()
        await socket.send({"stream": "listening", "data": {"streams": []}})
        await asyncio.sleep(1_000_000)

    async def test(made: Followed) -> None:
        await asyncio.sleep(35)
        assert len(made.connects) == 2
        assert "does not tell of trade_updates" in made.stream.health().last_loss

    following(test, serve)


def test_an_execution_that_was_lost_in_a_lively_stream_is_missed_within_its_bound() -> None:
    """Thirty seconds to the next question, five of grace."""
    listed = [execution("e-0", "1")]

    async def newest() -> ExecutionReport | None:
        return listed[-1]

    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()

        async def chatter() -> None:
            while True:
                await asyncio.sleep(2)
                await socket.send(update("new"))

        talking = asyncio.create_task(chatter())
        try:
            await socket.stay()
        finally:
            talking.cancel()

    async def test(made: Followed) -> None:
        del listed[1:]
        await asyncio.sleep(100)
        assert len(made.connects) == 1
        listed.append(execution("e-1", "2"))
        await asyncio.sleep(36)
        assert len(made.connects) == 2
        assert made.stream.health().deaf == 1

    following(test, serve, newest=newest)
