"""Whoever iterates over the live market: told the newest, in bounded memory, however slow."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from floorbroker.domain.errors import Refused
from floorbroker.domain.quotes import Bar, Quote

Fact = TypeVar("Fact", Quote, Bar)
#: Bars that wait for a slow reader before the oldest are lost: two hours of thirty symbols.
WAITING_MAX = 3600


class Teller(Generic[Fact]):
    """One reader. Where it `conflates`, a symbol's newer fact takes the place of one that waits;
    elsewhere all wait in order, and the oldest are lost when there are too many."""

    def __init__(self, symbols: Iterable[str], *, conflates: bool) -> None:
        self.symbols = frozenset(symbols)
        self._conflates = conflates
        self._newest: dict[str, Fact] = {}
        self._waiting: deque[Fact] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()
        self._end: str | None = None

    def put(self, fact: Fact) -> None:
        if self._conflates:
            self._newest[fact.symbol] = fact
        else:
            self._waiting.append(fact)
        self._news.set()

    def end(self, why: str) -> None:
        """Nothing more will be told."""
        self._end = why
        self._news.set()

    async def take(self) -> Fact:
        """The next fact; raises Refused at the end."""
        while not self._newest and not self._waiting:
            if self._end is not None:
                raise Refused(self._end)
            self._news.clear()
            await self._news.wait()
        if self._waiting:
            return self._waiting.popleft()
        return self._newest.pop(next(iter(self._newest)))
