"""The latest, snapshots, and the tables of letters."""

import json

import pytest

from floorbroker.exchange.front.server import FrontRules
from tests.unit.exchange_data.conftest import Client, advance, an_exchange, print_trades, to


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
    latest = await client.ask("GET", "/v2/stocks/AAPL/quotes/latest", currency="USD")
    assert (latest["symbol"], latest["quote"]["ap"]) == ("AAPL", 187.2)
    assert latest["currency"] == "USD"
    for path in ("NOPE/quotes", "AAPL/trades", "AAPL/bars"):
        refusal = await client.ask("GET", f"/v2/stocks/{path}/latest", None, 404)
        assert path.split("/")[0] in refusal["message"]
    await client.ask("GET", "/v2/stocks/NOPE/snapshot", None, 404)


async def test_symbols_are_required_and_must_be_symbols(client: Client) -> None:
    for path in ("quotes/latest", "bars/latest", "trades/latest", "snapshots"):
        await client.ask("GET", f"/v2/stocks/{path}", None, 400)
        await client.ask("GET", f"/v2/stocks/{path}", None, 400, symbols="AAPL", feed="none")
        await client.ask("GET", f"/v2/stocks/{path}", None, 400, symbols="AAPL", currency="EUR")
    refusal = await client.ask("GET", "/v2/stocks/aapl/snapshot", None, 400)
    assert refusal["message"] == "invalid symbol: aapl"


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
    assert "prevDailyBar" not in one


async def test_the_day_before_is_in_the_snapshot_once_there_was_one(client: Client) -> None:
    await print_trades(client, ("AAPL", "187", 100))
    await to(client, "2026-06-02T15:00:00Z")
    await print_trades(client, ("AAPL", "190", 7))
    shot = await client.ask("GET", "/v2/stocks/AAPL/snapshot")
    assert (shot["prevDailyBar"]["t"], shot["prevDailyBar"]["c"]) == ("2026-06-01T04:00:00Z", 187)
    assert (shot["dailyBar"]["c"], shot["dailyBar"]["v"]) == (190, 7)


async def test_the_delayed_feed_says_what_was_fifteen_minutes_ago(client: Client) -> None:
    await print_trades(client, ("AAPL", "187", 100))
    await advance(client, 120)
    await client.quote("AAPL", "200", "201")
    await print_trades(client, ("AAPL", "200.5", 100))
    query = {"feed": "delayed_sip"}
    await client.ask("GET", "/v2/stocks/AAPL/trades/latest", None, 404, **query)
    await advance(client, 14 * 60)
    old = await client.ask("GET", "/v2/stocks/AAPL/snapshot", **query)
    assert old["latestTrade"]["p"] == old["minuteBar"]["c"] == old["dailyBar"]["h"] == 187
    assert old["latestQuote"]["ap"] == 187.2
    now = await client.ask("GET", "/v2/stocks/AAPL/snapshot")
    assert (now["latestTrade"]["p"], now["latestQuote"]["ap"]) == (200.5, 201)
    for feed in ("boats", "overnight", "otc"):  # nothing has traded overnight
        await client.ask("GET", "/v2/stocks/AAPL/quotes/latest", None, 404, feed=feed)


async def test_without_a_subscription_the_latest_is_of_iex() -> None:
    async with an_exchange(front=FrontRules(has_sip=False)) as client:
        await client.quote()
        path = "/v2/stocks/AAPL/quotes/latest"
        assert (await client.ask("GET", path))["quote"]["ap"] == 187.2
        await client.ask("GET", path, None, 403, feed="sip")


async def test_coins_have_books_and_snapshots(client: Client) -> None:
    await client.quote("BTC/USD", "60000", "60010.5", 3)
    await print_trades(client, ("BTC/USD", "60005", 2))
    base, query = "/v1beta3/crypto/us", {"symbols": "BTC/USD,ETH/USD"}
    books = await client.ask("GET", f"{base}/latest/orderbooks", **query)
    book = books["orderbooks"]["BTC/USD"]
    assert (book["b"], book["a"]) == ([{"p": 60000, "s": 3}], [{"p": 60010.5, "s": 3}])
    shots = await client.ask("GET", f"{base}/snapshots", **query)
    shot = shots["snapshots"]["BTC/USD"]
    assert set(shot) == {"latestTrade", "latestQuote", "minuteBar", "dailyBar"}
    for kind in ("trades", "quotes", "bars"):
        latest = await client.ask("GET", f"{base}/latest/{kind}", **query)
        assert list(latest[kind]) == ["BTC/USD"]


async def test_letters_are_explained(client: Client) -> None:
    exchanges = await client.ask("GET", "/v2/stocks/meta/exchanges")
    assert (exchanges["V"], exchanges["N"]) == ("IEX", "New York Stock Exchange")
    path = "/v2/stocks/meta/conditions"
    assert (await client.ask("GET", f"{path}/trade", tape="C"))["6"] == "Closing Prints"
    assert (await client.ask("GET", f"{path}/trade", tape="A"))["I"] == "Odd Lot Trade"
    assert "R" in await client.ask("GET", f"{path}/quote", tape="B")


@pytest.mark.parametrize(
    ("kind", "query", "text"),
    [
        ("trade", {}, "query parameter 'tape' is required"),
        ("trade", {"tape": "D"}, "invalid tape: D"),
        ("bar", {"tape": "A"}, "invalid ticktype: bar"),
    ],
)
async def test_wrong_questions_about_letters_are_400(
    client: Client, kind: str, query: dict[str, str], text: str
) -> None:
    refusal = await client.ask("GET", f"/v2/stocks/meta/conditions/{kind}", None, 400, **query)
    assert text in refusal["message"]


async def test_what_is_left_out_is_404(client: Client) -> None:
    for path in ("/v1beta1/news", "/v1beta1/logos/AAPL", "/v1beta1/options/bars"):
        await client.ask("GET", path, None, 404)
