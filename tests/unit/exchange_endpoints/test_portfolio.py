"""The portfolio's history: every point is what was held, valued at the last price known."""

from pathlib import Path
from typing import Any

import pytest

from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually

PATH = "/v2/account/portfolio/history"
#: 10:00 in New York of the first day.
TEN = 1_780_322_400
MINUTE = 60


async def to(client: Client, time: str) -> None:
    await client.ask("POST", "/_exchange/clock", {"to": time})


async def trade(client: Client, price: str) -> None:
    await client.ask("POST", "/_exchange/trade", {"symbol": "AAPL", "price": price, "size": 100})


async def history(client: Client, **query: str) -> Any:
    answer = await client.ask("GET", PATH, **query)
    lengths = {
        len(answer[name]) for name in ("timestamp", "equity", "profit_loss", "profit_loss_pct")
    }
    assert lengths == {len(answer["timestamp"])}
    return answer


def test_each_minute_is_worth_what_was_held_at_the_last_price() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await client.order(qty="10")  # at 187.20
            await trade(client, "188")
            await to(client, "2026-06-01T14:02:00Z")
            await trade(client, "190")
            await client.order(qty="4", side="sell")  # at 187.10
            await to(client, "2026-06-01T14:03:30Z")
            seen = await history(client, period="1D", timeframe="1Min")
            assert seen["timestamp"] == [TEN, TEN + 60, TEN + 120, TEN + 180]
            # 10 held at 188, twice; then 4 sold at 187.10 and 6 held at 190.
            later = 100_000 - 1872 + 748.4 + 6 * 190
            assert seen["equity"] == [100_008, 100_008, later, later]
            assert seen["profit_loss"] == [8, 8, pytest.approx(16.4), pytest.approx(16.4)]
            assert seen["profit_loss_pct"][0] == 0.00008
            assert (seen["base_value"], seen["timeframe"]) == (100_000, "1Min")
            assert "base_value_asof" not in seen

    virtually(main)


def test_the_newest_point_is_the_equity_of_the_account() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await client.order(qty="7")
            for bid, ask in (("180", "181"), ("200", "200.5")):
                await client.quote(bid=bid, ask=ask)  # quotes alone move it
                equity = float((await client.ask("GET", "/v2/account"))["equity"])
                for query in ({"timeframe": "1Min", "period": "1D"}, {"timeframe": "1D"}):
                    assert (await history(client, **query))["equity"][-1] == equity

    virtually(main)


def test_a_day_ends_with_the_equity_of_its_close_and_the_next_begins_from_it() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await client.order(qty="10")
            await client.quote(bid="189", ask="191")  # the mark at the close, without a print
            await to(client, "2026-06-01T20:30:00Z")
            await to(client, "2026-06-02T13:40:00Z")
            await trade(client, "195")
            closed = 100_000 - 1872 + 1900
            days = await history(client, timeframe="1D")
            assert days["equity"] == [closed, closed + 50]
            assert days["timestamp"] == [1_780_344_000, 1_780_430_400]  # both closes
            assert days["base_value"] == closed
            assert "base_value_asof" not in days
            hours = await history(client, start="2026-06-02", timeframe="5Min")
            assert (hours["base_value"], hours["base_value_asof"]) == (closed, "2026-06-01")
            assert hours["timestamp"] == [1_780_407_000 + 300 * n for n in range(3)]
            assert hours["profit_loss"][-1] == 50
            yesterday = await history(client, start="2026-06-01", end="2026-06-02", timeframe="1H")
            assert yesterday["equity"][-1] == closed

    virtually(main)


def test_gains_start_afresh_each_day_unless_told_not_to() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote()
            await client.order(qty="10")
            await client.quote(bid="197", ask="197.4")
            await to(client, "2026-06-02T14:00:00Z")
            span = {"start": "2026-06-01", "end": "2026-06-02T14:00:00Z", "timeframe": "1H"}
            per_day = await history(client, **span)
            whole = await history(client, pnl_reset="no_reset", **span)
            assert per_day["profit_loss"][-1] == 0
            assert whole["profit_loss"][-1] == 100
            assert per_day["equity"] == whole["equity"]

    virtually(main)


