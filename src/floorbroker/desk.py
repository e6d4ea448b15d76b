"""The desk: the public face of the library, one journal, one writer, one account."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import date, datetime
from typing import Self, Unpack

from floorbroker import app, config
from floorbroker.brokers.cache import BrokerCache
from floorbroker.brokers.port import (
    AccountReport,
    Activity,
    ActivityKind,
    CalendarDay,
    MarketPhase,
    PositionReport,
)
from floorbroker.brokers.shelf import CacheStats
from floorbroker.clock import Clock
from floorbroker.deskwork import halting
from floorbroker.deskwork.batch import (
    OnResult,
    cancel_all,
    close_everything,
    close_one,
    submit_all,
)
from floorbroker.deskwork.health import Health, look_at
from floorbroker.deskwork.parents import DeskParents
from floorbroker.deskwork.portfolio.rebalance import Portfolio
from floorbroker.deskwork.prices import listed_instrument, newest_quote, phase_now, trading_days
from floorbroker.deskwork.reports import report_of
from floorbroker.deskwork.risk.guarding import Guarding
from floorbroker.deskwork.words import new_terms, order_filter, word
from floorbroker.domain.amounts import Number
from floorbroker.domain.errors import BrokerError, Refused, UnknownOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.messages import KillLevel, Reconciliation
from floorbroker.domain.order import Order, OrderRequest, Side, TimeInForce
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.engine.compare.approve import Approve
from floorbroker.engine.recovery import Recovery
from floorbroker.engine.settings import Update
from floorbroker.execution.catalog import Own, catalog_of
from floorbroker.journal.port import Verification
from floorbroker.marketdata.live.view import MarketView
from floorbroker.posttrade.trades import TradeReport
from floorbroker.publish.journaled import Status, held, listed
from floorbroker.watch.pnl import PnlRow, pnl_of


class Desk:
    """Accepts orders, writes them down, sends each once and follows it to its end.

    `async with Desk.open() as desk:` replays the journal, reconciles with the broker and only then
    opens for orders. Methods raise `Refused` (we said no, nothing left), `BrokerError` (a question
    to the broker failed) or `JournalError` (the desk must stop).
    """

    def __init__(self, settings: config.Settings, algos: Own | None = None) -> None:
        self.settings, self._algos = settings, catalog_of(algos)
        self._parts: app.Parts | None = None

    @classmethod
    def open(cls, settings: config.Settings | None = None, *, algos: Own | None = None) -> Self:
        """A desk with these settings, by default those of the environment, and with algorithms of
        your own by name; raises ConfigError, and InvalidOrder for a name that is taken."""
        return cls(config.load() if settings is None else settings, algos)

    async def __aenter__(self) -> Self:
        self._parts = await app.start(self.settings, app.Ports(algos=self._algos))
        return self

    async def __aexit__(self, *_: object) -> None:
        parts, self._parts = self._open, None
        await parts.aclose()

    @property
    def _open(self) -> app.Parts:
        if self._parts is None:
            raise Refused("the desk is not open; use it inside `async with Desk.open() as desk:`")
        return self._parts

    # Orders

    async def submit_order(self, request: OrderRequest) -> Order:
        """Place an order and return how it stands after the broker's first answer.

        Before anything leaves, the order is durable here. A broker's no is an order with
        `ord_status` rejected; no answer is one with `ord_status` unknown, which the desk goes on
        resolving. Raises Refused kinds when the order may not exist.
        """
        return await self._open.engine.submit(request)

    async def submit_orders(
        self, requests: Iterable[OrderRequest], *, on_result: OnResult | None = None
    ) -> list[Order | Refused]:
        """Place many orders; one result each, in the order given. A refusal is returned, not
        raised, so that the others are not lost sight of.

        Different symbols go side by side; of one symbol each order leaves once the one before has
        been answered. `on_result` hears of each result, with its place, as soon as it is there.
        """
        return await submit_all(self._open.engine, requests, on_result)

    async def replace_order(
        self,
        cl_ord_id: str,
        *,
        qty: Number | None = None,
        limit_price: Number | None = None,
        stop_price: Number | None = None,
        trail: Number | None = None,
        time_in_force: TimeInForce | str | None = None,
    ) -> Order:
        """Change a live order; `qty` is the total, shares already filled included.

        The order keeps its ClOrdID. Raises Refused when it cannot be replaced as it stands.
        """
        terms = new_terms(qty, limit_price, stop_price, trail, time_in_force=time_in_force)
        return await self._open.engine.replace(ClOrdID(cl_ord_id), **terms)

    async def cancel_order(self, cl_ord_id: str) -> Order:
        """Ask for a cancel. It has taken effect only when the order has ended: see `wait`."""
        return await self._open.engine.cancel(ClOrdID(cl_ord_id))

    async def cancel_all_orders(
        self, *, on_result: OnResult | None = None
    ) -> list[Order | Refused]:
        """Ask for a cancel of every order that is not ended; one result each, told like those of
        `submit_orders`. Cancels go before orders that wait for their turn."""
        return await cancel_all(self._open.engine, on_result)

    async def get_order(self, cl_ord_id: str) -> Order:
        """The order, live or ended; raises UnknownOrder."""
        order = self._open.engine.order(ClOrdID(cl_ord_id))
        if order is None:
            raise UnknownOrder(f"no order {cl_ord_id} in {self.settings.journal_path}")
        return order

    async def get_legs(self, cl_ord_id: str) -> list[Order]:
        """The legs of a bracket, OCO or OTO order as they stand, the take-profit first; none
        before the broker has told of them. Raises UnknownOrder."""
        order = await self.get_order(cl_ord_id)
        legs = (self._open.engine.order(leg) for leg in order.legs)
        return [leg for leg in legs if leg is not None]

    async def get_all_orders(
        self,
        status: Status = "all",
        *,
        after: datetime | None = None,
        until: datetime | None = None,
        symbols: Sequence[str] = (),
        side: Side | str | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """Orders of this journal, newest first; `after` and `until` bound their creation."""
        wanted = order_filter(after, until, symbols=symbols, side=side, limit=limit)
        return listed(self._open.engine.open_orders(), self._open.journal, status, wanted)

    async def wait(
        self, cl_ord_id: str, *, timeout_s: float | None = None, with_legs: bool = False
    ) -> Order:
        """The order once it has ended: of a bracket or an OTO that is the entry alone, `with_legs`
        waits for the end of all of it. Raises UnknownOrder, and TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            order = await self._open.engine.wait(ClOrdID(cl_ord_id))
            if with_legs:
                for leg in await self.get_legs(cl_ord_id):
                    await self._open.engine.wait(leg.cl_ord_id)
            return order

    def updates(self) -> AsyncIterator[Update]:
        """Every change of every order from now on, each durable before it is seen."""
        return self._open.engine.updates()

    @property
    def parents(self) -> DeskParents:
        """Parent orders, which an algorithm works over time: see docs/parents.md."""
        return DeskParents(self._open)

    # What we hold

    async def get_positions(self) -> list[Position]:
        """Our own book, by symbol; flat positions apart."""
        return held(self._open.engine.positions().values())

    async def get_position(self, symbol: str) -> Position:
        """Our own position; flat if we never traded the symbol."""
        symbol = symbol.upper()
        return self._open.engine.positions().get(symbol) or Position(symbol=symbol)

    async def get_broker_positions(
        self, *, max_age_s: float | None = None
    ) -> list[PositionReport]:
        """The broker's own list, with its prices; see `cache` for its age."""
        return list((await self.cache.positions(max_age_s=max_age_s)).value)

    async def close_position(
        self, symbol: str, qty: Number | None = None, *, cancel_orders: bool = False
    ) -> Order:
        """Sell (or buy back) all of a position, or `qty` of it, at the market.

        Shares that open orders hold, such as the legs of a bracket, are refused with the orders'
        names; with `cancel_orders` these are canceled first, and the position closed once they
        have ended. TimeoutError if they do not within a minute.
        """
        return await close_one(self._open.engine, symbol, qty, cancel_orders=cancel_orders)

    async def close_all_positions(
        self, *, cancel_orders: bool = False, timeout_s: float = 10.0
    ) -> dict[str, Order | Refused]:
        """Sell or buy back everything at the market; one result for each symbol.

        With `cancel_orders` every open order is canceled before, because it may hold the shares;
        what is not canceled within `timeout_s` may get its symbol's closing order rejected.
        """
        return await close_everything(self._open.engine, timeout_s if cancel_orders else None)

    @property
    def portfolio(self) -> Portfolio:
        """All positions together: `plan` them to targets, then `carry_out` the plan."""
        return Portfolio(self._open)

    # What the broker says

    @property
    def cache(self) -> BrokerCache:
        """The broker's answers with their age: `(await desk.cache.account()).as_of`, and, for a
        look that may be old, `desk.cache.last_account()`."""
        return self._open.engine.cache

    def cache_stats(self) -> tuple[CacheStats, ...]:
        """Hits, misses and refusals of old answers, by kind."""
        return self.cache.stats()

    async def get_account(self, *, max_age_s: float | None = None) -> AccountReport:
        """The account as the broker states it, a second old at most; 0 always asks."""
        return (await self.cache.account(max_age_s=max_age_s)).value

    async def get_activities(
        self,
        kinds: Iterable[ActivityKind | str] = (),
        *,
        since: datetime | None = None,
        max_age_s: float | None = None,
    ) -> list[Activity]:
        """What moved the account at the broker, oldest first: fills, fees, dividends, cash."""
        wanted = [chosen for kind in kinds if (chosen := word(ActivityKind, "kinds", kind))]
        found = await self.cache.activities(wanted, since=since, max_age_s=max_age_s)
        return list(found.value)

    async def get_market_phase(self, *, max_age_s: float | None = None) -> MarketPhase:
        """Whether the regular session is open. The broker's time is told as of now."""
        return await phase_now(self._open, max_age_s)

    async def get_calendar(
        self, start: date, end: date, *, max_age_s: float | None = None
    ) -> list[CalendarDay]:
        """The trading days from `start` to `end`, both included."""
        return await trading_days(self._open, start, end, max_age_s)

    async def get_instruments(self, *, max_age_s: float | None = None) -> list[Instrument]:
        """Everything that the broker lists."""
        return list((await self.cache.instruments(max_age_s=max_age_s)).value)

    async def get_instrument(self, symbol: str, *, max_age_s: float | None = None) -> Instrument:
        """One instrument; raises Refused where the broker lists none of this name."""
        return await listed_instrument(self._open, symbol.upper(), max_age_s)

    async def get_quote(self, symbol: str, *, max_age_s: float = 5.0) -> Quote:
        """The newest quote: the live one where it is followed and not older than that, else the
        broker is asked. Raises Refused where there is none."""
        return await newest_quote(self._open, symbol.upper(), max_age_s)

    # The live market

    @property
    def market(self) -> MarketView:
        """What is followed now, each answer with its age or the reason why there is none."""
        return self._open.watch.view

    def quotes(self, symbols: Sequence[str]) -> AsyncGenerator[Quote, None]:
        """Each new quote of these symbols, followed while it is iterated over."""
        return self._open.watch.quotes([symbol.upper() for symbol in symbols])

    def bars(self, symbols: Sequence[str]) -> AsyncGenerator[Bar, None]:
        """Each minute's bar when it is over, followed while it is iterated over."""
        return self._open.watch.bars([symbol.upper() for symbol in symbols])

    async def get_pnl(self, *, max_age_s: float = 60.0) -> list[PnlRow]:
        """Our positions at live prices, asked for where none is live; a price that is older than
        that marks nothing."""
        parts = self._open
        positions = parts.engine.positions().values()
        return await pnl_of(positions, parts.watch, parts.realized, max_age_s)

    async def get_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        """One-minute bars of each symbol, oldest first."""
        return await self._open.broker.bars(symbols, start, end)

    # Stopping

    async def kill(
        self,
        level: KillLevel | str = KillLevel.CANCEL,
        *,
        reason: str = "",
        by: str = "",
        may_reduce: bool = False,
        timeout_s: float = 10.0,
    ) -> halting.TradingStatus:
        """Stop trading: `block` refuses new orders, `cancel` also cancels every open one, and
        `flatten` also closes every position. `may_reduce` lets orders in that only make a
        position smaller. It is durable before anything else happens and survives a restart.

        Returns how it stands once all is done, or after `timeout_s`; it is seen through anyway.
        """
        return await halting.kill(
            self._open, level, reason=reason, by=by, may_reduce=may_reduce, timeout_s=timeout_s
        )

    async def resume(
        self, *, reason: str, by: str = "", **of: Unpack[halting.Of]
    ) -> halting.TradingStatus:
        """Take orders again, of one `symbol` or `strategy` where that is named; raises Refused if
        nothing is halted or no reason is given."""
        return await halting.resume(self._open, reason=reason, by=by, **of)

    def trading(self) -> halting.TradingStatus:
        """What new orders may do now, and who says so."""
        return halting.status(self._open)

    @property
    def guards(self) -> Guarding:
        """Limits, the arming of live trading, alerts, and what would become of an order."""
        return Guarding(self._open, self.settings)

    # Trust

    async def reconcile_positions(self) -> Reconciliation:
        """Hold our book against the broker's: every difference with cause, evidence and repair."""
        return await self._open.engine.reconcile()

    async def approve_break(self, break_id: str, *, by: str, note: str = "") -> Reconciliation:
        """Carry out what is proposed for an open break: who approved it, and why, is written down.
        Returns the comparison after it; raises Refused where no such break is open any more, or
        nothing is proposed yet."""
        return await self._open.engine.approve(Approve(break_id=break_id, by=by, note=note))

    async def generate_trade_report(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> TradeReport:
        """What was asked, done and earned between two instants (UTC; all of it by default)."""
        return report_of(self._open.journal, start, end)

    async def accept_journal(self) -> tuple[ClOrdID, ...]:
        """Open for new orders on a journal that was restored from a backup: see the alarm
        `stale_journal`. Returns the orders that it had forgotten."""
        return await self._open.engine.accept_journal()

    async def verify_journal(self) -> Verification:
        """Walk the whole chain of records."""
        return self._open.journal.verify()

    @property
    def recovery(self) -> Recovery:
        """What the start found and repaired."""
        return self._open.recovery

    @property
    def epoch(self) -> int:
        """How often this journal was opened for writing, this time included."""
        return self._open.journal.epoch

    @property
    def clock(self) -> Clock:
        """The time by which the desk works: the market's where that is replayed."""
        return self._open.clock

    def errors(self) -> list[BrokerError]:
        """The broker's recent refusals and failures, oldest first, each with its `kind`, `time`,
        `request`, `status` and `code`; the keys stand in none of them."""
        return list(self._open.engine.errors)

    async def failed(self) -> BaseException:
        """Returns when the desk has to die (the journal failed), with the reason."""
        return await asyncio.shield(self._open.engine.failed)

    async def health_check(self) -> Health:
        """Look at every part of the desk and how fast it is; asks the broker three times."""
        return await look_at(self._open, self.settings)
