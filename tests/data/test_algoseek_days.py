"""Recorded consolidated ticks: counts, NBBO, and minutes that are the sum of their ticks."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.bars import bars_of, vwap_of
from floorbroker.marketdata.detect import open_tape
from floorbroker.marketdata.nbbo import NbboHistory
from floorbroker.marketdata.rows import TextFile, zip_members

MIDNIGHT_NS = ns_of(datetime(2013, 10, 8, 4, tzinfo=UTC))
MINUTE_NS = 60 * 10**9
OPENING_NS = MIDNIGHT_NS + 570 * MINUTE_NS
CLOSING_NS = MIDNIGHT_NS + 960 * MINUTE_NS


def day_of(folder: Path, symbol: str) -> list[MarketEvent]:
    (source,) = open_tape(f"{folder / 'algoseek_lean' / 'tick' / symbol}@2013-10-08")
    return list(source)


@pytest.fixture(scope="module")
def ibm(recorded_data: Path) -> list[MarketEvent]:
    return day_of(recorded_data, "ibm")


@pytest.fixture(scope="module")
def bac(recorded_data: Path) -> list[MarketEvent]:
    return day_of(recorded_data, "bac")


@pytest.fixture(scope="module")
def ibm_nbbo(ibm: list[MarketEvent]) -> NbboHistory:
    return NbboHistory("IBM", ibm)


def trades_between(events: list[MarketEvent], start_ns: int, end_ns: int) -> list[Trade]:
    return [
        event
        for event in events
        if isinstance(event, Trade) and start_ns <= event.time_ns < end_ns
    ]


def eligible(events: list[MarketEvent]) -> list[Trade]:
    trades = trades_between(events, OPENING_NS, CLOSING_NS)
    return [trade for trade in trades if trade.eligible]


def test_ibm_has_its_eligible_trades_and_shares(ibm: list[MarketEvent]) -> None:
    trades = eligible(ibm)
    assert len(trades) == 33_269
    assert sum(trade.size for trade in trades) == 5_061_254
    assert all(earlier.time_ns <= later.time_ns for earlier, later in pairwise(ibm))


def test_ibm_between_ten_and_eleven(ibm: list[MarketEvent], ibm_nbbo: NbboHistory) -> None:
    start_ns, end_ns = MIDNIGHT_NS + 600 * MINUTE_NS, MIDNIGHT_NS + 660 * MINUTE_NS
    trades = trades_between(ibm, start_ns, end_ns)
    assert sum(trade.size for trade in trades) == 986_342
    assert round(vwap_of(trades), 5) == Decimal("180.29507")
    arrival = ibm_nbbo.nbbo_before(start_ns)
    assert arrival is not None
    assert (arrival.bid_px, arrival.ask_px) == (Decimal("180.63"), Decimal("180.69"))
    assert ibm_nbbo.mid_before(end_ns) == Decimal("179.99")
    mid = ibm_nbbo.time_weighted_mid(start_ns, end_ns)
    assert mid is not None
    assert round(mid, 5) == Decimal("180.36955")


def test_ibm_trades_against_the_quote_strictly_before_them(
    ibm: list[MarketEvent], ibm_nbbo: NbboHistory
) -> None:
    """Effective and quoted spread by shares in basis points; parts of trades in and at it."""
    effective = quoted = shares = inside = at_quote = Decimal(0)
    for trade in eligible(ibm):
        nbbo = ibm_nbbo.nbbo_before(trade.time_ns)
        assert nbbo is not None
        assert nbbo.bid_px is not None
        assert nbbo.ask_px is not None
        mid = (nbbo.bid_px + nbbo.ask_px) / 2
        effective += trade.size * 2 * abs(trade.px - mid) / mid * 10_000
        quoted += trade.size * (nbbo.ask_px - nbbo.bid_px) / mid * 10_000
        shares += trade.size
        inside += nbbo.bid_px < trade.px < nbbo.ask_px
        at_quote += trade.px in (nbbo.bid_px, nbbo.ask_px)
    assert round(effective / shares, 4) == Decimal("1.6669")
    assert round(quoted / shares, 4) == Decimal("2.1031")
    assert round(inside / 33_269, 4) == Decimal("0.2947")
    assert round(at_quote / 33_269, 4) == Decimal("0.6675")


@pytest.mark.parametrize(
    ("symbol", "size", "px", "ms"),
    [("ibm", 262_948, "178.72", 57_647_795), ("bac", 2_631_493, "13.69", 57_606_881)],
)
def test_the_closing_cross_is_the_auction(
    request: pytest.FixtureRequest, symbol: str, size: int, px: str, ms: int
) -> None:
    events: list[MarketEvent] = request.getfixturevalue(symbol)
    (cross,) = [event for event in events if isinstance(event, Trade) and event.auction == "close"]
    assert (cross.size, cross.px) == (Decimal(size), Decimal(px))
    assert cross.time_ns == MIDNIGHT_NS + ms * 10**6
    assert not cross.eligible


@pytest.mark.parametrize(
    ("symbol", "minute", "ticks"), [("ibm", 338_008, 75_060), ("bac", 5_127_258, 2_495_765)]
)
def test_a_minute_is_the_sum_of_its_ticks(
    recorded_data: Path, request: pytest.FixtureRequest, symbol: str, minute: int, ticks: int
) -> None:
    """Except in the minutes of the auctions: the recorded bar of 15:59 holds the closing cross,
    which prints after 16:00, and the first two leave out the reports of the opening.
    """
    events: list[MarketEvent] = request.getfixturevalue(symbol)
    trades = trades_between(events, OPENING_NS, CLOSING_NS)
    built = {
        (bar.time_ns - MIDNIGHT_NS) // 10**6: bar.volume
        for bar in bars_of(symbol.upper(), trades, eligible_prices=False)
    }
    recorded = recorded_volumes(recorded_data, symbol)
    last_ms = 959 * 60_000
    assert (recorded[last_ms], built[last_ms]) == (Decimal(minute), Decimal(ticks))
    cross = sum(
        event.size for event in events if isinstance(event, Trade) and event.auction == "close"
    )
    assert minute - ticks == cross
    differing = [ms for ms, volume in recorded.items() if ms in built and built[ms] != volume]
    assert set(differing) <= {34_200_000, 34_260_000, last_ms}


def recorded_volumes(folder: Path, symbol: str) -> dict[int, Decimal]:
    path = folder / "algoseek_lean" / "minute" / symbol / "20131008_trade.zip"
    rows = [line.split(",") for line in TextFile(path, zip_members(path)[0]).lines()]
    return {int(row[0]): Decimal(row[5]) for row in rows}


@pytest.mark.parametrize("symbol", ["ibm", "bac"])
def test_the_nbbo_is_hardly_ever_crossed(request: pytest.FixtureRequest, symbol: str) -> None:
    events: list[MarketEvent] = request.getfixturevalue(symbol)
    quotes = [
        event
        for event in events
        if isinstance(event, Quote) and OPENING_NS <= event.time_ns < CLOSING_NS
    ]
    assert sum(quote.bid_px > quote.ask_px for quote in quotes) / len(quotes) < 0.001


def test_minute_files_replay_their_volume(recorded_data: Path) -> None:
    folder = recorded_data / "algoseek_lean" / "minute" / "ibm"
    (source,) = open_tape(f"{folder}@2013-10-08")
    replayed = {
        (bar.time_ns - MIDNIGHT_NS) // 10**6: bar.volume
        for bar in bars_of("IBM", [event for event in source if isinstance(event, Trade)])
    }
    assert replayed == recorded_volumes(recorded_data, "ibm")
