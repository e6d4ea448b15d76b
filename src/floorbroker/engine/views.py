"""What others may see: committed orders and positions, those who wait for them, subscribers."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from msgspec.structs import replace

from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import ExecutionReport, JournalMessage
from floorbroker.domain.order import Order
from floorbroker.domain.position import Position
from floorbroker.engine.book import legs, news
from floorbroker.engine.book.book import Book, base_id, lineage_of
from floorbroker.engine.settings import Update
from floorbroker.journal.port import JournalReader

Until = Callable[[Order], bool]


def has_ended(order: Order) -> bool:
    """The usual end of waiting."""
    return order.is_ended


class Views:
    """Follows the book, one committed batch behind."""

    def __init__(self, *, recent_max: int, subscriber_max: int) -> None:
        self.orders: dict[ClOrdID, Order] = {}
        self.positions: dict[str, Position] = {}
        # Emptied from the front, which a plain dict searches for longer and longer.
        self._recent: OrderedDict[ClOrdID, Order] = OrderedDict()
        self._recent_ids: dict[OrderID, ClOrdID] = {}
        self._recent_max = recent_max
        #: Whether every order that ended is at hand.
        self.has_all = True
        self._subscriber_max = subscriber_max
        self._waiters: dict[ClOrdID, list[tuple[Until, asyncio.Future[Order]]]] = {}
        self._subscribers: dict[int, Subscription] = {}
        self._next_subscriber = 0
        #: Called with the messages of every batch once it is durable.
        self.on_durable: Callable[[Iterable[JournalMessage]], None] = _nobody

    def show(self, book: Book) -> None:
        """Everything as it stands, after a replay."""
        self.orders = {**book.orders, **book.external}
        self.positions = dict(book.positions)

    def recent(self, cl_ord_id: ClOrdID) -> Order | None:
        """A recently ended order, without asking the journal."""
        return self._recent.get(cl_ord_id)

    def lately(self) -> list[Order]:
        """Orders that live, behind those that ended lately."""
        return [*self._recent.values(), *self.orders.values()]

    def recent_by_order_id(self, order_id: OrderID) -> Order | None:
        cl_ord_id = self._recent_ids.get(order_id)
        return None if cl_ord_id is None else self._recent.get(cl_ord_id)

    def recall(self, ended: Iterator[list[Order]]) -> None:
        """Keep those at hand that ended last, one page of the journal's."""
        for order in reversed(next(ended, [])):
            self.remember(order)
        self.has_all = next(ended, None) is None

    def remember(self, order: Order) -> None:
        """Keep an ended order at hand; the oldest one makes room."""
        self._recent[order.cl_ord_id] = order
        for order_id in lineage_of(order):
            self._recent_ids[order_id] = order.cl_ord_id
        if len(self._recent) > self._recent_max:
            self._forget(next(iter(self._recent)))
            self.has_all = False

    def _forget(self, cl_ord_id: ClOrdID) -> None:
        order = self._recent.pop(cl_ord_id, None)
        if order is not None:
            for order_id in lineage_of(order):
                self._recent_ids.pop(order_id, None)

    def publish(self, book: Book, batch: list[tuple[JournalMessage, Order | None]]) -> None:
        """The batch is durable: show what it changed, then tell those who wait."""
        orders, ended, recent = self.orders, book.ended, self._recent
        for old, name in book.renamed.items():
            orders.pop(old, None)
            self._forget(old)
            self._waiters.setdefault(name, []).extend(self._waiters.pop(old, ()))
        for cl_ord_id, order in book.changed.items():
            if cl_ord_id in ended:
                orders.pop(cl_ord_id, None)
                self.remember(order)
            else:
                orders[cl_ord_id] = order
                if cl_ord_id in recent:
                    self._forget(cl_ord_id)
        for symbol in book.changed_symbols:
            self.positions[symbol] = book.positions[symbol]
        self.on_durable(message for message, _ in batch)
        if self._waiters:
            for cl_ord_id, order in book.changed.items():
                if cl_ord_id in self._waiters:
                    self._answer(cl_ord_id, order)
        if self._subscribers:
            self._tell(batch)

    def when(self, cl_ord_id: ClOrdID, until: Until, future: "asyncio.Future[Order]") -> None:
        """Resolve the future with the order at the first commit that makes `until` true."""
        self._waiters.setdefault(cl_ord_id, []).append((until, future))

    def _answer(self, cl_ord_id: ClOrdID, order: Order) -> None:
        waiting = []
        for until, future in self._waiters.pop(cl_ord_id):
            if future.done():
                continue  # the caller was cancelled; the order was not
            if until(order):
                future.set_result(order)
            else:
                waiting.append((until, future))
        if waiting:
            self._waiters[cl_ord_id] = waiting

    def _tell(self, batch: list[tuple[JournalMessage, Order | None]]) -> None:
        for message, order in batch:
            if order is not None:
                update = Update(order=order, message=message)
                for subscription in self._subscribers.values():
                    subscription.put(update)

    def subscribe(self, size_max: int) -> int:
        """Begin to collect updates; returns the number to give up later."""
        self._next_subscriber += 1
        self._subscribers[self._next_subscriber] = Subscription(size_max)
        return self._next_subscriber

    def unsubscribe(self, number: int) -> list[Update]:
        """Stop collecting; returns what was not taken."""
        return list(self._subscribers.pop(number).waiting)

    async def updates(self) -> AsyncIterator[Update]:
        """Every update from now on; see `Subscription` for what happens to the slow."""
        number = self.subscribe(self._subscriber_max)
        subscription = self._subscribers[number]
        try:
            while (update := await subscription.take()) is not None:
                yield update
        finally:
            self.unsubscribe(number)

    def fail(self, problem: BaseException) -> None:
        """Nobody will be answered any more."""
        waiters, self._waiters = self._waiters, {}
        for waiting in waiters.values():
            for _, future in waiting:
                if not future.done():
                    future.set_exception(problem)
        for subscription in self._subscribers.values():
            subscription.end()


