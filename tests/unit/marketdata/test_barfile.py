"""One-minute bars become quotes and prints that add up to the bar again."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, groupby
from pathlib import Path

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.clock import ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Bar, MarketEvent, Quote, Trade
from floorbroker.marketdata.barfile import minute_events
from floorbroker.marketdata.bars import bars_of
from floorbroker.marketdata.detect import open_tape

MINUTE_NS = ns_of(datetime(2026, 3, 23, 13, 30, tzinfo=UTC))
HEADER = "symbol,timestamp,open,high,low,close,volume"
GOOD = "AAPL,2026-03-23T13:30:00Z,10.00,10.20,9.90,10.10,700"


def bar(open_px: str, high_px: str, low_px: str, close_px: str, volume: str = "7000") -> Bar:
    return Bar(
        symbol="AAPL",
        time_ns=MINUTE_NS,
        duration_s=60,
        open_px=Decimal(open_px),
        high_px=Decimal(high_px),
        low_px=Decimal(low_px),
        close_px=Decimal(close_px),
        volume=Decimal(volume),
    )


def events_of(minute: Bar) -> tuple[list[Quote], list[Trade]]:
    events = minute_events(minute, count(1))
    assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)
    quotes = [event for event in events if isinstance(event, Quote)]
    return quotes, [event for event in events if isinstance(event, Trade)]


def read(folder: Path, *rows: str, header: str = HEADER, choice: str = "") -> list[MarketEvent]:
    path = folder / "bars.csv"
    path.write_text("\n".join([header, *rows]))
    (source,) = open_tape(f"{path}{choice}")
    return list(source)


def rebuilt(events: list[MarketEvent], symbol: str) -> list[Bar]:
    trades = [event for event in events if isinstance(event, Trade)]
    return list(bars_of(symbol, trades))


def test_a_rising_bar_goes_down_first() -> None:
    _, trades = events_of(bar("10.00", "10.20", "9.90", "10.10"))
    assert [str(trade.px) for trade in trades] == [
        "10.00",
        "9.95",
        "9.90",
        "10.05",
        "10.20",
        "10.15",
        "10.10",
    ]


def test_a_falling_bar_goes_up_first() -> None:
    _, trades = events_of(bar("10.10", "10.20", "9.90", "10.00"))
    assert [trade.px for trade in trades][2::2] == [
        Decimal("10.20"),
        Decimal("9.90"),
        Decimal("10.00"),
    ]


@given(
    cents=st.tuples(*[st.integers(100, 200_000)] * 4),
    tenths_of_a_cent=st.integers(0, 9),
    volume=st.integers(7, 10**7),
)
def test_prints_add_up_to_their_bar_and_touch_the_quotes(
    cents: tuple[int, int, int, int], tenths_of_a_cent: int, volume: int
) -> None:
    low, first, last, high = sorted(Decimal(10 * each + tenths_of_a_cent) / 1000 for each in cents)
    for open_px, close_px in ((first, last), (last, first)):
        minute = bar(str(open_px), str(high), str(low), str(close_px), str(volume))
        quotes, trades = events_of(minute)
        (again,) = bars_of("AAPL", trades)
        for field in ("open_px", "high_px", "low_px", "close_px", "volume", "time_ns"):
            assert getattr(again, field) == getattr(minute, field)
        for quote, trade in zip(quotes, trades, strict=True):
            assert quote.bid_px < quote.ask_px
            assert quote.bid_px <= trade.px <= quote.ask_px
            is_buy = trade.aggressor == "buy"
            distance = quote.ask_px - trade.px if is_buy else trade.px - quote.bid_px
            assert distance < Decimal("0.01")


@pytest.mark.parametrize("volume", ["0", "1", "3", "6", "700", "701", "123.4567", "1E+3"])
def test_sizes_sum_exactly_to_the_volume(volume: str) -> None:
    quotes, trades = events_of(bar("10", "10.2", "9.9", "10.1", volume))
    assert sum(trade.size for trade in trades) == Decimal(volume)
    assert all(trade.size > 0 for trade in trades)
    assert len(quotes) == 7


def test_a_single_share_prints_at_the_close() -> None:
    _, (trade,) = events_of(bar("10", "10.2", "9.9", "10.1", "1"))
    assert trade.px == Decimal("10.1")


@pytest.mark.parametrize(
    ("px", "spread"), [("10", "0.01"), ("187.2", "0.04"), ("560", "0.12"), ("0.5", "0.0001")]
)
def test_the_spread_is_two_basis_points_or_a_tick(px: str, spread: str) -> None:
    quotes, _ = events_of(bar(px, px, px, px))
    assert {quote.ask_px - quote.bid_px for quote in quotes} == {Decimal(spread)}


def test_displayed_sizes_are_round_lots_from_the_volume() -> None:
    quotes, _ = events_of(bar("10", "10", "10", "10", "50000"))
    assert {(quote.bid_size, quote.ask_size) for quote in quotes} == {
        (Decimal(2500), Decimal(2500))
    }
    quotes, _ = events_of(bar("10", "10", "10", "10", "3"))
    assert {quote.bid_size for quote in quotes} == {100}


def test_a_csv_file_is_read_in_any_order_of_rows_and_columns(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "2026-03-23 13:31:00+00:00,MSFT,1,420,421,419,420.5",
        "2026-03-23T09:30:00-04:00,MSFT,500,420,421,419,420.5",
        "2026-03-23T13:30:00Z,AAPL,700,10,10.2,9.9,10.1",
        header="TS,symbol,volume,open,high,low,close",
    )
    assert [event.time_ns for event in found] == sorted(event.time_ns for event in found)
    assert [(each.volume, each.high_px) for each in rebuilt(found, "MSFT")] == [
        (Decimal(500), Decimal(421)),
        (Decimal(1), Decimal("420.5")),
    ]
    assert [each.volume for each in rebuilt(found, "AAPL")] == [700]


def test_trade_numbers_do_not_repeat(tmp_path: Path) -> None:
    later = GOOD.replace("13:30", "13:31")
    found = read(tmp_path, GOOD, GOOD.replace("AAPL", "MSFT"), later)
    ids = [event.trade_id for event in found if isinstance(event, Trade)]
    assert sorted(ids) == list(range(1, 22))


def test_symbols_and_a_day_may_be_chosen(tmp_path: Path) -> None:
    rows = [GOOD, GOOD.replace("AAPL", "MSFT"), GOOD.replace("-23T", "-24T")]
    found = read(tmp_path, *rows, choice="@AAPL:2026-03-23")
    assert {event.symbol for event in found} == {"AAPL"}
    assert [each.time_ns for each in rebuilt(found, "AAPL")] == [MINUTE_NS]
    with pytest.raises(TapeError, match=r"bars\.csv holds no bar of the chosen symbols and day"):
        read(tmp_path, *rows, choice="@AAPL:2026-03-25")


def test_parquet_prices_are_the_shortest_decimals_of_their_floats(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    moments = [datetime(2026, 3, 23, 13, 30 + minute, tzinfo=UTC) for minute in range(2)]
    polars.DataFrame(
        {
            "symbol": ["AAPL", "AAPL"],
            "ts": moments,
            "open": [258.64, 0.1],
            "high": [258.95, 0.3],
            "low": [257.455, 0.1],
            "close": [257.99, 0.3],
            "volume": [1169548, 7],
        }
    ).write_parquet(path)
    (source,) = open_tape(path)
    first, second = rebuilt(list(source), "AAPL")
    assert (str(first.high_px), str(first.low_px)) == ("258.95", "257.455")
    assert first.volume == 1169548
    assert str(second.close_px) == "0.3"


def test_a_wrong_row_of_a_chosen_symbol_is_told_with_its_number_in_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bars.parquet"
    moment = datetime(2026, 3, 23, 13, 30, tzinfo=UTC)
    columns = {name: [1.0, 1.0, 1.0] for name in ("open", "high", "close", "volume")}
    named = {"symbol": ["AAPL", "MSFT", "AAPL"], "ts": [moment, moment, moment.replace(minute=31)]}
    polars.DataFrame({**named, **columns, "low": [1.0, 0.0, 0.0]}).write_parquet(path)
    (source,) = open_tape(f"{path}@AAPL")
    assert source.info.symbols == ("AAPL",)
    with pytest.raises(TapeError, match=r"row 3, low: 0\.0 found; right is a price above 0"):
        list(source)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (GOOD.replace("10.00", "ten"), "line 3, open: 'ten' found; right is a number"),
        (GOOD.replace("10.00", "nan"), "line 3, open: 'nan' found; right is a number"),
        (GOOD.replace("9.90", "0"), "line 3, low: 0 found; right is a price above 0"),
        (
            GOOD.replace("10.10", "10.30"),
            "line 3, close: 10.30 found; right is a price from low 9.90 to high 10.20",
        ),
        (GOOD.replace("700", "-1"), "line 3, volume: -1 found; right is 0 or more"),
        (GOOD.replace("Z", ""), "line 3, timestamp: '2026-03-23T13:30:00' found; right is a time"),
        (GOOD.replace("30:00Z", "30:10Z"), "found; right is the start of a minute"),
        (GOOD.replace("13:30", "13:29"), "a second bar of AAPL at"),
        (GOOD[:30], "line 3: 3 columns found; right are 7"),
    ],
)
def test_a_bad_row_names_line_and_field(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(TapeError, match=r"bars\.csv, line \d") as caught:
        read(tmp_path, GOOD.replace("13:30", "13:29"), row)
    assert message in str(caught.value)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="columns symbol, open found, timestamp, high, low"):
        read(tmp_path, "AAPL,1", header="symbol,open")


def test_hourly_bars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="bars at least 3600 s apart found; right are one-minute"):
        read(tmp_path, GOOD, GOOD.replace("T13", "T14"))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("")
    with pytest.raises(TapeError, match=r"bars\.csv is empty"):
        open_tape(path)


def test_symbols_do_not_move_in_the_same_instant(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, GOOD.replace("AAPL", "MSFT"))
    assert all(len(list(group)) == 1 for _, group in groupby(event.time_ns for event in found))
