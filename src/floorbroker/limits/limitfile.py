"""The limits of `floorbroker.toml`, read with an eye for typing mistakes: each names its line."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_type_hints

from msgspec.structs import replace

from floorbroker.domain.errors import ConfigError
from floorbroker.pretrade.risk.layers import NAMES, LimitBook
from floorbroker.pretrade.risk.limits import ABOUT, PROFILES, Limits, Profile

FILE = "floorbroker.toml"
_TYPES = get_type_hints(Limits)
_LAYERS = ("accounts", "strategies", "symbols")


def read(path: Path, profile: Profile) -> LimitBook:
    """The limits of this file on top of the profile; without a file, or a [limits] in it, those of
    the profile. Raises ConfigError that names file and line, and what would be right."""
    book = LimitBook(profile=profile, base=PROFILES[profile])
    if not path.is_file():
        return book
    text = path.read_text("utf-8")
    try:
        found = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError) as problem:
        raise ConfigError(f"{path}: {problem}") from None
    page = _Page(path, text)
    for name in found:
        if name != "limits":
            raise page.unknown((), name, ("limits",))
    return page.book(book, found.get("limits", {}))


class _Page:
    """One file, and where in it things stand."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def book(self, book: LimitBook, limits: object) -> LimitBook:
        table = self._table((), "limits", limits)
        own = {name: value for name, value in table.items() if name not in _LAYERS}
        layers = {
            layer: {
                whose: self._values(("limits", layer, whose), values)
                for whose, values in self._table(("limits",), layer, table[layer]).items()
            }
            for layer in _LAYERS
            if layer in table
        }
        base = replace(book.base, **self._values(("limits",), own))
        return replace(book, base=base, **layers)

    def _values(self, where: tuple[str, ...], values: object) -> dict[str, Any]:
        checked: dict[str, Any] = {}
        for name, value in self._table(where[:-1], where[-1], values).items():
            if name not in NAMES:
                raise self.unknown(where, name, (*NAMES, *(_LAYERS if len(where) == 1 else ())))
            checked[name] = self._value(where, name, value)
        return checked

    def _value(self, where: tuple[str, ...], name: str, value: object) -> Any:
        kind, unit = _TYPES[name], ABOUT[name].unit
        try:
            if kind is bool and isinstance(value, bool):
                return value
            if kind is int and isinstance(value, int) and not isinstance(value, bool):
                return _not_negative(value)
            if Decimal in (kind, *get_args(kind)):
                return _not_negative(_decimal(value))
            if frozenset in (getattr(one, "__origin__", None) for one in (kind, *get_args(kind))):
                return _symbols(value, is_upper=name != "regulatory")
            hint = "true or false" if kind is bool else "a whole number"
        except ValueError as problem:
            hint = str(problem)
        what = f"write {hint}" + (f", in {unit}" if unit else "")
        raise ConfigError(f"{self._place(where, name)}: {name} = {value!r} is not valid; {what}")

    def _table(self, where: tuple[str, ...], name: str, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        raise ConfigError(f"{self._place(where, name)}: {name} is a table: write [limits...]")

    def unknown(self, where: tuple[str, ...], name: str, known: tuple[str, ...]) -> ConfigError:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        table = ".".join(where) or "the file"
        return ConfigError(
            f"{self._place(where, name)}: {table} has no {name!r}; did you mean {near[0]}?"
        )

    def _place(self, where: tuple[str, ...], name: str) -> str:
        """The file and the line on which the key stands, as far as that can be told."""
        inside: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[+([^\]]+)\]", line)
            if header is not None:
                inside = tuple(part.strip(" \"'") for part in header[1].split("."))
                if inside[: len(where) + 1] == (*where, name):
                    return f"{self._path}:{number}"
            elif inside == where and re.match(rf"\s*[\"']?{re.escape(name)}\b", line):
                return f"{self._path}:{number}"
        return f"{self._path}"


def _decimal(value: object) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite():
            return number
    raise ValueError("a number")


def _not_negative(number: Any) -> Any:
    if number < 0:
        raise ValueError("a number of 0 or more")
    return number


def _symbols(value: object, *, is_upper: bool) -> frozenset[str] | None:
    """Names in a list; "all" is everything."""
    if value == "all" and is_upper:
        return None
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return frozenset(one.upper() if is_upper else one for one in value)
    raise ValueError('a list such as ["AAPL", "MSFT"]' + (', or "all"' if is_upper else ""))
