"""Holds our book against the broker's: each kind at its own rhythm, and every break explained.

Orders are compared every `poll_orders_s`, positions every `poll_positions_s`, executions and cash
every `poll_fills_s` and after the end of the trading day. What the broker's own lists prove is
booked at once; nothing else is: it stands open, with a proposal, until somebody approves it or the
books agree again. Whatever was found is written down with what became of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from floorbroker.brokers.port import PositionReport
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind, CashCount
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    ExecutionReport,
    JournalMessage,
    Reconciliation,
)
from floorbroker.domain.order import Order
from floorbroker.engine.compare import fills, findings, orders, positions
from floorbroker.engine.compare.approve import Approve
from floorbroker.engine.compare.auditor import NO_TRADES, Auditor
from floorbroker.engine.compare.world import Survey, World
from floorbroker.engine.decide import LookForStuck
from floorbroker.engine.settings import Means

_RECORD_EVERY_S = 300.0
#: A desk that is opened for one command does not count everything.
_FIRST_COUNT_S = 2.0
#: The day's fees are booked about when the market closes.
_AFTER_CLOSE = timedelta(seconds=60)
#: So often positions are read again at the very first start while somebody else trades.
_RESTLESS_MAX = 5
#: A list leaves out the instant that it is asked from; this is the shortest time before it.
_INSTANT = timedelta(microseconds=1)
#: What is taken back was executed within this time before.
_LONG_BEFORE = timedelta(days=1)
#: At most so many orders are asked after to explain one difference.
_ASKED_MAX = 40

ALL = tuple(BreakKind)
_ORDERS = (BreakKind.ORDER,)
AT_START = _BOOKS = (BreakKind.ORDER, BreakKind.POSITION)
_COUNTS = (BreakKind.FILL, BreakKind.CASH)
#: An open difference of these kinds raises an alarm, once; others close the symbol's gate.
_ALARMING = (BreakKind.FILL, BreakKind.CASH)


class Reconciler:
    """One comparison at a time."""

    def __init__(self, means: Means, world: World, survey: Survey) -> None:
        self._broker, self._clock = means.broker, means.clock
        self._settings, self._errors = means.settings, means.errors
        self._world, self._survey = world, survey
        self._auditor = Auditor(means, world)
        self._one_at_a_time = asyncio.Lock()
        self._last: dict[BreakKind, list[Break]] = {}
        self._told: set[ClOrdID] = set()
        self._closes_at: datetime | None = None  #: And a little later, on the broker's clock.
        self._until_close_s = 0.0
        self._begun: datetime | None = None  #: What was before, the desk before this one told.

    async def reconcile(
        self, kinds: tuple[BreakKind, ...] = ALL, *, is_routine: bool = False
    ) -> Reconciliation:
        """Compare these kinds and repair what the evidence allows.

        A routine comparison that finds what the last one found is not written down again. Raises
        BrokerError if the broker could not be asked.
        """
        async with self._one_at_a_time:
            return await self._reconcile(kinds, is_routine=is_routine)

    async def approve(self, command: Approve) -> Reconciliation:
        """Look again, carry out what is proposed for a break that is still open, and compare.

        Raises Refused, and BrokerError if the broker could not be asked.
        """
        async with self._one_at_a_time:
            await self._reconcile(ALL, is_routine=True)
            await self._world.approve(command)
            return await self._reconcile(ALL, is_routine=False)

    async def _reconcile(
        self, kinds: tuple[BreakKind, ...], *, is_routine: bool
    ) -> Reconciliation:
        last = self._world.last()
        is_first = last is None
        if self._begun is None:
            self._begun = self._clock.now() if last is None else last.transact_time
        whole_until = self._world.whole_until() if BreakKind.POSITION in kinds else None
        if is_first:
            whole_until = (await self._broker.market_phase()).broker_time
        breaks: list[Break] = []
        adjusted: list[JournalMessage] = []
        counts = _Counts()
        if BreakKind.ORDER in kinds:
            pairs, found = await self._compare_orders()
            counts.orders = len(pairs)
            breaks += found
        if BreakKind.POSITION in kinds:
            theirs, found = await self._compare_positions()
            counts.positions = len({*self._world.positions(), *(one.symbol for one in theirs)})
            if is_first:
                theirs, found = await self._at_rest(whole_until)
                now = self._clock.now()
                taken, found = positions.adoption(found, theirs, account=self._account, now=now)
                adjusted += taken
            breaks += found
        if BreakKind.ORDER in kinds:
            breaks = await self._with_strangers(breaks, pairs)
        if BreakKind.FILL in kinds or BreakKind.CASH in kinds:
            breaks += await self._count(counts, waits=not is_routine)
        breaks += self._survey.caught_up()
        compared = self._compared(kinds, breaks, counts, whole_until)
        if is_first or not is_routine or self._is_due(compared, kinds):
            await self._world.record((*adjusted, compared, *self._alarms(compared)))
        self._last.update({kind: [one for one in breaks if one.kind == kind] for kind in kinds})
        return compared

    async def _count(self, counts: "_Counts", *, waits: bool) -> list[Break]:
        """Executions first: cash is explained by what is booked."""
        phase = await self._broker.market_phase()
        now, closes_at = phase.broker_time, self._closes_at
        is_day_over = closes_at is not None and now >= closes_at
        counts.fills, found = await self._auditor.count_fills(now, whole_day=is_day_over)
        counts.cash, more = await self._auditor.count_cash(now, waits=waits)
        self._closes_at = phase.next_close + _AFTER_CLOSE if phase.is_open else None
        self._until_close_s = (phase.next_close + _AFTER_CLOSE - now).total_seconds()
        return [*found, *more]

    def _compared(
        self,
        kinds: tuple[BreakKind, ...],
        breaks: list[Break],
        counts: "_Counts",
        whole_until: datetime | None,
    ) -> Reconciliation:
        last, now = self._world.last(), self._clock.now()
        before = () if last is None else last.breaks
        return Reconciliation(
            account=self._account,
            orders_compared=counts.orders,
            positions_compared=counts.positions,
            fills_compared=counts.fills,
            cash=counts.cash,
            kinds=kinds,
            breaks=findings.standing(breaks, before, kinds, now),
            broker_time=whole_until,
            transact_time=now,
        )

    def _is_due(self, compared: Reconciliation, kinds: tuple[BreakKind, ...]) -> bool:
        last = self._world.last()
        before = [*(() if last is None else last.breaks)]
        for kind in kinds:
            before += self._last.get(kind, [])
        count = compared.cash
        is_first = self._world.cash_book().basis is None
        has_moved = count is not None and (is_first or count.executions or count.activity_ids)
        return (
            bool(has_moved)
            or findings.is_news(compared.breaks, before)
            or self._is_stale(compared.broker_time)
        )

    def _is_stale(self, whole_until: datetime | None) -> bool:
        """After a crash all since the last record is asked for: keep that short."""
        safe = self._world.safe_time()
        if whole_until is None or safe is None:
            return False
        return whole_until - safe > timedelta(seconds=_RECORD_EVERY_S)

    def _alarms(self, compared: Reconciliation) -> list[Alarm]:
        """One for each break that is found for the first time and that somebody must look at."""
        return [
            Alarm(
                name=f"{one.kind}_break",
                text=f"{one.break_id}: {one.cause}, ours {one.ours}, theirs {one.theirs}",
                transact_time=compared.transact_time,
            )
            for one in compared.open_breaks
            if one.kind in _ALARMING or one.cause is BreakCause.BROKER_ACTION
            if one.found_time == compared.transact_time
        ]

    @property
    def _account(self) -> Account:
        return self._broker.account

    # Orders

    async def _compare_orders(self) -> tuple[list[orders.Theirs], list[Break]]:
        """Differences that are there at once may be on their way to us; those that stay are
        breaks, and the sweep itself has delivered the repair."""
        pairs = await self._survey.sweep()
        found = orders.order_breaks(pairs)
        if any(one.is_open for one in found):
            await self._world.settled()
            await self._clock.sleep(self._settings.fills_delay_s)
            pairs = await self._survey.sweep()
            await self._world.settled()
            after = orders.order_breaks(self._refreshed(pairs))
            found = findings.repaired(found, after) + findings.new(after, found)
        return pairs, found

    def _refreshed(self, pairs: list[orders.Theirs]) -> list[orders.Theirs]:
        live = {order.cl_ord_id: order for order in self._world.orders()}
        return [
            replace(pair, ours=live[pair.ours.cl_ord_id])
            for pair in pairs
            if pair.ours is not None and pair.ours.cl_ord_id in live
        ]

    async def _with_strangers(self, found: list[Break], pairs: list[orders.Theirs]) -> list[Break]:
        """Orders from elsewhere that lived shorter than from one comparison to the next are told
        as well; and which of all of them are the broker's own."""
        told = {one.subject for one in found} | self._told
        origins = {pair.found.cl_ord_id: pair.found.origin for pair in pairs if pair.found}
        strangers = self._world.strangers()
        for order in strangers:
            if order.cl_ord_id in told or self._is_older(order):
                continue
            found.append(orders.stranger_break(order))
            if order.order_id is not None:
                report = await self._broker.order(order.order_id)
                origins[order.cl_ord_id] = "" if report is None else report.origin
        outside = {one.subject for one in found if one.cause is BreakCause.EXTERNAL_ORDER}
        self._told = {one.cl_ord_id for one in strangers if one.cl_ord_id in told | outside}
        return [self._marked(one, origins) for one in found]

    def _is_older(self, order: Order) -> bool:
        """Whether the desk before this one told of it."""
        return self._begun is not None and (order.updated_time or self._begun) < self._begun

    def _marked(self, found: Break, origins: dict[ClOrdID, str]) -> Break:
        origin = origins.get(ClOrdID(found.subject), "")
        is_theirs = orders.is_the_brokers(found.subject, origin, self._settings.broker_marks)
        if found.cause is not BreakCause.EXTERNAL_ORDER or not is_theirs:
            return found
        return orders.by_the_broker(found, origin)

    # Positions

    async def _compare_positions(self) -> tuple[list[PositionReport], list[Break]]:
        """Executions on their way explain a difference; so may some that we never heard of."""
        theirs, first = await self._positions()
        if first:
            await self._clock.sleep(self._settings.fills_delay_s)
            theirs, first = await self._positions()
        if not first:
            return theirs, []
        causes = await self._caught_up(self._world.long_since())
        theirs, after = await self._positions()
        after = await self._explained(after, theirs)
        still = {one.subject for one in after}
        closed = [_by_name(one, causes) for one in first if one.subject not in still]
        return theirs, closed + after

    async def _at_rest(self, since: datetime | None) -> tuple[list[PositionReport], list[Break]]:
        """Positions with every execution booked that they may have in them, and none that they
        may not: what is taken over as held before must not be booked once more. It was held before
        that instant: whatever happened at it is booked by its execution."""
        since = None if since is None else since - _INSTANT
        for _ in range(_RESTLESS_MAX):
            is_behind = bool(await self._caught_up(since))
            held = dict(self._world.positions())
            theirs, found = await self._positions()
            if not is_behind and held == self._world.positions():
                break
        return theirs, found

    async def _caught_up(self, since: datetime | None) -> dict[str, tuple[BreakCause, str]]:
        """Take in every execution that we never heard of; why they were missed, by symbol."""
        causes: dict[str, tuple[BreakCause, str]] = {}
        if since is not None:
            executions = await self._executions(since)
            ours = await self._world.traded(since)
            known = fills.compared(ours, executions, since=since, until=since)
            for one in known.missing:
                words = f"the broker lists {one.exec_id}: {fills.in_words(one)}"
                causes[one.symbol] = await self._cause_of(one), words
            for one in executions:
                self._world.deliver(one)
        await self._world.settled()
        return causes

    async def _executions(self, since: datetime) -> list[ExecutionReport]:
        """The broker's list, and what it takes back in it although it came before."""
        found = await self._broker.executions(since=since)
        orphans = fills.orphans(found, await self._world.traded(since))
        if not orphans:
            return found
        older = await self._broker.executions(since=since - _LONG_BEFORE)
        return [*(one for one in older if one.exec_id in orphans), *found]

    async def _cause_of(self, one: ExecutionReport) -> BreakCause:
        cause = fills.cause_of(one, self._world.about(one))
        if cause is not BreakCause.EXTERNAL_ORDER:
            return cause
        order = await self._broker.order(one.order_id)
        marks = self._settings.broker_marks
        if order is not None and orders.is_the_brokers(order.cl_ord_id, order.origin, marks):
            return BreakCause.BROKER_ACTION
        ours = None if order is None else self._world.about(order)
        return fills.cause_of(one, ours)

    async def _explained(self, after: list[Break], theirs: list[PositionReport]) -> list[Break]:
        since = self._world.long_since()
        if not after or since is None:
            return after
        listed = await self._broker.activities(NO_TRADES, since=since)
        after = positions.explained(after, listed, theirs, self._world.positions())
        open_symbols = {one.symbol for one in after if one.cause is BreakCause.UNKNOWN}
        asked = [one for one in await self._world.traded(since) if one.symbol in open_symbols]
        pairs = [pair for one in asked[-_ASKED_MAX:] if (pair := await self._pair(one))]
        return [positions.revised(one, pairs) for one in after]

    async def _pair(self, order: Order) -> tuple[Order, ExecutionReport] | None:
        found = None if order.order_id is None else await self._broker.order(order.order_id)
        return None if found is None else (order, found)

    async def _positions(self) -> tuple[list[PositionReport], list[Break]]:
        theirs = await self._broker.positions()
        return theirs, positions.position_breaks(self._world.positions(), theirs)

    # At intervals

    async def watch_orders(self) -> None:
        """Compare orders for ever; cancels that nothing came of raise an alarm on the way."""
        async for _ in self._every(self._settings.poll_orders_s):
            await self._tried(lambda: self.reconcile(_ORDERS, is_routine=True))
            self._world.deliver(LookForStuck())

    async def watch_positions(self) -> None:
        """Compare positions for ever, and the orders with them."""
        async for _ in self._every(self._settings.poll_positions_s):
            await self._tried(lambda: self.reconcile(_BOOKS, is_routine=True))

    async def watch_counts(self) -> None:
        """Compare executions and cash for ever: soon after the start, at intervals, and once the
        trading day is over all of it."""
        await self._clock.sleep(_FIRST_COUNT_S)
        while True:
            began_s = self._clock.monotonic()
            await self._tried(lambda: self.reconcile(_COUNTS, is_routine=True))
            next_s = began_s + self._until_next_s()
            await self._clock.sleep(max(next_s - self._clock.monotonic(), 1.0))

    async def _every(self, interval_s: float) -> AsyncIterator[None]:
        """At a steady rhythm, whatever each time takes; what was too slow is not made up for."""
        due_s = self._clock.monotonic() + interval_s
        while True:
            await self._clock.sleep(max(due_s - self._clock.monotonic(), 0))
            yield
            due_s = max(due_s + interval_s, self._clock.monotonic())

    def _until_next_s(self) -> float:
        """Until the next count: soon if one is in doubt, and soon after the close. A difference
        in cash is seen twice within the interval."""
        own = self._settings
        every_s = max(own.poll_fills_s - own.account_lag_s, own.account_lag_s)
        every_s = self._auditor.recount_s or every_s
        return every_s if self._closes_at is None else min(every_s, self._until_close_s)

    async def _tried(self, ask: Callable[[], Awaitable[object]]) -> None:
        """A broker that does not answer is asked again next time; that proves nothing."""
        try:
            await ask()
        except BrokerError as problem:
            self._errors.append(problem)


class _Counts:
    """How much was compared."""

    def __init__(self) -> None:
        self.orders = self.positions = self.fills = 0
        self.cash: CashCount | None = None


def _by_name(found: Break, causes: dict[str, tuple[BreakCause, str]]) -> Break:
    """A difference that is gone, by what explained it."""
    cause, evidence = causes.get(found.symbol, (BreakCause.MISSED_FILL, "its executions came"))
    return replace(
        found,
        cause=cause,
        evidence=evidence,
        repair="executions were fetched from the broker and booked",
        is_open=False,
        proposal=None,
    )
