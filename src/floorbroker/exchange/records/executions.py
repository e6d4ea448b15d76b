"""Every execution of a venue, oldest first: the latest in memory, the rest put away."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import overload

from floorbroker.exchange.model import Execution
from floorbroker.exchange.records.archive import Archive, execution_number
from floorbroker.exchange.records.boxes import LAST_NUMBER, number_of

_time_ns = attrgetter("time_ns")
_END = LAST_NUMBER + 1


class Executions(Sequence[Execution]):
    """Executions by their place among all, by id, and by account.

    Each has a number, that of its identifier, which is higher than those of all before it.
    """

    def __init__(self) -> None:
        self.archive = Archive()
        self.latest: list[Execution] = []  #: In memory; `append` minds what undoes others.
        self._undone: set[str] = set()  # of those whose busts are in memory

    def __len__(self) -> int:
        return self.archive.executions_count + len(self.latest)

    @overload
    def __getitem__(self, place: int) -> Execution: ...

    @overload
    def __getitem__(self, place: slice) -> list[Execution]: ...

    def __getitem__(self, place: int | slice) -> Execution | list[Execution]:
        """Quick for those in memory; an older one is looked for from the first on."""
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        at = range(len(self))[place]
        away = self.archive.executions_count
        return self.latest[at - away] if at >= away else next(islice(self, at, None))

    def __iter__(self) -> Iterator[Execution]:
        """All; what happens while they are read is left out."""
        here = self.latest.copy()
        if self.archive.is_empty:
            return iter(here)
        last = execution_number(here[0]) - 1 if here else _END
        return self._all(here, last)

    def since(self, place: int) -> list[Execution]:
        """Those from a place on, none of which was put away."""
        first = place - self.archive.executions_count
        assert first >= 0, "what is not saved is not put away"
        return self.latest[first:]

    def of(
        self, key_id: str, first: int = 0, last: int = LAST_NUMBER, *, is_ascending: bool = True
    ) -> Iterator[Execution]:
        """The account's executions with numbers from `first` to `last`."""
        here = self._here_of(key_id, first, last)
        away = self.archive.executions(key_id, first, last, is_ascending=is_ascending)
        if is_ascending:
            yield from away
            yield from here
        else:
            yield from reversed(here)
            yield from away

    def first_at(self, key_id: str, time_ns: int) -> int:
        """A number from which on the account's executions happened at that time or later."""
        away = self.archive.executions_from(key_id, time_ns)
        if away is not None:
            return away
        place = bisect_left(self.latest, time_ns, key=_time_ns)
        return execution_number(self.latest[place]) if place < len(self.latest) else _END

    def symbols_of(self, key_id: str) -> set[str]:
        """What the account traded, and perhaps more."""
        return self.archive.symbols | {each.symbol for each in self._here_of(key_id, 0)}

    def find(self, execution_id: str) -> Execution | None:
        try:
            place = bisect_left(self.latest, number_of(execution_id), key=execution_number)
        except ValueError:
            return None  # no identifier of a venue
        if place < len(self.latest) and self.latest[place].execution_id == execution_id:
            return self.latest[place]
        return self.archive.execution(execution_id)

    def is_undone(self, execution_id: str) -> bool:
        """Whether it was busted."""
        return execution_id in self._undone or self.archive.is_undone(execution_id)

    def append(self, execution: Execution) -> None:
        self.latest.append(execution)
        if execution.previous_execution_id is not None:
            self._undone.add(execution.previous_execution_id)

    def oldest(self, count: int) -> list[Execution]:
        """The oldest in memory."""
        return self.latest[: max(count, 0)]

    def drop(self, executions: list[Execution]) -> None:
        """These, the oldest in memory, were put away."""
        del self.latest[: len(executions)]
        for each in executions if self._undone else ():
            if each.previous_execution_id is not None:
                self._undone.discard(each.previous_execution_id)

    def _all(self, here: list[Execution], last: int) -> Iterator[Execution]:
        archive = self.archive
        shelves = (archive.executions(key_id, 0, last) for key_id in archive.accounts)
        yield from heapq.merge(*shelves, key=execution_number)
        yield from here

    def _here_of(self, key_id: str, first: int, last: int = LAST_NUMBER) -> list[Execution]:
        here = self.latest
        low = bisect_left(here, first, key=execution_number) if first else 0
        high = bisect_right(here, last, key=execution_number) if last < LAST_NUMBER else len(here)
        return [each for each in here[low:high] if each.account == key_id]
