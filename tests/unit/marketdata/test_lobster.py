"""LOBSTER rows become trades, depth, quotes and halts, exactly timed and exactly priced."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Depth, Halt, MarketEvent, Quote, Trade
from floorbroker.marketdata.lobster import LobsterDay, ns_of_seconds
from floorbroker.marketdata.rows import TextFile

NAME = "XYZ_2012-06-21_34200000_57600000_{part}_{levels}.csv"
#: Midnight in New York is 04:00 UTC in June.
MIDNIGHT_NS = ns_of(datetime(2012, 6, 21, 4, tzinfo=UTC))
BOOK = "1000200,100,1000000,50,1000300,10,999900,20"


def written(folder: Path, messages: list[str], books: list[str], levels: int = 2) -> LobsterDay:
    files = []
    for part, lines in (("message", messages), ("orderbook", books)):
        path = folder / NAME.format(part=part, levels=levels)
        path.write_text("".join(f"{line}\n" for line in lines))
        files.append(TextFile(path))
    return LobsterDay(files[0], files[1])


def events(folder: Path, messages: list[str], books: list[str]) -> list[MarketEvent]:
    return list(written(folder, messages, books))


def levels(*rows: tuple[str, int]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(px), Decimal(size)) for px, size in rows)


@pytest.mark.parametrize(
    ("cell", "time_ns"),
    [
        ("34200.017459617", 34_200_017_459_617),
        ("34200.18960767", 34_200_189_607_670),
        ("57599.999999999", 57_599_999_999_999),
        ("34200", 34_200_000_000_000),
        ("34200.1234567899", 34_200_123_456_789),
    ],
)
def test_decimal_seconds_are_exact_nanoseconds(cell: str, time_ns: int) -> None:
    assert ns_of_seconds(cell) == time_ns


def test_a_new_order_shows_depth_and_quote(tmp_path: Path) -> None:
    depth, quote = events(tmp_path, ["34200.000000001,1,7,50,1000000,1"], [BOOK])
    time_ns = MIDNIGHT_NS + 34_200_000_000_001
    assert depth == Depth(
        symbol="XYZ",
        time_ns=time_ns,
        bids=levels(("100", 50), ("99.99", 20)),
        asks=levels(("100.02", 100), ("100.03", 10)),
    )
    assert isinstance(quote, Quote)
    assert quote.time_ns == time_ns
    assert (quote.bid_px, quote.ask_px) == (Decimal("100"), Decimal("100.02"))
    assert (quote.bid_size, quote.ask_size) == (Decimal(50), Decimal(100))


def test_an_unchanged_book_yields_nothing_and_a_deeper_change_no_quote(tmp_path: Path) -> None:
    deeper = "1000200,100,1000000,50,1000300,10,999900,25"
    rows = ["34200.1,1,7,50,1000000,1", "34200.2,3,9,5,900000,1", "34200.3,1,8,5,999900,1"]
    found = events(tmp_path, rows, [BOOK, BOOK, deeper])
    assert [type(event) for event in found] == [Depth, Quote, Depth]


def test_an_execution_prints_before_the_book_it_leaves(tmp_path: Path) -> None:
    after = "1000200,60,1000000,50,1000300,10,999900,20"
    rows = ["34200.1,1,7,50,1000000,1", "34200.2,4,8,40,1000200,-1"]
    *_, trade, depth, quote = events(tmp_path, rows, [BOOK, after])
    assert isinstance(trade, Trade)
    assert (trade.px, trade.size) == (Decimal("100.02"), Decimal(40))
    assert (trade.aggressor, trade.eligible) == ("buy", True)
    assert isinstance(depth, Depth)
    assert isinstance(quote, Quote)


def test_a_hidden_execution_is_not_eligible(tmp_path: Path) -> None:
    trade, *_ = events(tmp_path, ["34200.1,5,0,1,1000100,1"], [BOOK])
    assert isinstance(trade, Trade)
    assert (trade.eligible, trade.aggressor, trade.auction) == (False, "sell", "")


@pytest.mark.parametrize(("second", "auction"), [("34200.5", "open"), ("57600.5", "close")])
def test_a_cross_is_an_auction_print(tmp_path: Path, second: str, auction: str) -> None:
    trade, *_ = events(tmp_path, [f"{second},6,-1,900,1000100,-1"], [BOOK])
    assert isinstance(trade, Trade)
    assert (trade.auction, trade.eligible, trade.aggressor) == (auction, False, "")


def test_trading_stays_halted_while_only_quoting_resumes(tmp_path: Path) -> None:
    rows = ["36023,7,0,0,-1,-1", "36323,7,0,0,0,-1", "36723,7,0,0,1,-1"]
    halts = [event for event in events(tmp_path, rows, [BOOK] * 3) if isinstance(event, Halt)]
    assert [halt.halted for halt in halts] == [True, True, False]


def test_levels_that_nobody_takes_are_left_out(tmp_path: Path) -> None:
    book = "1000200,100,-9999999999,0,9999999999,0,-9999999999,0"
    depth, quote = events(tmp_path, ["34200.1,1,7,100,1000200,-1"], [book])
    assert isinstance(depth, Depth)
    assert (depth.bids, depth.asks) == ((), levels(("100.02", 100)))
    assert isinstance(quote, Quote)
    assert (quote.bid_px, quote.bid_size) == (Decimal(0), Decimal(0))
    assert not quote.has_both_sides


def test_one_level_is_a_quote_and_no_depth(tmp_path: Path) -> None:
    day = written(tmp_path, ["34200.1,1,7,50,1000000,1"], ["1000200,100,1000000,50"], levels=1)
    assert [type(event) for event in day] == [Quote]
    assert not day.info.has_depth


def test_the_info_tells_the_span(tmp_path: Path) -> None:
    day = written(tmp_path, ["34200.1,1,7,5,10000,1", "34201.2,3,7,5,10000,1"], [BOOK, BOOK])
    assert day.info.symbols == ("XYZ",)
    assert day.info.first_ns == MIDNIGHT_NS + 34_200_100_000_000
    assert day.info.last_ns == MIDNIGHT_NS + 34_201_200_000_000
    assert list(day) == list(day)


GOOD = "34200.1,1,7,50,1000000,1"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,1,7,50,1000000,1", "line 2, time: 'x' found; right is seconds after midnight"),
        ("34200.2,9,7,50,1000000,1", "line 2, type: '9' found; right is one of 1 to 7"),
        ("34200.2,4,7,5.5,1000000,1", "line 2, size: '5.5' found; right is a whole number"),
        ("34200.2,4,7,5,100.5,1", "line 2, price: '100.5' found; right is dollars times 10,000"),
        ("34200.2,4,7,5,1000000,2", "line 2, direction: '2' found; right is 1"),
        ("34200.2,1,7,5,1000000,0", "line 2, direction: '0' found; right is 1"),
        ("34200.2,4,7", "line 2: 3 columns found in '34200.2,4,7'; right are 6: time, type"),
        (
            "34200.0,3,7,5,1000000,1",
            "line 2, time: 34200.0 comes after 34200.1 on the line",
        ),
    ],
)
def test_a_bad_message_names_line_and_field(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TapeError, match=r"message_2.csv, line") as caught:
        events(tmp_path, [GOOD, row, GOOD.replace("34200.1", "34200.3")], [BOOK] * 3)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1000200,100,1000000,x,1,1,1,1", "line 1, bid size 1: 'x' found; right is a whole"),
        ("1000200,100,1000000,50", "line 1: 4 columns found"),
    ],
)
def test_a_bad_book_names_line_and_field(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TapeError, match=r"orderbook_2.csv") as caught:
        events(tmp_path, [GOOD], [row])
    assert message in str(caught.value)


def test_files_of_different_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"orderbook_2.csv ends after line 1"):
        events(tmp_path, [GOOD, GOOD], [BOOK])
    with pytest.raises(TapeError, match=r"message_2.csv ends after line 1"):
        events(tmp_path, [GOOD], [BOOK, BOOK])


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match=r"message_2.csv is empty"):
        events(tmp_path, [], [])
