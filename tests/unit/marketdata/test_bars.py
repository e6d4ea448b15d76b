"""Bars and averages are built from prints."""

from decimal import Decimal

import pytest

from floorbroker.domain.quotes import Trade
from floorbroker.marketdata.bars import BarBuilder, bars_of, vwap_of

S = 10**9


def trade(second: int, px: str, size: int, *, eligible: bool = True, symbol: str = "A") -> Trade:
    return Trade(
        symbol=symbol, time_ns=second * S, px=Decimal(px), size=Decimal(size), eligible=eligible
    )


def test_a_bar_closes_with_the_first_trade_of_a_later_one() -> None:
    builder = BarBuilder("A")
    assert builder.add(trade(60, "10.00", 100)) is None
    assert builder.add(trade(119, "10.20", 300)) is None
    closed = builder.add(trade(200, "10.10", 50))
    assert closed is not None
    assert (closed.time_ns, closed.duration_s, closed.trade_count) == (60 * S, 60, 2)
    assert (closed.open_px, closed.high_px, closed.low_px, closed.close_px) == (
        Decimal("10.00"),
        Decimal("10.20"),
        Decimal("10.00"),
        Decimal("10.20"),
    )
    assert (closed.volume, closed.vwap) == (Decimal(400), Decimal("10.15"))
    running = builder.running()
    assert running is not None
    assert running.time_ns == 180 * S


def test_bars_may_have_another_length() -> None:
    trades = [trade(0, "1", 1), trade(299, "2", 1), trade(300, "3", 1)]
    assert [bar.time_ns for bar in bars_of("A", trades, 300)] == [0, 300 * S]


def test_ineligible_prints_are_volume_without_price() -> None:
    trades = [trade(0, "1", 1), trade(1, "9", 5, eligible=False)]
    (bar,) = bars_of("A", trades)
    assert (bar.high_px, bar.volume) == (Decimal(1), Decimal(6))
    (bar,) = bars_of("A", trades, eligible_prices=False)
    assert bar.high_px == 9


def test_a_minute_without_price_has_no_bar() -> None:
    trades = [trade(0, "1", 1, eligible=False), trade(60, "2", 1)]
    (bar,) = bars_of("A", trades)
    assert (bar.time_ns, bar.volume) == (60 * S, Decimal(1))


def test_other_symbols_are_passed_over() -> None:
    assert list(bars_of("A", [trade(0, "1", 1, symbol="B")])) == []


def test_vwap_weighs_prices_by_size() -> None:
    assert vwap_of([trade(0, "10.00", 900), trade(1, "10.10", 100)]) == Decimal("10.01")


def test_vwap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no volume"):
        vwap_of([])
