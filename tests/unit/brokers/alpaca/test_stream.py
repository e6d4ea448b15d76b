"""The order stream: authorises, catches up, delivers, notices silence, and never storms."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.executions import activity_page
from floorbroker.brokers.alpaca.stream import AlpacaOrderStream, StreamRules
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.port import OrderStream, StreamItem, StreamState
from floorbroker.clock import LoopClock, ns_of, run_virtual
from floorbroker.domain.errors import BrokerUnknown
from floorbroker.domain.messages import ExecType, ExecutionReport, MessageQuarantined
from tests.unit.brokers.alpaca.test_codec import ACTIVITY
from tests.unit.brokers.tiny import (
    AUTHORISED,
    KEY_ID,
    LISTENING,
    REFUSED,
    SECRET,
    START,
    TinyBroker,
    TinySocket,
    encode,
    update,
)


class Followed:
    """A stream that is being followed, and everything it told."""

    def __init__(self, broker: TinyBroker, clock: LoopClock) -> None:
        self.broker = broker
        self.clock = clock
        self.stream: AlpacaOrderStream
        self.task: asyncio.Task[None]
        self.items: list[StreamItem] = []
        self.states: list[StreamState] = []
        self.catch_ups: list[float] = []
        self.connects: list[float] = []

    @property
    def state(self) -> StreamState:
        return self.states[-1]


Serve = Callable[[TinySocket], Awaitable[None]]


def following(
    test: Callable[[Followed], Coroutine[Any, Any, None]],
    serve: Serve | None = None,
    *,
    rules: StreamRules | None = None,
    on_connected: Callable[[], Awaitable[None]] | None = None,
    on_item: Callable[[StreamItem], None] | None = None,
    newest: Callable[[], Awaitable[ExecutionReport | None]] | None = None,
    seeds: int = 3,
) -> None:
    async def main() -> None:
        clock = LoopClock(ns_of(START))
        broker = TinyBroker()
        if serve is not None:
            broker.serve = serve
        transport = MemoryTransport(broker)
        made = Followed(broker, clock)

        def connect() -> Awaitable[Any]:
            made.connects.append(clock.monotonic())
            return transport.connect("/stream")

        async def catch_up() -> None:
            made.catch_ups.append(clock.monotonic())
            if on_connected is not None:
                await on_connected()

        def take(item: StreamItem) -> None:
            made.items.append(item)
            if on_item is not None:
                on_item(item)

        stream = AlpacaOrderStream(
            connect,
            Credentials(KEY_ID, SECRET),
            clock=clock,
            random=Random(5),
            newest_execution=newest,
            rules=rules,
        )
        made.stream = stream
        made.task = asyncio.create_task(stream.run(take, catch_up, made.states.append))
        try:
            await test(made)
        finally:
            made.task.cancel()
            await asyncio.gather(made.task, return_exceptions=True)
            assert made.state is StreamState.DOWN
            await transport.aclose()

    for seed in range(seeds):
        run_virtual(main, seed=seed, limit_s=100_000)


async def accept(socket: TinySocket) -> None:
    await socket.raw_send({"type": "websocket.accept"})


async def hang(_: TinySocket) -> None:
    await asyncio.sleep(1_000_000)


def test_the_stream_is_an_order_stream() -> None:
    def takes(_: OrderStream) -> None: ...

    async def test(made: Followed) -> None:
        takes(made.stream)
        await asyncio.sleep(1)

    following(test)


def test_it_authorises_catches_up_and_is_ready() -> None:
    async def slow() -> None:
        await asyncio.sleep(3)

    async def test(made: Followed) -> None:
        await asyncio.sleep(1)
        assert made.states == [StreamState.CONNECTING, StreamState.CATCHING_UP]
        await asyncio.sleep(3)
        assert made.state is StreamState.READY
        health = made.stream.health()
        assert (health.state, health.connections, health.frames) == (StreamState.READY, 1, 2)
        assert health.last_frame_age_s == pytest.approx(4)
        assert health.text == ""
        assert len(made.catch_ups) == 1

    following(test, on_connected=slow)


def test_reports_are_delivered_in_order_also_while_catching_up() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.send(update("pending_new"))
        await socket.send(update("new"), as_text=True)
        await asyncio.sleep(1)
        await socket.send(update("fill", price="1", qty="2"))
        await socket.stay()

    async def slow() -> None:
        await asyncio.sleep(5)

    async def test(made: Followed) -> None:
        await asyncio.sleep(2)
        assert made.state is StreamState.CATCHING_UP
        kinds = [item.exec_type for item in made.items if isinstance(item, ExecutionReport)]
        assert kinds == [ExecType.PENDING_NEW, ExecType.NEW, ExecType.TRADE]

    following(test, serve, on_connected=slow)


def test_what_nobody_can_read_is_delivered_as_it_came_and_the_stream_goes_on() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.send("{{{")
        await socket.send(update("order_teleported"))
        await socket.raw_send({"type": "websocket.send", "bytes": b"\x01"})
        await socket.send(update("new"))
        await socket.stay()

    async def test(made: Followed) -> None:
        await asyncio.sleep(1)
        assert [type(item) for item in made.items] == [
            MessageQuarantined,
            MessageQuarantined,
            ExecutionReport,
        ]
        assert made.stream.health().quarantined == 2
        assert len(made.connects) == 1

    following(test, serve)


def test_a_report_before_the_answer_to_the_subscription_is_not_lost() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.receive()
        await socket.send(AUTHORISED)
        await socket.receive()
        await socket.send(update("new"))
        await socket.send(LISTENING)
        await socket.stay()

    async def test(made: Followed) -> None:
        await asyncio.sleep(1)
        assert len(made.items) == 1
        assert made.state is StreamState.READY

    following(test, serve)


def test_every_connection_catches_up_again() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await asyncio.sleep(20)

    async def test(made: Followed) -> None:
        await asyncio.sleep(100)
        assert len(made.catch_ups) == len(made.connects) == made.broker.connections
        assert 4 <= len(made.connects) <= 6
        following_states = made.states[3:6]
        assert following_states == [
            StreamState.DOWN,
            StreamState.CONNECTING,
            StreamState.CATCHING_UP,
        ]

    following(test, serve)


def gaps(moments: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(moments)]


def test_a_connection_that_never_holds_is_tried_ever_more_rarely() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await asyncio.sleep(0.1)

    async def test(made: Followed) -> None:
        await asyncio.sleep(600)
        waits = gaps(made.connects)
        assert 0.125 <= waits[0] - 0.1 <= 0.25 + 1e-6
        assert all(wait_s <= 30.2 for wait_s in waits)
        assert all(wait_s >= 15 for wait_s in waits[8:])
        assert len({round(wait_s, 3) for wait_s in waits[8:]}) > 5, "no jitter: a herd would form"
        assert len(made.connects) < 50

    following(test, serve)


@pytest.mark.parametrize("status", [429, 406])
def test_too_many_connections_are_waited_out_and_said(status: int) -> None:
    async def serve(socket: TinySocket) -> None:
        await socket.raw_send(
            {"type": "websocket.http.response.start", "status": status, "headers": []}
        )
        await socket.raw_send({"type": "websocket.http.response.body", "body": b""})

    async def test(made: Followed) -> None:
        await asyncio.sleep(1200)
        waits = gaps(made.connects)
        assert waits[0] >= 0.5
        assert all(45 <= wait_s <= 90 for wait_s in waits[8:])
        health = made.stream.health()
        assert "somebody else is connected" in health.text
        assert made.catch_ups == []

    following(test, serve)


def test_a_refused_key_pair_is_said_loudly_and_hardly_repeated() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.receive()
        await socket.send(REFUSED)
        await hang(socket)

    async def refuse(socket: TinySocket) -> None:
        await socket.raw_send({"type": "websocket.close"})

    async def test(made: Followed) -> None:
        await asyncio.sleep(3600)
        assert len(made.connects) <= 14
        health = made.stream.health()
        assert "refuses the key pair" in health.text
        assert "APCA_API_SECRET_KEY" in health.text
        assert KEY_ID not in health.text
        assert SECRET not in health.text
        assert StreamState.CATCHING_UP not in made.states

    following(test, serve, seeds=1)
    following(test, refuse, seeds=1)


@pytest.mark.parametrize("silent_after", ["accept", "authorisation", "nothing"])
def test_a_handshake_that_stops_half_way_is_given_up(silent_after: str) -> None:
    async def serve(socket: TinySocket) -> None:
        if silent_after != "nothing":
            await accept(socket)
        if silent_after == "authorisation":
            await socket.receive()
            await socket.send(AUTHORISED)
        await hang(socket)

    async def test(made: Followed) -> None:
        await asyncio.sleep(60)
        assert 3 <= len(made.connects) <= 7
        assert made.catch_ups == []

    following(test, serve)


def test_a_server_that_does_not_offer_our_reports_is_no_stream() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.receive()
        await socket.send(AUTHORISED)
        await socket.receive()
        await socket.send({"stream": "listening", "data": {"streams": []}})
        await hang(socket)

    async def test(made: Followed) -> None:
        await asyncio.sleep(5)
        assert "does not offer trade_updates" in made.stream.health().text
        assert StreamState.READY not in made.states

    following(test, serve)


def test_a_quiet_market_is_no_reason_to_reconnect() -> None:
    async def test(made: Followed) -> None:
        await asyncio.sleep(3600)
        assert len(made.connects) == 1
        assert made.state is StreamState.READY

    following(test)


def test_a_socket_that_is_open_and_mute_is_found_and_left() -> None:
    """Scenario S11: pings are answered, but nothing else."""

    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await hang(socket)

    async def test(made: Followed) -> None:
        await asyncio.sleep(41)
        assert len(made.connects) == 2
        assert len(made.catch_ups) == 2

    following(test, serve, rules=StreamRules(silence_s=30, answer_s=10))


def execution(name: str, cum_qty: str) -> ExecutionReport:
    row = {**ACTIVITY, "id": f"20261008100002123::{name}", "cum_qty": cum_qty}
    [report] = activity_page(encode([row]), START).reports.values()
    return report


def test_a_stream_that_answers_but_has_lost_an_execution_is_left() -> None:
    listed = [execution("e-0", "1")]

    async def newest() -> ExecutionReport | None:
        return listed[-1]

    async def test(made: Followed) -> None:
        del listed[1:]
        await asyncio.sleep(120)
        assert len(made.connects) == 1
        listed.append(execution("e-1", "2"))
        await asyncio.sleep(60)
        assert len(made.connects) == 2
        assert made.state is StreamState.READY
        await asyncio.sleep(600)
        assert len(made.connects) == 2

    following(test, newest=newest)


@pytest.mark.parametrize("name", ["e-1", "the-list-has-another-name"])
def test_an_execution_that_the_stream_has_told_is_not_missed(name: str) -> None:
    async def newest() -> ExecutionReport | None:
        return execution(name, "2") if told else None

    told: list[bool] = []

    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await asyncio.sleep(10)
        told.append(True)
        await socket.send(update("fill", changes={"filled_qty": "2"}, price="1", qty="2"))
        await socket.stay()

    async def test(made: Followed) -> None:
        told.clear()
        await asyncio.sleep(600)
        assert len(made.connects) == 1

    following(test, serve, newest=newest)


def test_a_question_that_the_broker_cannot_answer_proves_nothing() -> None:
    calls: list[int] = []

    async def newest() -> ExecutionReport | None:
        calls.append(1)
        if len(calls) > 1:
            raise BrokerUnknown("HTTP 502")
        return None

    async def test(made: Followed) -> None:
        calls.clear()
        await asyncio.sleep(600)
        assert len(calls) > 5
        assert len(made.connects) == 1

    following(test, newest=newest)


def test_a_catch_up_that_fails_is_tried_again_on_the_same_connection() -> None:
    failures: list[int] = []

    async def fail_twice() -> None:
        failures.append(1)
        if len(failures) <= 2:
            raise BrokerUnknown("HTTP 502: Bad Gateway")

    async def test(made: Followed) -> None:
        failures.clear()
        await asyncio.sleep(0.1)
        assert made.states[-1:] == [StreamState.CATCHING_UP]
        assert "Bad Gateway" in made.stream.health().text
        await asyncio.sleep(5)
        assert made.state is StreamState.READY
        assert made.stream.health().text == ""
        assert (len(made.connects), len(made.catch_ups)) == (1, 3)

    following(test, on_connected=fail_twice)


def test_an_error_of_whoever_listens_comes_out_of_run() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.send(update("new"))
        await socket.stay()

    def break_down(_: StreamItem) -> None:
        raise ZeroDivisionError("the engine is wrong")

    async def test(made: Followed) -> None:
        with pytest.raises(ZeroDivisionError):
            await made.task
        assert len(made.connects) == 1

    following(test, serve, on_item=break_down)


def test_an_error_while_catching_up_comes_out_of_run() -> None:
    async def break_down() -> None:
        raise ZeroDivisionError("the engine is wrong")

    async def test(made: Followed) -> None:
        with pytest.raises(ZeroDivisionError):
            await made.task

    following(test, on_connected=break_down)


def test_an_error_of_whoever_listens_outranks_a_loss_in_the_same_moment() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await asyncio.sleep(1)

    async def break_down() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError("the engine is wrong")

    async def test(made: Followed) -> None:
        await asyncio.sleep(1.01)
        if len(made.connects) == 1 and made.task.done():
            assert isinstance(made.task.exception(), ZeroDivisionError)
        else:  # the loss came first, and the catch-up was called off with its connection
            assert made.states[2:4] == [StreamState.DOWN]

    following(test, serve, on_connected=break_down, seeds=20)


def test_the_other_sides_complaint_ends_the_connection_and_is_told() -> None:
    async def serve(socket: TinySocket) -> None:
        await accept(socket)
        await socket.authorise()
        await socket.send({"action": "error", "data": {"error_message": "internal server error"}})
        await hang(socket)

    async def test(made: Followed) -> None:
        await asyncio.sleep(0.1)
        assert "internal server error" in made.stream.health().text

    following(test, serve)
