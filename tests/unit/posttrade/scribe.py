"""Writes journals for tests: one short call for each thing that can happen to an order."""

import hashlib
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    DeskClosed,
    DeskOpened,
    ExecType,
    ExecutionReport,
    JournalMessage,
    NewOrderSingle,
    OrderReopened,
    RequestKind,
    RequestSent,
    Source,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.domain.terms import Side
from floorbroker.engine.state import State
from floorbroker.journal.port import GENESIS, Head, Record

ACCOUNT = Account("PA3TEST")
TEN = datetime(2026, 3, 12, 14, 0, tzinfo=UTC)  #: 10:00 in New York.


class Scribe:
    """Appends messages at `now`, which the test moves on; keeps what it must to number fills."""

    def __init__(self, now: datetime = TEN, account: Account = ACCOUNT) -> None:
        self.records: list[Record] = []
        self.now = now
        self.account = account
        self.epoch = 0
        self.requests: dict[str, OrderRequest] = {}
        self.cum: dict[str, tuple[Qty, Money]] = {}
        self._state = State()
        self._filed: dict[ClOrdID, Order] = {}
        self._orders = 0
        self._execs = 0

    @property
    def head(self) -> Head:
        if not self.records:
            return Head(0, GENESIS)
        return Head(self.records[-1].seq, self.records[-1].hash)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def write(self, message: JournalMessage) -> None:
        """Append as the engine does: news of an ended order brings the order back first."""
        if isinstance(message, ExecutionReport):
            filed = self._filed.pop(message.cl_ord_id, None)
            if filed is not None:
                self._append(OrderReopened(transact_time=self.now, order=filed))
        self._append(message)

    def _append(self, message: JournalMessage) -> None:
        order = self._state.apply(message)
        if order is not None and order.is_ended:
            self._filed[order.cl_ord_id] = order
        self._state.book.clear_batch()
        seq = len(self.records) + 1
        digest = hashlib.sha256(self.head.hash + repr(message).encode()).digest()
        self.records.append(Record(seq=seq, epoch=self.epoch, message=message, hash=digest))

    @property
    def orders(self) -> list[Order]:
        """Every order, ended ones first."""
        return [*self._filed.values(), *self._state.book.orders.values()]

    def open(self, mode: str = "embedded") -> None:
        self.epoch += 1
        self.write(
            DeskOpened(
                transact_time=self.now,
                epoch=self.epoch,
                version="0.1.0",
                account=self.account,
                broker="alpaca",
                mode=mode,
            )
        )

    def close(self) -> None:
        self.write(DeskClosed(transact_time=self.now, epoch=self.epoch))

    def intend(self, request: OrderRequest) -> ClOrdID:
        """INTENT alone: written down and not sent."""
        self._orders += 1
        cl_ord_id = request.cl_ord_id or ClOrdID(f"o-{self._orders:04}")
        self.requests[cl_ord_id] = request
        self.cum[cl_ord_id] = (Qty(0), Money(0))
        self.write(
            NewOrderSingle(
                transact_time=self.now,
                cl_ord_id=cl_ord_id,
                account=self.account,
                order=request,
            )
        )
        return cl_ord_id

    def send(self, cl_ord_id: ClOrdID, request: RequestKind = RequestKind.NEW) -> None:
        self.write(
            RequestSent(transact_time=self.now, cl_ord_id=cl_ord_id, request=request, attempt=1)
        )

    def place(self, request: OrderRequest) -> ClOrdID:
        """INTENT, SEND and the broker's acknowledgement."""
        cl_ord_id = self.intend(request)
        self.send(cl_ord_id)
        self.report(cl_ord_id, ExecType.NEW, OrdStatus.NEW, source=Source.ANSWER)
        return cl_ord_id

    def report(
        self,
        cl_ord_id: ClOrdID,
        exec_type: ExecType,
        ord_status: OrdStatus,
        *,
        source: Source = Source.STREAM,
        text: str = "",
    ) -> None:
        self.write(self.report_of(cl_ord_id, exec_type, ord_status, source=source, text=text))

    def report_of(
        self,
        cl_ord_id: ClOrdID,
        exec_type: ExecType,
        ord_status: OrdStatus,
        *,
        source: Source = Source.STREAM,
        text: str = "",
    ) -> ExecutionReport:
        request = self.requests[cl_ord_id]
        return ExecutionReport(
            transact_time=self.now,
            cl_ord_id=cl_ord_id,
            order_id=OrderID(f"b-{cl_ord_id}"),
            exec_type=exec_type,
            ord_status=ord_status,
            symbol=request.symbol,
            side=request.side,
            source=source,
            cum_qty=self.cum[cl_ord_id][0],
            text=text,
        )

    def fill(
        self, cl_ord_id: ClOrdID, qty: str, px: str, *, execution: str = ""
    ) -> ExecutionReport:
        """One execution; returns its report, for tests that repeat, correct or bust it."""
        self._execs += 1
        request = self.requests[cl_ord_id]
        total, notional = self.cum[cl_ord_id]
        total, notional = total + Qty(qty), notional + Qty(qty) * Px(px)
        self.cum[cl_ord_id] = (total, notional)
        done = request.order_qty is not None and total >= request.order_qty
        told = ExecutionReport(
            transact_time=self.now,
            cl_ord_id=cl_ord_id,
            order_id=OrderID(f"b-{cl_ord_id}"),
            exec_type=ExecType.TRADE,
            ord_status=OrdStatus.FILLED if done else OrdStatus.PARTIALLY_FILLED,
            symbol=request.symbol,
            side=request.side,
            source=Source.STREAM,
            exec_id=ExecID(execution or f"e-{self._execs:04}"),
            last_qty=Qty(qty),
            last_px=Px(px),
            cum_qty=total,
        )
        self.write(told)
        return told

    def trade(self, side: Side | str, qty: str, symbol: str, px: str) -> ClOrdID:
        """A market order that fills at once; the symbol may be any text, as if unchecked."""
        cl_ord_id = self.place(replace(OrderRequest.market(side, qty, "X"), symbol=symbol))
        self.fill(cl_ord_id, qty, px)
        return cl_ord_id