def test_what_hours_are_reported_is_chosen() -> None:
    async def main() -> None:
        async with an_exchange(start_ns=1_780_300_800_000_000_000) as client:  # 04:00
            await client.ask("GET", "/v2/account")
            await to(client, "2026-06-02T12:00:00Z")  # 08:00

            async def count(**query: str) -> int:
                span = {"start": "2026-06-01T08:00:00Z", "end": "2026-06-02T12:00:00Z"}
                return len((await history(client, timeframe="1H", **span, **query))["equity"])

            assert await count() == 7
            assert await count(intraday_reporting="extended_hours") == 16 + 5
            assert await count(extended_hours="true") == 16 + 5
            assert await count(intraday_reporting="continuous") == 29

    virtually(main)


def test_busts_and_fees_are_in_the_equity_and_fees_in_the_cashflow() -> None:
    async def main() -> None:
        async with an_exchange(rules=VenueRules(charges_fees=True)) as client:
            await client.quote()
            await client.order(qty="100")
            await client.order(qty="100", side="sell")
            (fill, _) = await client.ask("GET", "/_exchange/fills")
            client.front.server.venue.bust(fill["execution_id"])  # short 100 from now on
            await to(client, "2026-06-01T20:01:00Z")
            equity = float((await client.ask("GET", "/v2/account"))["equity"])
            span = {"period": "1D", "timeframe": "5Min"}
            seen = await history(client, **span, cashflow_types="ALL")
            assert seen["equity"][-1] == equity
            # Bought for 18,720 and undone, sold for 18,710: short 100 at the last price.
            after_ten = seen["timestamp"].index(TEN)
            assert seen["equity"][after_ten] == 100_000
            fees = await client.ask("GET", "/v2/account/activities/FEE")
            total = sum(float(fee["net_amount"]) for fee in fees)
            assert seen["cashflow"]["FEE"][0] == 0
            assert seen["cashflow"]["FEE"][-1] == pytest.approx(total)
            assert (await history(client, **span))["cashflow"] == {}
            named = await history(client, **span, cashflow_types="DIV,FEE")
            assert set(named["cashflow"]) == {"DIV", "FEE"}
            assert set(named["cashflow"]["DIV"]) == {0}

    virtually(main)


def test_closes_survive_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "exchange.sqlite"
        async with an_exchange(store=ExchangeStore(file)) as client:
            await client.quote()
            await client.order(qty="10")
            await to(client, "2026-06-02T14:00:00Z")
            before = await history(client, timeframe="1D")
        async with an_exchange(store=ExchangeStore(file)) as client:
            assert await history(client, timeframe="1D") == before

    virtually(main)


@pytest.mark.parametrize(
    ("query", "timeframe"),
    [
        ({}, "1D"),
        ({"period": "6D"}, "1Min"),
        ({"period": "1W"}, "15Min"),
        ({"period": "4W"}, "15Min"),
        ({"period": "1A"}, "1D"),
        ({"start": "2026-05-29", "end": "2026-06-01"}, "1Min"),
        ({"period": "30D", "timeframe": "1h"}, "1H"),
        ({"date_end": "2026-06-01", "period": "1D"}, "1Min"),
    ],
)
async def test_the_timeframe_follows_the_length(
    client: Client, query: dict[str, str], timeframe: str
) -> None:
    assert (await history(client, **query))["timeframe"] == timeframe


@pytest.mark.parametrize(
    "query",
    [
        {"start": "2026-05-01", "end": "2026-05-02", "period": "1D"},
        {"period": "1Y"},
        {"period": "0D"},
        {"period": "36A"},
        {"timeframe": "2Min"},
        {"period": "31D", "timeframe": "1H"},
        {"period": "8D", "timeframe": "1Min"},
        {"start": "2026-01-01", "end": "2026-05-01", "timeframe": "15Min"},
        {"start": "2026-05-02", "end": "2026-05-01"},
        {"start": "2027-05-02"},
        {"start": "0001-01-01T00:00:00Z"},
        {"end": "never"},
        {"intraday_reporting": "sometimes"},
        {"pnl_reset": "weekly"},
        {"cashflow_types": "FEE,NOPE"},
    ],
)
async def test_wrong_questions_are_422(client: Client, query: dict[str, str]) -> None:
    refusal = await client.ask("GET", PATH, None, 422, **query)
    assert refusal["code"] == 40010001
    assert refusal["message"]
