"""Where bars begin, and what larger bars are made of."""

from decimal import Decimal

import pytest

from floorbroker.domain.quotes import Bar
from floorbroker.exchange.data.timeframe import Timeframe, aggregated, timeframe_of
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.words import moment_ns, wire_time


def ns(text: str) -> int:
    return moment_ns(text, "moment")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1Min", Timeframe(1, "Min")),
        ("59T", Timeframe(59, "Min")),
        ("23Hour", Timeframe(23, "Hour")),
        ("4H", Timeframe(4, "Hour")),
        ("1D", Timeframe(1, "Day")),
        ("1Week", Timeframe(1, "Week")),
        ("12M", Timeframe(12, "Month")),
        ("3Month", Timeframe(3, "Month")),
    ],
)
def test_each_timeframe_is_understood(text: str, expected: Timeframe) -> None:
    assert timeframe_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Min",
        "0Min",
        "60Min",
        "24Hour",
        "2Day",
        "2Week",
        "5Month",
        "8M",
        "1min",
        "1Year",
        "-1T",
    ],
)
def test_other_timeframes_are_refused(text: str) -> None:
    with pytest.raises(VenueError, match=f"invalid timeframe: {text};") as caught:
        timeframe_of(text)
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    ("text", "moment", "start"),
    [
        ("5Min", "2026-06-01T14:07:31Z", "2026-06-01T14:05:00Z"),
        ("1Hour", "2026-06-01T14:07:31Z", "2026-06-01T14:00:00Z"),
        ("4Hour", "2026-06-01T14:07:31Z", "2026-06-01T12:00:00Z"),
        ("1Day", "2026-06-02T03:59:59Z", "2026-06-01T04:00:00Z"),
        ("1Day", "2026-01-02T15:00:00Z", "2026-01-02T05:00:00Z"),
        ("1Week", "2026-06-05T15:00:00Z", "2026-06-01T04:00:00Z"),
        ("1Month", "2026-06-30T15:00:00Z", "2026-06-01T04:00:00Z"),
        ("3Month", "2026-06-30T15:00:00Z", "2026-04-01T04:00:00Z"),
        ("4Month", "2026-06-30T15:00:00Z", "2026-05-01T04:00:00Z"),
        ("6Month", "2026-06-30T15:00:00Z", "2026-01-01T05:00:00Z"),
        ("12Month", "2026-06-30T15:00:00Z", "2026-01-01T05:00:00Z"),
    ],
)
def test_bars_begin_at_new_yorks_multiples(text: str, moment: str, start: str) -> None:
    timeframe = timeframe_of(text)
    assert wire_time(timeframe.start_of(ns(moment))) == start
    assert timeframe.end_of(ns(moment)) >= ns(moment)


def bar(moment: str, px: int, volume: int) -> Bar:
    return Bar(
        symbol="AAPL",
        time_ns=ns(moment),
        duration_s=60,
        open_px=Decimal(px),
        high_px=Decimal(px + 2),
        low_px=Decimal(px - 2),
        close_px=Decimal(px + 1),
        volume=Decimal(volume),
        trade_count=3,
        vwap=Decimal(px),
    )


def test_a_larger_bar_has_the_first_open_the_last_close_and_all_volume() -> None:
    minutes = [
        bar("2026-06-01T14:03:00Z", 100, 10),
        bar("2026-06-01T14:04:00Z", 110, 30),
        bar("2026-06-01T14:06:00Z", 90, 5),
    ]
    first, second = aggregated(minutes, timeframe_of("5Min"))
    assert wire_time(first.time_ns) == "2026-06-01T14:00:00Z"
    prices = [first.open_px, first.high_px, first.low_px, first.close_px]
    assert [int(px) for px in prices] == [100, 112, 98, 111]
    assert (first.volume, first.trade_count) == (Decimal(40), 6)
    assert first.vwap == Decimal("107.5")
    assert second.volume == 5
    assert aggregated(minutes, timeframe_of("1Min")) == minutes
