"""One recorded day, played in virtual time with the real engine and the real exchange.

Theory of operation
-------------------
Engine, journal, Alpaca client and exchange are those of a live desk; only the way between them is
memory and the clock is the event loop's, which leaps to whatever comes due next. So a day takes as
long as its events take to compute, and one seed gives one journal, bit by bit. The desk knows of
the market what it is told in time: the exchange moves along the tape with the clock, and nothing
here reads ahead of it. Our fills do not move the recorded market.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct, field, structs

from floorbroker import app
from floorbroker.clock import NS_PER_S, LoopClock, datetime_of, run_virtual
from floorbroker.deskwork.parents import DeskParents
from floorbroker.domain.errors import ConfigError, FloorbrokerError, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.loop import Engine
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.journal.port import Journal
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.simulation.desk import Told, open_exchange, open_parts
from floorbroker.simulation.results import OrderResult, Simulated, simulated
from floorbroker.simulation.seen import MarketSeen
from floorbroker.venues import MarketPlan

#: The desk opens so long before the first order, and stays so long after the last has ended.
BEFORE_NS = 5 * 60 * NS_PER_S
AFTER_NS = 60 * NS_PER_S
#: How often it is looked at whether all orders have ended, in virtual seconds.
LOOK_S = 1.0
#: Virtual time that a run may take: two days, which no session does.
LIMIT_S = 2 * 86_400.0
Progress = Callable[[int], None]


class Work(Struct, frozen=True, kw_only=True):
    """How an order is worked, and until when. `curve` is how volume spreads over equal parts of
    that time, where earlier days shall not say it."""

    algo: str
    end_ns: int
    params: dict[str, Any] = field(default_factory=dict)
    curve: tuple[Decimal, ...] = ()


class Planned(Struct, frozen=True):
    """An order, the line of the file it stands in, and when it is placed."""

    line: int
    request: OrderRequest
    time_ns: int
    work: Work | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What is played. With a `journal_path` the journal is a file there, else it is memory.

    `history` are files of earlier days, for algorithms that look back. `meet` is shown the
    exchange before its market moves, to listen to it.
    """

    market: MarketPlan
    orders: Sequence[Planned]
    seed: int = 0
    cash: Decimal = Decimal(1_000_000)
    journal_path: Path | None = None
    history: Path | None = None
    meet: Callable[[ExchangeFront], None] | None = None


def simulate(plan: Plan, progress: Progress | None = None) -> Simulated:
    """Play the day from shortly before the first order until all have ended, or 90 seconds after
    the close and a minute after the end of every order that is worked. `progress` is told the
    market's time each virtual minute. Raises TapeError where the tape breaks off, ConfigError
    where the journal's file cannot be used."""
    if not plan.orders:
        raise ConfigError("orders: none; right is at least one")
    return run_virtual(lambda: _Run(plan).play(progress), seed=plan.seed, limit_s=LIMIT_S)


class _Run:
    """The parts of one simulation, and what has come of it so far."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._start_ns = min(one.time_ns for one in plan.orders) - BEFORE_NS
        self._clock = LoopClock(self._start_ns)
        self._seen = MarketSeen(one.request.symbol for one in plan.orders)
        self._results: dict[int, OrderResult] = {}

    async def play(self, progress: Progress | None) -> Simulated:
        plan = self._plan
        async with AsyncExitStack() as stack:
            front = self._exchange(stack)
            journal = self._journal()
            stack.callback(journal.close)
            parts = await open_parts(
                front,
                journal,
                self._clock,
                stack,
                seed=plan.seed,
                told=Told(history=plan.history),
            )
            engine = parts.engine
            placing = [asyncio.ensure_future(self._place(parts, one)) for one in plan.orders]
            await self._until_done(front, engine, placing, progress)
            await asyncio.gather(*placing)
            self._seen_to_the_end(front)
            open_orders = [order.cl_ord_id for order in engine.open_orders()]
            results = [self._result(parts, one) for one in plan.orders]
            await engine.stop()
            return simulated(
                plan.market.name, journal, results, self._seen, open_orders=open_orders
            )

    def _exchange(self, stack: AsyncExitStack) -> ExchangeFront:
        plan = self._plan
        front = open_exchange(
            plan.market, self._clock, self._start_ns, stack, seed=plan.seed, cash=plan.cash
        )
        front.server.market_listeners.append(self._seen.take)
        if plan.meet is not None:
            plan.meet(front)
        front.server.advance_to(self._start_ns)  # through what the tape had before
        return front

    def _journal(self) -> Journal:
        random = Random(self._plan.seed)  # noqa: S311  (ids, not secrets)
        place = self._plan.journal_path or MemoryDisk()
        return SqliteJournal.open(
            place, command="simulate", started=self._clock.now(), journal_id_maker=random
        )

    async def _place(self, parts: app.Parts, one: Planned) -> None:
        """Submit the order at its time; a refusal is a result, too."""
        wait_ns = one.time_ns - self._clock.now_ns()
        await self._clock.sleep(max(0, wait_ns) / NS_PER_S)
        name: ClOrdID | None = None
        text = ""
        try:
            if one.work is None:
                name = (await parts.engine.submit(one.request)).cl_ord_id
            else:
                name = (await self._work(parts, one.request, one.work)).parent_id
        except Refused as no:
            text = str(no)
        self._results[one.line] = OrderResult(one.line, one.request, one.time_ns, name, text)

    async def _work(self, parts: app.Parts, request: OrderRequest, work: Work) -> ParentStatus:
        assert request.order_qty is not None, "an algorithm works shares"
        return await DeskParents(parts).submit(
            request.side,
            request.order_qty,
            request.symbol,
            algo=work.algo,
            end=datetime_of(work.end_ns),
            limit=request.price,
            params=work.params,
            curve=work.curve or None,
            strategy=request.strategy,
        )

    def _result(self, parts: app.Parts, one: Planned) -> OrderResult:
        """With the parent order, where it is one, as it stands at the end."""
        found = self._results[one.line]
        if one.work is None or found.cl_ord_id is None:
            return found
        return structs.replace(found, parent=parts.engine.parents.get(found.cl_ord_id))

    async def _until_done(
        self,
        front: ExchangeFront,
        engine: Engine,
        placing: Sequence["asyncio.Future[None]"],
        progress: Progress | None,
    ) -> None:
        end_ns = self._end_ns()
        told_minute = 0
        while (now_ns := self._clock.now_ns()) < end_ns:
            if front.server.failure is not None:
                raise front.server.failure
            if engine.has_ended:
                raise FloorbrokerError(f"the desk stopped by itself at {datetime_of(now_ns)}")
            if progress is not None and now_ns // (60 * NS_PER_S) != told_minute:
                told_minute = now_ns // (60 * NS_PER_S)
                progress(now_ns)
            is_at_work = any(not one.is_ended for one in engine.parents.list())
            is_done = all(task.done() for task in placing) and not is_at_work
            if is_done and not engine.open_orders():
                end_ns = min(end_ns, now_ns + AFTER_NS)
            await self._clock.sleep(LOOK_S)

    def _end_ns(self) -> int:
        """When it is over at the latest."""
        orders = self._plan.orders
        ends = [one.work.end_ns for one in orders if one.work is not None]
        last_ns = max(*ends, *(one.time_ns for one in orders), 0)
        return max(self._plan.market.close_ns + 90 * NS_PER_S, last_ns + AFTER_NS)

    def _seen_to_the_end(self, front: ExchangeFront) -> None:
        front.server.catch_up()
        front.server.commit()
