"""The desk for scripts and notebooks: the same methods without `await`.

The desk runs on an event loop in a thread of its own; each method waits for its answer there.
"""

import asyncio
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from floorbroker import app, config, desk
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    CalendarDay,
    MarketPhase,
    PositionReport,
)
from floorbroker.brokers.shelf import CacheStats
from floorbroker.deskwork.batch import OnResult
from floorbroker.deskwork.halting import TradingStatus
from floorbroker.deskwork.health import Health
from floorbroker.deskwork.parents import MoreTerms, NewTerms
from floorbroker.deskwork.portfolio.looking import How
from floorbroker.deskwork.portfolio.outlook import Outlook
from floorbroker.deskwork.portfolio.rebalance import Outcome, Rebalance
from floorbroker.deskwork.portfolio.sending import OnStep
from floorbroker.domain.amounts import Number
from floorbroker.domain.errors import BrokerError, Refused
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import KillLevel, Reconciliation
from floorbroker.domain.order import Order, OrderRequest, Side, TimeInForce
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.engine.settings import Update
from floorbroker.execution.catalog import Own
from floorbroker.posttrade.trades import TradeReport
from floorbroker.pretrade.allocation.targets import Kind, Rules
from floorbroker.publish.journaled import Status
from floorbroker.watch.pnl import PnlRow

Result = TypeVar("Result")


