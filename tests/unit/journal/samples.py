"""Messages and orders for journal tests: one of every kind, and short ways to make many."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID, leg_id
from floorbroker.domain.messages import (
    Alarm,
    Armed,
    Break,
    BreakApproved,
    BreakCause,
    BusinessMessageReject,
    CashAdjusted,
    DeskClosed,
    DeskOpened,
    ExecType,
    ExecutionReport,
    JournalMessage,
    KillLevel,
    KillSwitched,
    LegAdopted,
    LimitsChanged,
    MessageQuarantined,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    OrderReopened,
    ParentEnded,
    ParentOrder,
    ParentReplaced,
    ParentStep,
    ParentSwitched,
    PositionAdjusted,
    Reconciliation,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    RiskState,
    RiskStateChanged,
    Source,
    TimerFired,
    TimerSet,
    TradingResumed,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.domain.terms import Side
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk

NOON = datetime(2026, 3, 12, 16, 0, 0, 123456, tzinfo=UTC)
ACCOUNT = Account("PA3TEST")
ID = ClOrdID("fb-01JQ00000000000000000000AA")
ORDER_ID = OrderID("904837e3-3b76-47ec-b432-046db621571b")


def request(side: str = "buy", symbol: str = "AAPL") -> OrderRequest:
    return OrderRequest.limit(side, 100, symbol, limit_price="187.20")


def order(
    number: int, *, side: str = "buy", symbol: str = "AAPL", created: datetime | None = None
) -> Order:
    """A filled order; number n was created n seconds after noon."""
    return Order(
        cl_ord_id=ClOrdID(f"fb-{number:026}"),
        account=ACCOUNT,
        request=request(side, symbol),
        created_time=created or NOON + timedelta(seconds=number),
        venue_status=OrdStatus.FILLED,
        cum_qty=Qty(100),
        avg_px=Px("187.185"),
    )


def report(exec_type: ExecType, status: OrdStatus, **fields: object) -> ExecutionReport:
    given: dict[str, object] = {"cum_qty": Qty(40), "order_qty": Qty(100), **fields}
    return ExecutionReport(
        transact_time=NOON,
        cl_ord_id=ID,
        order_id=ORDER_ID,
        exec_type=exec_type,
        ord_status=status,
        symbol="AAPL",
        side=Side.BUY,
        source=Source.STREAM,
        **given,  # type: ignore[arg-type]  # fields by name, checked when they are decoded
    )


def fill() -> ExecutionReport:
    return report(
        ExecType.TRADE,
        OrdStatus.PARTIALLY_FILLED,
        exec_id=ExecID("e-1"),
        last_qty=Qty(40),
        last_px=Px("187.185"),
        avg_px=Px("187.185"),
        received_time=NOON + timedelta(milliseconds=3),
    )


def timers(count: int, start: int = 0) -> list[JournalMessage]:
    """Small messages that differ."""
    return [
        TimerFired(transact_time=NOON, timer_id=f"t-{number}")
        for number in range(start, start + count)
    ]


def one_of_each() -> list[JournalMessage]:
    """Every kind of message, with texts that try to break lines."""
    return [*_desk_messages(), *_order_messages(), *_answers(), *_parent_messages()]


def _parent_messages() -> list[JournalMessage]:
    name, child = ClOrdID("fb-9"), ClOrdID("fb-9~1")
    return [
        ParentOrder(
            transact_time=NOON,
            parent_id=name,
            account=ACCOUNT,
            side=Side.BUY,
            symbol="AAPL",
            qty=Qty(1000),
            algo="twap",
            start_ns=1,
            end_ns=2,
            limit=Px("187.20"),
        ),
        ParentStep(
            transact_time=NOON,
            parent_id=name,
            count=1,
            children={child: "rest"},
            why="sends 100\nto rest",
            withheld=("new 100 at 3: \u2028",),
        ),
        ParentSwitched(
            transact_time=NOON, parent_id=name, to=ParentState.PAUSED, by="x", reason="a\nb"
        ),
        ParentReplaced(transact_time=NOON, parent_id=name, qty=Qty(800), end_ns=3),
        ParentEnded(
            transact_time=NOON,
            parent_id=name,
            outcome=ParentState.CANCELED,
            filled=Qty(300),
            cost=Money("56160"),
            text="a\nb",
        ),
    ]


def _desk_messages() -> list[JournalMessage]:
    found = Break(
        cause=BreakCause.MISSED_FILL,
        subject=ID,
        ours="60",
        theirs="100",
        evidence="activity 7",
        repair="booked",
        is_open=False,
    )
    return [
        DeskOpened(
            transact_time=NOON,
            epoch=1,
            version="0.1.0",
            account=ACCOUNT,
            broker="alpaca",
            mode="embedded",
        ),
        TimerSet(transact_time=NOON, timer_id="t-1", due_time=NOON + timedelta(seconds=5)),
        TimerFired(transact_time=NOON, timer_id="t-1"),
        Alarm(
            transact_time=NOON, name="surprising_fill", text="line\nbreak \u2028 ünï", cl_ord_id=ID
        ),
        PositionAdjusted(
            transact_time=NOON,
            account=ACCOUNT,
            symbol="MSFT",
            qty=Qty("-3.5"),
            px=Px("410.05"),
            cause=BreakCause.EXTERNAL_POSITION,
        ),
        CashAdjusted(
            transact_time=NOON,
            account=ACCOUNT,
            amount=Money("-0.01"),
            cause=BreakCause.ROUNDING,
            break_id="cash-4be1c09a",
            approved_by="Jane Doe",
        ),
        BreakApproved(
            transact_time=NOON,
            account=ACCOUNT,
            found=Break(
                cause=BreakCause.ROUNDING,
                subject="cash",
                ours="1.00",
                theirs="0.99",
                evidence="less than a cent for each of 2 executions",
                repair="taken over, approved by Jane Doe",
                is_open=False,
                break_id="cash-4be1c09a",
            ),
            approved_by="Jane Doe",
            note="ticket 12",
        ),
        MessageQuarantined(
            transact_time=NOON, source=Source.STREAM, raw='{"a":\n"\x1b[31m"', text="no JSON"
        ),
        Reconciliation(
            transact_time=NOON,
            account=ACCOUNT,
            orders_compared=3,
            positions_compared=1,
            breaks=(found,),
        ),
        DeskClosed(transact_time=NOON, epoch=1),
    ]


def _order_messages() -> list[JournalMessage]:
    return [
        NewOrderSingle(transact_time=NOON, cl_ord_id=ID, account=ACCOUNT, order=request()),
        RequestSent(transact_time=NOON, cl_ord_id=ID, request=RequestKind.NEW, attempt=1),
        RequestUndelivered(
            transact_time=NOON, cl_ord_id=ID, request=RequestKind.NEW, attempt=1, text="no route"
        ),
        RequestUnanswered(
            transact_time=NOON, cl_ord_id=ID, request=RequestKind.NEW, attempt=2, text="time-out"
        ),
        OrderCancelRequest(transact_time=NOON, cl_ord_id=ID, text="kill"),
        OrderCancelReplaceRequest(
            transact_time=NOON,
            cl_ord_id=ID,
            wire_id=f"{ID}.1",
            price=Px("187.21"),
            trail=Decimal(1),
        ),
        OrderReopened(transact_time=NOON, order=order(1)),
        LegAdopted(
            transact_time=NOON,
            cl_ord_id=leg_id(ID, "sl"),
            parent=ID,
            account=ACCOUNT,
            order=request(),
            order_id=ORDER_ID,
            wire_id="server-made",
        ),
        OrderExpiredUnsent(transact_time=NOON, cl_ord_id=ID, text="30 s old"),
        OrderNotPlaced(transact_time=NOON, cl_ord_id=ID, text="five times not found"),
        BusinessMessageReject(transact_time=NOON, command="SUBMIT", text="too large", symbol="F"),
    ]


def _answers() -> list[JournalMessage]:
    return [
        report(ExecType.NEW, OrdStatus.NEW, price=Px("187.20")),
        fill(),
        OrderReject(transact_time=NOON, cl_ord_id=ID, text="insufficient buying power", code=403),
        OrderCancelReject(
            transact_time=NOON, cl_ord_id=ID, request=RequestKind.CANCEL, text="too late", code=422
        ),
        KillSwitched(transact_time=NOON, level=KillLevel.CANCEL, reason="fat\nfinger", by="risk"),
        TradingResumed(transact_time=NOON, reason="cause\nfound", by="risk"),
        *_laid(),
    ]


def _laid() -> list[JournalMessage]:
    return [
        RiskStateChanged(
            transact_time=NOON, state=RiskState.HALTED, cause="A05:\nstale", by="risk", symbol="F"
        ),
        LimitsChanged(
            transact_time=NOON,
            name="order_qty_max",
            old="5",
            new="9",
            by="risk",
            reason="large\nbasket",
            effective_time=NOON,
        ),
        Armed(transact_time=NOON, account=Account("main"), by="risk", expires_time=NOON),
    ]


def open_journal(disk: MemoryDisk, seed: int = 1) -> SqliteJournal:
    """A journal on a disk of memory."""
    return SqliteJournal.open(disk, command="a test", started=NOON, journal_id_maker=Random(seed))
