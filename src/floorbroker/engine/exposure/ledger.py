"""Keeps reserve and tally in step with the book: one call for each message that was applied."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from floorbroker.domain.messages import (
    DeskOpened,
    ExecutionReport,
    JournalMessage,
    LegAdopted,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    PositionAdjusted,
    RequestSent,
)
from floorbroker.domain.order import Order
from floorbroker.engine.book.book import Book
from floorbroker.engine.exposure.reserve import Reserve
from floorbroker.engine.exposure.tally import Tally, micros


class Ledger:
    """What orders reserve, and what was done lately."""

    def __init__(self) -> None:
        self.reserve = Reserve()
        self.tally = Tally()
        self._takers: dict[type, Callable[[Book, Any, Order], None]] = {
            NewOrderSingle: self._ordered,
            RequestSent: lambda _, message, __: self.tally.sent(message),
            OrderCancelRequest: lambda _, message, __: self.tally.asked(message),
            ExecutionReport: self._reported,
            OrderCancelReplaceRequest: self._replaced,
            LegAdopted: self._adopted,
        }

    def __eq__(self, other: object) -> bool:
        """Whether it says the same, however it came to it."""
        if not isinstance(other, Ledger):
            return False
        return (self.reserve, self.tally) == (other.reserve, other.tally)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def restore(self, book: Book, tally: Tally) -> None:
        """As a snapshot had it; holds follow from the book."""
        self.tally = tally
        self.reserve.restore(book)

    def take(self, book: Book, message: JournalMessage, order: Order | None) -> None:
        """The message was applied; `order` is the one that it is about, as it stands after."""
        if order is None:
            if isinstance(message, DeskOpened):
                self.tally.opened(message)
            elif isinstance(message, PositionAdjusted):
                self._revalue(book, message.symbol)
            return
        taker = self._takers.get(type(message))
        if taker is None:
            self.reserve.put(book, order)
        else:
            taker(book, message, order)

    def _ordered(self, book: Book, message: NewOrderSingle, order: Order) -> None:
        self.reserve.put(book, order)
        self.tally.ordered(message, self._value(order))

    def _replaced(self, book: Book, message: OrderCancelReplaceRequest, order: Order) -> None:
        before = self._value(order)
        self.reserve.put(book, order)
        now = micros(message.transact_time)
        self.tally.messages.add(now)
        self.tally.spent(now, self._value(order) - before)

    def _reported(self, book: Book, report: ExecutionReport, order: Order) -> None:
        self.reserve.put(book, order)
        if report.last_qty is not None or report.ref_exec_id is not None:
            self.tally.reported(report, order)
            self._revalue(book, order.request.symbol)

    def _adopted(self, book: Book, message: LegAdopted, order: Order) -> None:
        if message.known_as is not None and book.find(message.known_as) is None:
            self.reserve.drop(message.known_as)
        self.reserve.put(book, order)

    def _value(self, order: Order) -> Decimal:
        hold = self.reserve.holds.get(order.cl_ord_id)
        return Decimal(0) if hold is None else hold.value

    def _revalue(self, book: Book, symbol: str) -> None:
        position = book.positions.get(symbol)
        if position is not None:
            self.reserve.revalue((position,))
