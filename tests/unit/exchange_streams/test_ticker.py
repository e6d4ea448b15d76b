"""What the streams tell of a market: bars, books, the delayed tape and FAKEPACA."""

from decimal import Decimal
from typing import Any

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Depth, Quote, Trade
from floorbroker.exchange.streams.testfeed import SYMBOL, made_up
from tests.unit.exchange_data.conftest import (
    START_NS,
    advance,
    an_exchange,
    listen,
    print_trades,
    virtually,
)


def test_a_minutes_bar_comes_when_the_minute_is_over_and_nobody_trades() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client, "/v2/sip", bars=["*"], dailyBars=["AAPL"])
            await print_trades(client, ("AAPL", "100", 10), ("AAPL", "101", 10), ("F", "11", 5))
            assert await heard.is_silent()
            await advance(client, 60)
            bar, day, other = [await heard.hear() for _ in range(3)]
            assert (bar["T"], bar["S"], bar["t"]) == ("b", "AAPL", "2026-06-01T14:00:00Z")
            assert (bar["o"], bar["c"], bar["v"], bar["n"]) == (100, 101, 20, 2)
            assert (day["T"], day["S"], day["t"]) == ("d", "AAPL", "2026-06-01T04:00:00Z")
            assert (day["h"], day["v"]) == (101, 20)
            assert (other["T"], other["S"], other["v"]) == ("b", "F", 5)
            await advance(client, 180)  # minutes without a print have no bar
            assert await heard.is_silent()

    virtually(main)


def test_the_first_print_of_a_minute_brings_the_bar_of_the_last() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client, bars=["AAPL"], trades=["AAPL"])
            await print_trades(client, ("AAPL", "100", 10), apart_s=60)
            await print_trades(client, ("AAPL", "102", 10))
            kinds = [(await heard.hear())["T"] for _ in range(3)]
            assert kinds == ["t", "b", "t"]

    virtually(main)


def level(price: str, size: int) -> tuple[Decimal, Decimal]:
    return Decimal(price), Decimal(size)


def test_a_coins_book_comes_whole_and_then_in_changes() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            first = Depth(
                symbol="BTC/USD",
                time_ns=START_NS,
                bids=(level("60000", 3), level("59990", 1)),
                asks=(level("60010", 2),),
            )
            client.front.server.apply(first)
            heard = await listen(client, "/v1beta3/crypto/us", orderbooks=["BTC/USD"])
            whole = await heard.hear()
            assert (whole["T"], whole["S"], whole["r"]) == ("o", "BTC/USD", True)
            assert whole["b"] == [{"p": 60000, "s": 3}, {"p": 59990, "s": 1}]
            second = Depth(
                symbol="BTC/USD",
                time_ns=START_NS + 1,
                bids=(level("60000", 3), level("59980", 4)),
                asks=(level("60010", 1),),
            )
            client.front.server.apply(second)
            change = await heard.hear()
            assert "r" not in change
            assert change["b"] == [{"p": 59990, "s": 0}, {"p": 59980, "s": 4}]
            assert change["a"] == [{"p": 60010, "s": 1}]
            client.front.server.apply(second)  # nothing changed
            assert await heard.is_silent()

    virtually(main)


def test_where_only_the_best_prices_are_known_they_are_the_book() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            heard = await listen(client, "/v1beta3/crypto/us", orderbooks=["*"])
            await client.quote("BTC/USD", "60000", "60010", 2)
            await client.quote("BTC/USD", "60001", "60010", 2)
            whole, change = await heard.hear(), await heard.hear()
            assert whole["r"] is True
            assert (change["b"], change["a"]) == (
                [{"p": 60000, "s": 0}, {"p": 60001, "s": 2}],
                [],
            )

    virtually(main)


def test_the_delayed_tape_tells_the_same_fifteen_minutes_later() -> None:
    async def main() -> None:
        async with an_exchange() as client:
            await client.quote("AAPL", "187.1", "187.2")
            await print_trades(client, ("AAPL", "187.15", 5), apart_s=60)
            wanted: Any = {"trades": ["AAPL"], "bars": ["AAPL"], "dailyBars": ["AAPL"]}
            heard = await listen(client, "/v2/delayed_sip", quotes=["AAPL"], **wanted)
            await print_trades(client, ("AAPL", "190", 7))
            assert await heard.is_silent()
            await advance(client, 15 * 60)
            early = [await heard.hear() for _ in range(4)]
            assert [(one["T"], one["t"][11:19]) for one in early] == [
                ("q", "14:00:00"),
                ("t", "14:00:00"),
                ("b", "14:00:00"),
                ("d", "04:00:00"),
            ]
            assert (early[3]["h"], early[3]["v"]) == (187.15, 5)  # the later print is not in it
            assert (await heard.hear())["p"] == 190
            await advance(client, 60)
            assert [(await heard.hear())["T"] for _ in range(2)] == ["b", "d"]

    virtually(main)


def test_fakepaca_is_alive_whatever_the_market_does() -> None:
    async def main() -> None:
        async with an_exchange(speed=1.0, seed=5) as client:
            wanted: Any = {"trades": ["FAKEPACA"], "quotes": ["*"], "bars": ["FAKEPACA"]}
            heard = await listen(client, "/v2/test", **wanted)
            first = [await heard.hear() for _ in range(125)]
            assert {one["S"] for one in first} == {SYMBOL}
            times = [one["t"] for one in first if one["T"] != "b"]
            assert times == sorted(times)
            (bar,) = (one for one in first if one["T"] == "b")
            second = START_NS // NS_PER_S
            prints = [one for n in range(60) for one in made_up(5, second + n)][1::2]
            sizes = [one.size for one in prints if isinstance(one, Trade)]
            assert (bar["t"], bar["n"], bar["v"]) == ("2026-06-01T14:00:00Z", 60, sum(sizes))

    virtually(main)


def test_fakepaca_is_the_same_for_the_same_seed() -> None:
    assert list(made_up(5, 1_780_322_400)) == list(made_up(5, 1_780_322_400))
    assert list(made_up(5, 1_780_322_400)) != list(made_up(6, 1_780_322_400))
    for second in range(200):
        quote, trade = made_up(1, second)
        assert isinstance(quote, Quote)
        assert not isinstance(trade, Quote)
        assert quote.bid_px < quote.ask_px
        assert quote.bid_px <= trade.px <= quote.ask_px
        assert second * NS_PER_S <= min(quote.time_ns, trade.time_ns) < (second + 1) * NS_PER_S
