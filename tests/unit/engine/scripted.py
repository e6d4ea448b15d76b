"""A small broker with a book of its own, that does what a test tells it, and a desk on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NoReturn, TypeVar

from msgspec.structs import replace

from floorbroker.brokers.pacing import Lane
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    CalendarDay,
    Capabilities,
    Dedupe,
    MarketPhase,
    OrderStream,
    PositionReport,
    StreamHealth,
    StreamItem,
    StreamState,
)
from floorbroker.clock import NS_PER_S, LoopClock, datetime_of, run_virtual
from floorbroker.domain.amounts import ZERO_QTY, Money, Px, Qty
from floorbroker.domain.errors import BrokerRejected, BrokerUnknown, BrokerUnreachable
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    JournalMessage,
    OrderCancelReplaceRequest,
    Source,
)
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side
from floorbroker.domain.quotes import Bar, Quote, Trade
from floorbroker.engine.loop import Engine
from floorbroker.engine.settings import EngineSettings
from floorbroker.journal.latch import LatchFile
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk

ORIGIN_NS = 1_780_322_400 * NS_PER_S
START = datetime_of(ORIGIN_NS)
ACCOUNT = Account("ACC")
Result = TypeVar("Result")


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Let an async test run in virtual time."""

    def run() -> None:
        run_virtual(test, seed=1, limit_s=200_000)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def limit(qty: int = 10, price: str = "10.00", **options: Any) -> OrderRequest:
    return OrderRequest.limit("buy", qty, "AAPL", limit_price=price, **options)


class ScriptedStream:
    """Connected until told otherwise."""

    def __init__(self) -> None:
        self.state = StreamState.DOWN
        self.is_up = asyncio.Event()
        self.is_up.set()
        self._lost = asyncio.Event()
        self._on_item: Callable[[StreamItem], None] | None = None
        self._on_state: Callable[[StreamState], None] | None = None

    def health(self) -> StreamHealth:
        return StreamHealth(
            state=self.state, connections=1, frames=0, quarantined=0, last_frame_age_s=None
        )

    async def run(
        self,
        on_item: Callable[[StreamItem], None],
        on_connected: Callable[[], Awaitable[None]],
        on_state: Callable[[StreamState], None],
    ) -> None:
        self._on_item, self._on_state = on_item, on_state
        while True:
            await self.is_up.wait()
            self._lost.clear()
            self._enter(StreamState.CATCHING_UP)
            await on_connected()
            self._enter(StreamState.READY)
            await self._lost.wait()
            self._enter(StreamState.DOWN)

    def lose(self) -> None:
        """The connection is gone, and stays so until `is_up` is set."""
        self.is_up.clear()
        self._lost.set()

    def push(self, item: StreamItem) -> None:
        """Deliver, unless nobody is connected: then the item is lost."""
        if self._on_item is not None and self.is_up.is_set():
            self._on_item(item)

    def _enter(self, state: StreamState) -> None:
        self.state = state
        assert self._on_state is not None
        self._on_state(state)


