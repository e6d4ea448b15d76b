"""The seeded market resembles a US stock's day, within bounds that are stated here."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import log, sqrt
from statistics import mean, pvariance

import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.synthetic.day import SyntheticDay, synthetic_market
from floorbroker.marketdata.synthetic.profile import PROFILES, profile_of

DAY = date(2026, 3, 23)
MIDNIGHT_NS = ns_of(datetime(2026, 3, 23, 4, tzinfo=UTC))
OPENING_S, CLOSING_S = 34_200, 57_600
#: Two known characters, a cheap stock with deep quotes, and one that its name decides.
SYMBOLS = ("AAPL", "MSFT", "F", "ZZZ")


@cache
def day_of(symbol: str, seed: int = 7) -> tuple[MarketEvent, ...]:
    return tuple(SyntheticDay(symbol, DAY, seed))


def second_of(event: MarketEvent) -> float:
    return (event.time_ns - MIDNIGHT_NS) / 1e9


def regular(symbol: str, seed: int = 7) -> list[MarketEvent]:
    return [event for event in day_of(symbol, seed) if OPENING_S <= second_of(event) < CLOSING_S]


def trades_of(events: Iterable[MarketEvent]) -> list[Trade]:
    return [event for event in events if isinstance(event, Trade)]


def quotes_of(events: Iterable[MarketEvent]) -> list[Quote]:
    return [event for event in events if isinstance(event, Quote)]


def test_the_same_seed_repeats_the_day_exactly() -> None:
    day = SyntheticDay("AAPL", DAY, 7)
    assert tuple(day) == day_of("AAPL")
    assert tuple(day) == tuple(day)


def test_a_day_does_not_depend_on_what_else_is_listed() -> None:
    _, aapl = synthetic_market(["MSFT", "AAPL", "MSFT"], DAY, 7)
    assert tuple(aapl) == day_of("AAPL")


@pytest.mark.parametrize(
    "other",
    [
        SyntheticDay("AAPL", DAY, 8),
        SyntheticDay("AAPL", date(2026, 3, 24), 7),
        SyntheticDay("AAPX", DAY, 7),
    ],
    ids=["seed", "date", "symbol"],
)
def test_seed_date_and_symbol_each_make_another_day(other: SyntheticDay) -> None:
    prices = [str(quote.bid_px) for quote in quotes_of(other)[:50]]
    assert prices != [str(quote.bid_px) for quote in quotes_of(day_of("AAPL"))[:50]]


@pytest.mark.parametrize("symbol", [*SYMBOLS, "BTC/USD"])
def test_events_come_in_time_order_within_the_stated_span(symbol: str) -> None:
    events = day_of(symbol)
    info = SyntheticDay(symbol, DAY, 7).info
    assert all(earlier.time_ns <= later.time_ns for earlier, later in pairwise(events))
    assert info.first_ns <= events[0].time_ns
    assert events[-1].time_ns <= info.last_ns
    assert isinstance(events[0], Quote)


@pytest.mark.parametrize("symbol", [*SYMBOLS, "BTC/USD"])
def test_every_print_is_at_or_inside_the_quote_before_it(symbol: str) -> None:
    quote = None
    outside = 0
    for event in day_of(symbol):
        if isinstance(event, Quote):
            quote = event
        elif isinstance(event, Trade):
            assert quote is not None
            outside += not quote.bid_px <= event.px <= quote.ask_px
    assert outside == 0


@pytest.mark.parametrize("symbol", [*SYMBOLS, "BTC/USD"])
def test_prices_are_on_the_cent_and_sizes_are_positive(symbol: str) -> None:
    for event in day_of(symbol):
        if isinstance(event, Trade):
            assert event.size > 0
            assert event.px == event.px.quantize(Decimal("0.01"))
        elif isinstance(event, Quote):
            assert event.bid_size > 0
            assert event.ask_size > 0
            assert event.ask_px - event.bid_px >= Decimal("0.01")
            assert event.bid_px > 0


def test_a_print_takes_no_more_than_the_touch_displayed() -> None:
    quote = None
    for event in regular("AAPL"):
        if isinstance(event, Quote):
            quote = event
        elif isinstance(event, Trade) and quote is not None and not event.auction:
            if event.px == quote.ask_px:
                assert event.size <= quote.ask_size
            elif event.px == quote.bid_px:
                assert event.size <= quote.bid_size


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_volume_is_u_shaped(symbol: str) -> None:
    volumes = [Decimal(0)] * 13
    for trade in trades_of(regular(symbol)):
        if not trade.auction:
            volumes[int(second_of(trade) - OPENING_S) // 1800] += trade.size
    assert Decimal("1.8") < volumes[0] / volumes[6] < 6
    assert Decimal("1.3") < volumes[12] / volumes[6] < 4


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_auctions_have_their_share_of_the_day(symbol: str) -> None:
    trades = [trade for trade in trades_of(day_of(symbol)) if second_of(trade) >= OPENING_S]
    last_s = max(second_of(trade) for trade in trades if trade.auction)
    volume = sum(trade.size for trade in trades if second_of(trade) <= last_s)
    shares = {trade.auction: trade.size / volume for trade in trades if trade.auction}
    assert Decimal("0.01") < shares["open"] < Decimal("0.03")
    assert Decimal("0.08") < shares["close"] < Decimal("0.10")
    assert not any(trade.eligible for trade in trades if trade.auction)
    assert CLOSING_S < last_s < CLOSING_S + 10


@pytest.mark.parametrize(("symbol", "low", "high"), [("AAPL", 1, 2.5), ("MSFT", 2.5, 5)])
def test_spreads_have_a_floor_of_one_cent_and_are_wide_at_the_open(
    symbol: str, low: float, high: float
) -> None:
    quotes = quotes_of(regular(symbol))
    cents = [float((quote.ask_px - quote.bid_px) * 100) for quote in quotes]
    early = [
        width
        for width, quote in zip(cents, quotes, strict=True)
        if second_of(quote) < OPENING_S + 300
    ]
    assert min(cents) == 1
    assert low <= mean(cents) <= high
    assert mean(early) > 1.5 * mean(cents)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_day_moves_by_one_to_two_percent(symbol: str) -> None:
    """Realised volatility of five-minute mids, with room for the luck of one day."""
    mids: dict[int, float] = {}
    for quote in quotes_of(regular(symbol)):
        mids[int(second_of(quote)) // 300] = float(quote.mid_px)
    returns = [log(later / earlier) for earlier, later in pairwise(mids.values())]
    assert 0.008 < sqrt(sum(each * each for each in returns)) < 0.024
    assert abs(profile_of(symbol).price / Decimal(mids[78 + 36]) - 1) < Decimal("0.08")


def test_arrivals_come_in_bursts() -> None:
    """Ten-second counts of a Poisson process would have a variance of their mean."""
    counts = Counter(int(second_of(event)) // 10 for event in regular("AAPL"))
    midday = [counts[place] for place in range(43_200 // 10, 50_400 // 10)]
    assert pvariance(midday) > 1.5 * mean(midday)


def test_odd_lots_and_round_lots_both_trade() -> None:
    sizes = [trade.size for trade in trades_of(regular("AAPL")) if not trade.auction]
    odd = sum(size < 100 for size in sizes) / len(sizes)
    assert 0.35 < odd < 0.55
    assert sum(size % 100 == 0 for size in sizes) / len(sizes) > 0.3


def test_six_symbols_make_less_than_300_000_events_a_session() -> None:
    for symbol in SYMBOLS:
        quotes, trades = quotes_of(regular(symbol)), trades_of(regular(symbol))
        assert len(quotes) + len(trades) < 50_000
        assert 0.9 < len(quotes) / 23_400 < 2
        assert 0.4 < len(trades) / 23_400 < 1


def test_there_are_quotes_before_the_bell_and_after() -> None:
    seconds = [int(second_of(quote)) for quote in quotes_of(day_of("AAPL"))]
    assert sum(34_200 - 300 <= second < 34_200 for second in seconds) > 30
    assert min(seconds) == 4 * 3600
    assert any(second > 19 * 3600 for second in seconds)
    assert all(
        "T" in trade.conditions
        for trade in trades_of(day_of("AAPL"))
        if second_of(trade) < OPENING_S or second_of(trade) > CLOSING_S + 10
    )


def test_a_half_day_closes_early() -> None:
    day = SyntheticDay("AAPL", DAY, 7, hours=(time(9, 30), time(13)))
    (closing,) = [trade for trade in trades_of(day) if trade.auction == "close"]
    assert 13 * 3600 < second_of(closing) < 13 * 3600 + 10


def test_coins_trade_around_the_clock_in_fractions_without_auctions() -> None:
    trades = trades_of(day_of("BTC/USD"))
    assert {int(second_of(trade)) // 3600 for trade in trades} == set(range(24))
    assert not any(trade.auction for trade in trades)
    assert any(trade.size % 1 for trade in trades)
    assert 60_000 < mean(float(trade.px) for trade in trades) < 70_000


@pytest.mark.parametrize(("symbol", "price"), [("AAPL", 187), ("SPY", 560), ("F", 11)])
def test_known_symbols_have_their_price_level(symbol: str, price: int) -> None:
    first = quotes_of(day_of(symbol))[0]
    assert abs(first.mid_px / price - 1) < Decimal("0.02")
    assert SyntheticDay(symbol, DAY, 7).previous_close_px == price


def test_an_unknown_symbol_keeps_the_character_of_its_name() -> None:
    assert profile_of("ZZZ") == profile_of("ZZZ")
    assert profile_of("ZZZ") != profile_of("ZZY")
    for name in ("ABC", "QRST", "X"):
        assert 8 <= profile_of(name).price <= 300
        assert 0.01 <= profile_of(name).volatility <= 0.02


def test_every_known_symbol_has_a_sound_profile() -> None:
    assert {"AAPL", "MSFT", "SPY", "QQQ", "NVDA", "AMD", "INTC", "AMZN", "F", "BTC/USD"} == set(
        PROFILES
    )


def test_reading_may_begin_at_any_minute_and_finds_the_same_day() -> None:
    whole = SyntheticDay("AAPL", DAY, 1)
    noon_ns = whole.info.first_ns + 8 * 3600 * 1_000_000_000
    late = list(SyntheticDay("AAPL", DAY, 1, from_ns=noon_ns))
    assert late == [event for event in whole if event.time_ns >= noon_ns]
    assert late[0].time_ns == noon_ns
