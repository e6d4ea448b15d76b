"""The engine: the one coroutine that changes state, and the doors to it.

Theory of operation
-------------------
Everything that happens enters one inbox: commands of callers, reports and outcomes from the
broker, findings of those who ask it, timers. One coroutine takes them out in order and for each
does *decide*, then *apply*; so the second order of a batch is decided on a book in which the first
is reserved. When the inbox is empty, or the batch full, the whole batch is written with one
commit (*record*), and only then does anything leave (*act*): views change, callers are answered,
requests go on the wire. State may run ahead of the disk by one batch, and nothing that leaves may
look at it; between two batches it is exactly what the disk says. If the commit fails, nothing of
the batch was promised to anybody; the engine stops, and the next start recovers.

INTENT and the first SEND share a commit when the request may go at once. When the pacer says no,
or the order stream has a gap, INTENT is written alone, the order waits, and SEND is decided when
its turn comes.

The inbox is bounded for commands: at `inbox_max` callers wait for room. Reports are never
refused and never wait; there are as many as the broker sent.

A caller that goes away takes nothing back: its order lives on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from random import Random
from typing import Any, NotRequired, TypedDict, Unpack

from floorbroker.brokers.cache import BrokerCache
from floorbroker.brokers.pace.retries import Retries
from floorbroker.brokers.port import Broker
from floorbroker.clock import Clock
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import Halted, UnknownOrder
from floorbroker.domain.ids import ClOrdID, ClOrdIDMaker
from floorbroker.domain.messages import DeskClosed, DeskOpened, Reconciliation
from floorbroker.domain.order import Order, OrderRequest
from floorbroker.domain.position import Position
from floorbroker.engine import aftermath, decide, recovery
from floorbroker.engine.briefing.briefing import Briefing
from floorbroker.engine.compare.approve import Approve
from floorbroker.engine.evidence import opening
from floorbroker.engine.evidence.crew import Crew, looked_at
from floorbroker.engine.halting.switch import Switch
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.outbox import Pacer
from floorbroker.engine.parents.door import Parents
from floorbroker.engine.recovery import Recovery
from floorbroker.engine.settings import EngineHealth, EngineSettings, Means, MoreTerms, Update
from floorbroker.engine.state import State
from floorbroker.engine.timing.errors import ErrorLog
from floorbroker.engine.timing.stopwatch import Stopwatch
from floorbroker.engine.views import Until, Views, has_ended
from floorbroker.execution.catalog import SHIPPED, Catalog
from floorbroker.journal.latch import LatchFile
from floorbroker.journal.port import Journal


class Parts(TypedDict):
    """What an engine is made of; `namespace` begins every ClOrdID of its own."""

    journal: Journal
    broker: Broker
    clock: Clock
    random: Random
    pacer: Pacer
    settings: EngineSettings
    namespace: str
    mode: str
    version: str
    latch: NotRequired[LatchFile]
    algos: NotRequired[Catalog]
    is_numbered: NotRequired[bool]  #: The broker has many accounts, and tells which this is.


#: Every message of a start is looked at once, to tell what it repaired.
_EVERYTHING = 1_000_000


class Engine:
    """One account's orders, followed from intent to end.

    `start` recovers and opens; afterwards any number of tasks of one event loop may call. If the
    engine must die, `failed` completes with the reason, everybody who waits gets it, and the
    process should exit and start again.
    """

    def __init__(self, **parts: Unpack[Parts]) -> None:
        self._parts = parts
        self._journal, self._broker = parts["journal"], parts["broker"]
        self._clock = parts["clock"]
        self.settings = self._settings = parts["settings"]
        self.errors = ErrorLog(self._clock, 200)
        self.times = Stopwatch(
            self._clock,
            slow_s=self._settings.slow_order_s,
            degraded_s=self._settings.degraded_order_s,
            most=self._settings.latency_window,
        )
        self._inbox = Inbox(self._journal, self._clock, self._settings, self.times)
        self.failed = self._inbox.failed
        # An epoch is never used twice, so neither are ids, even from a seeded random.
        seed = f"{parts['random'].getrandbits(128)}/{self._journal.epoch}"
        self._ids = ClOrdIDMaker(parts["namespace"], Random(seed))  # noqa: S311  (no secrets)
        self._views = Views(
            recent_max=self._settings.recent_max, subscriber_max=self._settings.subscriber_max
        )
        self.cache = BrokerCache(self._broker, self._clock)
        self._views.on_durable = self.cache.heard
        self._means = Means(
            broker=self._broker,
            clock=self._clock,
            settings=self._settings,
            errors=self.errors,
            cache=self.cache,
            times=self.times,
            retries=Retries(self._clock, Random(f"{seed}/retries")),  # noqa: S311  (jitter)
        )
        self.briefing = Briefing(self._means, lambda: self._views.positions)
        self._tasks: list[asyncio.Task[None]] = []
        self._crew: Crew | None = None
        self._switch: Switch | None = None
        self.failed.add_done_callback(lambda failed: self._answer_nobody(failed.result()))

    # Start and stop

    async def start(self) -> Recovery:
        """Replay, own up, catch up, compare, open; see `recovery`.

        Raises ConfigError if the journal is somebody else's, JournalError, and BrokerError if the
        broker could not be asked within `start_timeout_s`: a desk that does not know its book
        does not open.
        """
        replayed = recovery.replay(self._journal)
        state, opened = replayed.state, await self._opened()
        recovery.check_owner(state, opened)
        was_crash = not state.is_closed
        self._inbox.snapshot_seq = replayed.snapshot_seq
        self._views.show(state.book)
        self._views.recall(self._journal.ended_lately(self._settings.recent_start))
        crew = self._crew = self._hire(state)
        seen = self._views.subscribe(_EVERYTHING)
        self._spawn(lambda: self._inbox.run(crew.writer, self._views))
        await self._inbox.record((opened, *aftermath.interrupted(state.book, self._clock.now())))
        means, latch = self._means, self._parts.get("latch")
        self._switch = Switch(self._inbox, state, crew.enforcer, means=means, latch=latch)
        self.briefing.book = self._switch.limits
        self._switch.guard(self._spawn)
        unknown = recovery.unknown_orders(state)
        await self._inbox.ask(decide.Resume())
        self._spawn(lambda: crew.link.run(crew.surveyor.catch_up))
        await opening.caught_up(crew.link, self._means, self._inbox)
        compared = await opening.compared(crew.reconciler, self._means)
        await crew.parents.feeder.tell_live()
        crew.is_open = True
        await self._inbox.ask(decide.Release(is_open=crew.takes_orders))
        crew.pulse.begin()
        self._spawn(crew.pulse.run)
        self._spawn(lambda: crew.link.settle(crew.surveyor.catch_up))
        self._spawn(crew.timekeeper.run)
        self._spawn(crew.parents.feeder.run)
        self._spawn(crew.reconciler.watch_orders)
        self._spawn(crew.reconciler.watch_positions)
        self._spawn(crew.reconciler.watch_counts)
        self._spawn(lambda: crew.enforcer.run(self.submit))
        return recovery.found(
            replayed,
            opened,
            was_crash=was_crash,
            unknown=unknown,
            updates=self._views.unsubscribe(seen),
            reconciliation=compared,
        )

    def _hire(self, state: State) -> Crew:
        rules = decide.Rules(
            account=self._broker.account,
            capabilities=self._broker.capabilities,
            settings=self._settings,
        )
        catalog = self._parts.get("algos", SHIPPED)
        crew = Crew(state, self._means, self._inbox, self._views, catalog=catalog)
        crew.parents.feeder.about = self.briefing.about
        crew.staff(rules, self._parts["pacer"], self._parts["namespace"])
        return crew

    async def _opened(self) -> DeskOpened:
        is_numbered = self._parts.get("is_numbered", False)
        return DeskOpened(
            epoch=self._journal.epoch,
            version=self._parts["version"],
            account=self._broker.account,
            broker=self._broker.capabilities.name,
            mode=self._parts["mode"],
            number=await opening.account_number(self._means) if is_numbered else "",
            transact_time=self._clock.now(),
        )

    async def stop(self) -> None:
        """End in good order: take nothing new, wait for answers that are due, write DeskClosed.

        The journal and the broker stay open; whoever opened them closes them. Idempotent.
        """
        crew, self._crew = self._crew, None
        if crew is None:
            return
        try:
            if not self.failed.done():
                await self._close(crew)
        finally:
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await crew.aclose()
            await self.cache.aclose()
            self._parts["pacer"].on_capacity = None
            self._answer_nobody(Halted("the desk has stopped"))

    async def _close(self, crew: Crew) -> None:
        crew.is_open = False
        await self._inbox.ask(decide.Release(is_open=False))
        await crew.outbox.quiet(self._settings.stop_timeout_s)
        await crew.aclose()
        closed = DeskClosed(epoch=self._journal.epoch, transact_time=self._clock.now())
        await self._inbox.record((closed,))
        self._inbox.save_snapshot(crew.writer)

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run it for as long as the engine lives; if it cannot go on, neither can the engine."""

        async def watched() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                if self._crew is not None:  # not by `stop`: then nobody would be answered any more
                    self._inbox.fail(Halted("the desk's tasks were cancelled"))
                raise
            except Exception as problem:  # noqa: BLE001  (any defect ends us; recovery is tested)
                self._inbox.fail(problem)

        self._tasks.append(asyncio.get_running_loop().create_task(watched()))

    def _answer_nobody(self, problem: BaseException) -> None:
        self._inbox.answer_nobody(problem)
        self._views.fail(problem)

    # Orders

    async def submit(self, request: OrderRequest) -> Order:
        """Place an order; returns it as published after the broker's first answer: acknowledged,
        rejected, filled, or UNKNOWN. A caller that is cancelled takes nothing back.

        Raises InvalidOrder, DuplicateClOrdID, RiskDenied, or Halted while the stream has a gap.
        """
        times = self.times
        called_s = times.now_s()
        await self._admit(is_new=True)
        admitted_s = times.now_s()
        cl_ord_id, is_ours = request.cl_ord_id, request.cl_ord_id is None
        if cl_ord_id is None:
            cl_ord_id = self.make_id()
        around = await self.briefing.about(request)  # meanwhile its twin may live and end
        was_used = not is_ours and self.order(cl_ord_id) is not None
        way, known_s = times.begin(cl_ord_id), times.now_s()
        try:
            placed: Order = await self._inbox.ask(
                decide.Submit(
                    cl_ord_id=cl_ord_id, request=request, was_used=was_used, around=around
                )
            )
        finally:
            times.drop(cl_ord_id)
        times.placed(placed, way, (called_s, admitted_s, known_s))
        return placed

    async def cancel(self, cl_ord_id: ClOrdID) -> Order:
        """Ask for a cancel; returns the order once the broker has taken or refused that, which is
        not yet its end. Of an UNKNOWN one the wish is kept until found. Raises UnknownOrder."""
        await self._admit()
        try:
            canceled: Order = await self._inbox.ask(decide.Cancel(cl_ord_id))
        except UnknownOrder:
            ended = self.order(cl_ord_id)
            if ended is None:
                raise
            return ended
        return canceled

    async def replace(
        self,
        cl_ord_id: ClOrdID,
        *,
        order_qty: Qty | None = None,
        price: Px | None = None,
        stop_px: Px | None = None,
        **terms: Unpack[MoreTerms],
    ) -> Order:
        """Change a live order, which keeps its ClOrdID; `order_qty` is the total, filled shares
        included. Returns it once the broker has answered; raises Refused kinds."""
        await self._admit()
        change = decide.Change(order_qty=order_qty, price=price, stop_px=stop_px, **terms)
        around = await self.briefing.about_change(self._views.orders.get(cl_ord_id))
        replaced: Order = await self._inbox.ask(decide.Replace(cl_ord_id, change, around))
        return replaced

    def order(self, cl_ord_id: ClOrdID) -> Order | None:
        """The durable view of an order, live or ended."""
        live = self._views.orders.get(cl_ord_id) or self._views.recent(cl_ord_id)
        return live or self._journal.ended_order(cl_ord_id)

    def open_orders(self) -> list[Order]:
        """This desk's orders that have not ended, oldest first."""
        return [order for order in self._views.orders.values() if not order.is_external]

    def external_orders(self) -> list[Order]:
        """Live orders of the account that were placed elsewhere."""
        return [order for order in self._views.orders.values() if order.is_external]

    def positions(self) -> dict[str, Position]:
        """By symbol, also those that are flat by now."""
        return dict(self._views.positions)

    async def wait(self, cl_ord_id: ClOrdID, *, until: Until = has_ended) -> Order:
        """The order, once `until` is true of it; raises UnknownOrder."""
        self._inbox.check_alive()
        order = self.order(cl_ord_id)
        if order is None:
            raise UnknownOrder(f"cl_ord_id: {cl_ord_id} is not known here")
        if until(order):
            return order
        future: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
        self._views.when(cl_ord_id, until, future)
        return await future

    def updates(self) -> AsyncIterator[Update]:
        """Every durable message about an order from now on; a slow reader is told what it lost."""
        return self._views.updates()

    async def reconcile(self) -> Reconciliation:
        """Hold the books against the broker's, repair what can be; raises BrokerError."""
        return await self._at_work().reconciler.reconcile()

    async def approve(self, command: Approve) -> Reconciliation:
        """Carry out what is proposed for an open break, and compare again; raises Refused,
        BrokerError."""
        return await self._at_work().reconciler.approve(command)

    async def accept_journal(self) -> tuple[ClOrdID, ...]:
        """Somebody has looked at the orders that this journal does not know, and the desk opens
        for new ones; returns their ids, none where nothing was wrong."""
        return await opening.accepted(self._at_work(), self._inbox, self._clock)

    @property
    def switch(self) -> Switch:
        """What stops and starts trading; raises Halted before the desk is open."""
        self._at_work()
        assert self._switch is not None
        return self._switch

    @property
    def parents(self) -> Parents:
        """Parent orders, worked by algorithms; raises Halted before the desk is open."""
        return self._at_work().parents

    def make_id(self) -> ClOrdID:
        """An id that was never used and never will be again."""
        return self._ids.make(self._clock.now_ns() // 1_000_000)

    def _at_work(self) -> Crew:
        self._inbox.check_alive()
        if self._crew is None:
            raise Halted("the desk is not open")
        return self._crew

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be decided here: it was stopped, or had to die."""
        return self._crew is None or self.failed.done()

    def health(self) -> EngineHealth:
        """Raises nothing and asks nobody."""
        return looked_at(self._crew, self._views, self._broker, self._inbox)

    async def _admit(self, *, is_new: bool = False) -> None:
        """Let a command in: there must be room, and for a new order the stream must be whole."""
        crew = self._at_work()
        if is_new and not crew.link.is_whole:
            timeout_s = self._settings.stream_ready_timeout_s
            try:
                async with asyncio.timeout(timeout_s):
                    await crew.link.whole.wait()
            except TimeoutError:
                why = "the order stream has a gap; fills could be missed"
                raise Halted(f"no new orders: {why} (waited {timeout_s} s)") from None
        if len(self._inbox) >= self._settings.inbox_max:
            await self._inbox.room()
