"""Server-sent events of activities: the past, then live, until somebody leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.streams.events import HEARTBEAT_S, PATH, ulid
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

DAY = {"since": "2026-06-01"}


class Listener:
    """One connection to the stream, spoken to as a server would."""

    def __init__(self, client: Client, **query: str) -> None:
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": PATH,
            "query_string": urlencode(query).encode(),
            "headers": [(b"apca-api-key-id", client.key.encode())],
        }
        self._front = client.front
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard = bytearray()
        self._has_more = asyncio.Event()
        self.is_ended = False
        self.headers: dict[bytes, bytes] = {}
        self._inbox.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self.task = asyncio.ensure_future(self._front(self._scope, self._inbox.get, self._send))

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.headers = dict(message["headers"])
        else:
            self._heard += message["body"]
            self.is_ended = not message.get("more_body", False)
        self._has_more.set()

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "http.disconnect"})

    async def frame(self) -> str:
        """The next frame, which may be a comment."""
        while b"\n\n" not in self._heard:
            assert not self.task.done(), "the stream has ended"
            self._has_more.clear()
            await self._has_more.wait()
        frame, _, rest = bytes(self._heard).partition(b"\n\n")
        self._heard[:] = rest
        return frame.decode()

    async def event(self) -> Any:
        """The next event behind the account's first cash."""
        event = await self.any_event()
        return event if event["activity_type"] != "JNLC" else await self.any_event()

    async def any_event(self) -> Any:
        """The next event."""
        while (frame := await self.frame()).startswith(":"):
            pass
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"id: {event['event_id']}"
        return event


@asynccontextmanager
async def listening(client: Client, **query: str) -> AsyncIterator[Listener]:
    listener = Listener(client, **query)
    try:
        await listener.frame()  # the comment that says it is open, or the first event
        yield listener
    finally:
        listener.leave()
        await listener.task


async def past(client: Client, **query: str) -> list[Any]:
    """The events of a stream that ends."""
    answer = await client.send("GET", PATH, **query)
    assert answer.status == 200, answer
    frames = answer.body.decode().split("\n\n")
    return [json.loads(frame.partition("data: ")[2]) for frame in frames if "data: " in frame]


async def whole_past(client: Client) -> list[Any]:
    """All after the first cash until now; then the market moves on, so that the stream can end."""
    await client.ask("POST", "/_exchange/clock", {"advance": 1})
    told = await past(client, since="2026-06-01", until="2026-06-01T14:00:00Z")
    assert told[0]["activity_type"] == "JNLC"
    return told[1:]


async def test_a_fill_is_told_with_all_that_is_known_of_it(client: Client) -> None:
    order = await client.order(client_order_id="mine", side="sell", qty="4")
    (fill,) = await client.ask("GET", "/_exchange/fills")
    (event,) = await whole_past(client)
    expected = {
        "account_id": (await client.ask("GET", "/v2/account"))["id"],
        "activity_type": "TRD",
        "ref_id": fill["execution_id"],
        "status": "executed",
        "at": "2026-06-01T14:00:00Z",
        "settle_date": "2026-06-02",
        "currency": "USD",
        "qty": "4",
        "price": "187.1",
        "net_amount": "748.4",
    }
    assert {name: event[name] for name in expected} == expected
    assert event["details"] == {
        "order_id": order["id"],
        "client_order_id": "mine",
        "asset_id": order["asset_id"],
        "symbol": "AAPL",
        "side": "sell",
        "cum_qty": "4",
        "leaves_qty": "0",
        "order_status": "filled",
        "execution_type": "fill",
    }


async def test_without_since_only_what_comes_is_told(client: Client) -> None:
    await client.order(qty="1")
    async with listening(client) as listener:
        await client.order(qty="2")
        assert (await listener.event())["qty"] == "2"
        await client.order(qty="3")
        assert (await listener.event())["qty"] == "3"
        assert b"content-length" not in listener.headers
        assert listener.headers[b"content-type"] == b"text/event-stream"