def _nobody(_: Iterable[JournalMessage]) -> None:
    """Nobody listens."""


class Finder:
    """Finds the order that a report is about: live, just ended, or filed in the journal."""

    def __init__(self, views: Views, journal: JournalReader) -> None:
        self._views = views
        self._journal = journal

    def about(self, book: Book, found: ExecutionReport) -> Order | None:
        return (
            news.subject(book, found)
            or self.filed(book, book.ended_legs.get(found.order_id))
            or self.filed(book, found.cl_ord_id)
            or self._recent(book, found.order_id)
            or self._filed_base(book, found)
        )

    def named(self, book: Book, cl_ord_id: ClOrdID) -> Order | None:
        """The order of this id, live or ended."""
        return book.find(cl_ord_id) or self.filed(book, cl_ord_id)

    def untangled(
        self, book: Book, about: Order | None, found: ExecutionReport
    ) -> ExecutionReport:
        """The report without its successor, if that is known as an order by itself already: on a
        journal that is behind its broker the one may be heard of before the other."""
        successor = found.next_order_id
        if not successor or (about is not None and not about.is_external):
            return found
        other = book.find_by_order_id(successor) or self._recent(book, successor)
        if other is None or (about is not None and other.cl_ord_id == about.cl_ord_id):
            return found
        return replace(found, next_order_id=None)

    def parent_of(self, book: Book, found: ExecutionReport) -> Order | None:
        """The order whose leg the report is about, if the leg is not ours yet."""
        name = found.parent
        if not name:
            return None
        parent = self.named(book, name) or self._base(book, name)
        cl_ord_id = None if parent is None else legs.id_of(parent, found)
        if cl_ord_id is None or self.named(book, cl_ord_id) is not None:
            return None
        return parent

    def _base(self, book: Book, name: ClOrdID) -> Order | None:
        """The order that goes by a successor's name."""
        base = base_id(name)
        order = self.named(book, base) if base else None
        return order if order is not None and order.replaces_asked else None

    def filed(self, book: Book, cl_ord_id: ClOrdID | None) -> Order | None:
        """The ended order of this id."""
        if not cl_ord_id:
            return None
        return (
            book.ended.get(cl_ord_id)
            or self._views.recent(cl_ord_id)
            or self._journal.ended_order(cl_ord_id)
        )

    def _recent(self, book: Book, order_id: OrderID) -> Order | None:
        """The order that ended lately, as this batch has left it: views are a batch behind."""
        for just_ended in book.ended.values():
            if order_id in lineage_of(just_ended):
                return just_ended
        order = self._views.recent_by_order_id(order_id)
        return None if order is None else book.ended.get(order.cl_ord_id, order)

    def _filed_base(self, book: Book, found: ExecutionReport) -> Order | None:
        """A successor's client order id leads to its order, which may have ended. On a journal
        that is behind its broker nobody asked for it; its executions may be known."""
        order = self.filed(book, base_id(found.cl_ord_id))
        if order is None or order.replaces_asked:
            return order
        return order if any(fill.order_id == found.order_id for fill in order.fills) else None


class Subscription:
    """A bounded queue of updates. A subscriber that is too slow loses the oldest ones, and the
    next update that it takes says how many."""

    def __init__(self, size_max: int) -> None:
        self.waiting: deque[Update] = deque()
        self._size_max = size_max
        self._skipped = 0
        self._news = asyncio.Event()
        self._has_ended = False

    def put(self, update: Update) -> None:
        if len(self.waiting) >= self._size_max:
            self.waiting.popleft()
            self._skipped += 1
        self.waiting.append(update)
        self._news.set()

    def end(self) -> None:
        self._has_ended = True
        self._news.set()

    async def take(self) -> Update | None:
        """The next update, or None after the end."""
        while not self.waiting:
            if self._has_ended:
                return None
            self._news.clear()
            await self._news.wait()
        update = self.waiting.popleft()
        if self._skipped:
            update = replace(update, skipped=self._skipped)
            self._skipped = 0
        return update
