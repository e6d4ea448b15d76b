"""A day of trading made from a seed: eight symbols, thirty orders, and things that break."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID, ClOrdIDMaker, ExecID
from floorbroker.domain.messages import (
    Alarm,
    Break,
    BreakCause,
    BusinessMessageReject,
    ExecType,
    OrderReject,
    Reconciliation,
    RequestKind,
    RequestUnanswered,
    Source,
)
from floorbroker.domain.order import OrderRequest, OrdStatus
from floorbroker.domain.quotes import Bar
from floorbroker.domain.terms import Side
from floorbroker.posttrade.trades import Marks, TradeReport, build_report
from tests.unit.posttrade.scribe import TEN, Scribe

PRICES = {
    "AAPL": "187.20",
    "AMD": "141.05",
    "AMZN": "182.40",
    "F": "12.31",
    "INTC": "31.88",
    "MSFT": "421.10",
    "NVDA": "121.55",
    "SPY": "566.30",
}
MINUTES = 390
OPEN = TEN - timedelta(minutes=30)
CLOSE = OPEN + timedelta(minutes=MINUTES)
CENT = Decimal("0.01")


class SampleDay:
    """The journal of the day, its bars and its report."""

    def __init__(self, seed: int = 7, rounds: int = 4) -> None:
        self.random = Random(seed)
        self.ids = ClOrdIDMaker("o", self.random)
        self.bars = {symbol: self._walk(symbol, Decimal(px)) for symbol, px in PRICES.items()}
        self.scribe = Scribe(OPEN + timedelta(minutes=1))
        self.marks = Marks(last_px={s: Px(bars[-1].close_px) for s, bars in self.bars.items()})
        self.scribe.open()
        self._trade(rounds)
        self._trouble()
        self._recover()

    def report(self) -> TradeReport:
        records, head = self.scribe.records, self.scribe.head
        return build_report(records, start=OPEN, end=CLOSE, head=head, marks=self.marks)

    def _walk(self, symbol: str, px: Decimal) -> list[Bar]:
        bars = []
        for minute in range(MINUTES):
            opened = px
            step = Decimal(self.random.randint(-70, 71)) / 100_000
            px = (px * (1 + step)).quantize(CENT)
            bars.append(
                Bar(
                    symbol=symbol,
                    time_ns=ns_of(OPEN) + minute * 60 * NS_PER_S,
                    duration_s=60,
                    open_px=opened,
                    high_px=max(opened, px) + CENT,
                    low_px=min(opened, px) - CENT,
                    close_px=px,
                    volume=Decimal(self.random.randint(5_000, 90_000)),
                )
            )
        return bars

    def _px(self, symbol: str, when: datetime) -> Decimal:
        minute = (when - OPEN) // timedelta(minutes=1)
        return self.bars[symbol][min(minute, MINUTES - 1)].close_px

    def _trade(self, rounds: int) -> None:
        """Build positions, then turn most of them round, in several fills each."""
        scribe, random = self.scribe, self.random
        for turn in range(rounds):
            for symbol in PRICES:
                scribe.wait(random.randint(60, 640))
                side = Side.BUY if (turn % 2 == 0) != (symbol == "F") else Side.SELL
                self._order(side, symbol, 100 * random.randint(1, 6))

    def _order(self, side: Side, symbol: str, shares: int) -> None:
        scribe, random = self.scribe, self.random
        px = self._px(symbol, scribe.now)
        cl_ord_id = self.ids.make(ns_of(scribe.now) // 1_000_000)
        request = OrderRequest.limit(
            side, shares, symbol, limit_price=px + side.sign * 5 * CENT, cl_ord_id=cl_ord_id
        )
        if random.random() < 0.4:
            request = OrderRequest.market(side, shares, symbol, cl_ord_id=cl_ord_id)
        scribe.place(request)
        self.marks.arrival_px[cl_ord_id] = Px(px)
        left = shares
        while left:
            scribe.wait(random.randint(1, 40) + random.random())
            part = min(left, random.choice((17, 50, 100, 200)))
            away = Decimal(random.randint(-3, 3)) / 100 + side.sign * CENT
            scribe.fill(cl_ord_id, str(part), str(self._px(symbol, scribe.now) + away))
            left -= part

    def _intend(self, request: OrderRequest) -> ClOrdID:
        return self.scribe.intend(
            replace(request, cl_ord_id=self.ids.make(ns_of(self.scribe.now) // 1_000_000))
        )

    def _trouble(self) -> None:
        scribe = self.scribe
        scribe.wait(60)
        self._lose_an_answer()
        rejected = self._intend(OrderRequest.limit("buy", 9000, "NVDA", limit_price="121"))
        scribe.send(rejected)
        text = "insufficient buying power"
        scribe.write(
            OrderReject(transact_time=scribe.now, cl_ord_id=rejected, text=text, code=40310000)
        )
        text = "qty: 900000 exceeds the limit of 10,000 shares"
        scribe.write(
            BusinessMessageReject(
                transact_time=scribe.now, command="submit_order", text=text, symbol="SPY"
            )
        )
        late = self._intend(OrderRequest.limit("buy", 200, "AMD", limit_price="141.00"))
        scribe.send(late)
        scribe.report(late, ExecType.NEW, OrdStatus.NEW)
        scribe.wait(12)
        scribe.report(late, ExecType.CANCELED, OrdStatus.CANCELED)
        scribe.wait(1)
        scribe.fill(late, "80", "141.00")
        scribe.write(
            Alarm(
                transact_time=scribe.now,
                name="fill_after_end",
                text="80 AMD @ 141.00 after the order was canceled",
                cl_ord_id=late,
            )
        )
        busted = self._intend(OrderRequest.market("buy", 100, "F"))
        scribe.send(busted)
        told = scribe.fill(busted, "100", "99.99")
        scribe.wait(30)
        scribe.write(
            replace(
                told,
                transact_time=scribe.now,
                exec_type=ExecType.TRADE_CANCEL,
                exec_id=ExecID("bust-1"),
                ref_exec_id=told.exec_id,
                cum_qty=Qty(0),
                text="clearly erroneous",
            )
        )

    def _lose_an_answer(self) -> None:
        scribe = self.scribe
        lost = self._intend(OrderRequest.market("buy", 300, "MSFT"))
        scribe.send(lost)
        scribe.wait(5)
        scribe.write(
            RequestUnanswered(
                transact_time=scribe.now,
                cl_ord_id=lost,
                request=RequestKind.NEW,
                attempt=1,
                text="no answer within 5 s",
            )
        )
        scribe.wait(2)
        scribe.report(lost, ExecType.ORDER_STATUS, OrdStatus.NEW, source=Source.LOOKUP)
        scribe.fill(lost, "300", str(self._px("MSFT", scribe.now)))

    def _recover(self) -> None:
        """The desk dies, comes back, finds a fill that it had missed, and closes."""
        scribe = self.scribe
        scribe.wait(20)
        scribe.open()
        scribe.wait(1.4)
        missed = Break(
            cause=BreakCause.MISSED_FILL,
            subject=next(iter(scribe.requests)),
            ours="100",
            theirs="200",
            evidence="execution e-0003 in the broker's list",
            repair="booked the missing execution",
            is_open=False,
        )
        for breaks in ((missed,), ()):
            scribe.write(
                Reconciliation(
                    transact_time=scribe.now,
                    account=scribe.account,
                    orders_compared=len(scribe.requests),
                    positions_compared=len(PRICES),
                    breaks=breaks,
                )
            )
            scribe.wait(30)
        scribe.close()
