"""A venue that is a callback: acknowledges and fills at once, so that the engine is measured."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import count

from floorbroker.brokers.alpaca.client import ALPACA
from floorbroker.brokers.pacing import Lane, Pacer
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    CalendarDay,
    MarketPhase,
    PositionReport,
    StreamHealth,
    StreamItem,
    StreamState,
)
from floorbroker.clock import SystemClock
from floorbroker.domain.amounts import ZERO_QTY, Money, Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    OrderCancelReplaceRequest,
    Source,
)
from floorbroker.domain.order import OrderRequest, OrdStatus, Side
from floorbroker.domain.quotes import Bar, Quote, Trade

PX = Px("187.20")


class StubStream:
    """Delivers whatever the stub pushes, in the same loop."""

    def __init__(self) -> None:
        self.deliver: Callable[[StreamItem], None] | None = None

    def health(self) -> StreamHealth:
        return StreamHealth(
            state=StreamState.READY, connections=1, frames=0, quarantined=0, last_frame_age_s=0.0
        )

    async def run(
        self,
        on_item: Callable[[StreamItem], None],
        on_connected: Callable[[], Awaitable[None]],
        on_state: Callable[[StreamState], None],
    ) -> None:
        self.deliver = on_item
        on_state(StreamState.CATCHING_UP)
        await on_connected()
        on_state(StreamState.READY)
        await asyncio.Event().wait()


class StubBroker:
    """One account at a venue that always agrees; `pacer` is the engine's."""

    def __init__(self, pacer: Pacer, account: str = "bench") -> None:
        self.account = Account(account)
        self.pacer = pacer
        self.capabilities = ALPACA
        self.stream = StubStream()
        self.fills = True
        self._numbers = count(1)
        self._clock = SystemClock()
        self._held: dict[str, Qty] = {}
        self._open: dict[str, tuple[str, OrderRequest]] = {}  # by client order id: its id here

    async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        if not self.pacer.claim(Lane.SUBMIT):
            await self.pacer.take(Lane.SUBMIT)
        number = next(self._numbers)
        order_id = OrderID(f"b{number}")
        if self.fills:
            assert order.order_qty is not None
            signed = order.order_qty if order.side is Side.BUY else -order.order_qty
            self._held[order.symbol] = self._held.get(order.symbol, ZERO_QTY) + signed
            assert self.stream.deliver is not None
            self.stream.deliver(self.fill(cl_ord_id, order_id, order, number))
        else:
            self._open[cl_ord_id] = (order_id, order)
        self.pacer.done(Lane.SUBMIT, None)
        return self._standing(cl_ord_id, order_id, order, Source.ANSWER)

    def _standing(
        self, cl_ord_id: str, order_id: str, order: OrderRequest, source: Source
    ) -> ExecutionReport:
        return ExecutionReport(
            transact_time=self._clock.now(),
            cl_ord_id=ClOrdID(cl_ord_id),
            order_id=OrderID(order_id),
            exec_type=ExecType.ORDER_STATUS,
            ord_status=OrdStatus.NEW,
            symbol=order.symbol,
            side=order.side,
            source=source,
            order_qty=order.order_qty,
        )

    def held(self, symbol: str) -> Qty:
        return self._held.get(symbol, ZERO_QTY)

    def export(self) -> dict[str, dict[str, str]]:
        """What a venue still knows when a desk comes back."""
        return {
            "held": {symbol: str(Decimal(qty)) for symbol, qty in self._held.items()},
            "open": {name: order_id for name, (order_id, _) in self._open.items()},
        }

    def take_up(self, state: dict[str, dict[str, str]]) -> None:
        """What `export` gave; its open orders are those that `order` makes."""
        self._held = {symbol: Qty(qty) for symbol, qty in state["held"].items()}
        self._open = {name: (order_id, order()) for name, order_id in state["open"].items()}

    def fill(
        self, cl_ord_id: ClOrdID, order_id: OrderID, order: OrderRequest, number: int
    ) -> ExecutionReport:
        assert order.order_qty is not None
        return ExecutionReport(
            transact_time=self._clock.now(),
            cl_ord_id=cl_ord_id,
            order_id=order_id,
            exec_type=ExecType.TRADE,
            ord_status=OrdStatus.FILLED,
            symbol=order.symbol,
            side=order.side,
            source=Source.STREAM,
            exec_id=ExecID(f"e{number}"),
            last_qty=order.order_qty,
            last_px=PX,
            cum_qty=order.order_qty,
            avg_px=PX,
            order_qty=order.order_qty,
        )

    async def cancel(self, order_id: OrderID) -> None:
        raise NotImplementedError("the benchmark cancels nothing")

    async def replace(
        self, order_id: OrderID, change: OrderCancelReplaceRequest
    ) -> ExecutionReport:
        raise NotImplementedError("the benchmark replaces nothing")

    async def look_up(self, cl_ord_id: str) -> ExecutionReport | None:
        found = self._open.get(cl_ord_id)
        return None if found is None else self._standing(cl_ord_id, *found, Source.LOOKUP)

    async def order(self, order_id: OrderID) -> ExecutionReport | None:
        return None

    async def open_orders(self) -> list[ExecutionReport]:
        return [self._standing(name, *found, Source.POLL) for name, found in self._open.items()]

    async def orders_since(self, since: datetime) -> list[ExecutionReport]:
        return []

    async def executions(
        self, *, order_id: OrderID | None = None, since: datetime | None = None
    ) -> list[ExecutionReport]:
        return []

    async def positions(self) -> list[PositionReport]:
        return [
            PositionReport(
                symbol=symbol,
                qty=qty,
                qty_available=qty,
                avg_entry_px=PX,
                current_px=PX,
                market_value=None,
                unrealized_pnl=None,
            )
            for symbol, qty in self._held.items()
            if qty != 0
        ]

    async def account_report(self) -> AccountReport:
        worth = Money(100_000)
        return AccountReport(
            account=self.account,
            status="ACTIVE",
            currency="USD",
            cash=worth,
            equity=worth,
            last_equity=worth,
            buying_power=worth,
            initial_margin=Money(0),
            maintenance_margin=Money(0),
            multiplier=4,
            is_trading_blocked=False,
            is_shorting_enabled=True,
        )

    async def market_phase(self) -> MarketPhase:
        now = self._clock.now()
        return MarketPhase(broker_time=now, is_open=True, next_open=now, next_close=now)

    async def calendar(self, start: date, end: date) -> list[CalendarDay]:
        return []

    async def activities(
        self,
        kinds: Collection[ActivityKind] = (),
        *,
        since: datetime | None = None,
        after_id: str | None = None,
    ) -> list[Activity]:
        return []

    async def instrument(self, symbol: str) -> Instrument | None:
        return Instrument(symbol=symbol)

    async def instruments(self) -> list[Instrument]:
        return []

    async def latest_quote(self, symbol: str) -> Quote | None:
        return None

    async def latest_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        return {}

    def pace_s(self, questions: int) -> float:
        return 0.0

    async def latest_trade(self, symbol: str) -> Trade | None:
        return None

    async def bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        return {}

    async def aclose(self) -> None:
        return


def order() -> OrderRequest:
    """A marketable limit order."""
    return OrderRequest.limit("buy", 10, "AAPL", limit_price=Decimal("187.20"))
