"""Targets from a CSV or JSON file, a data frame, rows or a mapping; checked as a whole."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any

from floorbroker.domain.errors import TargetsError
from floorbroker.pretrade.allocation.targets import Kind, Problem, Targets, refuse

#: Where a row was read, and what stands in its columns; or what is wrong there.
Row = tuple[str, dict[str, Any]] | Problem

_COMMENT = "comment"
_KINDS = {**{kind.value: kind for kind in Kind}, **{f"{kind}s": kind for kind in Kind}}
_COLUMNS = f"symbol, one of {', '.join(Kind)}, and comment if you like"
_SHAPES = (
    '[{"symbol": "AAPL", "weight": "0.5"}, ...] or {"weight": {"AAPL": "0.5", ...}}'
    " are targets as JSON"
)
_SPACE = " \t\r\n"


def read_targets(path: Path) -> Targets:
    """The targets of a .csv, .json or .jsonl file; raises TargetsError that names every line and
    field that is wrong."""
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise TargetsError(f"{path}: targets are read from {', '.join(_READERS)}")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise TargetsError(f"{path} cannot be read: {problem}") from None
    try:
        return _targets(read(text), str(path))
    except _NotJson as wrong:
        refuse(str(path), [wrong.problem])
        raise


def targets_of(table: Any, kind: Kind | str | None = None, source: str = "targets") -> Targets:
    """The targets of a pandas or polars frame, of rows (mappings), or of a mapping from symbol to
    number, for which `kind` says what the numbers are; raises TargetsError.

    Floats are taken by their shortest digits: 0.1 is a tenth.
    """
    if isinstance(table, Targets):
        return table
    if isinstance(table, Mapping):
        if kind not in tuple(Kind):
            hint = f"say what the numbers are: {', '.join(Kind)}"
            refuse(source, [Problem(field="kind", value=kind, hint=hint)])
        rows: Iterable[Row] = (
            (f"{symbol}", {"symbol": symbol, str(kind): value}) for symbol, value in table.items()
        )
    elif hasattr(table, "columns"):
        rows = _frame(table)
    else:
        rows = ((f"row {number}", dict(row)) for number, row in enumerate(table, 1))
    return _targets(rows, source)


def _frame(table: Any) -> Iterator[Row]:
    """A frame's rows by its columns: all that pandas and polars have in common."""
    names = list(table.columns)
    for number, cells in enumerate(zip(*(table[name] for name in names), strict=True), 1):
        yield f"row {number}", dict(zip(map(str, names), cells, strict=True))


def _csv(text: str) -> Iterator[Row]:
    reader = csv.reader(text.splitlines())
    header = [name.strip().lower() for name in next(reader, [])]
    for name in header:
        if not _is_column(name):
            yield _unknown(name, "line 1")
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        place = f"line {reader.line_num}"
        if len(cells) != len(header):
            hint = f"there are {len(header)} columns"
            yield Problem(field="row", value=f"{len(cells)} cells", hint=hint, place=place)
            continue
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        yield place, {name: cell for name, cell in row.items() if cell and _is_column(name)}


