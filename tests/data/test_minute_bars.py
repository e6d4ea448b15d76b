"""Recorded one-minute bars, replayed as a market and added up again."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars
import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.quotes import Bar, MarketEvent, Quote, Trade
from floorbroker.marketdata.bars import bars_of
from floorbroker.marketdata.detect import open_tape


@pytest.fixture(scope="module")
def parquet(recorded_data: Path) -> Path:
    return next((recorded_data / "us_1min_2026-03").glob("*.parquet"))


@pytest.fixture(scope="module")
def spy(parquet: Path) -> list[MarketEvent]:
    (source,) = open_tape(f"{parquet}@SPY:2026-03-23")
    return list(source)


@pytest.fixture(scope="module")
def spy_bars(spy: list[MarketEvent]) -> list[Bar]:
    return list(bars_of("SPY", [event for event in spy if isinstance(event, Trade)]))


def test_spy_keeps_its_minutes_and_its_volume(spy_bars: list[Bar]) -> None:
    assert len(spy_bars) == 390
    assert sum(bar.volume for bar in spy_bars) == 117_465_898
    notional = sum(bar.close_px * bar.volume for bar in spy_bars)
    assert round(notional / 117_465_898, 4) == Decimal("658.1691")
    assert spy_bars[0].time_ns == ns_of(datetime(2026, 3, 23, 13, 30, tzinfo=UTC))


def test_every_replayed_bar_is_the_recorded_one(parquet: Path, spy_bars: list[Bar]) -> None:
    frame = polars.read_parquet(parquet).filter(
        (polars.col("symbol") == "SPY")
        & (polars.col("ts").dt.date() == datetime(2026, 3, 23, tzinfo=UTC).date())
    )
    recorded = [
        (ns_of(ts), *(Decimal(str(px)) for px in prices), Decimal(volume))
        for _, ts, *prices, volume in frame.sort("ts").iter_rows()
    ]
    assert recorded == [
        (bar.time_ns, bar.open_px, bar.high_px, bar.low_px, bar.close_px, bar.volume)
        for bar in spy_bars
    ]


def test_prints_are_at_the_quotes(spy: list[MarketEvent]) -> None:
    quote = None
    for event in spy:
        if isinstance(event, Quote):
            quote = event
            assert quote.bid_px < quote.ask_px
        elif isinstance(event, Trade):
            assert quote is not None
            assert quote.bid_px <= event.px <= quote.ask_px


def test_one_day_of_all_symbols_is_a_tape(parquet: Path) -> None:
    (source,) = open_tape(f"{parquet}@2026-03-23")
    assert len(source.info.symbols) == 43
    assert source.info.first_ns == ns_of(datetime(2026, 3, 23, 13, 30, tzinfo=UTC))
    last_ns = 0
    volume = Decimal(0)
    for event in source:
        assert event.time_ns >= last_ns
        last_ns = event.time_ns
        if isinstance(event, Trade) and event.symbol == "SPY":
            volume += event.size
    assert volume == 117_465_898
    assert last_ns <= source.info.last_ns
