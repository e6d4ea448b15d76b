"""Opens whatever market tape is at a path, and says what would be understood if nothing is.

A path is a file or a folder. What is recognised:

- `*_message_N.csv` with `*_orderbook_N.csv` beside it, or a zip of both: a LOBSTER day;
- `YYYYMMDD_trade.zip`, `YYYYMMDD_quote.zip`: LEAN ticks or minutes of the symbol that the member
  is named after. Either file brings the other one along if it lies beside it;
- `*.csv`, `*.parquet` with columns symbol, timestamp, open, high, low, close, volume: minute bars;
- `*.json`, `*.jsonl`, `*.ndjson`, `*.parquet`: trades, quotes or bars saved from Alpaca;
- a folder: everything in it and in its folders, one level deep. Of LEAN's dated files one day is
  opened: the one asked for, or the first.

After the path, `@` may choose symbols and a day: `folder@IBM,BAC:2013-10-08`, `bars.parquet@SPY`,
`tick/ibm@2013-10-08`.
"""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from floorbroker.domain.errors import TapeError
from floorbroker.marketdata import alpacadump, barfile
from floorbroker.marketdata.algoseek import MinuteDay, TickDay
from floorbroker.marketdata.lobster import FILE_NAME as LOBSTER_NAME
from floorbroker.marketdata.lobster import LobsterDay
from floorbroker.marketdata.port import NothingChosen, Selection, TapeSource, midnight_ns
from floorbroker.marketdata.rows import TextFile, read_schema, zip_members

LEAN_ZIP = re.compile(r"(?P<date>\d{8})_(?P<part>trade|quote)\.zip")
LEAN_MEMBER = re.compile(
    r"\d{8}_(?P<symbol>[a-z0-9.]+)_((trade|quote)_(?P<tick>tick)|minute_(trade|quote))\.csv",
    re.IGNORECASE,
)
JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})
UNDERSTOOD = (
    "understood are LOBSTER message and orderbook files (zip or csv), LEAN YYYYMMDD_trade.zip and "
    "YYYYMMDD_quote.zip, minute bars (csv, parquet), Alpaca trades, quotes and bars (json, jsonl, "
    "parquet), and folders of these"
)


def open_tape(path: str | Path, selection: Selection | None = None) -> list[TapeSource]:
    """The sources at a path, one a symbol and file, in a fixed order; never an empty list.

    `selection` wins over what an `@` after the path chooses. Raises TapeError where the path is
    absent, holds nothing understood or nothing of what was chosen, or is malformed in a way that
    its first look shows; what is wrong deeper inside comes up while the source is read.
    """
    place, chosen = parse_choice(str(path))
    selection = chosen if selection is None else selection
    if not place.exists():
        raise TapeError(f"{place} does not exist; a tape is a file or a folder")
    files = _files_below(place) if place.is_dir() else [place, *_partners(place)]
    sources = list(_sources(files, selection, is_folder=place.is_dir()))
    found = {symbol for source in sources for symbol in source.info.symbols}
    missing = selection.symbols - found
    if not sources and not missing:
        raise TapeError(f"{place} holds no tape{_day_text(selection)}; {UNDERSTOOD}")
    if missing:
        names = ", ".join(sorted(missing))
        raise NothingChosen(f"{place} holds nothing of {names}{_day_text(selection)}")
    return sources


def parse_choice(text: str) -> tuple[Path, Selection]:
    """A path and what `@SYMBOL,SYMBOL:YYYY-MM-DD` after it chooses; each part may be absent."""
    whole = Path(text)
    path, at, choice = text.rpartition("@")
    if not at or whole.exists():
        return whole, Selection()
    symbols, _, day = choice.rpartition(":")
    if day and not day[0].isdigit():
        symbols, day = choice, ""
    try:
        chosen_day = date.fromisoformat(day) if day else None
    except ValueError:
        raise TapeError(f"{text}: day {day} found; right is for example 2013-10-08") from None
    names = frozenset(name.strip().upper() for name in symbols.split(",") if name.strip())
    return Path(path), Selection(names, chosen_day)


def _sources(files: list[Path], selection: Selection, *, is_folder: bool) -> Iterator[TapeSource]:
    lean = [path for path in files if LEAN_ZIP.fullmatch(path.name)]
    yield from _lean_sources(lean, selection)
    for path in files:
        if path in lean:
            continue
        try:
            source = _source(path, selection, is_folder=is_folder)
        except NothingChosen:
            if not is_folder:
                raise
            continue
        if source is not None:
            yield source


