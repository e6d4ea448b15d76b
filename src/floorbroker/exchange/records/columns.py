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
    """How things of a kind are taken apart, and put together again.

    Their first field tells them from each other.
    """

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
        """At least one thing."""
        values: Column = []
        for row in map(astuple, things):
            values += row
        count, width = len(things), len(self.names)
        columns: dict[str, Column | str] = {}
        known: dict[int, str] = {}  # names of columns by what they begin with
        for place, name in enumerate(self.names):
            column = values[place::width]
            first = column[0]
            columns[name] = column
            if column[-1] == first and column.count(first) == count:
                columns[name] = [first]
            elif first is not None:  # which fields of several types begin with
                same = known.setdefault(id(first), name)
                if same != name and columns[same] == column:
                    columns[name] = same
        return Columns(self.kind, columns, count)

    def fold_by(self, name: str, things: Sequence[Kind]) -> "list[Columns[Kind]]":
        """The same apart for each value of a field; mostly there is one."""
        whole = [self.fold(things)] if things else []
        if not whole or len(whole[0].values(name)) == 1:
            return whole
        parts: dict[Any, list[Kind]] = {}
        for value, thing in zip(whole[0][name], things, strict=True):
            parts.setdefault(value, []).append(thing)
        return [self.fold(part) for part in parts.values()]

    def read(self, body: bytes) -> "Columns[Kind]":
        """What `Columns.body` wrote; raises msgspec.DecodeError for anything else."""
        written = astuple(self._decode(body))
        columns = dict(zip(self.names, written, strict=True))
        return Columns(self.kind, columns, len(written[0]))


class Columns(Generic[Kind]):
    """Things, taken apart."""

    def __init__(self, kind: type[Kind], columns: dict[str, Column | str], count: int) -> None:
        self._kind, self._columns, self._count = kind, columns, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> Column:
        """A field of all, in their order."""
        column = self.values(name)
        return column * self._count if len(column) < self._count else column

    def values(self, name: str) -> Column:
        """The same, or the one value that all share."""
        column = self._columns[name]
        return self.values(column) if isinstance(column, str) else column

    def body(self) -> bytes:
        """As bytes, to be read again."""
        return _encode(self._columns)

    def things(
        self, start: int = 0, stop: int | None = None, *, is_ascending: bool = True
    ) -> Iterator[Kind]:
        """Those with places from `start` on, before `stop`; put together as they are wanted."""
        cut = slice(start, stop)
        count = len(range(self._count)[cut])
        step = 1 if is_ascending else -1
        columns = (
            repeat(each[0], count) if len(each) < self._count else each[cut][::step]
            for each in map(self.values, self._columns)
        )
        return (self._kind(*row) for row in zip(*columns, strict=True))

    def find(self, name: str, value: str) -> Kind | None:
        """The first with that value in a field."""
        try:
            place = self[name].index(value)
        except ValueError:
            return None
        return next(self.things(place, place + 1))


def _column_of(default: Any) -> Any:
    """A column for those that were written before there was the field."""
    return NODEFAULT if default is NODEFAULT else msgspec.field(default_factory=lambda: [default])
