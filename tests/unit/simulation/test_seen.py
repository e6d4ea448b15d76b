"""Benchmarks look strictly before an instant for the midpoint, and at eligible prints alone."""

from decimal import Decimal

from floorbroker.domain.quotes import Quote, Trade
from floorbroker.simulation.seen import MarketSeen

D = Decimal


def quote(time_ns: int, bid: str, ask: str, bid_size: int = 1) -> Quote:
    return Quote(
        symbol="AAPL",
        time_ns=time_ns,
        bid_px=D(bid),
        bid_size=D(bid_size),
        ask_px=D(ask),
        ask_size=D(1),
    )


def trade(time_ns: int, px: str, size: int, *, eligible: bool = True) -> Trade:
    return Trade(symbol="AAPL", time_ns=time_ns, px=D(px), size=D(size), eligible=eligible)


def test_the_midpoint_is_of_the_quote_strictly_before() -> None:
    market = MarketSeen(["AAPL"])
    for one in (quote(10, "1", "3"), quote(20, "2", "4"), quote(30, "9", "9", bid_size=0)):
        market.take(one)
    seen = market.symbols["AAPL"]
    found = [seen.mid_before(time_ns) for time_ns in (10, 11, 20, 21, 31)]
    assert found == [None, 2, 2, 3, 3]  # a one-sided quote has no midpoint


def test_an_interval_holds_both_its_ends_and_no_late_print() -> None:
    market = MarketSeen(["AAPL"])
    for one in (
        trade(10, "1", 5),
        trade(20, "2", 10),
        trade(25, "99", 1000, eligible=False),
        trade(30, "3", 10),
        trade(31, "4", 7),
    ):
        market.take(one)
    seen = market.symbols["AAPL"]
    assert seen.traded(20, 30) == (D(20), D(50))
    assert seen.traded(32, 40) == (D(0), D(0))
    assert market.events == 5


def test_symbols_nobody_orders_are_counted_and_not_kept() -> None:
    market = MarketSeen(["MSFT"])
    market.take(trade(10, "1", 5))
    assert market.events == 1
    assert market.symbols["MSFT"].traded(0, 99) == (D(0), D(0))
