"""The journal folded into orders and executions as they stand; reads, never writes.

The engine's own `State` does the folding, so a report and the desk cannot disagree on what an
order is or whether an execution counts.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.amounts import ZERO_QTY, Money, Qty
from floorbroker.domain.ids import ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    LegAdopted,
    PositionAdjusted,
    Source,
)
from floorbroker.domain.order import Fill, Order
from floorbroker.engine.book.counts import EXECUTIONS, missing_qty
from floorbroker.engine.state import State
from floorbroker.journal.port import Record


class Execution(Struct, kw_only=True):
    """One execution as it stands: corrections are worked in, a bust leaves its time.

    `seq` is the record that booked it.
    """

    seq: int
    fill: Fill
    source: Source
    busted_time: datetime | None = None
    is_corrected: bool = False

    @property
    def notional(self) -> Money:
        return Money.of(self.fill.last_qty.decimal * self.fill.last_px.decimal)


#: What moves a position, in the order in which it was booked.
Booking = Execution | PositionAdjusted


class JournalFold:
    """Feed it every record from the first on.

    `orders` holds every order there ever was, `bookings` every execution once, in the order of
    booking.
    """

    def __init__(self) -> None:
        self.orders: dict[ClOrdID, Order] = {}
        self.bookings: list[Booking] = []
        self._state = State()
        self._executions: dict[ExecID, Execution] = {}
        self._told: dict[ClOrdID, dict[OrderID, Qty]] = {}

    def take(self, record: Record) -> None:
        message = record.message
        if isinstance(message, PositionAdjusted):
            self.bookings.append(message)
        order = self._state.apply(message)
        # What a batch touched is for those who publish it; nobody does here.
        self._state.book.clear_batch()
        if order is None:
            return
        if isinstance(message, LegAdopted) and message.known_as is not None:
            self._rename(message.known_as, order)
        before = self.orders.get(order.cl_ord_id)
        self.orders[order.cl_ord_id] = order
        if isinstance(message, ExecutionReport):
            booked = order.fills[len(before.fills) if before else 0 :]
            self._reported(order, message, booked, record.seq)

    def find(self, cl_ord_id: ClOrdID, order_id: OrderID | None = None) -> Order | None:
        """An order by either of its ids."""
        found = self.orders.get(cl_ord_id)
        if found is None and order_id is not None:
            found = self.orders.get(self._state.book.lineage.get(order_id, cl_ord_id))
        return found

    def execution(self, exec_id: ExecID | None) -> Execution | None:
        return None if exec_id is None else self._executions.get(exec_id)

    def reported_qty(self, order: Order) -> Qty:
        """CumQty as the broker last gave it, executions that we lack included."""
        told = self._told.get(order.cl_ord_id, {})
        missing = (missing_qty(order, leg, qty) for leg, qty in told.items())
        return sum(missing, order.cum_qty)

    def _rename(self, known_as: ClOrdID, order: Order) -> None:
        """An order from elsewhere turned out to be a leg of ours, and so are its executions."""
        self.orders.pop(known_as, None)
        self._told[order.cl_ord_id] = self._told.pop(known_as, {})
        for execution in self._executions.values():
            if execution.fill.cl_ord_id == known_as:
                execution.fill = replace(execution.fill, cl_ord_id=order.cl_ord_id)

    def _reported(
        self, order: Order, message: ExecutionReport, booked: tuple[Fill, ...], seq: int
    ) -> None:
        told = self._told.setdefault(order.cl_ord_id, {})
        if message.exec_type in EXECUTIONS and message.exec_type is not ExecType.TRADE:
            told[message.order_id] = message.cum_qty
            self._revise(message, booked)
            return
        told[message.order_id] = max(told.get(message.order_id, ZERO_QTY), message.cum_qty)
        for fill in booked:
            found = Execution(seq=seq, fill=fill, source=message.source)
            self._executions[fill.exec_id] = found
            self.bookings.append(found)

    def _revise(self, message: ExecutionReport, booked: tuple[Fill, ...]) -> None:
        """A bust books the negative of its execution, a correction also the corrected one."""
        revised = self.execution(message.ref_exec_id) or self.execution(message.exec_id)
        if revised is None or not booked:
            return
        if message.exec_type is ExecType.TRADE_CANCEL:
            revised.busted_time = message.transact_time
            return
        corrected = booked[-1]
        # It stays where it was in time, so that costs are as if it had been right at once.
        revised.fill = replace(corrected, transact_time=revised.fill.transact_time)
        revised.is_corrected = True
        self._executions[corrected.exec_id] = revised