class Desk:
    """`with Desk.open() as desk:`; see `floorbroker.Desk` for what each method promises."""

    def __init__(self, settings: config.Settings, algos: Own | None = None) -> None:
        self._desk = desk.Desk(settings, algos)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, settings: config.Settings | None = None, *, algos: Own | None = None) -> Self:
        return cls(config.load() if settings is None else settings, algos)

    def __enter__(self) -> Self:
        self._loop = app.new_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="floorbroker-desk", daemon=True
        )
        self._thread.start()
        try:
            self._do(self._desk.__aenter__())
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._do(self._desk.__aexit__(kind, error, trace))
        finally:
            self._end_thread()

    def _do(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        if self._loop is None:
            coroutine.close()
            raise Refused("the desk is not open; use it inside `with Desk.open() as desk:`")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _end_thread(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        assert loop is not None
        assert thread is not None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def submit_order(self, request: OrderRequest) -> Order:
        return self._do(self._desk.submit_order(request))

    def submit_orders(
        self, requests: Iterable[OrderRequest], *, on_result: OnResult | None = None
    ) -> list[Order | Refused]:
        """`on_result` is called in the desk's own thread."""
        return self._do(self._desk.submit_orders(requests, on_result=on_result))

    def replace_order(
        self,
        cl_ord_id: str,
        *,
        qty: Number | None = None,
        limit_price: Number | None = None,
        stop_price: Number | None = None,
        trail: Number | None = None,
        time_in_force: TimeInForce | str | None = None,
    ) -> Order:
        return self._do(
            self._desk.replace_order(
                cl_ord_id,
                qty=qty,
                limit_price=limit_price,
                stop_price=stop_price,
                trail=trail,
                time_in_force=time_in_force,
            )
        )

    def cancel_order(self, cl_ord_id: str) -> Order:
        return self._do(self._desk.cancel_order(cl_ord_id))

    def cancel_all_orders(self, *, on_result: OnResult | None = None) -> list[Order | Refused]:
        """`on_result` is called in the desk's own thread."""
        return self._do(self._desk.cancel_all_orders(on_result=on_result))

    def get_order(self, cl_ord_id: str) -> Order:
        return self._do(self._desk.get_order(cl_ord_id))

    def get_legs(self, cl_ord_id: str) -> list[Order]:
        return self._do(self._desk.get_legs(cl_ord_id))

    def get_all_orders(
        self,
        status: Status = "all",
        *,
        after: datetime | None = None,
        until: datetime | None = None,
        symbols: Sequence[str] = (),
        side: Side | str | None = None,
        limit: int = 500,
    ) -> list[Order]:
        return self._do(
            self._desk.get_all_orders(
                status, after=after, until=until, symbols=symbols, side=side, limit=limit
            )
        )

    def wait(
        self, cl_ord_id: str, *, timeout_s: float | None = None, with_legs: bool = False
    ) -> Order:
        return self._do(self._desk.wait(cl_ord_id, timeout_s=timeout_s, with_legs=with_legs))

    def updates(self) -> Iterator[Update]:
        """Every change from now on; ends when the desk does."""
        yield from self._each(self._desk.updates())

    def quotes(self, symbols: Sequence[str]) -> Iterator[Quote]:
        """Each new quote, followed until the iterator is closed or the desk is."""
        yield from self._each(self._desk.quotes(symbols))

    def bars(self, symbols: Sequence[str]) -> Iterator[Bar]:
        """Each minute's bar when it is over."""
        yield from self._each(self._desk.bars(symbols))

    def get_pnl(self, *, max_age_s: float = 60.0) -> list[PnlRow]:
        return self._do(self._desk.get_pnl(max_age_s=max_age_s))

    def _each(self, source: AsyncIterator[Result]) -> Iterator[Result]:
        try:
            while True:
                try:
                    yield self._do(_next(source))
                except StopAsyncIteration:
                    return
        finally:
            if isinstance(source, AsyncGenerator) and self._loop is not None:
                self._do(source.aclose())

    @property
    def parents(self) -> "Parents":
        return Parents(self._desk, self._do, self._each)

    def get_positions(self) -> list[Position]:
        return self._do(self._desk.get_positions())

    def get_position(self, symbol: str) -> Position:
        return self._do(self._desk.get_position(symbol))

    def get_broker_positions(self, *, max_age_s: float | None = None) -> list[PositionReport]:
        return self._do(self._desk.get_broker_positions(max_age_s=max_age_s))

    def close_position(
        self, symbol: str, qty: Number | None = None, *, cancel_orders: bool = False
    ) -> Order:
        return self._do(self._desk.close_position(symbol, qty, cancel_orders=cancel_orders))

    def close_all_positions(
        self, *, cancel_orders: bool = False, timeout_s: float = 10.0
    ) -> dict[str, Order | Refused]:
        return self._do(
            self._desk.close_all_positions(cancel_orders=cancel_orders, timeout_s=timeout_s)
        )

    def get_account(self, *, max_age_s: float | None = None) -> AccountReport:
        return self._do(self._desk.get_account(max_age_s=max_age_s))

    def get_activities(
        self,
        kinds: Iterable[ActivityKind | str] = (),
        *,
        since: datetime | None = None,
        max_age_s: float | None = None,
    ) -> list[Activity]:
        return self._do(self._desk.get_activities(kinds, since=since, max_age_s=max_age_s))

    def get_market_phase(self, *, max_age_s: float | None = None) -> MarketPhase:
        return self._do(self._desk.get_market_phase(max_age_s=max_age_s))

    def get_calendar(
        self, start: date, end: date, *, max_age_s: float | None = None
    ) -> list[CalendarDay]:
        return self._do(self._desk.get_calendar(start, end, max_age_s=max_age_s))

    def get_instruments(self, *, max_age_s: float | None = None) -> list[Instrument]:
        return self._do(self._desk.get_instruments(max_age_s=max_age_s))

    def get_instrument(self, symbol: str, *, max_age_s: float | None = None) -> Instrument:
        return self._do(self._desk.get_instrument(symbol, max_age_s=max_age_s))

    def cache_stats(self) -> tuple[CacheStats, ...]:
        return self._desk.cache_stats()

    def get_quote(self, symbol: str, *, max_age_s: float = 5.0) -> Quote:
        return self._do(self._desk.get_quote(symbol, max_age_s=max_age_s))

    @property
    def portfolio(self) -> "Portfolio":
        return Portfolio(self._desk, self._do)

    def reconcile_positions(self) -> Reconciliation:
        return self._do(self._desk.reconcile_positions())

    def approve_break(self, break_id: str, *, by: str, note: str = "") -> Reconciliation:
        return self._do(self._desk.approve_break(break_id, by=by, note=note))

    def generate_trade_report(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> TradeReport:
        return self._do(self._desk.generate_trade_report(start, end))

    def kill(
        self,
        level: KillLevel | str = KillLevel.CANCEL,
        *,
        reason: str = "",
        by: str = "",
        may_reduce: bool = False,
        timeout_s: float = 10.0,
    ) -> TradingStatus:
        return self._do(
            self._desk.kill(
                level, reason=reason, by=by, may_reduce=may_reduce, timeout_s=timeout_s
            )
        )

    def resume(self, *, reason: str, by: str = "") -> TradingStatus:
        return self._do(self._desk.resume(reason=reason, by=by))

    def trading(self) -> TradingStatus:
        return self._desk.trading()

    def health_check(self) -> Health:
        return self._do(self._desk.health_check())

    def errors(self) -> list[BrokerError]:
        return self._desk.errors()


class Parents:
    """See `floorbroker.deskwork.parents.DeskParents` for what each method promises."""

    def __init__(
        self,
        asked: desk.Desk,
        do: Callable[[Coroutine[Any, Any, Any]], Any],
        each: Callable[[AsyncIterator[Any]], Iterator[Any]],
    ) -> None:
        self._desk, self._do, self._each = asked, do, each

    def submit(
        self,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        algo: str,
        end: datetime | timedelta,
        **terms: Unpack[MoreTerms],
    ) -> ParentStatus:
        asked = self._desk.parents.submit(side, qty, symbol, algo=algo, end=end, **terms)
        return self._one(asked)

    def get(self, parent_id: str) -> ParentStatus:
        return self._one(self._desk.parents.get(parent_id))

    def list(self) -> "list[ParentStatus]":
        found: list[ParentStatus] = self._do(self._desk.parents.list())
        return found

    def pause(self, parent_id: str, *, by: str = "", reason: str = "") -> ParentStatus:
        return self._one(self._desk.parents.pause(parent_id, by=by, reason=reason))

    def resume(self, parent_id: str, *, by: str = "", reason: str = "") -> ParentStatus:
        return self._one(self._desk.parents.resume(parent_id, by=by, reason=reason))

    def cancel(self, parent_id: str, *, by: str = "", reason: str = "") -> ParentStatus:
        return self._one(self._desk.parents.cancel(parent_id, by=by, reason=reason))

    def replace(self, parent_id: str, **terms: Unpack[NewTerms]) -> ParentStatus:
        return self._one(self._desk.parents.replace(parent_id, **terms))

    def wait(self, parent_id: str, *, timeout_s: float | None = None) -> ParentStatus:
        return self._one(self._desk.parents.wait(parent_id, timeout_s=timeout_s))

    def updates(self) -> Iterator[ParentStatus]:
        """Every parent order that changes from now on, until the desk is closed."""
        yield from self._each(self._desk.parents.updates())

    def _one(self, asked: Coroutine[Any, Any, ParentStatus]) -> ParentStatus:
        status: ParentStatus = self._do(asked)
        return status


class Portfolio:
    """See `floorbroker.deskwork.portfolio.rebalance.Portfolio` for what each method promises."""

    def __init__(self, asked: desk.Desk, do: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._desk, self._do = asked, do

    def plan(
        self,
        targets: Any,
        rules: Rules | None = None,
        *,
        kind: Kind | str | None = None,
        how: How | None = None,
    ) -> Rebalance:
        plan: Rebalance = self._do(self._desk.portfolio.plan(targets, rules, kind=kind, how=how))
        return plan

    def outlook(self, plan: Rebalance) -> Outlook:
        ahead: Outlook = self._do(self._desk.portfolio.outlook(plan))
        return ahead

    def carry_out(
        self, plan: Rebalance, *, on_step: OnStep | None = None, wait_s: float = 60.0
    ) -> Outcome:
        """`on_step` is called in the desk's own thread."""
        outcome: Outcome = self._do(
            self._desk.portfolio.carry_out(plan, on_step=on_step, wait_s=wait_s)
        )
        return outcome


async def _next(source: AsyncIterator[Result]) -> Result:
    return await anext(source)
