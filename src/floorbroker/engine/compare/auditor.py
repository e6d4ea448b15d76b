"""Counts: every execution of a period against the broker's list, and the cash to the cent."""

from collections import Counter
from datetime import datetime, timedelta

from floorbroker.brokers.port import Activity, ActivityKind
from floorbroker.domain.amounts import Money
from floorbroker.domain.books.breaks import Break, CashCount
from floorbroker.domain.messages import ExecutionReport
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.engine.book import counts
from floorbroker.engine.compare import cash, fills
from floorbroker.engine.compare.world import World
from floorbroker.engine.settings import Means

NO_TRADES = frozenset(ActivityKind) - {ActivityKind.FILL}
#: The whole trading day, and some of the night before.
_DAY = timedelta(hours=24)
#: A routine count looks back so much further than to the last one.
_MARGIN = timedelta(minutes=15)
#: Activities may be listed days after the day that they are dated.
_LATE = timedelta(days=7)
#: How often the cash is read before a difference that keeps changing is left to the next count.
_READINGS = 6


def _has(order: Order | None, one: ExecutionReport) -> bool:
    """Whether the execution was booked long ago, beyond what is at hand."""
    return order is not None and counts.is_booked(order, one)


class Auditor:
    """Compares, and delivers what was missed; writes nothing."""

    def __init__(self, means: Means, world: World) -> None:
        self._broker, self._clock = means.broker, means.clock
        self._settings = means.settings
        self._world = world
        self._counted_until: datetime | None = None
        #: What was seen and since when; it counts once it is older than any answer.
        self._doubt: tuple[Money, ...] = ()
        self._doubt_since_s = 0.0

    # Executions

    async def count_fills(self, now: datetime, *, whole_day: bool) -> tuple[int, list[Break]]:
        """How many were compared, and every difference; what the broker's list proves is booked.

        `now` is the broker's own time, as that of all its executions is. Raises BrokerError.
        """
        adopted = self._world.adopted_time()
        if adopted is None:
            return 0, []
        since = max(self._since(now, whole_day=whole_day), adopted)
        found, listed = await self._fills(since, now)
        if not found.missing and not found.unlisted:
            self._counted_until = now
            return found.count, []
        await self._world.settled()
        await self._clock.sleep(self._settings.fills_delay_s)
        found, listed = await self._fills(since, now)
        about = {id(one): await self._owner(one) for one in found.missing}
        for one in sorted(found.missing, key=lambda one: one.transact_time):
            self._world.deliver(one)  # a bust before what took its place
        await self._world.settled()
        after = fills.compared(
            await self._world.traded(since), listed, since=since, until=self._lagging(now)
        )
        still = {id(one) for one in after.missing}
        doubtful = self._doubtful()
        asks = self._world.is_identifying
        held = {id(one) for one in after.missing if one.symbol in doubtful or asks(one)}
        breaks = [
            fills.missing_break(one, about[id(one)], is_booked=id(one) not in still)
            for one in found.missing
            if not _has(about[id(one)], one)
            if id(one) not in held
        ]
        if not held:
            self._counted_until = now
        return found.count, [*breaks, *map(fills.unlisted_break, after.unlisted)]

    def _doubtful(self) -> set[str]:
        """Where an execution may be that of an order whose fate is still being asked for."""
        orders = self._world.orders()
        return {one.symbol for one in orders if one.venue_status is OrdStatus.UNKNOWN}

    async def _owner(self, one: ExecutionReport) -> Order | None:
        """The order that it is of, however long ago that ended."""
        about = self._world.about(one)
        if about is not None:
            return about
        report = await self._broker.order(one.order_id)
        return None if report is None else self._world.about(report)

    def _since(self, now: datetime, *, whole_day: bool) -> datetime:
        if self._counted_until is None:  # since the desk before this one, if that is longer
            return min(now, self._world.cash_book().until or now) - _DAY
        if whole_day or self._is_open():
            return now - _DAY
        return self._counted_until - _MARGIN

    def _is_open(self) -> bool:
        """Whether an execution is in question: then the next count must look at it again."""
        last = self._world.last()
        return last is not None and any(one.kind == "fill" for one in last.open_breaks)

    def _lagging(self, now: datetime) -> datetime:
        """The list may lag behind the stream for so long."""
        return now - timedelta(seconds=self._settings.overlap_s)

    async def _fills(
        self, since: datetime, now: datetime
    ) -> tuple[fills.Compared, list[ExecutionReport]]:
        early = max(since - _MARGIN, self._world.adopted_time() or since)
        listed = await self._broker.executions(since=early)
        orders = await self._world.traded(early)
        until = self._lagging(now)
        return fills.compared(orders, listed, since=since, until=until), listed

    # Cash

    async def count_cash(
        self, now: datetime, *, waits: bool
    ) -> tuple[CashCount | None, list[Break]]:
        """The count, and every change that was no execution of ours, with its cause.

        News of an execution and the cash that it moved come by different ways, and the account's
        answer may be some seconds old: a difference counts once it has stayed the same for
        `account_lag_s` while no execution was missing. None where it has not, or not yet; who
        `waits` is told in one go. Raises BrokerError.
        """
        if self._world.adopted_time() is None:
            return None, []
        late: list[Break] = []
        while True:
            count, breaks = await self._cash_now(now)
            late += breaks
            if count is not None or not self._doubt or not waits:
                return count, late
            await self._clock.sleep(self._settings.account_lag_s)

    async def _cash_now(self, now: datetime) -> tuple[CashCount | None, list[Break]]:
        if self._world.cash_book().basis is None:
            return await self._first_cash(now)
        seen: Counter[tuple[Money, Money]] = Counter()
        late: list[Break] = []
        for number in range(_READINGS):
            if number:
                await self._clock.sleep(self._settings.fills_delay_s)
            found = await self._reading(now)
            assert found is not None, "there was a count before"
            if found.agrees and not found.had:
                self._doubt = ()
                return self._counted(found, now, late)
            mark = (found.difference, found.had)
            seen[mark] += 1
            booked = await self._booked_now(now) if seen[mark] > 1 else []
            late += booked
            if seen[mark] > 1 and not booked:
                if self._has_stayed(*mark):
                    return self._counted(found, now, late)
                break
        return None, late

    def _counted(
        self, found: cash.Reading, now: datetime, late: list[Break]
    ) -> tuple[CashCount, list[Break]]:
        count, breaks = cash.counted(found, now)
        return count, [*late, *breaks]

    def _has_stayed(self, *seen: Money) -> bool:
        """Whether the same was seen long enough ago that no answer can be older."""
        now_s = self._clock.monotonic()
        if self._doubt != seen:
            self._doubt, self._doubt_since_s = seen, now_s
        return now_s - self._doubt_since_s >= self._settings.account_lag_s

    @property
    def recount_s(self) -> float | None:
        """When the next count should be, if one is in doubt."""
        lag_s = self._settings.account_lag_s
        is_young = self._clock.monotonic() - self._doubt_since_s < lag_s
        return lag_s if self._doubt and is_young else None

    async def _booked_now(self, now: datetime) -> list[Break]:
        """Executions that were missing until this moment."""
        _, breaks = await self.count_fills(now, whole_day=False)
        return [one for one in breaks if not one.is_open]

    async def _reading(self, now: datetime) -> cash.Reading | None:
        await self._world.settled()
        listed, held = await self._listed(now), await self._held()
        await self._world.settled()
        return cash.reading(self._world.cash_book(), held, listed)

    async def _first_cash(self, now: datetime) -> tuple[CashCount | None, list[Break]]:
        """Taken while nothing moves; where something was executed before, once no answer can be
        from before that."""
        before, traded = await self._held(), self._world.cash_book().traded
        listed = await self._listed(now)
        await self._clock.sleep(self._settings.fills_delay_s)
        late = await self._booked_now(now)
        await self._world.settled()
        book = self._world.cash_book()
        if late or before != await self._held() or book.traded != traded:
            return None, late
        if book.executions and not self._has_stayed(before, traded):
            return None, late
        self._doubt = ()
        return cash.first_count(book, before, listed, now), []

    async def _held(self) -> Money:
        return (await self._broker.account_report()).cash

    async def _listed(self, now: datetime) -> list[Activity]:
        last = self._world.cash_book().until or now
        return await self._broker.activities(NO_TRADES, since=min(now, last) - _LATE)