class ScriptedBroker:
    """Accepts orders, fills them when told. `script` says what becomes of each next request:
    "ok", "reject", "doubtful" (a no that proves nothing), "unreachable", "lost" (no answer, never
    arrived), "taken" (arrived, no answer) or "hang" (arrived, answers never). `hidden` orders
    cannot be found by any question; of `lagging` ones only the executions are listed."""

    def __init__(self) -> None:
        self.account = ACCOUNT
        self.capabilities = Capabilities(name="scripted", dedupe=Dedupe.ENFORCED)
        self.wire = ScriptedStream()
        self.stream: OrderStream = self.wire
        self.clock = LoopClock(ORIGIN_NS)
        self.book: dict[OrderID, ExecutionReport] = {}
        self.trades: list[ExecutionReport] = []
        self.script: list[str] = []
        self.hidden: set[str] = set()
        self.lagging: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.is_failing = False
        self.shares: dict[str, Decimal] = {}
        self.listed: dict[str, Instrument | None] = {}  #: Instead of a plain one.
        self.changes: list[Activity] = []  #: What was no trade.
        self.cash = Money(100_000)
        self.number = ""  #: Of the account; empty where nobody asks for it.
        self.successors_carry = False
        self.is_silent = False  #: Whether the stream says nothing.
        self._number = 0

    # What a test does

    def fill(
        self, order_id: OrderID, qty: int, px: str = "10.00", *, exec_id: str = ""
    ) -> ExecutionReport:
        """Execute part of an order; the stream tells of it unless it is silent or down."""
        before = self.book[order_id]
        cum = before.cum_qty + Qty(qty)
        is_done = before.order_qty is not None and cum >= before.order_qty
        self._number += 1
        trade = replace(
            before,
            exec_type=ExecType.TRADE,
            ord_status=OrdStatus.FILLED if is_done else OrdStatus.PARTIALLY_FILLED,
            source=Source.STREAM,
            exec_id=ExecID(exec_id or f"x{self._number}"),
            last_qty=Qty(qty),
            last_px=Px(px),
            cum_qty=cum,
            transact_time=self.clock.now(),
        )
        self.book[order_id] = replace(
            before, ord_status=trade.ord_status, cum_qty=cum, transact_time=self.clock.now()
        )
        self.trades.append(trade)
        sign = 1 if before.side is Side.BUY else -1
        self.shares[before.symbol] = self.shares.get(before.symbol, Decimal(0)) + sign * qty
        self.cash -= Money(sign * qty * Decimal(px))
        self.tell(trade)
        return trade

    def end(self, order_id: OrderID, kind: ExecType = ExecType.CANCELED) -> None:
        status = OrdStatus(kind.value)
        self.book[order_id] = replace(self.book[order_id], ord_status=status)
        self.tell(replace(self.book[order_id], exec_type=kind, source=Source.STREAM))

    def tell(self, report: ExecutionReport) -> None:
        if not self.is_silent:
            self.wire.push(report)

    def order_id(self, cl_ord_id: str) -> OrderID:
        return next(one.order_id for one in self.book.values() if one.cl_ord_id == cl_ord_id)

    def place_elsewhere(self, cl_ord_id: str, qty: int) -> OrderID:
        return self._accept(ClOrdID(cl_ord_id), limit(qty)).order_id

    # The door

    async def place(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        self.asked.append(("place", cl_ord_id))
        step = self._next()
        if step in ("ok", "taken", "hang"):
            if any(one.cl_ord_id == cl_ord_id for one in self.book.values()):
                raise BrokerUnknown("client_order_id must be unique")
            answer = self._accept(cl_ord_id, order)
        await self._act(step)
        return answer

    async def cancel(self, order_id: OrderID) -> None:
        self.asked.append(("cancel", order_id))
        step = self._next()
        if step in ("ok", "taken"):
            if self.book[order_id].ord_status.is_ended:
                raise BrokerRejected("order is already in an end state")
            self.end(order_id)
        await self._act(step)

    async def replace(
        self, order_id: OrderID, change: OrderCancelReplaceRequest
    ) -> ExecutionReport:
        self.asked.append(("replace", order_id))
        step = self._next()
        if step in ("ok", "taken", "refused_though_done"):
            before = self.book[order_id]
            if before.ord_status.is_ended:
                raise BrokerRejected("only open orders can be replaced")
            successor = self._succeed(before, change)
        await self._act("reject" if step == "refused_though_done" else step)
        return replace(successor, source=Source.ANSWER)

    async def look_up(self, cl_ord_id: str) -> ExecutionReport | None:
        self._question("look_up", cl_ord_id)
        return self._first(lambda one: one.cl_ord_id == cl_ord_id, Source.LOOKUP)

    async def order(self, order_id: OrderID) -> ExecutionReport | None:
        self._question("order", order_id)
        return self._first(lambda one: one.order_id == order_id, Source.LOOKUP)

    async def open_orders(self) -> list[ExecutionReport]:
        self._question("open_orders", "")
        return [one for one in self._visible(Source.POLL) if one.ord_status.is_open]

    async def orders_since(self, since: datetime) -> list[ExecutionReport]:
        self._question("orders_since", since.isoformat())
        return self._visible(Source.POLL)

    async def executions(
        self, *, order_id: OrderID | None = None, since: datetime | None = None
    ) -> list[ExecutionReport]:
        self._question("executions", order_id or "")
        return [
            replace(one, source=Source.ACTIVITY, cl_ord_id=ClOrdID(""), exec_id=_other(one))
            for one in self.trades
            if order_id in (None, one.order_id)
            if since is None or one.transact_time > since
            if one.cl_ord_id not in self.hidden
        ]

    async def positions(self) -> list[PositionReport]:
        self._question("positions", "")
        return [
            PositionReport(
                symbol=symbol,
                qty=Qty(shares),
                qty_available=Qty(shares),
                avg_entry_px=Px("9.50"),
                current_px=None,
                market_value=None,
                unrealized_pnl=None,
            )
            for symbol, shares in self.shares.items()
            if shares
        ]

    async def market_phase(self) -> MarketPhase:
        now = self.clock.now()
        later = now + timedelta(hours=1)
        return MarketPhase(broker_time=now, is_open=True, next_open=later, next_close=later)

    async def account_report(self) -> AccountReport:
        self._question("account", "")
        zero = Money(0)
        return AccountReport(
            account=self.account,
            status="ACTIVE",
            currency="USD",
            cash=self.cash,
            equity=self.cash,
            last_equity=self.cash,
            buying_power=self.cash,
            initial_margin=zero,
            maintenance_margin=zero,
            multiplier=1,
            is_trading_blocked=False,
            is_shorting_enabled=True,
            number=self.number,
        )

    async def calendar(self, start: date, end: date) -> list[CalendarDay]:
        _unused()

    async def activities(
        self,
        kinds: Collection[ActivityKind] = (),
        *,
        since: datetime | None = None,
        after_id: str | None = None,
    ) -> list[Activity]:
        return self.changes

    async def instrument(self, symbol: str) -> Instrument | None:
        self._question("instrument", symbol)
        return self.listed.get(symbol, Instrument(symbol=symbol))

    async def instruments(self) -> list[Instrument]:
        _unused()

    async def latest_quote(self, symbol: str) -> Quote | None:
        return None

    async def latest_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        return {}

    def pace_s(self, questions: int) -> float:
        return 0.0

    async def latest_trade(self, symbol: str) -> Trade | None:
        _unused()

    async def bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        _unused()

    async def aclose(self) -> None:
        """Nothing is open."""

    # Inside

    def _accept(self, cl_ord_id: ClOrdID, order: OrderRequest) -> ExecutionReport:
        self._number += 1
        report = ExecutionReport(
            cl_ord_id=cl_ord_id,
            order_id=OrderID(f"o{self._number}"),
            exec_type=ExecType.ORDER_STATUS,
            ord_status=OrdStatus.NEW,
            symbol=order.symbol,
            side=order.side,
            source=Source.ANSWER,
            order_qty=order.order_qty,
            price=order.price,
            transact_time=self.clock.now(),
        )
        self.book[report.order_id] = report
        self.tell(replace(report, exec_type=ExecType.NEW, source=Source.STREAM))
        return report

    def _succeed(
        self, before: ExecutionReport, change: OrderCancelReplaceRequest
    ) -> ExecutionReport:
        self._number += 1
        after = replace(
            before,
            order_id=OrderID(f"o{self._number}"),
            cl_ord_id=ClOrdID(change.wire_id),
            prev_order_id=before.order_id,
            order_qty=change.order_qty or before.order_qty,
            price=change.price or before.price,
            cum_qty=before.cum_qty if self.successors_carry else ZERO_QTY,
            ord_status=OrdStatus.NEW,
        )
        self.book[before.order_id] = replace(
            before, ord_status=OrdStatus.REPLACED, next_order_id=after.order_id
        )
        self.book[after.order_id] = after
        return after

    def _next(self) -> str:
        return self.script.pop(0) if self.script else "ok"

    async def _act(self, step: str) -> None:
        if step == "hang":
            await asyncio.Event().wait()
        errors = {
            "reject": BrokerRejected("no", status=403, code=40310000),
            "unreachable": BrokerUnreachable("connection refused"),
            "lost": BrokerUnknown("timed out"),
            "taken": BrokerUnknown("timed out"),
            "doubtful": BrokerUnknown("some no", status=422, is_refusal=True),
        }
        if step in errors:
            raise errors[step]

    def _question(self, what: str, about: str) -> None:
        self.asked.append((what, about))
        if self.is_failing:
            raise BrokerUnknown("HTTP 504")

    def _visible(self, source: Source) -> list[ExecutionReport]:
        return [
            replace(one, source=source, exec_type=ExecType.ORDER_STATUS)
            for one in self.book.values()
            if one.cl_ord_id not in self.hidden | self.lagging
        ]

    def _first(
        self, is_wanted: Callable[[ExecutionReport], bool], source: Source
    ) -> ExecutionReport | None:
        return next((one for one in self._visible(source) if is_wanted(one)), None)


def _other(trade: ExecutionReport) -> ExecID:
    """The broker's list names an execution differently than its stream."""
    return ExecID(f"activity::{trade.exec_id}")


def _unused() -> NoReturn:
    raise AssertionError("the engine does not ask for this")


class ScriptedPacer:
    """Lets everything through, unless it is shut."""

    def __init__(self) -> None:
        self.on_capacity: Callable[[], None] | None = None
        self.is_shut = False
        self.only: set[Lane] = set()  #: Lanes that are open although it is shut.

    def try_take(self, lane: Lane) -> bool:
        return not self.is_shut or lane in self.only

    def give_back(self, lane: Lane) -> None:
        """There is always room."""

    def open(self) -> None:
        self.is_shut = False
        assert self.on_capacity is not None
        self.on_capacity()


class TestDesk:
    """One engine on the scripted broker."""

    __test__ = False

    def __init__(
        self,
        broker: ScriptedBroker,
        disk: MemoryDisk,
        latch: LatchFile | None = None,
        **settings: Any,
    ) -> None:
        self.broker = broker
        self.disk = disk
        self.pacer = ScriptedPacer()
        self.journal = SqliteJournal.open(
            disk, command="test", started=START, journal_id_maker=Random(1)
        )
        more: Any = {} if latch is None else {"latch": latch}
        self.engine = Engine(
            journal=self.journal,
            broker=broker,
            clock=broker.clock,
            random=Random(2),
            pacer=self.pacer,
            settings=EngineSettings(**settings),
            namespace="fb",
            mode="paper",
            version="test",
            **more,
        )

    def kinds(self) -> list[str]:
        return [type(message).__name__ for message in self.messages()]

    def messages(self) -> list[JournalMessage]:
        return [record.message for record in self.journal.records()]

    def alarms(self) -> list[str]:
        return [m.name for m in self.messages() if type(m).__name__ == "Alarm"]  # type: ignore[union-attr]  # it is an Alarm

    async def sleep(self, seconds: float) -> None:
        await self.broker.clock.sleep(seconds)

    async def crash(self) -> None:
        """The process is gone; disk and broker are not."""
        self.disk.crash()
        crew = self.engine._crew
        assert crew is not None
        tasks = [
            *self.engine._tasks,
            *crew.outbox._live.values(),
            *crew.resolver._inquiries.values(),
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def desk(
    broker: ScriptedBroker | None = None, disk: MemoryDisk | None = None, **settings: Any
) -> AsyncIterator[TestDesk]:
    """A started desk, stopped in good order at the end."""
    made = TestDesk(broker or ScriptedBroker(), disk or MemoryDisk(), **settings)
    await made.engine.start()
    try:
        yield made
    finally:
        await made.engine.stop()
        made.journal.close()


async def filled(made: TestDesk, qty: int = 10) -> Order:
    """An order that was placed and filled."""
    order = await made.engine.submit(limit(qty))
    made.broker.fill(made.broker.order_id(order.cl_ord_id), qty)
    return await made.engine.wait(order.cl_ord_id)
