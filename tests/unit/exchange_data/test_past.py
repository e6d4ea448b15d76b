"""The days before a synthetic market's first over HTTP: bars, auctions, and nothing else."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.tape import Tape
from floorbroker.marketdata.synthetic.day import synthetic_market
from floorbroker.marketdata.synthetic.minutes import REGULAR_HOURS
from floorbroker.marketdata.synthetic.past import SyntheticPast
from tests.unit.exchange_data.conftest import Client, an_exchange, print_trades, to

FIRST = date(2026, 6, 1)
#: The week before, without Monday, a holiday.
DAYS = tuple(date(2026, 5, day) for day in (26, 27, 28, 29))
SYMBOLS = ("AAPL", "F", "BTC/USD")


def past() -> SyntheticPast:
    sessions = dict.fromkeys(DAYS, REGULAR_HOURS)
    return SyntheticPast(SYMBOLS, 7, sessions, until=FIRST, played_from=FIRST)


def settings() -> dict[str, Any]:
    sources = synthetic_market(SYMBOLS, FIRST, 7)
    return {"make_tape": lambda: Tape(sources, symbols=SYMBOLS), "past": past()}


@pytest.fixture
async def market() -> AsyncIterator[Client]:
    """The exchange at 10:00 of its first day."""
    async with an_exchange(**settings()) as client:
        await to(client, "2026-06-01T14:01:00Z")
        yield client


async def bars(client: Client, symbol: str = "AAPL", **query: str) -> list[Any]:
    page = await client.ask("GET", f"/v2/stocks/{symbol}/bars", **query)
    rows: list[Any] = page["bars"]
    return rows


async def test_minutes_of_an_earlier_day_are_served_with_every_field(market: Client) -> None:
    rows = await bars(market, start="2026-05-28", end="2026-05-28", limit="10000")
    assert len(rows) == len(past().minutes("AAPL", DAYS[2])) > 600
    assert {row["t"][:10] for row in rows} == {"2026-05-28"}
    for row in rows:
        assert list(row) == ["t", "o", "h", "l", "c", "v", "n", "vw"]
        assert row["l"] <= min(row["o"], row["c"], row["vw"])
        assert row["h"] >= max(row["o"], row["c"], row["vw"])
        assert isinstance(row["v"], int)


@pytest.mark.parametrize("sort", ["asc", "desc"])
async def test_pages_go_from_the_past_into_today_and_give_each_row_once(
    market: Client, sort: str
) -> None:
    query = {"symbols": "AAPL,F", "start": "2026-05-29", "timeframe": "15Min", "sort": sort}
    whole = (await market.ask("GET", "/v2/stocks/bars", limit="10000", **query))["bars"]
    assert {row["t"][:10] for row in whole["AAPL"]} == {"2026-05-29", "2026-06-01"}
    rows: dict[str, list[Any]] = {}
    query["limit"] = "7"
    while True:
        page = await market.ask("GET", "/v2/stocks/bars", **query)
        for symbol, part in page["bars"].items():
            rows.setdefault(symbol, []).extend(part)
        if page["next_page_token"] is None:
            break
        query["page_token"] = page["next_page_token"]
    assert rows == whole


async def test_a_span_is_taken_to_the_minute(market: Client) -> None:
    span = {"start": "2026-05-29T14:00:00Z", "end": "2026-05-29T14:09:59Z"}
    assert [row["t"][11:16] for row in await bars(market, **span)] == [
        f"14:{minute:02}" for minute in range(10)
    ]
    (hour,) = await bars(market, timeframe="1Hour", **span)
    assert hour["t"] == "2026-05-29T14:00:00Z"
    assert await bars(market, start="2026-05-25", end="2026-05-25") == []
    assert await bars(market, start="2026-05-01", end="2026-05-22", timeframe="1Day") == []


async def test_daily_bars_are_one_a_session_and_today_s_has_none_of_the_past(
    market: Client,
) -> None:
    rows = await bars(market, start="2026-05-20", timeframe="1Day")
    days = [*(f"{day}T04:00:00Z" for day in DAYS), "2026-06-01T04:00:00Z"]
    assert [row["t"] for row in rows] == days
    today = await bars(market, limit="10000")
    assert rows[-1]["v"] == sum(row["v"] for row in today) < rows[-2]["v"] / 2
    assert rows[-2]["c"] == 187, "where the first day sets out"
    (week, running) = await bars(market, start="2026-05-20", timeframe="1Week")
    assert week["v"] == sum(row["v"] for row in rows[:-1])
    assert running["v"] == rows[-1]["v"]


async def test_auctions_and_the_day_before_are_told(market: Client) -> None:
    asked = await market.ask("GET", "/v2/stocks/F/auctions", start="2026-05-28")
    assert [day["d"] for day in asked["auctions"]] == ["2026-05-28", "2026-05-29", "2026-06-01"]
    (opening,), (closing,) = asked["auctions"][1]["o"], asked["auctions"][1]["c"]
    assert (opening["c"], closing["c"]) == ("O", "6")
    shot = await market.ask("GET", "/v2/stocks/F/snapshot")
    before = shot["prevDailyBar"]
    assert (before["t"], before["o"]) == ("2026-05-29T04:00:00Z", opening["p"])
    assert before["c"] == closing["p"]


async def test_coins_have_their_past_and_nights_prints_and_quotes_have_none(
    market: Client,
) -> None:
    page = await market.ask(
        "GET", "/v1beta3/crypto/us/bars", symbols="BTC/USD", timeframe="1Day", start="2026-05-20"
    )
    days = [row["t"][:10] for row in page["bars"]["BTC/USD"]]
    assert days == [f"2026-05-{day}" for day in range(26, 32)] + ["2026-06-01"]
    span = {"start": "2026-05-26", "end": "2026-05-29"}
    for feed in ("boats", "otc"):
        assert await bars(market, feed=feed, **span) == []
    for kind in ("trades", "quotes"):
        page = await market.ask("GET", f"/v2/stocks/AAPL/{kind}", **span)
        assert page[kind] == []
    assert await bars(market, "MSFT", **span) == []


async def test_a_split_to_come_adjusts_the_past_and_one_before_the_first_day_does_not() -> None:
    split = {"old_rate": Decimal(1), "new_rate": Decimal(2)}
    actions = tuple(
        CorporateAction(
            kind="forward_split",
            id=name,
            cusip="",
            symbol=symbol,
            process_date=day,
            details={**split, "ex_date": day},
        )
        for name, symbol, day in (("a", "AAPL", date(2026, 6, 2)), ("f", "F", FIRST))
    )
    async with an_exchange(**settings(), corporate_actions=actions) as client:
        query = {"start": "2026-05-29", "end": "2026-05-29", "timeframe": "1Day"}
        for symbol, factor in (("AAPL", 2), ("F", 1)):
            (raw,) = await bars(client, symbol, **query)
            (told,) = await bars(client, symbol, adjustment="split", **query)
            assert (told["v"], told["c"]) == (raw["v"] * factor, raw["c"] / factor)


async def test_a_question_about_the_past_moves_nothing() -> None:
    async def day(*, is_curious: bool) -> list[Any]:
        async with an_exchange(**settings(), seed=5) as client:
            fields = {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day"}
            for minute in range(3):
                await to(client, f"2026-06-01T14:0{minute + 1}:00Z")
                if is_curious:
                    await bars(client, start="2026-05-20", timeframe="1Day")
                    await bars(client, start="2026-05-28")
                await client.ask("POST", "/v2/orders", {**fields, "qty": "300"})
            return [
                await client.ask("GET", path)
                for path in (
                    "/_exchange/orders",
                    "/_exchange/fills",
                    "/v2/account",
                    "/v2/account/portfolio/history",
                    "/v2/stocks/AAPL/trades",
                    "/v2/stocks/AAPL/bars",
                )
            ]

    assert await day(is_curious=True) == await day(is_curious=False)


async def test_without_a_past_a_market_begins_with_its_tape() -> None:
    async with an_exchange() as client:
        await print_trades(client, ("AAPL", "187", 1))
        assert len(await bars(client, start="2026-01-01", timeframe="1Day")) == 1
