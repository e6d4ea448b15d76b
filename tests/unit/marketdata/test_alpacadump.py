"""Saved responses of Alpaca's data API become trades and quotes."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.alpacadump import ns_of_rfc3339
from floorbroker.marketdata.bars import bars_of
from floorbroker.marketdata.detect import open_tape

SECOND_NS = ns_of(datetime(2026, 3, 23, 14, 0, tzinfo=UTC))
QUOTE = {
    "t": "2026-03-23T14:00:00.000000007Z",
    "bx": "Q",
    "bp": 187.2,
    "bs": 300,
    "ax": "P",
    "ap": 187.21,
    "as": 100,
    "c": ["R"],
    "z": "C",
}
TRADE = {
    "t": "2026-03-23T14:00:00.123456789Z",
    "x": "D",
    "p": 187.205,
    "s": 40,
    "c": ["@", "I"],
    "i": 52983525029461,
    "z": "C",
}


def read(folder: Path, content: object, name: str = "dump.json") -> list[MarketEvent]:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    (source,) = open_tape(path)
    assert source.info.first_ns <= next(iter(source)).time_ns
    return list(source)


def changed(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**record, **changes}


@pytest.mark.parametrize(
    ("text", "past_ns"),
    [
        ("2026-03-23T14:00:00Z", 0),
        ("2026-03-23T14:00:00.1Z", 100_000_000),
        ("2026-03-23T14:00:00.123456789Z", 123_456_789),
        ("2026-03-23T10:00:00.000000001-04:00", 1),
    ],
)
def test_times_keep_their_nanoseconds(text: str, past_ns: int) -> None:
    assert ns_of_rfc3339(text) == SECOND_NS + past_ns


def test_several_symbols_are_sorted_by_time(tmp_path: Path) -> None:
    earlier = changed(QUOTE, t="2026-03-23T14:00:00Z")
    response = {"quotes": {"AAPL": [QUOTE], "MSFT": [earlier]}, "next_page_token": None}
    msft, aapl = read(tmp_path, response)
    assert (msft.symbol, aapl.symbol) == ("MSFT", "AAPL")
    assert aapl == Quote(
        symbol="AAPL",
        time_ns=SECOND_NS + 7,
        bid_px=Decimal("187.2"),
        bid_size=Decimal(300),
        ask_px=Decimal("187.21"),
        ask_size=Decimal(100),
        bid_exchange="Q",
        ask_exchange="P",
        conditions="R",
    )


def test_one_symbol_alone_is_named_beside_its_records(tmp_path: Path) -> None:
    (trade,) = read(tmp_path, {"symbol": "AAPL", "trades": [TRADE], "next_page_token": None})
    assert trade == Trade(
        symbol="AAPL",
        time_ns=SECOND_NS + 123_456_789,
        px=Decimal("187.205"),
        size=Decimal(40),
        trade_id=52983525029461,
        exchange="D",
        conditions="@I",
    )


def test_json_lines_hold_responses_or_bare_records(tmp_path: Path) -> None:
    lines = [
        json.dumps({"quotes": {"AAPL": [QUOTE]}}),
        "",
        json.dumps({"T": "t", "S": "AAPL", **TRADE}),
    ]
    found = read(tmp_path, "\n".join(lines), "dump.jsonl")
    assert [type(event) for event in found] == [Quote, Trade]


def test_a_trade_comes_before_the_quote_of_its_instant(tmp_path: Path) -> None:
    at_once = {"quotes": {"A": [QUOTE]}, "trades": {"A": [changed(TRADE, t=QUOTE["t"])]}}
    assert [type(event) for event in read(tmp_path, at_once)] == [Trade, Quote]


@pytest.mark.parametrize(
    ("conditions", "is_eligible"),
    [
        (["@"], True),
        ([" ", "F", "I"], True),
        (["@", "T"], False),
        (["Z"], False),
        (["4"], False),
        (["O", "X"], False),
        (None, True),
    ],
)
def test_sale_conditions_decide_what_is_eligible(
    tmp_path: Path, conditions: list[str] | None, is_eligible: bool
) -> None:
    (trade,) = read(tmp_path, {"trades": {"AAPL": [changed(TRADE, c=conditions)]}})
    assert isinstance(trade, Trade)
    assert trade.eligible is is_eligible


def test_official_marks_are_no_trades_and_the_largest_print_is_the_auction(
    tmp_path: Path,
) -> None:
    prints = [
        changed(TRADE, c=["@", "O"], s=100),
        changed(TRADE, c=["@", "O"], s=9000),
        changed(TRADE, c=["@", "Q"], s=9000),
        changed(TRADE, c=["@", "6"], s=50),
        changed(TRADE, c=["@", "M"], s=50),
    ]
    found = read(tmp_path, {"trades": {"AAPL": prints}})
    assert [event.auction for event in found if isinstance(event, Trade)] == ["", "open", "close"]


def test_bars_become_a_market(tmp_path: Path) -> None:
    bar = {"t": "2026-03-23T14:00:00Z", "o": 10, "h": 10.2, "l": 9.9, "c": 10.1, "v": 700}
    found = read(tmp_path, {"bars": {"AAPL": [bar]}})
    (again,) = bars_of("AAPL", [event for event in found if isinstance(event, Trade)])
    assert (again.high_px, again.volume) == (Decimal("10.2"), Decimal(700))


def test_parquet_takes_the_python_librarys_words(tmp_path: Path) -> None:
    path = tmp_path / "quotes.parquet"
    frame = polars.DataFrame(
        {
            "symbol": ["AAPL"],
            "timestamp": [SECOND_NS + 7],
            "bid_price": [187.2],
            "bid_size": [300.0],
            "bid_exchange": ["Q"],
            "ask_price": [187.21],
            "ask_size": [100.0],
            "ask_exchange": ["P"],
            "conditions": [["R"]],
        }
    )
    frame.with_columns(polars.col("timestamp").cast(polars.Datetime("ns", "UTC"))).write_parquet(
        path
    )
    (source,) = open_tape(path)
    (quote,) = source
    assert isinstance(quote, Quote)
    assert (quote.time_ns, quote.bid_px, quote.ask_size) == (
        SECOND_NS + 7,
        Decimal("187.2"),
        Decimal(100),
    )
    assert (source.info.has_quotes, source.info.has_trades) == (True, False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"quotes": {"A": [changed(QUOTE, bp=None)]}}, "quotes A 1, bp: None found; right is a"),
        ({"quotes": {"A": [changed(QUOTE, bs=-1)]}}, "quotes A 1, bs: -1 found; right is 0 or"),
        (
            {"trades": {"A": [{"t": QUOTE["t"]}]}},
            "trades A 1, p: nothing found; right is a",
        ),
        ({"trades": {"A": [changed(TRADE, p=0)]}}, "trades A 1, p: 0 found; right is a price"),
        (
            {"trades": {"A": [TRADE, changed(TRADE, t="x")]}},
            "trades A 2, t: 'x' found; right is",
        ),
        ({"trades": {"A": ["x"]}}, "trades A 1: 'x' found; right is an object"),
        ({"trades": [TRADE]}, "symbol: nothing found; right is the symbol"),
        ({"fills": []}, "keys fills found; right is"),
        ([1], "list found; right is"),
        ("{", "is not sound JSON"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(TapeError, match=r"dump\.json") as caught:
        read(tmp_path, content)
    assert message in str(caught.value)


def test_a_bad_json_line_is_named(tmp_path: Path) -> None:
    lines = json.dumps({"S": "AAPL", **TRADE}) + "\n{"
    with pytest.raises(TapeError, match=r"dump\.jsonl, line 2 is not sound JSON"):
        read(tmp_path, lines, "dump.jsonl")
