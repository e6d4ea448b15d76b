"""Market data over HTTP and as streams."""

import json
from typing import Any

import msgspec
import pytest

from floorbroker.brokers.alpaca.transport import FramesClosed
from floorbroker.exchange.front.server import FrontRules
from tests.unit.exchange_front.conftest import Client, an_exchange, hear, is_silent, virtually


async def print_trades(client: Client, *trades: tuple[str, str, int], apart_s: int = 1) -> None:
    """(symbol, price, size), so many seconds apart."""
    for symbol, price, size in trades:
        await client.ask(
            "POST", "/_exchange/trade", {"symbol": symbol, "price": price, "size": size}
        )
        await client.ask("POST", "/_exchange/clock", {"advance": apart_s})


async def test_the_latest_of_many_leaves_out_what_is_not_there(client: Client) -> None:
    raw = await client.send("GET", "/v2/stocks/quotes/latest", symbols="AAPL,MSFT,NOPE")
    # Numbers on the wire are digits as they were given, not what a float makes of them.
    assert b'"ap":187.2,' in raw.body
    quotes = json.loads(raw.body)["quotes"]
    assert list(quotes) == ["AAPL"]
    assert (quotes["AAPL"]["bp"], quotes["AAPL"]["bs"]) == (187.1, 1000)
    assert quotes["AAPL"]["c"] == ["R"]
    assert quotes["AAPL"]["z"] == "C"


async def test_the_latest_of_one_is_404_where_there_is_none(client: Client) -> None:
    latest = await client.ask("GET", "/v2/stocks/AAPL/quotes/latest")
    assert (latest["symbol"], latest["quote"]["ap"]) == ("AAPL", 187.2)
    for path in ("NOPE/quotes", "AAPL/trades", "AAPL/bars"):
        refusal = await client.ask("GET", f"/v2/stocks/{path}/latest", None, 404)
        assert path.split("/")[0] in refusal["message"]


async def test_symbols_are_required(client: Client) -> None:
    for path in ("/v2/stocks/quotes/latest", "/v2/stocks/bars", "/v2/stocks/snapshots"):
        await client.ask("GET", path, None, 400)


async def test_a_snapshot_has_all_its_parts(client: Client) -> None:
    await print_trades(client, ("AAPL", "187.15", 100), ("AAPL", "187.18", 50))
    one = await client.ask("GET", "/v2/stocks/AAPL/snapshot")
    many = await client.ask("GET", "/v2/stocks/snapshots", symbols="AAPL,MSFT")
    assert one == {"symbol": "AAPL", **many["AAPL"]}
    assert list(many) == ["AAPL"]
    assert (one["latestTrade"]["p"], one["latestTrade"]["s"]) == (187.18, 50)
    assert one["dailyBar"]["v"] == one["minuteBar"]["v"] == 150
    assert (one["minuteBar"]["o"], one["minuteBar"]["c"]) == (187.15, 187.18)
    assert one["minuteBar"]["vw"] == 187.16


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize("kind", ["trades", "quotes"])
async def test_history_pages_give_each_row_once(client: Client, kind: str, sort: str) -> None:
    for n in range(7):
        await client.quote("AAPL", "187.1", f"187.{20 + n}")
        await client.quote("MSFT", "400.1", f"400.{20 + n}")
        await print_trades(
            client,
            ("AAPL", f"187.{10 + n}", 1),
            ("MSFT", f"400.{10 + n}", 1),
            apart_s=n % 3,  # some share an instant
        )

    async def pages(limit: int) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {}
        query = {"symbols": "MSFT,AAPL", "limit": str(limit), "sort": sort}
        while True:
            page = await client.ask("GET", f"/v2/stocks/{kind}", **query)
            for symbol, part in page[kind].items():
                rows.setdefault(symbol, []).extend(part)
            assert sum(map(len, page[kind].values())) <= limit
            if page["next_page_token"] is None:
                return rows
            query["page_token"] = page["next_page_token"]

    everything = await pages(10_000)
    assert list(everything) == ["AAPL", "MSFT"]
    for limit in range(1, 17):
        assert await pages(limit) == everything
    times = [row["t"] for row in everything["MSFT"]]
    assert times == sorted(times, reverse=sort == "desc")


async def test_bars_merge_to_the_timeframe(client: Client) -> None:
    for minute in range(12):
        await client.ask("POST", "/_exchange/clock", {"to": f"2026-06-01T14:{minute + 1:02d}:30Z"})
        await print_trades(client, ("AAPL", str(100 + minute), 10))

    async def bars(**query: str) -> list[Any]:
        page = await client.ask("GET", "/v2/stocks/AAPL/bars", **query)
        assert page["symbol"] == "AAPL"
        rows: list[Any] = page["bars"]
        return rows

    assert len(await bars()) == 12
    five = await bars(timeframe="5Min")
    assert [bar["t"][11:19] for bar in five] == ["14:00:00", "14:05:00", "14:10:00"]
    assert [bar["v"] for bar in five] == [40, 50, 30]
    assert [(bar["o"], bar["h"], bar["l"], bar["c"]) for bar in five][1] == (104, 108, 104, 108)
    assert five[0]["vw"] == 101.5
    (day,) = await bars(timeframe="1Day")
    assert (day["t"], day["v"]) == ("2026-06-01T04:00:00Z", 120)
    two = await bars(start="2026-06-01T14:05:00Z", end="2026-06-01T14:06:00Z")
    assert [bar["o"] for bar in two] == [104, 105]


