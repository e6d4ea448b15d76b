"""Whatever tape lies at a path is recognised, or the answer says what would be."""

import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from floorbroker.domain.errors import TapeError
from floorbroker.marketdata.detect import open_tape, parse_choice
from floorbroker.marketdata.port import NothingChosen, Selection
from tests.unit.marketdata.lean_zip import write_lean

LOBSTER = "{symbol}_2012-06-21_34200000_57600000_{part}_1.csv"
MESSAGE, BOOK = "34200.1,1,7,50,1000000,1", "1000200,100,1000000,50"
TRADE, QUOTE = "34200000,1803100,200,N,1,0", "34200000,1803100,200,0,0,N,1,0"
BARS = "symbol,ts,open,high,low,close,volume\nSPY,2026-03-23T13:30:00Z,1,1,1,1,1\n"


def write_lobster(folder: Path, symbol: str = "XYZ") -> Path:
    for part, line in (("message", MESSAGE), ("orderbook", BOOK)):
        (folder / LOBSTER.format(symbol=symbol, part=part)).write_text(line)
    return folder / LOBSTER.format(symbol=symbol, part="message")


def symbols_at(path: Path | str, selection: Selection | None = None) -> list[tuple[str, str]]:
    return [
        (source.info.kind, symbol)
        for source in open_tape(path, selection)
        for symbol in source.info.symbols
    ]


@pytest.fixture
def lean(tmp_path: Path) -> Path:
    """Two symbols' ticks of 2013-10-08."""
    for symbol in ("bac", "ibm"):
        (tmp_path / symbol).mkdir()
        write_lean(tmp_path / symbol, "trade", [TRADE])
        write_lean(tmp_path / symbol, "quote", [QUOTE])
    return tmp_path


@pytest.mark.parametrize("part", ["message", "orderbook"])
def test_either_lobster_file_brings_the_other(tmp_path: Path, part: str) -> None:
    path = write_lobster(tmp_path)
    assert symbols_at(str(path).replace("message", part)) == [("lobster", "XYZ")]


def test_a_lobster_file_alone_is_refused(tmp_path: Path) -> None:
    path = write_lobster(tmp_path)
    (tmp_path / LOBSTER.format(symbol="XYZ", part="orderbook")).unlink()
    with pytest.raises(TapeError, match=r"orderbook_1\.csv does not exist"):
        list(open_tape(path)[0])


def test_a_lobster_zip_holds_the_pair(tmp_path: Path) -> None:
    path = tmp_path / "sample.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(LOBSTER.format(symbol="XYZ", part="message"), MESSAGE)
        archive.writestr("ReadMe.txt", "hello")
        archive.writestr(LOBSTER.format(symbol="XYZ", part="orderbook"), BOOK)
    (source,) = open_tape(path)
    assert source.info.kind == "lobster"
    assert len(list(source)) == 1


def test_a_zip_without_the_right_members_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "sample.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ReadMe.txt", "hello")
    with pytest.raises(TapeError, match=r"holds ReadMe\.txt; right are a LOBSTER message"):
        open_tape(path)
    lean_path = tmp_path / "20131008_trade.zip"
    path.rename(lean_path)
    with pytest.raises(TapeError, match=r"holds ReadMe\.txt; right is one file such as"):
        open_tape(lean_path)


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample.zip"
    path.write_text("not a zip")
    with pytest.raises(TapeError, match="is not a sound zip file"):
        open_tape(path)


@pytest.mark.parametrize("part", ["trade", "quote"])
def test_trades_and_quotes_of_a_lean_day_come_together(lean: Path, part: str) -> None:
    (source,) = open_tape(lean / "ibm" / f"20131008_{part}.zip")
    assert (source.info.has_trades, source.info.has_quotes) == (True, True)
    assert source.info.symbols == ("IBM",)


def test_a_folder_of_folders_opens_every_symbol(lean: Path) -> None:
    assert symbols_at(lean) == [("lean tick", "BAC"), ("lean tick", "IBM")]
    assert symbols_at(f"{lean}@IBM") == [("lean tick", "IBM")]


def test_a_folder_opens_its_first_day_unless_one_is_chosen(lean: Path) -> None:
    for part in ("trade", "quote"):
        earlier = lean / "ibm" / f"20131008_{part}.zip"
        (lean / "ibm" / f"20131007_{part}.zip").write_bytes(earlier.read_bytes())
    (source,) = open_tape(lean / "ibm")
    assert "20131007_trade.zip" in source.info.name
    (source,) = open_tape(f"{lean / 'ibm'}@2013-10-08")
    assert "20131008_trade.zip" in source.info.name
    with pytest.raises(NothingChosen, match="no 20131009; it has 20131007, 20131008"):
        open_tape(f"{lean / 'ibm'}@2013-10-09")


def test_a_folder_may_mix_formats_and_hold_other_files(tmp_path: Path) -> None:
    write_lobster(tmp_path)
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "README.md").write_text("notes")
    assert symbols_at(tmp_path) == [("lobster", "XYZ"), ("bars", "SPY")]
    assert symbols_at(f"{tmp_path}@SPY") == [("bars", "SPY")]
    assert symbols_at(tmp_path, Selection(frozenset({"XYZ"}))) == [("lobster", "XYZ")]


def test_a_symbol_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_lobster(tmp_path)
    with pytest.raises(NothingChosen, match="holds nothing of ABC, DEF on 2012-06-21"):
        open_tape(f"{tmp_path}@XYZ,ABC,DEF:2012-06-21")


def test_an_absent_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="nowhere does not exist; a tape is a file or a folder"):
        open_tape(tmp_path / "nowhere")


def test_an_unknown_format_lists_what_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(TapeError, match=r"unknown; understood are LOBSTER .* LEAN .* minute bars"):
        open_tape(path)
    with pytest.raises(TapeError, match="holds no tape; understood are"):
        open_tape(tmp_path)


@pytest.mark.parametrize("name", ["bars.csv", "dump.json"])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TapeError, match="is not a text file"):
        open_tape(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    path.write_text("hello")
    with pytest.raises(TapeError, match="is not a sound Parquet file"):
        open_tape(path)


@pytest.mark.parametrize(
    ("text", "path", "symbols", "day"),
    [
        ("tape.csv", "tape.csv", (), None),
        ("tape.csv@SPY", "tape.csv", ("SPY",), None),
        ("tape.csv@spy, AAPL:2026-03-23", "tape.csv", ("SPY", "AAPL"), date(2026, 3, 23)),
        ("a/b@c/tape.csv@:2026-03-23", "a/b@c/tape.csv", (), date(2026, 3, 23)),
        ("tick/ibm@2013-10-08", "tick/ibm", (), date(2013, 10, 8)),
        ("coins@BTC/USD:2026-03-23", "coins", ("BTC/USD",), date(2026, 3, 23)),
    ],
)
def test_symbols_and_a_day_follow_the_path(
    text: str, path: str, symbols: tuple[str, ...], day: date | None
) -> None:
    assert parse_choice(text) == (Path(path), Selection(frozenset(symbols), day))


def test_an_impossible_day_is_refused() -> None:
    with pytest.raises(TapeError, match="day 2026-02-30 found; right is for example 2013-10-08"):
        parse_choice("tape.csv@SPY:2026-02-30")


def test_a_path_with_an_at_sign_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "me@home"
    folder.mkdir()
    assert parse_choice(str(folder)) == (folder, Selection())


def test_opening_text_tapes_does_not_import_polars() -> None:
    code = "import sys, floorbroker.marketdata.detect; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
