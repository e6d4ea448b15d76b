"""Orders from a file: one a line, read and checked as a whole before anything is sent."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, field

from floorbroker.cli.typed.request import SUBMITTED, SubmitOptions, as_typed, requested
from floorbroker.domain.errors import ConfigError, InvalidOrder
from floorbroker.domain.order import OrderRequest

#: A column is an option without its dashes; `class` is a word of the language.
_COLUMNS = {
    "side": "side",
    "qty": "qty",
    "symbol": "symbol",
    "class": "order_class",
    **{one.name: one.name for one in fields(SubmitOptions) if one.name not in ("wait", "file")},
}
_COLUMNS.pop("order_class")
#: When an order is placed, and what works it, where that is told.
TIME, ALGO = "time", "algo"
Told = TypeVar("Told")
_TOLD_MAX = 20
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0", "")
#: A line of the file: its number, and what stands in its columns.
Row = tuple[int, dict[str, str]]


def orders_in(path: Path) -> list[tuple[int, OrderRequest]]:
    """The orders of a .csv or .jsonl file, each with its line; raises ConfigError that names every
    line and field that is wrong."""
    return [(line, request) for line, request, _ in _read(path, "--file", _nothing_more)]


class Timed(Struct, frozen=True):
    """When an order is placed, and the words of the algorithm that works it, if one does:
    its name, and the values of `end` and of its parameters."""

    time_ns: int
    algo: str = ""
    terms: dict[str, str] = field(default_factory=dict)


def timed_orders_in(
    path: Path, moment_of: Callable[[str], int], check: Callable[[OrderRequest, Timed], Told]
) -> list[tuple[int, OrderRequest, Told]]:
    """The same of a file with a column `time`, which `moment_of` reads, and perhaps `algo`;
    `check` looks at each order with both. They raise InvalidOrder for what cannot be."""

    def more(row: dict[str, str]) -> Callable[[OrderRequest], Told]:
        time_ns = moment_of(row.pop(TIME, ""))
        timed = Timed(time_ns, *_algo(row.pop(ALGO, "")))
        return lambda request: check(request, timed)

    return _read(path, "--orders", more, (TIME, ALGO))


def _algo(text: str) -> tuple[str, dict[str, str]]:
    """`vwap end=15:55 max_rate=0.1` as the name and the rest."""
    name, *rest = text.split() or [""]
    terms = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            hint = "write its name and NAME=VALUE, such as vwap end=15:55 max_rate=0.1"
            raise InvalidOrder(ALGO, word, hint)
        terms[key] = value
    return name, terms


def _nothing_more(_row: dict[str, str]) -> Callable[[OrderRequest], None]:
    return lambda _request: None


def _read(
    path: Path,
    option: str,
    more: Callable[[dict[str, str]], Callable[[OrderRequest], Told]],
    also: tuple[str, ...] = (),
) -> list[tuple[int, OrderRequest, Told]]:
    """Each order with its line and what `more` makes of its row and of it."""
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ConfigError(f"{option}: {path} must end with {' or '.join(_READERS)}")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{option}: {path} cannot be read: {problem}") from None
    found: list[tuple[int, OrderRequest, Told]] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for line, row in _told(read(text, also), wrong):
        try:
            finish = more(row)
            request = _order(row)
            value = finish(request)
        except InvalidOrder as problem:
            wrong.append(f"line {line}: {problem}")
            continue
        first = seen.setdefault(request.cl_ord_id or f"line {line}", line)
        if first != line:
            wrong.append(f"line {line}: id: {request.cl_ord_id} stands in line {first}, too")
        found.append((line, request, value))
    if wrong:
        rest = [f"and {len(wrong) - _TOLD_MAX} more"] if len(wrong) > _TOLD_MAX else []
        lines = "\n  ".join([*wrong[:_TOLD_MAX], *rest])
        raise ConfigError(f"{path}: nothing was sent; {len(wrong)} lines are wrong\n  {lines}")
    if not found:
        raise ConfigError(f"{path}: no orders in it; a line says side, qty, symbol and prices")
    return found


def _told(rows: Iterator[Row | str], wrong: list[str]) -> Iterator[Row]:
    """The rows; what is none goes to `wrong`."""
    for row in rows:
        if isinstance(row, str):
            wrong.append(row)
        else:
            yield row


def _csv(text: str, also: tuple[str, ...]) -> Iterator[Row | str]:
    reader = csv.reader(text.splitlines())
    header = [name.strip().lower() for name in next(reader, [])]
    for name in header:
        if name not in _COLUMNS and name not in also:
            yield f"line 1: {_unknown(name)}"
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield f"line {reader.line_num}: {len(cells)} cells under {len(header)} columns"
            continue
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        yield reader.line_num, {name: cell for name, cell in row.items() if cell}


def _jsonl(text: str, _also: tuple[str, ...]) -> Iterator[Row | str]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line, parse_float=Decimal)
        except ValueError as problem:
            yield f"line {number}: this is no JSON: {problem}"
            continue
        if not isinstance(found, dict):
            yield f'line {number}: an order is an object, such as {{"side": "buy", "qty": 10}}'
            continue
        yield number, {str(key): _word(value) for key, value in found.items() if value is not None}


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_READERS: dict[str, Callable[[str, tuple[str, ...]], Iterator[Row | str]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
}


def _order(row: dict[str, str]) -> OrderRequest:
    """The order of a row; what is wrong is named by its column."""
    for name in row:
        if name not in _COLUMNS:
            raise InvalidOrder("column", name, _unknown(name))
    options: dict[str, Any] = {_COLUMNS[name]: cell for name, cell in row.items()}
    side, qty = options.pop("side", None), options.pop("qty", None)
    symbol = options.pop("symbol", None)
    for name, word in (("side", side), ("symbol", symbol)):
        if word is None:
            raise InvalidOrder(name, "nothing", "each order needs one")
    if "extended_hours" in options:
        options["extended_hours"] = _flag(options["extended_hours"])
    if (qty is None) == ("notional" not in options):
        raise InvalidOrder("qty", qty or "nothing", "give one of qty and notional")
    words = (side, symbol, None) if qty is None else (side, qty, symbol)
    with as_typed({field: _column(name) for field, name in SUBMITTED.items()}):
        return requested(words, SubmitOptions(**options))


def _column(option: str) -> str:
    return option.lstrip("-").lower().replace("-", "_")


def _flag(word: str) -> bool:
    if word.lower() not in (*_YES, *_NO):
        raise InvalidOrder("extended_hours", word, "write true or false")
    return word.lower() in _YES


def _unknown(name: str) -> str:
    return f"{name or 'a column without a name'} is no column; right are {', '.join(_COLUMNS)}"