@pytest.mark.parametrize(
    "query",
    [
        {"timeframe": "60Min"},
        {"timeframe": "1Week"},
        {"timeframe": "24Hour"},
        {"timeframe": "2Day"},
        {"limit": "10001"},
        {"start": "soon"},
        {"page_token": "nonsense"},
        {"sort": "up"},
    ],
)
async def test_wrong_questions_about_history_are_422(
    client: Client, query: dict[str, str]
) -> None:
    refusal = await client.ask("GET", "/v2/stocks/bars", None, 422, symbols="AAPL", **query)
    assert next(iter(query)) in refusal["message"]


async def test_coins_have_paths_of_their_own() -> None:
    async with an_exchange() as client:
        await client.quote("BTC/USD", "60000", "60010.5", 3)
        latest = await client.ask(
            "GET", "/v1beta3/crypto/us/latest/quotes", symbols="BTC/USD,ETH/USD"
        )
        assert latest["quotes"]["BTC/USD"]["ap"] == 60010.5
        history = await client.ask("GET", "/v1beta3/crypto/us/quotes", symbols="BTC/USD")
        assert len(history["quotes"]["BTC/USD"]) == 1


def test_a_feed_greets_asks_for_keys_and_confirms_subscriptions() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.transport.connect("/v2/iex")
            assert await hear(frames) == [{"T": "success", "msg": "connected"}]

            async def tell(**words: object) -> Any:
                await frames.send(json.dumps(words))
                (answer,) = await hear(frames)
                return answer

            subscribe = {"action": "subscribe", "quotes": ["AAPL"], "trades": ["AAPL", "MSFT"]}
            assert (await tell(**subscribe))["code"] == 401
            auth = {"action": "auth", "key": "PK1", "secret": "s"}
            assert (await tell(**auth))["msg"] == "authenticated"
            assert (await tell(**auth))["code"] == 403
            assert (await tell(action="dance"))["code"] == 400
            present = await tell(**subscribe)
            assert present["trades"] == present["corrections"] == ["AAPL", "MSFT"]
            present = await tell(action="unsubscribe", trades=["MSFT"])
            assert (present["trades"], present["quotes"]) == (["AAPL"], ["AAPL"])
            await client.quote("MSFT", "400", "401")
            await client.quote()
            await print_trades(client, ("MSFT", "400", 1), ("AAPL", "187.15", 5))
            (quote,), (trade,) = await hear(frames), await hear(frames)
            assert (quote["T"], quote["S"], quote["ap"]) == ("q", "AAPL", 187.2)
            assert (trade["T"], trade["S"], trade["p"], trade["s"]) == ("t", "AAPL", 187.15, 5)
            assert await is_silent(frames)

    virtually(main)


def test_a_minutes_bar_comes_once_the_minute_is_over() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            frames = await client.transport.connect("/v2/sip")
            await hear(frames)
            for words in (
                {"action": "auth", "key": "PK1", "secret": "s"},
                {"action": "subscribe", "bars": ["*"]},
            ):
                await frames.send(json.dumps(words))
                await hear(frames)
            await print_trades(client, ("AAPL", "100", 10), ("AAPL", "101", 10))
            assert await is_silent(frames)
            await client.ask("POST", "/_exchange/clock", {"advance": 60})
            await print_trades(client, ("AAPL", "102", 10))
            ((bar),) = await hear(frames)
            assert (bar["T"], bar["S"], bar["o"], bar["c"], bar["v"]) == (
                "b",
                "AAPL",
                100,
                101,
                20,
            )

    virtually(main)


def test_a_wrong_key_is_told_and_closed() -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(keys={"PK1": "other"})) as client:
            frames = await client.transport.connect("/v2/test")
            await hear(frames)
            await frames.send(json.dumps({"action": "auth", "key": "PK1", "secret": "s"}))
            assert await hear(frames) == [{"T": "error", "code": 402, "msg": "auth failed"}]
            with pytest.raises(FramesClosed):
                await frames.receive()

    virtually(main)


def test_message_pack_carries_times_in_its_own_type() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            client.transport._app = _with_header(client.front)  # a header the transport cannot set
            frames = await client.transport.connect("/v2/iex")

            async def heard() -> Any:
                payload = await frames.receive()
                assert isinstance(payload, bytes)
                return msgspec.msgpack.decode(payload)[0]

            assert (await heard())["msg"] == "connected"
            for words in (
                {"action": "auth", "key": "PK1", "secret": "s"},
                {"action": "subscribe", "quotes": ["AAPL"]},
            ):
                await frames.send(msgspec.msgpack.encode(words))
                await heard()
            await client.quote()
            quote = await heard()
            assert quote["ap"] == 187.2
            assert quote["t"].isoformat() == "2026-06-01T14:00:00+00:00"

    virtually(main)


def _with_header(front: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            scope["headers"].append((b"content-type", b"application/msgpack"))
        await front(scope, receive, send)

    return app
