"""A rebalance rehearsed: the desk's own portfolio over a recorded day, in virtual time.

What plans, works and books is what does so live; `run` tells how that can be. The market stands
still while somebody thinks about the plan, and knows nothing of the day's own future.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random

from msgspec import Struct

from floorbroker import app
from floorbroker.clock import NS_PER_S, Clock, LoopClock, ns_of, run_virtual
from floorbroker.deskwork.portfolio.rebalance import Outcome, Portfolio, Rebalance
from floorbroker.deskwork.portfolio.sending import Sent, request_of
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Reconciliation
from floorbroker.engine.settings import EngineSettings
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import while_it_lasts
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.simulation.desk import SETTINGS, Told, open_exchange, open_parts
from floorbroker.simulation.results import OrderResult, Simulated, simulated
from floorbroker.simulation.run import LIMIT_S
from floorbroker.simulation.seen import MarketSeen
from floorbroker.venues import MarketPlan

#: The desk opens so long before it plans.
EARLY_NS = 30 * NS_PER_S
#: What a journal of a rehearsal calls its command.
COMMAND = "floorbroker rebalance --tape"


class Scene(Struct, frozen=True, kw_only=True):
    """Where it is played. Without a `journal_path` the journal is memory; `history` are files of
    earlier days."""

    market: MarketPlan
    start_ns: int
    seed: int = 0
    cash: Decimal = Decimal(1_000_000)
    journal_path: Path | None = None
    history: Path | None = None
    settings: EngineSettings = SETTINGS


class Stage(Struct, frozen=True, kw_only=True):
    """The desk at the start, for whoever plays on it."""

    portfolio: Portfolio
    clock: Clock


class Played(Struct, frozen=True, kw_only=True):
    """A plan, where it led, each trade beside its market, and our book against the broker's.

    `cash` and `held` are the broker's own word at the end.
    """

    plan: Rebalance
    outcome: Outcome
    simulated: Simulated
    compared: Reconciliation
    cash: Decimal
    held: dict[str, Decimal]

    @property
    def is_sound(self) -> bool:
        """Whether the journal verifies and nothing is left unexplained."""
        is_whole = self.simulated.verification.damage is None
        return is_whole and not any(one.is_open for one in self.compared.breaks)


#: Makes a plan and carries it out, or looks at it only.
Play = Callable[[Stage], Awaitable[tuple[Rebalance, Outcome | None]]]


def rehearse(scene: Scene, play: Play) -> Played | None:
    """Open the desk, let it be played on from the start on, and compare at the end; None where
    nothing was carried out. Raises what `play` raises, TapeError where the tape breaks off."""
    return run_virtual(lambda: _rehearsed(scene, play), seed=scene.seed, limit_s=LIMIT_S)


async def _rehearsed(scene: Scene, play: Play) -> Played | None:
    start_ns = scene.start_ns - EARLY_NS
    clock, seen = LoopClock(start_ns), MarketSeen(scene.market.symbols)
    async with AsyncExitStack() as stack:
        front = open_exchange(
            scene.market, clock, start_ns, stack, seed=scene.seed, cash=scene.cash
        )
        front.server.market_listeners.append(seen.take)
        front.server.advance_to(start_ns)  # through what the tape had before
        journal = SqliteJournal.open(
            scene.journal_path or MemoryDisk(),
            command=COMMAND,
            started=clock.now(),
            journal_id_maker=Random(scene.seed),  # noqa: S311  (ids, not secrets)
        )
        stack.callback(journal.close)
        told = Told(settings=scene.settings, history=scene.history)
        parts = await open_parts(front, journal, clock, stack, seed=scene.seed, told=told)
        return await while_it_lasts(front, _Show(scene, parts, front, seen).run(play))


class _Show:
    """The parts of one rehearsal."""

    def __init__(
        self, scene: Scene, parts: app.Parts, front: ExchangeFront, seen: MarketSeen
    ) -> None:
        self._scene, self._parts, self._front, self._seen = scene, parts, front, seen

    async def run(self, play: Play) -> Played | None:
        engine, clock = self._parts.engine, self._parts.clock
        await clock.sleep(max(0, self._scene.start_ns - clock.now_ns()) / NS_PER_S)
        stage = Stage(portfolio=Portfolio(self._parts), clock=clock)
        try:
            plan, outcome = await play(stage)
            if outcome is None:
                return None
            compared = await engine.reconcile()
            account = (await engine.cache.account(max_age_s=0)).value
            held = await self._parts.broker.positions()
            open_orders = [order.cl_ord_id for order in engine.open_orders()]
        finally:
            await engine.stop()
        self._front.server.catch_up()
        self._front.server.commit()
        results = results_of(plan, outcome)
        return Played(
            plan=plan,
            outcome=outcome,
            simulated=simulated(
                self._scene.market.name,
                self._parts.journal,
                results,
                self._seen,
                open_orders=open_orders,
            ),
            compared=compared,
            cash=Decimal(account.cash),
            held={one.symbol: Decimal(one.qty) for one in held if one.qty},
        )


def results_of(plan: Rebalance, outcome: Outcome) -> Sequence[OrderResult]:
    """Every trade of the plan that left, with its place in the plan as its line."""
    places = {trade: place for place, trade in enumerate(plan.trade_list.trades, 1)}
    sent = [one for row in outcome.rows for one in row.sent if one.order_id]
    return [_result(plan, one, places[one.trade]) for one in sent]


def _result(plan: Rebalance, one: Sent, place: int) -> OrderResult:
    parent = one.parent
    return OrderResult(
        place,
        request_of(one.trade, plan.prices[one.trade.symbol], plan.how),
        ns_of(plan.made_at if parent is None else parent.start),
        ClOrdID(one.order_id),
        "",
        parent,
    )
