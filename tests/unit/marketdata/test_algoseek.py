"""AlgoSeek ticks and minutes in LEAN's zips become quotes with both sides, and trades."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.detect import open_tape
from tests.unit.marketdata.lean_zip import write_lean

MIDNIGHT_NS = ns_of(datetime(2013, 10, 8, 4, tzinfo=UTC))
MS = 10**6


@pytest.fixture
def ibm(tmp_path: Path) -> Path:
    folder = tmp_path / "ibm"
    folder.mkdir()
    return folder


def events(folder: Path) -> list[MarketEvent]:
    (source,) = open_tape(folder)
    return list(source)


def trades(folder: Path, *rows: str) -> list[Trade]:
    write_lean(folder, "trade", list(rows))
    return [event for event in events(folder) if isinstance(event, Trade)]


def quotes(folder: Path, *rows: str) -> list[Quote]:
    write_lean(folder, "quote", list(rows))
    return [event for event in events(folder) if isinstance(event, Quote)]


def test_a_pair_of_rows_is_one_quote(ibm: Path) -> None:
    (quote,) = quotes(ibm, "34200000,1803100,200,0,0,N,1,0", "34200000,0,0,1803600,300,Q,1,0")
    assert quote == Quote(
        symbol="IBM",
        time_ns=MIDNIGHT_NS + 34_200_000 * MS,
        bid_px=Decimal("180.31"),
        bid_size=Decimal(200),
        ask_px=Decimal("180.36"),
        ask_size=Decimal(300),
        bid_exchange="N",
        ask_exchange="Q",
    )


def test_a_side_is_carried_forward_until_it_changes(ibm: Path) -> None:
    found = quotes(
        ibm,
        "1,1803100,200,0,0,N,1,0",
        "1,0,0,1803600,300,Q,1,0",
        "2,0,0,1803500,100,Q,1,0",
        "3,1803200,200,0,0,N,1,0",
    )
    assert [(str(quote.bid_px), str(quote.ask_px)) for quote in found] == [
        ("180.31", "180.36"),
        ("180.31", "180.35"),
        ("180.32", "180.35"),
    ]


def test_two_pairs_of_one_millisecond_are_two_quotes(ibm: Path) -> None:
    found = quotes(
        ibm,
        "1,1803100,200,0,0,N,1,0",
        "1,0,0,1803600,300,Q,1,0",
        "1,1803000,200,0,0,N,1,0",
        "1,0,0,1803600,300,Q,1,0",
    )
    assert [quote.bid_px for quote in found] == [Decimal("180.31"), Decimal("180.30")]


def test_a_pair_that_changes_nothing_yields_nothing(ibm: Path) -> None:
    pair = ("1803100,200,0,0,N,1,0", "0,0,1803600,300,Q,1,0")
    assert len(quotes(ibm, *(f"{ms},{row}" for ms in (1, 2, 3) for row in pair))) == 1


def test_a_suspicious_side_is_left_out(ibm: Path) -> None:
    found = quotes(
        ibm,
        "1,1803100,200,0,0,N,1,0",
        "1,0,0,1803600,300,Q,1,0",
        "2,1803100,200,0,0,N,1,0",
        "2,0,0,9990000,300,Q,1,1",
    )
    assert [quote.ask_px for quote in found] == [Decimal("180.36")]


@pytest.mark.parametrize(
    ("bits", "is_eligible"),
    [
        ("1", True),
        ("20", True),  # intermarket sweep
        ("20000020", True),  # trade-through exempt sweep
        ("40", False),  # opening print
        ("80", False),  # closing print
        ("200", False),  # derivatively priced
        ("2000", False),  # extended hours
        ("4000", False),  # out of sequence
        ("20200040", False),  # cross
    ],
)
def test_sale_conditions_decide_what_is_eligible(ibm: Path, bits: str, is_eligible: bool) -> None:
    (trade,) = trades(ibm, f"34200000,1803100,200,N,{bits},0")
    assert trade.eligible is is_eligible


def test_a_suspicious_trade_is_not_eligible(ibm: Path) -> None:
    (trade,) = trades(ibm, "34200000,1803100,200,N,1,1")
    assert not trade.eligible


def test_only_the_largest_opening_and_closing_prints_are_auctions(ibm: Path) -> None:
    found = trades(
        ibm,
        "34200376,138300,5900,Q,20200040,0",
        "34201559,138200,970078,N,40,0",
        "57600001,136900,100,P,80,0",
        "57606881,136900,2631493,N,80,0",
    )
    assert [trade.auction for trade in found] == ["", "open", "", "close"]
    assert [trade.conditions for trade in found] == ["OX", "O", "6", "6"]


def test_a_trade_comes_before_the_quote_of_its_millisecond(ibm: Path) -> None:
    write_lean(ibm, "trade", ["5,1803100,200,N,1,0"])
    write_lean(ibm, "quote", ["5,1803100,200,0,0,N,1,0"])
    assert [type(event) for event in events(ibm)] == [Trade, Quote]


def test_the_info_spans_both_files(ibm: Path) -> None:
    write_lean(ibm, "trade", ["5,1803100,200,N,1,0", "9,1803100,200,N,1,0"])
    write_lean(ibm, "quote", ["3,1803100,200,0,0,N,1,0", "8,1803100,200,0,0,N,1,0"])
    (source,) = open_tape(ibm)
    assert (source.info.first_ns, source.info.last_ns) == (
        MIDNIGHT_NS + 3 * MS,
        MIDNIGHT_NS + 9 * MS,
    )
    assert source.info.symbols == ("IBM",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,1803100,200,N,1,0", "line 2, time: 'x' found; right is milliseconds"),
        ("6,180.31,200,N,1,0", "line 2, price: '180.31' found; right is dollars times 10,000"),
        ("6,0,200,N,1,0", "line 2, price: '0' found"),
        ("6,1803100,-200,N,1,0", "line 2, size: '-200' found; right is a whole number"),
        ("6,1803100,200,N,xyz,0", "line 2, conditions: 'xyz' found; right is hexadecimal"),
        ("6,1803100,200,N,1,maybe", "line 2, suspicious: 'maybe' found; right is 0 or 1"),
        ("6,1803100,200,N", "line 2: 4 columns found"),
        ("4,1803100,200,N,1,0", "line 2, time: 4 comes after 5"),
    ],
)
def test_a_bad_trade_names_line_and_field(ibm: Path, row: str, message: str) -> None:
    with pytest.raises(TapeError, match=r"20131008_trade.zip/20131008_ibm_Trade_Tick.csv") as bad:
        trades(ibm, "5,1803100,200,N,1,0", row, "9,1803100,200,N,1,0")
    assert message in str(bad.value)


def test_a_bad_quote_names_line_and_field(ibm: Path) -> None:
    with pytest.raises(TapeError, match="line 2, ask price: 'x' found"):
        quotes(ibm, "5,1803100,200,0,0,N,1,0", "5,0,0,x,100,N,1,0", "6,1803100,1,0,0,N,1,0")
    with pytest.raises(TapeError, match="line 2, time: 4 comes after 5"):
        quotes(ibm, "5,1803100,200,0,0,N,1,0", "4,0,0,5,100,N,1,0", "6,1803100,1,0,0,N,1,0")


def test_minute_bars_take_spread_and_size_from_the_quote_bars(ibm: Path) -> None:
    write_lean(ibm, "trade", ["34200000,1000000,1010000,990000,1005000,700"], kind="minute")
    quote_bar = "34200000,999000,1009000,989000,1004000,300,1000000,1010000,990000,1005500,400"
    write_lean(ibm, "quote", [quote_bar], kind="minute")
    found = events(ibm)
    prints = [event for event in found if isinstance(event, Trade)]
    assert [prints[0].px, prints[-1].px] == [Decimal(100), Decimal("100.5")]
    assert sum(trade.size for trade in prints) == 700
    for quote in (event for event in found if isinstance(event, Quote)):
        assert quote.ask_px - quote.bid_px == Decimal("0.15")
        assert (quote.bid_size, quote.ask_size) == (Decimal(300), Decimal(400))


def test_a_minute_without_trades_shows_its_quotes(ibm: Path) -> None:
    write_lean(ibm, "trade", ["34200000,1000000,1010000,990000,1005000,700"], kind="minute")
    quote_bar = "34260000,999000,1009000,989000,1004000,300,1000000,1010000,990000,1005500,400"
    write_lean(ibm, "quote", [quote_bar], kind="minute")
    first, last = [event for event in events(ibm)[-2:] if isinstance(event, Quote)]
    assert (first.bid_px, first.ask_px) == (Decimal("99.9"), Decimal(100))
    assert (last.bid_px, last.ask_px) == (Decimal("100.4"), Decimal("100.55"))
    assert first.time_ns == MIDNIGHT_NS + 34_260_000 * MS


def test_a_bar_off_the_minute_is_refused(ibm: Path) -> None:
    write_lean(ibm, "trade", ["34200001,1000000,1010000,990000,1005000,700"], kind="minute")
    with pytest.raises(TapeError, match="line 1, time: '34200001' found; right is milliseconds"):
        events(ibm)
