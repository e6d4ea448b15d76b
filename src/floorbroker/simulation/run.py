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

from msgspec import Struct

from floorbroker import __version__
from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import NS_PER_S, LoopClock, datetime_of, run_virtual
from floorbroker.domain.errors import ConfigError, FloorbrokerError, Refused
from floorbroker.domain.ids import Account
from floorbroker.domain.order import Order, OrderRequest
from floorbroker.engine.loop import Engine
from floorbroker.engine.settings import EngineSettings
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.server import Setup
from floorbroker.journal.port import Journal
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.simulation.results import OrderResult, Simulated, simulated
from floorbroker.simulation.seen import MarketSeen
from floorbroker.venues import MarketPlan

KEYS = Credentials("SIMULATE", "simulate")
#: The desk opens so long before the first order, and stays so long after the last has ended.
BEFORE_NS = 5 * 60 * NS_PER_S
AFTER_NS = 60 * NS_PER_S
#: How often it is looked at whether all orders have ended, in virtual seconds.
LOOK_S = 1.0
#: Virtual time that a run may take: two days, which no session does.
LIMIT_S = 2 * 86_400.0
#: An order whose fate is open keeps no other from leaving: they are independent of each other.
SETTINGS = EngineSettings(unknown_per_symbol=1_000, unknown_max=1_000, ghost_grace_s=5.0)

Progress = Callable[[int], None]


class Planned(Struct, frozen=True):
    """An order, the line of the file it stands in, and when it is placed."""

    line: int
    request: OrderRequest
    time_ns: int


class Plan(Struct, frozen=True, kw_only=True):
    """What is played. With a `journal_path` the journal is a file there, else it is memory."""

    market: MarketPlan
    orders: Sequence[Planned]
    seed: int = 0
    cash: Decimal = Decimal(1_000_000)
    journal_path: Path | None = None


def simulate(plan: Plan, progress: Progress | None = None) -> Simulated:
    """Play the day from shortly before the first order until all have ended, or 90 seconds after
    the close. `progress` is told the market's time each virtual minute. Raises TapeError where
    the tape breaks off, ConfigError where the journal's file cannot be used."""
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
            engine = await self._engine(front, journal, stack)
            placing = [asyncio.ensure_future(self._place(engine, one)) for one in plan.orders]
            await self._until_done(front, engine, placing, progress)
            await asyncio.gather(*placing)
            self._seen_to_the_end(front)
            open_orders = [order.cl_ord_id for order in engine.open_orders()]
            await engine.stop()
            results = [self._results[one.line] for one in plan.orders]
            return simulated(
                plan.market.name, journal, results, self._seen, open_orders=open_orders
            )

    def _exchange(self, stack: AsyncExitStack) -> ExchangeFront:
        market = self._plan.market
        front = build_exchange(
            Setup(
                clock=self._clock,
                assets=market.assets,
                start_ns=self._start_ns,
                make_tape=market.make_tape,
                seed=self._plan.seed,
                cash=self._plan.cash,
                corporate_actions=market.corporate_actions,
            )
        )
        stack.push_async_callback(front.aclose)
        front.server.market_listeners.append(self._seen.take)
        front.server.advance_to(self._start_ns)  # through what the tape had before
        return front

    def _journal(self) -> Journal:
        random = Random(self._plan.seed)  # noqa: S311  (ids, not secrets)
        place = self._plan.journal_path or MemoryDisk()
        return SqliteJournal.open(
            place, command="simulate", started=self._clock.now(), journal_id_maker=random
        )

    async def _engine(
        self, front: ExchangeFront, journal: Journal, stack: AsyncExitStack
    ) -> Engine:
        clock, seed = self._clock, self._plan.seed
        way = MemoryTransport(front)
        pacer = Pacer(clock, Random(seed + 1))  # noqa: S311  (jitter)
        client = AlpacaClient(
            Account("SIMULATE"),
            Endpoints(trading=way, market=way, stream=way),
            KEYS,
            clock=clock,
            random=Random(seed + 2),  # noqa: S311  (jitter)
            pacer=pacer,
        )
        stack.push_async_callback(client.aclose)
        engine = Engine(
            journal=journal,
            broker=client,
            clock=clock,
            random=Random(seed + 3),  # noqa: S311  (ids, not secrets)
            pacer=pacer,
            settings=SETTINGS,
            namespace="s",
            mode="simulated",
            version=__version__,
        )
        await engine.start()
        return engine

    async def _place(self, engine: Engine, one: Planned) -> None:
        """Submit the order at its time; a refusal is a result, too."""
        wait_ns = one.time_ns - self._clock.now_ns()
        await self._clock.sleep(max(0, wait_ns) / NS_PER_S)
        order: Order | None = None
        text = ""
        try:
            order = await engine.submit(one.request)
        except Refused as no:
            text = str(no)
        name = None if order is None else order.cl_ord_id
        self._results[one.line] = OrderResult(one.line, one.request, one.time_ns, name, text)

    async def _until_done(
        self,
        front: ExchangeFront,
        engine: Engine,
        placing: Sequence["asyncio.Future[None]"],
        progress: Progress | None,
    ) -> None:
        end_ns = max(self._plan.market.close_ns + 90 * NS_PER_S, self._start_ns + BEFORE_NS)
        last_ns = max(one.time_ns for one in self._plan.orders)
        end_ns = max(end_ns, last_ns + AFTER_NS)
        told_minute = 0
        while (now_ns := self._clock.now_ns()) < end_ns:
            if front.server.failure is not None:
                raise front.server.failure
            if engine.has_ended:
                raise FloorbrokerError(f"the desk stopped by itself at {datetime_of(now_ns)}")
            if progress is not None and now_ns // (60 * NS_PER_S) != told_minute:
                told_minute = now_ns // (60 * NS_PER_S)
                progress(now_ns)
            if all(task.done() for task in placing) and not engine.open_orders():
                end_ns = min(end_ns, now_ns + AFTER_NS)
            await self._clock.sleep(LOOK_S)

    def _seen_to_the_end(self, front: ExchangeFront) -> None:
        front.server.catch_up()
        front.server.commit()
