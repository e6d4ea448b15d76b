"""A synthetic market's past resembles the days that the market plays, and touches none of them."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import log
from statistics import mean, pstdev

import pytest

from floorbroker.domain.quotes import Bar, Trade
from floorbroker.marketdata.port import midnight_ns
from floorbroker.marketdata.synthetic.day import SyntheticDay
from floorbroker.marketdata.synthetic.minutes import REGULAR_HOURS
from floorbroker.marketdata.synthetic.past import KEPT_DAYS, KEPT_WHOLE, SyntheticPast
from floorbroker.marketdata.synthetic.profile import profile_of

#: The market's first day is a Monday; Friday the 27th of November is a half day.
FIRST = date(2026, 11, 30)
HALF = date(2026, 11, 27)
HOLIDAY = date(2026, 11, 26)
SYMBOLS = ("AAPL", "F", "ZZZ", "BTC/USD")
MINUTE_NS = 60 * 10**9


def sessions(until: date, count: int = 30) -> dict[date, tuple[time, time]]:
    """The weekdays before a day, one holiday and one half day among them."""
    days = (until - timedelta(number) for number in range(count * 2, 0, -1))
    weekdays = [day for day in days if day.weekday() < 5 and day != HOLIDAY]
    half = (time(9, 30), time(13))
    return {day: half if day == HALF else REGULAR_HOURS for day in weekdays[-count:]}


@cache
def past_of(
    *symbols: str, seed: int = 7, until: date = FIRST, first: date = FIRST
) -> SyntheticPast:
    return SyntheticPast(symbols or SYMBOLS, seed, sessions(until), until=until, played_from=first)


def minute_of(bar: Bar, day: date) -> int:
    return (bar.time_ns - midnight_ns(day)) // MINUTE_NS


def volume(bars: Sequence[Bar]) -> Decimal:
    return sum((bar.volume for bar in bars), Decimal(0))


def test_the_same_seed_says_the_same_whatever_else_is_listed_or_was_asked_before() -> None:
    day = date(2026, 11, 24)
    told = past_of().minutes("AAPL", day)
    other = past_of("MSFT", "AAPL", "F")
    other.whole("AAPL", date(2026, 11, 3))
    other.minutes("MSFT", day)
    assert other.minutes("AAPL", day) == told
    assert other.minutes("AAPL", day) == told
    assert past_of(seed=8).minutes("AAPL", day) != told


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_each_minute_s_prices_hold_together(symbol: str) -> None:
    past, unit = past_of(), profile_of(symbol).unit
    for day in past.dates(symbol)[-4:]:
        bars = past.minutes(symbol, day)
        assert [bar.time_ns for bar in bars] == sorted({bar.time_ns for bar in bars})
        for bar in bars:
            assert bar.vwap is not None
            assert bar.low_px <= min(bar.open_px, bar.close_px, bar.vwap)
            assert bar.high_px >= max(bar.open_px, bar.close_px, bar.vwap)
            assert bar.low_px % Decimal("0.01") == bar.high_px % Decimal("0.01") == 0
            assert bar.low_px > 0 < bar.trade_count
            assert bar.volume >= bar.trade_count * unit
            assert bar.volume % unit == 0


@pytest.mark.parametrize("symbol", ["AAPL", "F"])
def test_the_day_s_bar_is_the_sum_of_its_minutes(symbol: str) -> None:
    past = past_of()
    for day in past.dates(symbol)[-3:]:
        bar, auctions = past.whole(symbol, day)
        bars = past.minutes(symbol, day)
        closing = 780 if day == HALF else 960
        regular = [each for each in bars if 570 <= minute_of(each, day) < closing]
        assert (bar.volume, bar.trade_count) == (
            volume(bars),
            sum(each.trade_count for each in bars),
        )
        assert bar.open_px == regular[0].open_px == auctions[0].px
        assert bar.close_px == auctions[1].px
        assert bar.high_px == max(bar.close_px, *(each.high_px for each in regular))
        assert bar.low_px == min(bar.close_px, *(each.low_px for each in regular))
        notional = sum(((each.vwap or 0) * each.volume for each in bars), Decimal(0))
        assert bar.vwap is not None
        assert abs(bar.vwap - notional / bar.volume) < Decimal("1e-9")
        for auction, minute in zip(auctions, (570, closing), strict=True):
            start_ns = midnight_ns(day) + minute * MINUTE_NS
            (its,) = [each for each in bars if each.time_ns == start_ns]
            assert start_ns < auction.time_ns < start_ns + MINUTE_NS
            assert (its.open_px, its.volume >= auction.size) == (auction.px, True)


def test_volume_is_u_shaped_over_the_day() -> None:
    past = past_of()
    parts = []
    for day in [day for day in past.dates("AAPL") if day != HALF]:
        bars = past.minutes("AAPL", day)
        hours = [
            volume([bar for bar in bars if start <= minute_of(bar, day) < start + 30])
            for start in (570, 720, 930)
        ]
        parts.append([float(part / volume(bars)) for part in hours])
    opening, noon, closing = (mean(part) for part in zip(*parts, strict=True))
    assert opening > 2 * noon < 2 * closing
    assert pstdev(part[1] for part in parts) > 0.001, "no two days are the same"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_day_trades_about_as_much_as_one_that_is_played(symbol: str) -> None:
    past = past_of()
    usual = [past.whole(symbol, day)[0] for day in past.dates(symbol) if day != HALF]
    trades = [each for each in SyntheticDay(symbol, FIRST, 7) if isinstance(each, Trade)]
    played = sum((each.size for each in trades), Decimal(0))
    assert mean(bar.volume for bar in usual) / played == pytest.approx(1, abs=0.08)
    assert mean(bar.trade_count for bar in usual) / len(trades) == pytest.approx(1, abs=0.05)


def test_a_day_that_was_played_looks_as_it_did() -> None:
    day = date(2026, 11, 24)
    past = past_of("AAPL", first=day)
    prints = [each for each in SyntheticDay("AAPL", day, 7) if isinstance(each, Trade)]
    bar, (opening, closing) = past.whole("AAPL", day)
    opened, closed = (each for each in prints if each.auction)
    assert (opening.px, closing.px) == (opened.px, closed.px)
    regular = [each.px for each in prints if opened.time_ns <= each.time_ns <= closed.time_ns]
    assert abs(bar.high_px - max(regular)) < Decimal("0.5")
    assert abs(bar.low_px - min(regular)) < Decimal("0.5")
    last = {each.time_ns - each.time_ns % MINUTE_NS: each.px for each in prints}
    both = [
        (each.close_px, last[each.time_ns])
        for each in past.minutes("AAPL", day)
        if each.time_ns in last
    ]
    assert mean(abs(ours - theirs) for ours, theirs in both) < Decimal("0.10")


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_path_ends_at_the_price_with_which_the_first_day_sets_out(symbol: str) -> None:
    past = past_of()
    last = past.dates(symbol)[-1]
    sets_out = SyntheticDay(symbol, FIRST, 7).previous_close_px
    coins_last_side = Decimal("4.50") if "/" in symbol else 0  # an auction has no side
    assert abs(past.whole(symbol, last)[0].close_px - sets_out) <= coins_last_side


def test_days_that_were_never_played_follow_one_another() -> None:
    past = past_of()
    bars = [past.whole("AAPL", day)[0] for day in past.dates("AAPL")]
    for before, after in pairwise(bars):
        assert abs(after.open_px / before.close_px - 1) < Decimal("0.015")
    returns = [log(after.close_px / before.close_px) for before, after in pairwise(bars)]
    assert 0.008 < pstdev(returns) < 0.020, "about the symbol's own 1.3 %"


def test_a_day_stays_what_it_was_when_the_market_goes_on() -> None:
    before, after = date(2026, 11, 20), date(2026, 11, 30)
    early, late = past_of(until=before, first=before), past_of(until=after, first=before)
    for day in (date(2026, 11, 10), date(2026, 11, 19)):
        assert early.minutes("AAPL", day) == late.minutes("AAPL", day)
    assert date(2026, 11, 20) in late.dates("AAPL")
    assert date(2026, 11, 20) not in early.dates("AAPL")


def test_holidays_have_no_day_and_half_days_end_at_their_bell() -> None:
    past = past_of()
    assert len(past.dates("AAPL")) == 30
    assert HOLIDAY not in past.dates("AAPL")
    minutes = [minute_of(bar, HALF) for bar in past.minutes("AAPL", HALF)]
    assert 780 in minutes
    assert max(minutes) < 17 * 60
    half, usual = (past.whole("AAPL", day)[0].volume for day in (HALF, date(2026, 11, 24)))
    assert half < Decimal("0.8") * usual
    assert past.whole("AAPL", HALF)[1][1].time_ns // MINUTE_NS == (
        midnight_ns(HALF) // MINUTE_NS + 780
    )


def test_coins_have_every_day_and_no_auction() -> None:
    past = past_of()
    days = past.dates("BTC/USD")
    assert [after - before for before, after in pairwise(days)] == [timedelta(1)] * (len(days) - 1)
    assert days[-1] == FIRST - timedelta(1)
    assert past.whole("BTC/USD", days[-1])[1] == ()
    assert len(past.minutes("BTC/USD", days[-1])) > 1_400


def test_what_the_market_lacks_has_no_past() -> None:
    assert past_of("AAPL").dates("MSFT") == ()


def test_the_running_market_does_not_notice() -> None:
    alone = list(SyntheticDay("F", FIRST, 7))
    past = past_of()
    beside = []
    for number, event in enumerate(SyntheticDay("F", FIRST, 7)):
        if number % 5_000 == 0:
            past.minutes("F", past.dates("F")[number // 5_000])
        beside.append(event)
    assert beside == alone


def test_memory_is_bounded_however_much_is_asked_for() -> None:
    past = past_of("AA", "BB", "CC")
    for symbol in ("AA", "BB", "CC"):
        for day in past.dates(symbol):
            past.whole(symbol, day)
    assert past._day.cache_info().currsize == KEPT_DAYS < 3 * 30
    assert past._whole.cache_info().maxsize == KEPT_WHOLE