def _jsonl(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            scan = _Scan(line, first_line=number)
            yield from _objects([scan.value()])
            scan.ends()


def _json(text: str) -> Iterator[Row]:
    scan = _Scan(text)
    if scan.opens("["):
        yield from _objects(scan.items())
    elif scan.opens("{"):
        for place, name in scan.names():
            if name not in _KINDS or not scan.opens("{"):
                yield Problem(field="name", value=name, hint=_SHAPES, place=place)
                return
            for where, symbol in scan.names():
                yield where, {"symbol": symbol, name: scan.value()[1]}
    else:
        yield Problem(field="document", value=text[:20].strip() or "nothing", hint=_SHAPES)
        return
    scan.ends()


def _objects(found: Iterable[tuple[str, Any]]) -> Iterator[Row]:
    for place, value in found:
        if isinstance(value, dict):
            yield place, value
        else:
            hint = 'each target is an object, such as {"symbol": "AAPL", "weight": "0.5"}'
            yield Problem(field="row", value=value, hint=hint, place=place)


class _NotJson(Exception):
    """The text is no JSON; says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Scan:
    """JSON read value by value, each with the line on which it begins; raises _NotJson. A name
    that stands twice is seen twice."""

    _decoder = JSONDecoder(parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)

    def __init__(self, text: str, first_line: int = 1) -> None:
        self._text, self._at, self._first = text, 0, first_line

    def opens(self, mark: str) -> bool:
        """Whether this mark comes next; it is then behind us."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        is_there = self._text.startswith(mark, self._at)
        self._at += len(mark) if is_there else 0
        return is_there

    def value(self) -> tuple[str, Any]:
        """Whatever comes next, and its place."""
        self.opens("")
        place = self._place()
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except JSONDecodeError as problem:
            self._at = problem.pos
            raise self._wrong(problem.msg) from None
        return place, value

    def items(self) -> Iterator[tuple[str, Any]]:
        """Values with commas between them, up to the closing bracket."""
        while not self.opens("]"):
            yield self.value()
            if not self.opens(","):
                self._must("]")
                return

    def names(self) -> Iterator[tuple[str, str]]:
        """The names in an object; whoever iterates reads each one's value before going on."""
        while not self.opens("}"):
            place, name = self.value()
            self._must(":")
            yield place, str(name)
            if not self.opens(","):
                self._must("}")
                return

    def ends(self) -> None:
        self.opens("")
        if self._at < len(self._text):
            raise self._wrong("the document ended before this")

    def _must(self, mark: str) -> None:
        if not self.opens(mark):
            raise self._wrong(f"there should be a {mark}")

    def _place(self) -> str:
        return f"line {self._first + self._text.count(chr(10), 0, self._at)}"

    def _wrong(self, text: str) -> _NotJson:
        found = self._text[self._at : self._at + 12].split("\n")[0]
        value, hint = repr(found) if found else "the end", f"this is no JSON: {text}"
        return _NotJson(Problem(field="text", value=value, hint=hint, place=self._place()))


_READERS: dict[str, Callable[[str], Iterator[Row]]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
}


def _targets(rows: Iterable[Row], source: str) -> Targets:
    """Each row's symbol and number; raises TargetsError that names all that is wrong."""
    problems: list[Problem] = []
    values: dict[str, Decimal] = {}
    places: dict[str, str] = {}
    kinds: dict[Kind, str] = {}
    for row in rows:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        place, cells = row
        found = _row(place, {str(name).strip().lower(): cell for name, cell in cells.items()})
        if isinstance(found, Problem):
            problems.append(found)
            continue
        kind, symbol, value = found
        kinds.setdefault(kind, place)
        if symbol in values:
            hint = f"it stands in {places[symbol]}, too; name each symbol once"
            problems.append(Problem(field="symbol", value=symbol, hint=hint, place=place))
            continue
        values[symbol], places[symbol] = value, place
    if len(kinds) > 1:
        first, second = list(kinds)[:2]
        hint = f"{kinds[first]} has {first}; use one of them throughout"
        problems.append(Problem(field="column", value=second, hint=hint, place=kinds[second]))
    refuse(source, problems)
    kind = next(iter(kinds), Kind.WEIGHT)
    return Targets(kind=kind, values=values, source=source, places=places)


def _row(place: str, cells: dict[str, Any]) -> tuple[Kind, str, Decimal] | Problem:
    for name in cells:
        if not _is_column(name):
            return _unknown(name, place)
    symbol = str(cells.get("symbol") or "").strip().upper()
    if not symbol:
        return Problem(field="symbol", value="nothing", hint="name a ticker", place=place)
    given = [name for name in cells if name in _KINDS]
    if len(given) != 1:
        value = " and ".join(given) or "nothing"
        hint = f"give one of {', '.join(Kind)}"
        return Problem(field=symbol, value=value, hint=hint, place=place)
    (name,) = given
    number = _number(cells[name], is_weight=_KINDS[name] is Kind.WEIGHT)
    if number is None:
        hint = f"write a number for {symbol}, such as {_EXAMPLES[_KINDS[name]]}"
        value = "nothing" if cells[name] is None else cells[name]
        return Problem(field=name, value=value, hint=hint, place=place)
    return _KINDS[name], symbol, number


_EXAMPLES = {
    Kind.WEIGHT: "0.25 or 25%",
    Kind.SHARES: "100",
    Kind.NOTIONAL: "2500.00",
    Kind.SIGNAL: "1.7",
}


def _number(value: Any, *, is_weight: bool) -> Decimal | None:
    """The number, by the digits that it prints as; None if there is none."""
    if value is None or isinstance(value, bool):
        return None
    text = str(value).strip()
    is_percent = is_weight and text.endswith("%")
    try:
        number = Decimal(text.removesuffix("%").rstrip() if is_percent else text)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return number / 100 if is_percent else number


def _is_column(name: str) -> bool:
    return name in ("symbol", _COMMENT) or name in _KINDS


def _unknown(name: str, place: str) -> Problem:
    shown = name or "a column without a name"
    return Problem(field="column", value=shown, hint=f"right are {_COLUMNS}", place=place)
