"""Bars, trades, quotes and auctions over HTTP."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.tape import Tape
from floorbroker.marketdata.synthetic.day import synthetic_market
from tests.unit.exchange_data.conftest import Client, advance, an_exchange, print_trades, to


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


async def test_a_page_token_holds_while_the_market_goes_on(client: Client) -> None:
    await print_trades(client, ("AAPL", "1", 1), ("AAPL", "2", 1), apart_s=0)
    query = {"limit": "1", "sort": "desc"}
    first = await client.ask("GET", "/v2/stocks/AAPL/trades", **query)
    await print_trades(client, ("AAPL", "3", 1))  # at the same instant as those two
    query["page_token"] = first["next_page_token"]
    second = await client.ask("GET", "/v2/stocks/AAPL/trades", **query)
    assert [row["p"] for row in first["trades"] + second["trades"]] == [2, 1]
    assert second["next_page_token"] is None


async def minutes(client: Client, count: int = 12) -> None:
    """One print a minute from 10:01:30 in New York on, at 100, 101, ..."""
    for minute in range(count):
        await to(client, f"2026-06-01T14:{minute + 1:02d}:30Z")
        await print_trades(client, ("AAPL", str(100 + minute), 10))


async def bars(client: Client, **query: str) -> list[Any]:
    page = await client.ask("GET", "/v2/stocks/AAPL/bars", **query)
    assert page["symbol"] == "AAPL"
    rows: list[Any] = page["bars"]
    return rows


async def test_bars_merge_to_the_timeframe(client: Client) -> None:
    await minutes(client)
    assert len(await bars(client)) == 12
    five = await bars(client, timeframe="5Min")
    assert [bar["t"][11:19] for bar in five] == ["14:00:00", "14:05:00", "14:10:00"]
    assert [bar["v"] for bar in five] == [40, 50, 30]
    assert [(bar["o"], bar["h"], bar["l"], bar["c"]) for bar in five][1] == (104, 108, 104, 108)
    assert five[0]["vw"] == 101.5
    (day,) = await bars(client, timeframe="1Day")
    assert (day["t"], day["v"]) == ("2026-06-01T04:00:00Z", 120)


async def test_an_interval_counts_where_bars_begin_and_both_ends(client: Client) -> None:
    await minutes(client)
    two = await bars(client, start="2026-06-01T14:05:00Z", end="2026-06-01T14:06:00Z")
    assert [bar["o"] for bar in two] == [104, 105]
    # The bar of 14:05 is whole, though the interval ends within it; that of 14:00 began before.
    (one,) = await bars(
        client, timeframe="5Min", start="2026-06-01T14:02:00Z", end="2026-06-01T14:06:00Z"
    )
    assert (one["t"], one["v"]) == ("2026-06-01T14:05:00Z", 50)
    none = await bars(client, timeframe="1Day", start="2026-06-01T14:00:00Z")
    assert none == []


async def test_days_weeks_and_months_reach_back_beyond_today(client: Client) -> None:
    await print_trades(client, ("AAPL", "100", 10))
    for day, price in (("02", 110), ("05", 120), ("08", 130)):
        await to(client, f"2026-06-{day}T12:00:00Z")  # 08:00 in New York: volume and no price
        await print_trades(client, ("AAPL", str(price + 5), 1))
        await to(client, f"2026-06-{day}T14:00:00Z")
        await print_trades(client, ("AAPL", str(price), 10))
    span = {"start": "2026-06-01", "end": "2026-06-30"}
    days = await bars(client, timeframe="1Day", **span)
    assert [(bar["t"][:10], bar["c"], bar["v"]) for bar in days] == [
        ("2026-06-01", 100, 10),
        ("2026-06-02", 110, 11),
        ("2026-06-05", 120, 11),
        ("2026-06-08", 130, 11),
    ]
    weeks = await bars(client, timeframe="1Week", **span)
    assert [(bar["t"], bar["o"], bar["h"], bar["v"]) for bar in weeks] == [
        ("2026-06-01T04:00:00Z", 100, 120, 32),
        ("2026-06-08T04:00:00Z", 130, 130, 11),
    ]
    (month,) = await bars(client, timeframe="1Month", adjustment="all", **span)
    assert (month["t"], month["l"], month["v"]) == ("2026-06-01T04:00:00Z", 100, 43)
    quarter = await bars(client, timeframe="3Month", start="2026-04-01")
    assert [bar["t"] for bar in quarter] == ["2026-04-01T04:00:00Z"]
    minute_bars = await bars(client, timeframe="1Min", **span)
    assert len(minute_bars) == 7
    assert len(await bars(client)) == 2  # of today alone


async def test_a_split_divides_the_bars_before_it_where_it_is_asked_for() -> None:
    split = CorporateAction(
        id="5b4d2a0e-0000-4000-8000-000000000001",
        kind="forward_split",
        symbol="AAPL",
        cusip="037833100",
        process_date=date(2026, 6, 2),
        details={
            "old_rate": Decimal(1),
            "new_rate": Decimal(10),
            "ex_date": date(2026, 6, 2),
        },
    )
    async with an_exchange(corporate_actions=(split,)) as client:
        await print_trades(client, ("AAPL", "1140", 7))
        await to(client, "2026-06-02T14:00:00Z")
        await print_trades(client, ("AAPL", "114", 70))
        query = {"timeframe": "1Day", "start": "2026-06-01"}
        for adjustment, close, volume in (
            ("raw", 1140, 7),
            ("dividend", 1140, 7),
            ("split", 114, 70),
            ("all", 114, 70),
        ):
            first, second = await bars(client, adjustment=adjustment, **query)
            assert (first["c"], first["v"]) == (close, volume)
            assert (second["c"], second["v"]) == (114, 70)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"timeframe": "60Min"}, "invalid timeframe: 60Min"),
        ({"timeframe": "banana"}, "invalid timeframe: banana"),
        ({"limit": "10001"}, "invalid limit, limit must be between 1 and 10000"),
        ({"start": "soon"}, "Invalid format for parameter start: error parsing 'soon'"),
        ({"start": "2026-06-02"}, "end should not be before start"),
        ({"page_token": "nonsense"}, "invalid page_token: nonsense"),
        ({"sort": "up"}, "invalid sort: up"),
        ({"feed": "delayed_sip"}, "invalid feed: delayed_sip"),
        ({"adjustment": "none"}, "invalid adjustment: none"),
        ({"asof": "now"}, "invalid asof: now"),
        ({"currency": "EUR"}, "invalid currency: EUR"),
        ({"symbols": "AAPL,CSP1"}, "invalid symbol: CSP1"),
        ({"symbols": ""}, "query parameter 'symbols' is required"),
    ],
)
async def test_wrong_questions_about_history_are_400(
    client: Client, query: dict[str, str], text: str
) -> None:
    asked = {"symbols": "AAPL", **query}
    refusal = await client.ask("GET", "/v2/stocks/bars", None, 400, **asked)
    assert refusal["code"] == 40010001
    assert text in refusal["message"]


async def test_an_unknown_symbol_is_left_out(client: Client) -> None:
    page = await client.ask("GET", "/v2/stocks/quotes", symbols="NOPE,AAPL")
    assert list(page["quotes"]) == ["AAPL"]
    assert await client.ask("GET", "/v2/stocks/NOPE/bars") == {
        "bars": [],
        "symbol": "NOPE",
        "next_page_token": None,
    }


async def test_other_venues_feeds_are_there_and_empty(client: Client) -> None:
    for feed, count in (("sip", 1), ("iex", 1), ("otc", 0), ("boats", 0)):
        page = await client.ask("GET", "/v2/stocks/AAPL/quotes", feed=feed)
        assert len(page["quotes"]) == count


async def test_the_currency_is_told_where_it_was_asked_for(client: Client) -> None:
    page = await client.ask("GET", "/v2/stocks/bars", symbols="AAPL", currency="USD")
    assert page["currency"] == "USD"
    assert "currency" not in await client.ask("GET", "/v2/stocks/bars", symbols="AAPL")


async def test_auctions_are_the_prints_at_the_bells() -> None:
    sources = synthetic_market(["F"], date(2026, 6, 1), 7)
    async with an_exchange(make_tape=lambda: Tape(sources, symbols=("F",))) as client:
        await to(client, "2026-06-01T20:10:00Z")
        (day,) = (await client.ask("GET", "/v2/stocks/auctions", symbols="F"))["auctions"]["F"]
        assert day["d"] == "2026-06-01"
        (opening,), (closing,) = day["o"], day["c"]
        assert (opening["c"], opening["x"], opening["t"][:16]) == ("O", "Q", "2026-06-01T13:30")
        assert (closing["c"], closing["t"][:16]) == ("6", "2026-06-01T20:00")
        assert opening["p"] > 0 < closing["s"]
        one = await client.ask("GET", "/v2/stocks/F/auctions", start="2026-06-01T19:00:00Z")
        assert one["auctions"] == [day]
        earlier = {"start": "2026-05-29", "end": "2026-05-31"}
        none = await client.ask("GET", "/v2/stocks/F/auctions", **earlier)
        assert none["auctions"] == []
        await client.ask("GET", "/v2/stocks/F/auctions", None, 400, feed="iex")


async def test_without_a_subscription_the_tape_ends_fifteen_minutes_ago() -> None:
    async with an_exchange(front=FrontRules(has_sip=False)) as client:
        await print_trades(client, ("AAPL", "100", 10))
        await advance(client, 16 * 60)
        await print_trades(client, ("AAPL", "101", 10))
        path = "/v2/stocks/AAPL/trades"
        assert [row["p"] for row in (await client.ask("GET", path))["trades"]] == [100]
        assert len((await client.ask("GET", path, feed="iex"))["trades"]) == 2
        refusal = await client.ask("GET", path, None, 403, end="2026-06-01T14:10:00Z")
        assert refusal["message"] == "subscription does not permit querying recent SIP data"


async def test_coins_have_paths_and_words_of_their_own() -> None:
    async with an_exchange() as client:
        await client.quote("BTC/USD", "60000", "60010.5", 3)
        await print_trades(client, ("BTC/USD", "60005", 2))
        base = "/v1beta3/crypto/us"
        page = await client.ask("GET", f"{base}/quotes", symbols="BTC/USD,ETH/USD")
        (quote,) = page["quotes"]["BTC/USD"]
        assert quote == {"t": quote["t"], "ap": 60010.5, "as": 3, "bp": 60000, "bs": 3}
        (trade,) = (await client.ask("GET", f"{base}/trades", symbols="BTC/USD"))["trades"][
            "BTC/USD"
        ]
        assert trade == {"t": trade["t"], "p": 60005, "s": 2, "i": 0, "tks": "-"}
        (day,) = (await client.ask("GET", f"{base}/bars", symbols="BTC/USD", timeframe="1Day"))[
            "bars"
        ]["BTC/USD"]
        assert (day["t"], day["c"]) == ("2026-06-01T04:00:00Z", 60005)
        elsewhere = await client.ask("GET", "/v1beta3/crypto/eu-1/trades", symbols="BTC/USD")
        assert elsewhere == {"trades": {}, "next_page_token": None}
        refusal = await client.ask(
            "GET", "/v1beta3/crypto/mars/trades", None, 400, symbols="BTC/USD"
        )
        assert refusal["message"] == "Invalid location: mars"
        await client.ask("GET", f"{base}/trades", None, 400, symbols="BTCUSD")


async def test_coins_prices_need_no_key_but_no_wrong_one_either() -> None:
    async with an_exchange(front=FrontRules(keys={"PK1": "s"})) as client:
        path, query = "/v1beta3/crypto/us/trades", {"symbols": "BTC/USD"}
        await client.ask("GET", path, **query)
        client.headers = {}
        await client.ask("GET", path, **query)
        await client.ask("GET", "/v2/stocks/trades", None, 401, symbols="AAPL")
        client.headers = {"APCA-API-KEY-ID": "PK1", "APCA-API-SECRET-KEY": "no"}
        await client.ask("GET", path, None, 401, **query)
