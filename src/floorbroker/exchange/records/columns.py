"""Columns: many of one kind written together, field by field; what all of them share once.

What happens at a venue is mostly alike, so that this takes a fraction of the space and time of one
after the other. A column of one value holds for all, one that is the name of another is as that
is, and each other has a value for each. Of equal amounts one may stand for all: nobody is told how
many zeros an amount ended in. It is written as MessagePack, where texts stand as they are.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from types import GenericAlias
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import astuple, fields

Kind = TypeVar("Kind", bound=Struct)
Column = list[Any]

_encode = msgspec.msgpack.Encoder().encode


class Form(Generic[Kind]):
    """How things of a kind are taken apart, and put together again."""

    def __init__(self, kind: type[Kind]) -> None:
        self.kind = kind
        self.names = [field.name for field in fields(kind)]
        columns = [
            (field.name, GenericAlias(list, field.type) | str, _column_of(field.default))
            for field in fields(kind)
        ]
        written = msgspec.defstruct(f"{kind.__name__}Columns", columns)
        self._decode = msgspec.msgpack.Decoder(written).decode

    def fold(self, things: Sequence[Kind]) -> "Columns[Kind]":
        """At least one thing; no two may be alike."""
        values: Column = []
        for row in map(astuple, things):
            values += row
        width = len(self.names)
        columns: dict[str, Column] = {}
        known: dict[int, tuple[Column, Column]] = {}  # by the first value; None says nothing
        for place, name in enumerate(self.names):
            whole = values[place::width]
            other, folded = known.get(id(whole[0]), ([], []))
            if other != whole:
                folded = _folded(whole)
                if whole[0] is not None:
                    known[id(whole[0])] = whole, folded
            columns[name] = folded
        return Columns(self.kind, columns, len(things))

    def read(self, body: bytes) -> "Columns[Kind]":
        """What `Columns.body` wrote; raises msgspec.DecodeError for anything else."""
        written = dict(zip(self.names, astuple(self._decode(body)), strict=True))
        columns = {
            name: written[column] if isinstance(column, str) else column
            for name, column in written.items()
        }
        return Columns(self.kind, columns, max(map(len, columns.values())))


class Columns(Generic[Kind]):
    """Things, taken apart."""

    def __init__(self, kind: type[Kind], columns: dict[str, Column], count: int) -> None:
        self._kind, self._columns, self._count = kind, columns, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> Column:
        """A field of all, in their order."""
        column = self._columns[name]
        return column * self._count if len(column) < self._count else column

    def values(self, name: str) -> Column:
        """The same, or the one value that all share."""
        return self._columns[name]

    def things(
        self, start: int = 0, stop: int | None = None, *, is_ascending: bool = True
    ) -> Iterator[Kind]:
        """Those with places from `start` on, before `stop`; put together as they are wanted."""
        cut = slice(start, stop)
        count = len(range(self._count)[cut])
        step = 1 if is_ascending else -1
        columns = (
            repeat(each[0], count) if len(each) < self._count else each[cut][::step]
            for each in self._columns.values()
        )
        return (self._kind(*row) for row in zip(*columns, strict=True))

    def find(self, name: str, value: str) -> Kind | None:
        """The first with that value in a field."""
        try:
            place = self[name].index(value)
        except ValueError:
            return None
        return next(self.things(place, place + 1))

    def body(self) -> bytes:
        """As bytes, to be read again."""
        written: dict[str, Column | str] = {}
        names: dict[int, str] = {}
        for name, column in self._columns.items():
            same = names.setdefault(id(column), name)
            written[name] = column if same == name else same
        return _encode(written)


def _column_of(default: Any) -> Any:
    """A column for those that were written before there was the field."""
    return NODEFAULT if default is NODEFAULT else msgspec.field(default_factory=lambda: [default])


def _folded(column: Column) -> Column:
    first = column[0]
    is_shared = column[-1] == first and column.count(first) == len(column)
    return [first] if is_shared else column
