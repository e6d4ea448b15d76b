"""Every switch of an exchange in one TOML file: those of the venue, of its fills, of its door."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from floorbroker.domain.errors import ConfigError
from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.rules import VenueRules

#: The tables of the file, and what each of them sets.
TABLES: Mapping[str, type[Struct]] = {
    "venue": VenueRules,
    "fills": FillRules,
    "front": FrontRules,
}
_WORDS = {bool: "true or false", int: "a whole number", str: "text", Decimal: "a number"}
_KEYS = 'a table of secrets by key id, such as keys = {PK1 = "secret"}'


class Switches(Struct, frozen=True, kw_only=True):
    """What an exchange is told beside its market; what is left out is as it is by default."""

    venue: VenueRules = VenueRules()
    fills: FillRules = FillRules()
    front: FrontRules = FrontRules()


def parse_switches(text: str, source: str = "rules") -> Switches:
    """Read the tables `venue`, `fills` and `front`.

    Raises ConfigError naming the source, the switch, what was found and what would be right.
    """
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: is not TOML: {error}") from None
    return switches_of(document, source)


def switches_of(document: Mapping[str, object], source: str = "rules") -> Switches:
    """The same from tables that are read already."""
    for name in document:
        if name not in TABLES:
            raise ConfigError(f"{source}: {_astray(name, document[name])}")
    tables = {name: _rules(TABLES[name], table, source, name) for name, table in document.items()}
    return Switches(**tables)


def _astray(name: str, value: object) -> str:
    """What is said of a name that is no table: a switch may have lost its own."""
    owners = [table for table, rules in TABLES.items() if name in _types(rules)]
    if owners and not isinstance(value, dict):
        return f"{name}: belongs under [{owners[0]}]"
    return f"no table [{name}]; {_nearest(name, TABLES)}"


def _rules(kind: type[Struct], table: object, source: str, name: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(f"{source}: {name} must be a table; write [{name}] on a line of its own")
    known = _types(kind)
    for key, value in table.items():
        where = f"{source}: {name}.{key}"
        if key not in known:
            raise ConfigError(f"{where}: no such switch; {_nearest(key, known)}")
        if not _is_of(value, known[key]):
            wanted = _WORDS.get(known[key], _KEYS)
            raise ConfigError(f"{where}: {_shown(value)} must be {wanted}")
    try:
        return kind(**table)
    except ValueError as error:
        raise ConfigError(f"{source}: {name}.{error}") from None


def _types(kind: type[Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in fields(kind)}


def _is_of(value: object, kind: Any) -> bool:
    if kind is Decimal:
        return type(value) is int or (isinstance(value, Decimal) and value.is_finite())
    if kind in _WORDS:
        return type(value) is kind
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _shown(value: object) -> str:
    return f"{value}" if isinstance(value, Decimal) else repr(value)


def _nearest(word: str, words: Iterable[str]) -> str:
    return f"did you mean {difflib.get_close_matches(word, list(words), n=1, cutoff=0)[0]}?"
