"""Recorded NASDAQ days: counts, executed shares, and the book's rules checked row by row."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from floorbroker.domain.quotes import Depth, MarketEvent, Quote, Trade
from floorbroker.exchange.matching.book import BUY, SELL, step_levels
from floorbroker.exchange.tape import Market
from floorbroker.marketdata.detect import open_tape
from floorbroker.marketdata.lobster import LobsterDay
from floorbroker.marketdata.rows import TextFile, zip_members

IntRows = list[tuple[int, int]]


def sample(folder: Path, symbol: str, levels: int) -> Path:
    return folder / "lobster" / f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip"


@pytest.fixture(scope="module")
def amazon(recorded_data: Path) -> list[MarketEvent]:
    (source,) = open_tape(sample(recorded_data, "AMZN", 5))
    return list(source)


@pytest.mark.parametrize(
    ("symbol", "levels", "rows"),
    [("AMZN", 5, 155_935), ("GOOG", 10, 147_916), ("AAPL", 1, 118_497)],
)
def test_every_row_is_counted(recorded_data: Path, symbol: str, levels: int, rows: int) -> None:
    (source,) = open_tape(sample(recorded_data, symbol, levels))
    assert isinstance(source, LobsterDay)
    assert (source.row_count, source.levels) == (rows, levels)
    assert source.info.has_depth == (levels > 1)


def test_amazon_executes_its_shares(amazon: list[MarketEvent]) -> None:
    trades = [event for event in amazon if isinstance(event, Trade)]
    assert len(trades) == 11_419
    assert sum(trade.size for trade in trades) == 810_755
    visible = [trade for trade in trades if trade.eligible]
    assert sum(trade.size for trade in visible) == 613_248
    assert sum(trade.size for trade in visible if trade.aggressor == "buy") == 296_974
    notional = sum(trade.px * trade.size for trade in trades)
    assert round(notional / 810_755, 4) == Decimal("222.6348")


def test_amazon_comes_in_time_order_and_is_never_crossed(amazon: list[MarketEvent]) -> None:
    assert all(earlier.time_ns <= later.time_ns for earlier, later in pairwise(amazon))
    quotes = [event for event in amazon if isinstance(event, Quote)]
    assert all(quote.bid_px < quote.ask_px for quote in quotes)
    assert quotes[0].mid_px == Decimal("223.565")
    assert quotes[-1].mid_px == Decimal("220.575")


def test_visible_executions_print_at_the_touch_before_them(amazon: list[MarketEvent]) -> None:
    quote = None
    misses = 0
    for event in amazon:
        if isinstance(event, Quote):
            quote = event
        elif isinstance(event, Trade) and event.eligible and quote is not None:
            misses += event.px != (quote.ask_px if event.aggressor == "buy" else quote.bid_px)
    assert misses == 0


def test_quotes_are_the_top_of_the_depth(amazon: list[MarketEvent]) -> None:
    depth = None
    for event in amazon:
        if isinstance(event, Depth):
            depth = event
            assert len(depth.bids) == len(depth.asks) == 5
        elif isinstance(event, Quote):
            assert depth is not None
            assert depth.bids[0] == (event.bid_px, event.bid_size)
            assert depth.asks[0] == (event.ask_px, event.ask_size)


def test_the_market_adds_amazon_up(amazon: list[MarketEvent]) -> None:
    market = Market()
    for event in amazon:
        market.apply(event)
    session = market.session("AMZN")
    assert session is not None
    assert (session.volume, session.trade_count) == (Decimal(810_755), 11_419)
    bars = market.minute_bars("AMZN", 0, 2**63)
    assert len(bars) <= 390
    assert sum(bar.volume for bar in bars) <= 810_755


def raw_rows(folder: Path, symbol: str, levels: int) -> Iterator[tuple[list[str], list[int]]]:
    """Message cells and the numbers of the book after it, row by row."""
    path = sample(folder, symbol, levels)
    files = {
        part: TextFile(path, member)
        for member in zip_members(path)
        for part in ("message", "orderbook")
        if f"_{part}_" in member
    }
    for message, book in zip(files["message"].lines(), files["orderbook"].lines(), strict=True):
        yield message.split(","), [int(cell) for cell in book.split(",")]


def sides(book: list[int]) -> tuple[IntRows, IntRows]:
    bids = zip(book[2::4], book[3::4], strict=True)
    asks = zip(book[0::4], book[1::4], strict=True)
    return [row for row in bids if row[1]], [row for row in asks if row[1]]


@pytest.mark.parametrize(
    ("symbol", "levels", "steps"), [("AMZN", 5, 155_934), ("GOOG", 10, 147_915)]
)
def test_each_recorded_book_follows_from_the_one_before(
    recorded_data: Path, symbol: str, levels: int, steps: int
) -> None:
    """One step at a time: the deepest level is not compared, as what enters it is out of sight."""
    checked = mismatches = 0
    before: tuple[IntRows, IntRows] | None = None
    for (_, kind, _, size, price, direction), book in raw_rows(recorded_data, symbol, levels):
        after = sides(book)
        if before is not None:
            side = BUY if direction == "1" else SELL
            stepped = step_levels(before, int(kind), side, price=int(price), size=int(size))
            checked += 1
            mismatches += any(
                found[: levels - 1] != recorded[: levels - 1]
                for found, recorded in zip(stepped, after, strict=True)
            )
        before = after
    assert (checked, mismatches) == (steps, 0)