def _source(path: Path, selection: Selection, *, is_folder: bool) -> TapeSource | None:
    """What one file holds; None for half of a pair that comes with the other, or what may lie
    about in a folder.
    """
    suffix = path.suffix.lower()
    lobster = LOBSTER_NAME.fullmatch(path.name)
    if suffix == ".zip":
        return _lobster_zip(path, selection)
    if lobster is not None:
        return _lobster_pair(path, selection) if lobster["part"] == "message" else None
    if suffix == ".csv":
        return barfile.read_csv(path, selection)
    if suffix == ".parquet":
        columns = {name.lower() for name in read_schema(path)}
        if {"open", "close"} <= columns:
            return barfile.read_parquet(path, selection)
        return alpacadump.read_parquet(path, selection)
    if suffix in JSON_SUFFIXES:
        return alpacadump.read_json(path, selection)
    if is_folder:
        return None
    raise TapeError(f"{path}: the format of this file is unknown; {UNDERSTOOD}")


def _lobster_zip(path: Path, selection: Selection) -> TapeSource:
    parts = {
        found["part"]: TextFile(path, member)
        for member in zip_members(path)
        if (found := LOBSTER_NAME.fullmatch(member.rpartition("/")[2]))
    }
    if len(parts) != 2:
        raise TapeError(
            f"{path} holds {', '.join(zip_members(path)) or 'nothing'}; right are a LOBSTER "
            f"message and orderbook file; {UNDERSTOOD}"
        )
    return _lobster(parts["message"], parts["orderbook"], selection)


def _lobster_pair(path: Path, selection: Selection) -> TapeSource:
    books = path.with_name(path.name.replace("_message_", "_orderbook_"))
    return _lobster(TextFile(path), TextFile(books), selection)


def _lobster(messages: TextFile, books: TextFile, selection: Selection) -> TapeSource:
    source = LobsterDay(messages, books)
    if not selection.takes(source.symbol) or selection.day not in (None, source.day):
        raise NothingChosen(f"{messages.name} holds {source.symbol} on {source.day}")
    return source


def _lean_sources(files: list[Path], selection: Selection) -> Iterator[TapeSource]:
    """A source for each symbol on the chosen day, or on the first one there is."""
    days = sorted({path.name[:8] for path in files})
    if not days:
        return
    day = days[0] if selection.day is None else selection.day.strftime("%Y%m%d")
    folders = dict.fromkeys(path.parent for path in files if path.name.startswith(day))
    if not folders:
        raise NothingChosen(f"{files[0].parent} holds no {day}; it has {', '.join(days)}")
    for folder in folders:
        parts = {
            part: _lean_member(path)
            for part in ("trade", "quote")
            if (path := folder / f"{day}_{part}.zip") in files
            and (part == "trade" or selection.quotes)
        }
        if not parts:
            continue
        member = next(iter(parts.values()))
        named = LEAN_MEMBER.fullmatch(member.file_name)
        if named is None:
            raise AssertionError(member.file_name)
        symbol = named["symbol"].upper()
        if selection.takes(symbol):
            reader = TickDay if named["tick"] else MinuteDay
            yield reader(
                symbol,
                midnight_ns(date.fromisoformat(day)),
                trades=parts.get("trade"),
                quotes=parts.get("quote"),
            )


def _lean_member(path: Path) -> TextFile:
    members = zip_members(path)
    if len(members) != 1 or LEAN_MEMBER.fullmatch(members[0]) is None:
        raise TapeError(
            f"{path} holds {', '.join(members) or 'nothing'}; right is one file such as "
            "20131008_ibm_Trade_Tick.csv or 20131008_ibm_minute_trade.csv"
        )
    return TextFile(path, members[0])


def _files_below(folder: Path) -> list[Path]:
    """Files of a folder and of the folders in it, sorted by path."""
    return sorted(path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.is_file())


def _partners(path: Path) -> list[Path]:
    """The file that lies beside this one and makes a pair with it."""
    if LEAN_ZIP.fullmatch(path.name):
        swapped = {"trade.zip": "quote.zip", "quote.zip": "trade.zip"}
        names = [path.name[:9] + swapped[path.name[9:]]]
    elif LOBSTER_NAME.fullmatch(path.name) and "_orderbook_" in path.name:
        names = [path.name.replace("_orderbook_", "_message_")]
    else:
        names = []
    return [partner for name in names if (partner := path.with_name(name)).exists()]


def _day_text(selection: Selection) -> str:
    return "" if selection.day is None else f" on {selection.day}"
