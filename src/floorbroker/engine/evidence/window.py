"""How those who ask the broker see the engine: committed state, and the way into the inbox."""

import asyncio
from copy import copy
from datetime import datetime
from typing import Any

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.lifecycle import IN_DOUBT
from floorbroker.domain.messages import ExecutionReport, JournalMessage, Reconciliation
from floorbroker.domain.order import Order
from floorbroker.domain.position import Position
from floorbroker.engine.book.book import Phase
from floorbroker.engine.book.cash import CashBook
from floorbroker.engine.compare.approve import Approve
from floorbroker.engine.decide import GHOST
from floorbroker.engine.evidence.link import Link
from floorbroker.engine.evidence.resolve import Resolver
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.state import State
from floorbroker.engine.views import Finder, Views

#: Ended orders that are read at a time, some 4 ms, before others have their turn.
_PAGE = 500


def _is_news(order: Order, since: datetime) -> bool:
    return (order.updated_time or order.created_time) >= since


def _traded_since(order: Order, since: datetime) -> bool:
    return any(fill.transact_time >= since for fill in order.fills)


class Window:
    """The world of the resolver, the surveyor and the reconciler; see each one's `World`."""

    def __init__(self, state: State, views: Views, finder: Finder, inbox: Inbox) -> None:
        self.link: Link
        self.resolver: Resolver
        self._state = state
        self._views = views
        self._finder = finder
        self._inbox = inbox

    def order(self, cl_ord_id: ClOrdID) -> Order | None:
        return self._views.orders.get(cl_ord_id) or self._finder.filed(self._state.book, cl_ord_id)

    def orders(self) -> list[Order]:
        return list(self._views.orders.values())

    def positions(self) -> dict[str, Position]:
        return self._views.positions

    def about(self, found: ExecutionReport) -> Order | None:
        """The order as it is published, which a report is about."""
        order = self._finder.about(self._state.book, found)
        return None if order is None else self._views.orders.get(order.cl_ord_id, order)

    def open_replace(self, cl_ord_id: ClOrdID) -> str | None:
        asked = self._state.book.replaces.get(cl_ord_id)
        is_open = asked is not None and asked.phase is Phase.UNANSWERED
        return asked.change.wire_id if is_open and asked and asked.change else None

    def is_identifying(self, found: ExecutionReport) -> bool:
        return self.resolver.is_identifying(found)

    def is_whole(self) -> bool:
        return self.link.is_whole

    def has_doubts(self) -> bool:
        """Whether an order of ours may be at the broker without our knowing."""
        orders = self._views.orders.values()
        unheard = any(order.venue_status in IN_DOUBT for order in orders)
        return unheard or any(name.startswith(GHOST) for name in self._state.timers)

    def is_explained(self, symbol: str) -> bool:
        """Whether the last comparison left no difference in this symbol's position open."""
        compared = self._state.reconciliation
        return compared is None or all(one.subject != symbol for one in compared.open_breaks)

    def since(self) -> datetime | None:
        return self.link.since()

    def long_since(self) -> datetime | None:
        return self.link.long_since()

    def whole_until(self) -> datetime | None:
        return self.link.whole_until()

    def safe_time(self) -> datetime | None:
        return self._state.safe_time

    def adopted_time(self) -> datetime | None:
        return self._state.adopted_time

    def last(self) -> Reconciliation | None:
        """The last comparison, approvals since then carried out."""
        return self._state.reconciliation

    def cash_book(self) -> CashBook:
        book = copy(self._state.book.cash)
        book.early = [*book.early]
        return book

    def strangers(self) -> list[Order]:
        return [order for order in self._views.lately() if order.is_external]

    async def traded(self, since: datetime) -> list[Order]:
        """Those at hand, and those behind them in the journal: orders are filed as they end, so
        a page of which nothing was heard since ends it."""
        found = {one.cl_ord_id: one for one in self._views.lately()}
        if not self._views.has_all:
            for page in self._inbox.journal.ended_lately(_PAGE):
                found = {**{one.cl_ord_id: one for one in reversed(page)}, **found}
                if not any(_is_news(one, since) for one in page):
                    break
                await self._inbox.clock.sleep(0)
            found |= {one.cl_ord_id: one for one in self._views.lately()}  # while we read
        return [one for one in found.values() if not one.is_ended or _traded_since(one, since)]

    def approve(self, command: Approve) -> "asyncio.Future[None]":
        return self._inbox.ask(command)

    def deliver(self, found: Any) -> None:
        self._inbox.post(found)

    def fail(self, defect: BaseException) -> None:
        self._inbox.fail(defect)

    async def record(self, messages: tuple[JournalMessage, ...]) -> None:
        await self._inbox.record(messages)

    async def settled(self) -> None:
        """Return once everything delivered so far, and what it led to, is in the book."""
        await self._inbox.record(())
        await self.resolver.fetched()
        await self._inbox.record(())