async def test_the_past_comes_first_and_then_what_is_new(client: Client) -> None:
    for qty in ("1", "2"):
        await client.order(qty=qty)
    listener = Listener(client, **DAY)
    assert [(await listener.event())["qty"] for _ in range(2)] == ["1", "2"]
    await client.order(qty="3")
    assert (await listener.event())["qty"] == "3"
    listener.leave()
    await listener.task


async def test_a_client_goes_on_behind_the_last_event_it_had(client: Client) -> None:
    for qty in ("1", "2", "3", "4"):
        await client.order(qty=qty)
    events = await whole_past(client)
    ids = [event["event_id"] for event in events]
    assert ids == sorted(set(ids))
    rest = await past(client, since_id=ids[0], until_id=ids[2].lower())
    assert [event["qty"] for event in rest] == ["2", "3"]
    assert rest == events[1:3]


async def test_identifiers_survive_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "exchange.sqlite"
    async with an_exchange(store=ExchangeStore(file)) as client:
        await client.quote()
        await client.order(qty="1")
        before = await whole_past(client)
    async with an_exchange(store=ExchangeStore(file)) as client:
        assert await whole_past(client) == before
        await client.quote()
        await client.order(qty="2")
        listener = Listener(client, since_id=before[0]["event_id"])
        assert (await listener.event())["qty"] == "2"
        listener.leave()
        await listener.task


def test_a_bust_names_the_fill_that_it_undoes_and_the_sum_is_nothing() -> None:
    async def main() -> None:
        async with an_exchange(FaultRule(kind="bust", seconds=1)) as client:
            await client.quote()
            listener = Listener(client, **DAY)
            await client.order(qty="5")
            fill = await listener.event()
            await client.ask("POST", "/_exchange/clock", {"advance": 2})
            bust = await listener.event()
            assert bust["previous_id"] == fill["ref_id"] != bust["ref_id"]
            assert bust["details"]["execution_type"] == "trade_bust"
            assert (fill["qty"], bust["qty"]) == ("5", "-5")
            assert float(fill["net_amount"]) + float(bust["net_amount"]) == 0
            assert bust["event_id"] > fill["event_id"]
            listener.leave()
            await listener.task

    virtually(main)


async def test_a_correction_is_one_event_that_says_what_should_have_been(client: Client) -> None:
    await client.order(qty="5")
    (fill,) = await client.ask("GET", "/_exchange/fills")
    body = {"execution_id": fill["execution_id"], "qty": "3", "price": "187"}
    await client.ask("POST", "/_exchange/correct-fill", body)
    first, correction = await whole_past(client)
    assert correction["previous_id"] == first["ref_id"] == fill["execution_id"]
    assert (correction["qty"], correction["price"]) == ("3", "187")
    assert (correction["status"], correction["net_amount"]) == ("correct", "-561")
    assert correction["details"]["execution_type"] == "trade_correct"
    assert correction["details"]["cum_qty"] == "3"
    assert correction["event_id"] > first["event_id"]


def test_fees_are_told_live_and_in_their_place() -> None:
    async def main() -> None:
        async with an_exchange(rules=VenueRules(charges_fees=True)) as client:
            await client.quote()
            async with listening(client) as listener:
                await client.order(qty="100")
                fill = await listener.event()
                await client.ask("POST", "/_exchange/clock", {"to": "2026-06-01T20:00:01Z"})
                fee = await listener.event()
                assert (fee["activity_type"], fee["activity_subtype"]) == ("FEE", "CAT")
                assert fee["net_amount"].startswith("-")
                assert fee["details"]["system_date"] == "2026-06-01"
                await client.ask("POST", "/_exchange/clock", {"to": "2026-06-02T14:00:00Z"})
                await client.order(qty="1")
                later = await listener.event()
            span = {"since": "2026-06-01", "until": "2026-06-02T13:59:00Z"}
            first_cash, *rest = await past(client, **span)
            assert (first_cash["activity_type"], first_cash["net_amount"]) == ("JNLC", "100000")
            assert rest == [fill, fee]
            ids = [event["event_id"] for event in (fill, fee, later)]
            assert ids == sorted(ids)

    virtually(main)


