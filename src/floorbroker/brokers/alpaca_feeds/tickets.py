"""What is wanted of a feed, what it has confirmed, and the changes that wait for their turn."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from floorbroker.brokers.feed import FeedRefused, Item


class Refusal(Protocol):
    """Why the other side will not."""

    code: int
    msg: str


class Ticket:
    """One change: items to be told from now on, or no more; `asker` waits for its outcome."""

    def __init__(
        self, items: Iterable[Item], *, is_wish: bool, asker: "asyncio.Future[None] | None" = None
    ) -> None:
        self.items = list(items)
        self.is_wish = is_wish
        self.asker = asker
        self.is_new = is_wish  #: Nothing is known of these yet.

    @property
    def symbols(self) -> list[str]:
        return sorted({symbol for _, symbol in self.items})

    def halves(self) -> "tuple[Ticket, Ticket]":
        middle = (len(self.items) + 1) // 2
        first, second = self.items[:middle], self.items[middle:]
        return Ticket(first, is_wish=self.is_wish), Ticket(second, is_wish=self.is_wish)


class Subscriptions:
    """`wanted` is kept in the order of the wishes; `present` is what the feed has confirmed."""

    def __init__(self) -> None:
        self.wanted: dict[Item, None] = {}
        self.present: set[Item] = set()
        self._is_up = False
        self._refused: dict[Item, str] = {}
        self._waiting: deque[Ticket] = deque()
        self._news = asyncio.Event()

    async def want(self, items: Iterable[Item]) -> None:
        """Raises FeedRefused; without a connection it is asked for later."""
        new = [item for item in dict.fromkeys(items) if item not in self.wanted]
        self.wanted.update(dict.fromkeys(new))
        if new:
            await self._queue(new, is_wish=True)

    async def want_no_more(self, items: Iterable[Item]) -> None:
        gone = [item for item in items if item in self.wanted]
        for item in gone:
            del self.wanted[item]
            self._refused.pop(item, None)
        if gone:
            await self._queue(gone, is_wish=False)

    async def again(self) -> None:
        """Say what is told already once more: that must be answered."""
        await self._queue(sorted(self.present), is_wish=True, is_new=False)

    def first(self) -> Ticket:
        """Everything that is wanted, for a new connection; later changes come as tickets."""
        self._is_up = True
        self._refused.clear()
        return Ticket(self.wanted, is_wish=True)

    async def next(self) -> Ticket:
        """The next change; it waits until it is settled."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting[0]

    def settle(self, ticket: Ticket, refusal: Refusal | None) -> None:
        """The other side has answered."""
        if self._waiting and self._waiting[0] is ticket:
            self._waiting.popleft()
        if refusal is not None:
            self._refuse(ticket, refusal)
        if ticket.asker is not None and not ticket.asker.done():
            ticket.asker.set_result(None)

    def lose(self) -> None:
        """The connection is lost: whoever waits need not, all is asked for with the next one."""
        self._is_up = False
        self.present = set()
        while self._waiting:
            self.settle(self._waiting[0], None)

    def refused_text(self) -> str:
        """What is wanted and not told, and why."""
        if not self._refused:
            return ""
        (_, first), why = next(iter(self._refused.items()))
        more = len({symbol for _, symbol in self._refused} - {first})
        return f"not told: {first}{f' and {more} more' if more else ''}, {why}"

    def _refuse(self, ticket: Ticket, refusal: Refusal) -> None:
        why = f"{refusal.msg} ({refusal.code})"
        if ticket.asker is None:
            self._refused.update(dict.fromkeys(ticket.items, why))
            return
        for item in ticket.items:
            if item not in self.present:
                self.wanted.pop(item, None)
        if not ticket.asker.done():
            text = f"the feed does not tell {', '.join(ticket.symbols)}: {why}"
            ticket.asker.set_exception(FeedRefused(text, refusal.code, ticket.items))

    async def _queue(self, items: list[Item], *, is_wish: bool, is_new: bool = True) -> None:
        if not self._is_up:
            return
        asker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = Ticket(items, is_wish=is_wish, asker=asker)
        ticket.is_new = is_wish and is_new
        self._waiting.append(ticket)
        self._news.set()
        await asker
