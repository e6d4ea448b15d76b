"""A market adds events up to quotes, sessions, bars and histories."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.quotes import Depth, Halt, Quote, Trade
from floorbroker.exchange.tape import Market

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 3, 23, tzinfo=NEW_YORK)


def at(hour: int, minute: int = 0, second: int = 0, *, day: datetime = MONDAY) -> int:
    return ns_of(day.replace(hour=hour, minute=minute, second=second))


def quote(time_ns: int, bid: str, ask: str) -> Quote:
    size = Decimal(100)
    return Quote(
        symbol="AAPL",
        time_ns=time_ns,
        bid_px=Decimal(bid),
        bid_size=size,
        ask_px=Decimal(ask),
        ask_size=size,
    )


def trade(
    time_ns: int,
    px: str,
    size: str = "100",
    *,
    symbol: str = "AAPL",
    eligible: bool = True,
    auction: str = "",
) -> Trade:
    return Trade(
        symbol=symbol,
        time_ns=time_ns,
        px=Decimal(px),
        size=Decimal(size),
        eligible=eligible,
        auction=auction,
    )


def market_after(*events: Quote | Trade | Depth | Halt, history_limit: int = 50_000) -> Market:
    market = Market(history_limit)
    for event in events:
        market.apply(event)
    return market


def test_the_latest_quote_and_depth_stand() -> None:
    older, newer = quote(at(10), "9.99", "10.01"), quote(at(10, 1), "9.98", "10.00")
    depth = Depth(symbol="AAPL", time_ns=at(10), bids=((Decimal("9.99"), Decimal(100)),), asks=())
    market = market_after(older, depth, newer)
    assert market.quotes == {"AAPL": newer}
    assert market.depth == {"AAPL": depth}


def test_a_halt_holds_until_it_is_lifted() -> None:
    market = market_after(Halt(symbol="AAPL", time_ns=1, halted=True))
    assert market.halted == {"AAPL"}
    market.apply(Halt(symbol="AAPL", time_ns=2, halted=False))
    assert market.halted == set()


def test_minute_bars_are_built_from_the_prints_of_each_minute() -> None:
    market = market_after(
        trade(at(10, 0, 1), "10.00", "100"),
        trade(at(10, 0, 20), "10.05", "200"),
        trade(at(10, 0, 59), "9.98", "100"),
        trade(at(10, 2), "10.01", "50"),
    )
    first, second = market.minute_bars("AAPL", 0, at(16))
    assert (first.time_ns, second.time_ns) == (at(10), at(10, 2))
    assert (first.open_px, first.high_px, first.low_px, first.close_px) == (
        Decimal("10.00"),
        Decimal("10.05"),
        Decimal("9.98"),
        Decimal("9.98"),
    )
    assert (first.volume, first.trade_count, first.duration_s) == (Decimal(400), 3, 60)
    assert first.vwap == Decimal("10.02")
    assert market.minute_bars("AAPL", at(10, 1), at(10, 2)) == [second]
    assert market.minute_bars("MSFT", 0, at(16)) == []


def test_a_print_that_is_not_eligible_counts_as_volume_and_makes_no_price() -> None:
    market = market_after(
        trade(at(10), "10.00"),
        trade(at(10, 0, 1), "12.00", "30", eligible=False),
        trade(at(10, 5), "13.00", "7", eligible=False),
    )
    session = market.session("AAPL")
    assert session is not None
    assert (session.high_px, session.close_px, session.volume) == (
        Decimal(10),
        Decimal(10),
        Decimal(137),
    )
    assert market.last_trade["AAPL"].px == 10
    (bar,) = market.minute_bars("AAPL", 0, at(16))
    assert (bar.high_px, bar.volume) == (Decimal(10), Decimal(130))


def test_the_session_is_of_regular_hours_and_its_auctions() -> None:
    market = market_after(
        trade(at(8), "20.00"),
        trade(at(9, 30), "10.00", eligible=False, auction="open"),
        trade(at(12), "10.50"),
        trade(at(13), "9.50"),
        trade(at(16, 0, 5), "10.20", eligible=False, auction="close"),
        trade(at(17), "30.00"),
    )
    session = market.session("AAPL")
    assert session is not None
    assert (session.open_px, session.high_px, session.low_px, session.close_px) == (
        Decimal("10.00"),
        Decimal("10.50"),
        Decimal("9.50"),
        Decimal("10.20"),
    )
    assert (session.volume, session.trade_count) == (Decimal(600), 6)
    assert market.last_trade["AAPL"].px == 30


def test_a_half_day_ends_at_one_in_the_afternoon() -> None:
    thanksgiving_friday = datetime(2025, 11, 28, tzinfo=NEW_YORK)
    market = market_after(
        trade(at(12, 59, day=thanksgiving_friday), "10.00"),
        trade(at(13, 1, day=thanksgiving_friday), "11.00"),
    )
    session = market.session("AAPL")
    assert session is not None
    assert session.close_px == 10


def test_the_next_day_starts_afresh_and_knows_the_close_before() -> None:
    tuesday = MONDAY + timedelta(days=1)
    market = market_after(
        trade(at(10), "10.00"),
        trade(at(15, 59), "10.40"),
        trade(at(18), "11.00"),
        trade(at(8, day=tuesday), "11.10", "5"),
    )
    session = market.session("AAPL")
    assert session is not None
    assert session.prev_close_px == Decimal("10.40")
    assert (session.open_px, session.volume) == (None, Decimal(5))
    assert [bar.open_px for bar in market.minute_bars("AAPL", 0, at(23, day=tuesday))] == [
        Decimal("11.10")
    ]


def test_a_previous_close_may_be_given_before_the_first_trade() -> None:
    market = Market()
    market.previous_closes["AAPL"] = Decimal("9.90")
    market.apply(trade(at(10), "10.00"))
    session = market.session("AAPL")
    assert session is not None
    assert session.prev_close_px == Decimal("9.90")


def test_coins_trade_all_day() -> None:
    market = market_after(trade(at(3), "65000", "0.5", symbol="BTC/USD"))
    session = market.session("BTC/USD")
    assert session is not None
    assert session.open_px == 65000
    assert session.vwap == 65000


def test_histories_are_bounded_and_cut_by_time() -> None:
    quotes = [quote(at(10, minute), "9.99", "10.01") for minute in range(10)]
    trades = [trade(at(10, minute), "10.00") for minute in range(10)]
    market = market_after(*quotes, *trades, history_limit=4)
    assert market.quotes_between("AAPL", 0, at(16)) == quotes[-4:]
    assert market.trades_between("AAPL", at(10, 7), at(10, 8)) == trades[7:9]
    assert market.trades_between("MSFT", 0, at(16)) == []


@pytest.mark.parametrize("symbol", ["AAPL", "BTC/USD"])
def test_a_symbol_without_trades_has_no_session(symbol: str) -> None:
    assert Market().session(symbol) is None


def test_bars_and_days_reach_back_as_far_as_they_are_kept() -> None:
    days = [MONDAY + timedelta(days=n) for n in range(4)]
    market = Market(day_limit=2)
    for day in days:
        market.apply(trade(at(10, day=day), "10.00"))
    assert len(market.days("AAPL")) == 3
    assert market.days("MSFT") == []
    bars = market.bars_between("AAPL", 0, at(23, day=days[3]))
    assert [bar.time_ns for bar in bars] == [at(10, day=day) for day in days[1:]]
    assert market.bars_between("AAPL", at(9, day=days[2]), at(11, day=days[2])) == [bars[1]]


def test_an_amended_print_leaves_no_trace_in_the_figures() -> None:
    wrong = trade(at(9, 30), "99.00", eligible=False, auction="open")
    market = market_after(wrong, trade(at(10), "10.00"), trade(at(10, 0, 1), "10.50"))
    right = trade(at(9, 30), "9.90", eligible=False, auction="open")
    market.amend(wrong, right)
    session = market.session("AAPL")
    assert session is not None
    assert (session.open_px, session.high_px) == (Decimal("9.90"), Decimal("10.50"))
    assert session.auctions == [right]
    market.amend(trade(at(10, 0, 1), "10.50"), None)
    assert market.last_trade["AAPL"].px == Decimal("10.00")
    assert market.trades_between("AAPL", 0, at(16)) == [right, trade(at(10), "10.00")]


def test_a_print_of_a_day_that_is_not_all_remembered_cannot_be_amended() -> None:
    prints = [trade(at(10, minute), "10.00") for minute in range(6)]
    market = market_after(*prints, history_limit=4)
    with pytest.raises(ValueError, match="is not remembered"):
        market.amend(prints[0], None)
    with pytest.raises(ValueError, match="is too old to be amended"):
        market.amend(prints[5], None)