async def test_many_listen_at_once_each_to_its_own_account(client: Client) -> None:
    other = Client(client.front, "PK2")
    async with listening(other) as stranger:
        listeners = [Listener(client) for _ in range(50)]
        for listener in listeners:
            await listener.frame()
        await client.order(qty="9")
        told = [await listener.event() for listener in listeners]
        assert all(event == told[0] for event in told)
        await other.order(qty="2")
        assert (await stranger.event())["qty"] == "2"
        for listener in listeners:
            listener.leave()
            await listener.task


def test_silence_is_broken_by_comments() -> None:
    async def main() -> None:
        async with an_exchange() as client, listening(client) as listener:
            loop = asyncio.get_running_loop()
            before_s = loop.time()
            assert await listener.frame() == ":heartbeat"
            assert HEARTBEAT_S <= loop.time() - before_s <= HEARTBEAT_S + 1

    virtually(main)


async def test_the_stream_ends_when_the_client_leaves(client: Client) -> None:
    listener = Listener(client)
    await listener.frame()
    listener.leave()
    async with asyncio.timeout(5):
        await listener.task
    await client.order()  # nobody is told, and nothing breaks


async def test_the_stream_ends_with_the_exchange(client: Client) -> None:
    listener = Listener(client)
    await listener.frame()
    await client.front.aclose()
    async with asyncio.timeout(5):
        await listener.task
    assert listener.is_ended


async def test_a_stream_goes_on_after_a_reset(client: Client) -> None:
    async with listening(client) as listener:
        await client.order(qty="1")
        await listener.event()
        await client.ask("POST", "/_exchange/reset")
        await client.quote()
        await client.order(qty="2")
        assert (await listener.event())["qty"] == "2"


def test_an_end_ahead_is_waited_for() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            listener = Listener(client, since="2026-06-01", until="2026-06-01T14:10:00Z")
            await client.order(qty="1")
            assert (await listener.event())["qty"] == "1"
            assert not listener.task.done()
            await client.ask("POST", "/_exchange/clock", {"to": "2026-06-01T14:10:01Z"})
            await client.order(qty="2")  # too late to be told
            await listener.task
            with pytest.raises(AssertionError):
                await listener.event()

    virtually(main)


@pytest.mark.parametrize(
    "query",
    [
        {"until": "2026-06-01"},
        {"until_id": ulid(1)},
        {"since": "2026-06-01", "since_id": ulid(1)},
        {"since": "yesterday"},
        {"since_id": "7"},
        {"since_id": "8" + "0" * 25},
        {"since_id": "U" * 26},
    ],
)
async def test_bounds_that_make_no_sense_are_400(client: Client, query: dict[str, str]) -> None:
    refusal = await client.ask("GET", PATH, None, 400, **query)
    assert refusal["code"] == 40010001


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0" * 26), (31, "0" * 25 + "Z"), ((1 << 128) - 1, "7" + "Z" * 25)]
)
def test_a_ulid_is_written_in_crockfords_letters(number: int, text: str) -> None:
    assert ulid(number) == text


def test_whoever_waits_is_woken_at_once_and_nobody_else_is_called() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            server = client.front.server
            quiet = len(server.event_listeners)
            async with listening(client, **DAY) as one, listening(client, **DAY) as other:
                assert len(server.event_listeners) == quiet + 1
                await server.setup.clock.sleep(0.1)  # now both wait
                asked_s = server.setup.clock.monotonic()
                await client.order()
                await one.event()
                await other.event()
                assert server.setup.clock.monotonic() == asked_s
            assert len(server.event_listeners) == quiet

    virtually(main)
