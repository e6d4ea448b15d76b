"""The desk's book, added up anew from its journal's records, and held against the exchange's word.

Nothing here asks the engine, the post-trade room or the demonstration what they think. An order is
one of the broker's: a replace makes a second one. Its end, its total and its executions are what
the records say under its order id; executions that two channels told are one where order id and
cumulative quantity agree.
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    RequestKind,
    RequestSent,
)
from floorbroker.domain.order import ENDED
from floorbroker.journal.port import Record
from floorbroker.readers import open_journal_reader

ZERO = Decimal(0)
_ENDS = frozenset(status.value for status in ENDED)

#: A row that both books must have: what was asked, what was done, how it ended.
Row = tuple[str, ...]


class Ours(Struct, kw_only=True):
    """One broker order as the journal's records tell it."""

    wire_id: str
    order_qty: Decimal | None
    price: Decimal | None
    stop_px: Decimal | None
    status: str = ""
    cum_qty: Decimal = ZERO
    fills: dict[Decimal, tuple[Decimal, Decimal]] = {}  #: By cumulative quantity: (qty, price).


class Ledger:
    """What the records of one journal come to.

    `asked` has each ClOrdID with its number of intents, `attempts` how often each was sent,
    `turned_down` those that the broker refused in its answer, `absent` those that were closed
    because it never had them, `last_sent_in` whose request was the last one of each epoch.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.asked: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.turned_down: set[str] = set()
        self.absent: set[str] = set()
        self.unsent: set[str] = set()
        self.orders: dict[str, Ours] = {}
        self.symbols: dict[str, tuple[str, str]] = {}
        self.last_sent_in: dict[int, str] = {}
        self._terms: dict[str, Ours] = {}
        #: By ClOrdID: the wire ids that no report has told of yet, in the order asked.
        self._waiting: dict[str, list[str]] = {}
        for record in records:
            message = record.message
            if isinstance(message, RequestSent):
                self.last_sent_in[record.epoch] = str(message.cl_ord_id)
            self._take(message)

    def _take(self, message: object) -> None:
        if isinstance(message, NewOrderSingle):
            name = str(message.cl_ord_id)
            self.asked[name] += 1
            self._waiting[name] = [name]
            self.symbols[name] = (message.order.symbol, str(message.order.side))
            self._terms[name] = Ours(
                wire_id=name,
                order_qty=message.order.order_qty,
                price=message.order.price,
                stop_px=message.order.stop_px,
            )
        elif isinstance(message, OrderCancelReplaceRequest):
            self._take_replace(message)
        elif isinstance(message, RequestSent) and message.request is RequestKind.NEW:
            self.attempts[str(message.cl_ord_id)] += 1
        elif isinstance(message, OrderReject):
            self.turned_down.add(str(message.cl_ord_id))
        elif isinstance(message, OrderNotPlaced):
            self.absent.add(str(message.cl_ord_id))
        elif isinstance(message, OrderExpiredUnsent):
            self.unsent.add(str(message.cl_ord_id))
        elif isinstance(message, ExecutionReport):
            self._take_report(message)

    def _take_replace(self, message: OrderCancelReplaceRequest) -> None:
        before = self._terms[str(message.cl_ord_id)]
        self._waiting[str(message.cl_ord_id)].append(message.wire_id)
        self.symbols[message.wire_id] = self.symbols[str(message.cl_ord_id)]
        self._terms[message.wire_id] = Ours(
            wire_id=message.wire_id,
            order_qty=message.order_qty or before.order_qty,
            price=message.price or before.price,
            stop_px=message.stop_px or before.stop_px,
        )

    def _take_report(self, report: ExecutionReport) -> None:
        order = self._order(report)
        if report.exec_type is ExecType.TRADE:
            assert report.last_qty is not None
            assert report.last_px is not None
            order.fills[Decimal(report.cum_qty)] = (
                Decimal(report.last_qty),
                Decimal(report.last_px),
            )
        elif report.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
            raise AssertionError(f"this ledger knows no busts: {report}")
        order.cum_qty = max(order.cum_qty, Decimal(report.cum_qty))
        if report.ord_status in ENDED or order.status not in _ENDS:
            order.status = report.ord_status.value

    def _order(self, report: ExecutionReport) -> Ours:
        """The order of this report; a second one of the same ClOrdID is the replace's successor.

        The broker tells of the successor alone, so that its coming is its predecessor's end.
        """
        known = self.orders.get(str(report.order_id))
        if known is None:
            waiting = self._waiting[str(report.cl_ord_id)]
            known = self.orders[str(report.order_id)] = self._terms[waiting.pop(0)]
            before = self.orders.get(str(report.prev_order_id))
            if before is not None:
                before.status = "replaced"
        return known

    def rows(self) -> Counter[Row]:
        """(client order id, symbol, side, quantity, limit, stop, done, average, status) each."""
        found: Counter[Row] = Counter()
        for order in self.orders.values():
            qty = sum((qty for qty, _ in order.fills.values()), ZERO)
            paid = sum((qty * px for qty, px in order.fills.values()), ZERO)
            found[
                (
                    order.wire_id,
                    *self.symbols[order.wire_id],
                    text(order.order_qty),
                    text(order.price),
                    text(order.stop_px),
                    text(order.cum_qty),
                    text(paid / qty if qty else None),
                    order.status,
                )
            ] += 1
            assert qty == order.cum_qty, f"{order.wire_id}: fills {qty}, told {order.cum_qty}"
        return found

    def fills(self) -> Counter[Row]:
        """(client order id, symbol, side, quantity, price) of each execution."""
        return Counter(
            (order.wire_id, *self.symbols[order.wire_id], text(qty), text(px))
            for order in self.orders.values()
            for qty, px in order.fills.values()
        )

    def positions(self) -> dict[str, Decimal]:
        """Shares by symbol, flat ones apart."""
        book: dict[str, Decimal] = {}
        for order in self.orders.values():
            symbol, side = self.symbols[order.wire_id]
            sign = 1 if side == "buy" else -1
            qty = sum((qty for qty, _ in order.fills.values()), ZERO)
            book[symbol] = book.get(symbol, ZERO) + sign * qty
        return {symbol: qty for symbol, qty in book.items() if qty}


def ledger_of(path: Path) -> Ledger:
    """Read a journal that verifies; AssertionError if it does not."""
    journal = open_journal_reader(path)
    try:
        damage = journal.verify().damage
        assert damage is None, damage
        return Ledger(journal.records())
    finally:
        journal.close()


def exchange_rows(orders: list[dict[str, Any]]) -> Counter[Row]:
    """The same rows from GET /_exchange/orders; a stop that trails is not a term of ours."""
    return Counter(
        (
            order["client_order_id"],
            order["symbol"],
            order["side"],
            text(order["qty"]),
            text(order["limit_price"]),
            text(None if order["type"] == "trailing_stop" else order["stop_price"]),
            text(order["filled_qty"]),
            text(order["filled_avg_price"]),
            order["status"],
        )
        for order in orders
    )


def exchange_fills(fills: list[dict[str, Any]]) -> Counter[Row]:
    """The same rows from GET /_exchange/fills."""
    return Counter(
        (
            fill["client_order_id"],
            fill["symbol"],
            fill["side"],
            text(fill["qty"]),
            text(fill["price"]),
        )
        for fill in fills
    )


def exchange_positions(fills: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Shares by symbol that the exchange's fills add up to, flat ones apart."""
    book: dict[str, Decimal] = {}
    for fill in fills:
        sign = 1 if fill["side"] == "buy" else -1
        book[fill["symbol"]] = book.get(fill["symbol"], ZERO) + sign * Decimal(fill["qty"])
    return {symbol: qty for symbol, qty in book.items() if qty}


def text(value: Decimal | str | None) -> str:
    """A number as plain text, twelve places at most, so that only its value counts."""
    if value is None:
        return ""
    number = round(Decimal(value), 12)
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
