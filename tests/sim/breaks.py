"""Breaks put into a running desk's books on purpose, and what the desk says of them."""

from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random

import msgspec
from msgspec import Struct

from floorbroker.clock import run_virtual
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecType, ExecutionReport, Reconciliation
from floorbroker.domain.order import OrderRequest, Side
from floorbroker.engine.compare.approve import Approve
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.rules import VenueRules
from tests.sim.world import KEYS, World

SYMBOL = "AAPL"
PX, CENT = Decimal(100), Decimal("0.01")
KEY = KEYS.key_id.reveal()
#: What the stream does not tell while something happens.
MUTE = FaultPlan([FaultRule(kind="stream_lose", probability=1)])


class Injected(Struct, frozen=True, kw_only=True):
    """What was done, and what became of it; `found` is None where nobody noticed."""

    name: str
    expected: BreakCause
    found: BreakCause | None
    delay_s: float
    bound_s: float


class Case(Struct, frozen=True, kw_only=True):
    """One way to break the books; `inject` returns what a break of it is about, or None."""

    name: str
    cause: BreakCause
    kind: BreakKind
    inject: Callable[["Stage"], Awaitable[str | None]]


class Stage:
    """One desk and one exchange, broken again and again."""

    def __init__(self, seed: int, *, lists_busts: bool = True) -> None:
        self.dice = Random(f"breaks {seed}")
        self.world = World(seed, rules=VenueRules(lists_busts=lists_busts))
        self.outcomes: list[Injected] = []

    @property
    def bounds_s(self) -> dict[BreakKind, float]:
        """Within an interval of its kind, and a second."""
        settings = self.world.settings
        return {
            BreakKind.ORDER: settings.poll_orders_s + 1,
            BreakKind.POSITION: settings.poll_positions_s + 1,
            BreakKind.FILL: settings.poll_fills_s + 1,
            BreakKind.CASH: settings.poll_fills_s + 1,
        }

    # The desk's own orders

    async def buy(self, qty: int = 10) -> ClOrdID:
        self.world.quote(SYMBOL, PX, PX + CENT, 10_000)
        order = await self.world.engine.submit(OrderRequest.market(Side.BUY, qty, SYMBOL))
        done = await self.world.engine.wait(order.cl_ord_id)
        return done.cl_ord_id

    async def rest(self, qty: int = 10) -> ClOrdID:
        self.world.quote(SYMBOL, PX, PX + CENT, 10_000)
        request = OrderRequest.limit(Side.BUY, qty, SYMBOL, limit_price=PX - 5)
        return (await self.world.engine.submit(request)).cl_ord_id

    async def muted(self, act: Callable[[], Awaitable[object]]) -> None:
        """It happens, and the stream tells nothing of it."""
        server = self.world.front.server
        server.faults = MUTE
        await act()
        server.commit()
        await self.world.clock.sleep(0.2)
        server.faults = FaultPlan()

    async def control(self, path: str, **fields: str) -> None:
        answer = await self.world.way.request(
            "POST",
            f"/_exchange/{path}",
            body=msgspec.json.encode({"key": KEY, **fields}),
            headers=KEYS.headers(),
        )
        assert answer.status == 200, answer.body

    # One round

    async def play(self, case: Case) -> None:
        world = self.world
        if world.engine.positions().get(SYMBOL) is None or self.held() < 10:
            await self.buy(10 + self.dice.randint(0, 9))
        await world.clock.sleep(self.dice.uniform(0, 40))
        head, began = world.journal.head().seq, world.clock.now()
        subject = await case.inject(self)
        bound_s = self.bounds_s[case.kind]
        found: tuple[Break, Reconciliation] | None = None
        while found is None and (world.clock.now() - began).total_seconds() < bound_s + 60:
            await world.clock.sleep(1)
            found = self._noticed(head, subject)
        if found is None:
            self.outcomes.append(
                Injected(
                    name=case.name, expected=case.cause, found=None, delay_s=-1, bound_s=bound_s
                )
            )
        else:
            one, compared = found
            assert one.repair, one
            assert one.evidence, one
            assert one.break_id, one
            self.outcomes.append(
                Injected(
                    name=case.name,
                    expected=case.cause,
                    found=one.cause,
                    delay_s=(compared.transact_time - began).total_seconds(),
                    bound_s=bound_s,
                )
            )
        await self._tidied()

    def held(self) -> Decimal:
        return Decimal(self.world.engine.positions()[SYMBOL].qty)

    def _noticed(self, head: int, subject: str | None) -> tuple[Break, Reconciliation] | None:
        """The first break since, that is written down."""
        for record in self.world.journal.records(after=head):
            message = record.message
            if isinstance(message, Reconciliation):
                for one in message.breaks:
                    is_it = subject in (None, one.subject) or one.kind is BreakKind.FILL
                    if one.found_time == message.transact_time and is_it:
                        return one, message
        return None

    async def _tidied(self) -> None:
        """Approve what is open, and see that nothing is left; what is unexplained in the cash
        after a bust that nobody listed shows at the next count."""
        engine = self.world.engine
        compared = await engine.reconcile()
        while compared.open_breaks:
            name = compared.open_breaks[0].break_id
            approval = Approve(break_id=name, by="tester", note="played")
            compared = await engine.approve(approval)
        for order in engine.open_orders():
            await engine.cancel(order.cl_ord_id)
        await self.world.clock.sleep(20)  # the budget of requests fills again


# What is injected


async def lost_fill(stage: Stage) -> str:
    name = await stage.rest()

    async def fill() -> None:
        stage.world.quote(SYMBOL, PX - 6, PX - 5, 10_000)

    await stage.muted(fill)
    return name


async def lost_cancel(stage: Stage) -> str:
    name = await stage.rest()
    await stage.muted(lambda: stage.world.engine.cancel(name))
    return name


async def stranger(stage: Stage) -> str:
    await stage.world.place_elsewhere("buy", stage.dice.randint(1, 5), SYMBOL)
    return f"stranger-{stage.world._stranger}"


async def unheard_stranger(stage: Stage) -> None:
    qty = stage.dice.randint(1, 5)
    await stage.muted(lambda: stage.world.place_elsewhere("buy", qty, SYMBOL))


async def liquidation(stage: Stage) -> None:
    await stage.control("liquidate", symbol=SYMBOL)


async def unheard_liquidation(stage: Stage) -> None:
    await stage.muted(lambda: stage.control("liquidate", symbol=SYMBOL))


async def _last_fill(stage: Stage) -> str:
    await stage.buy()
    return str((await stage.world.fills())[-1]["execution_id"])


async def bust(stage: Stage) -> None:
    name = await _last_fill(stage)
    await stage.muted(lambda: _venue(stage, lambda: stage.world.front.server.venue.bust(name)))


async def correction(stage: Stage) -> None:
    name, qty = await _last_fill(stage), Decimal(stage.dice.randint(1, 9))
    venue = stage.world.front.server.venue
    await stage.muted(lambda: _venue(stage, lambda: venue.correct(name, qty=qty)))


async def price_correction(stage: Stage) -> None:
    name, px = await _last_fill(stage), PX - stage.dice.randint(1, 9)
    venue = stage.world.front.server.venue
    await stage.muted(lambda: _venue(stage, lambda: venue.correct(name, price=px)))


async def _venue(stage: Stage, act: Callable[[], None]) -> None:
    stage.world.front.server.catch_up()
    act()


async def split(stage: Stage) -> str:
    more = stage.held() * stage.dice.randint(1, 3)
    await stage.control("adjust", symbol=SYMBOL, qty=f"{more}", type="SPLIT")
    return SYMBOL


async def journaled_shares(stage: Stage) -> str:
    qty = f"{stage.dice.randint(1, 9)}"
    await stage.control("adjust", symbol=SYMBOL, qty=qty, type="JNLS")
    return SYMBOL


async def vanished_shares(stage: Stage) -> str:
    qty = f"{-stage.dice.randint(1, 9)}"
    await stage.control("adjust", symbol=SYMBOL, qty=qty)
    return SYMBOL


async def dividend(stage: Stage) -> None:
    cash = f"{stage.dice.randint(1, 900)}.37"
    await stage.control("adjust", cash=cash, type="DIV", sub_type="CDIV")


async def fee(stage: Stage) -> None:
    cash = f"-{stage.dice.randint(0, 3)}.{stage.dice.randint(1, 99):02}"
    await stage.control("adjust", cash=cash, type="FEE", sub_type="REG")


async def deposit(stage: Stage) -> None:
    await stage.control("adjust", cash=f"{stage.dice.randint(1, 900)}", type="CSD")


async def cents(stage: Stage) -> str:
    """Right behind an execution, so that no count comes between."""
    await stage.world.engine.reconcile()
    await stage.buy(1)
    await stage.control("adjust", cash=stage.dice.choice(("-0.01", "0.01")))
    return "cash"


async def vanished_cash(stage: Stage) -> str:
    await stage.control("adjust", cash=f"-{stage.dice.randint(5, 900)}.5")
    return "cash"


CASES = tuple(
    Case(name=inject.__name__, cause=cause, kind=kind, inject=inject)
    for inject, cause, kind in (
        (lost_fill, BreakCause.MISSED_FILL, BreakKind.ORDER),
        (lost_cancel, BreakCause.LATE_ACK, BreakKind.ORDER),
        (stranger, BreakCause.EXTERNAL_ORDER, BreakKind.ORDER),
        (unheard_stranger, BreakCause.EXTERNAL_ORDER, BreakKind.POSITION),
        (liquidation, BreakCause.BROKER_ACTION, BreakKind.ORDER),
        (unheard_liquidation, BreakCause.BROKER_ACTION, BreakKind.POSITION),
        (bust, BreakCause.REVISION, BreakKind.POSITION),
        (correction, BreakCause.REVISION, BreakKind.POSITION),
        (price_correction, BreakCause.REVISION, BreakKind.FILL),
        (split, BreakCause.CORPORATE_ACTION, BreakKind.POSITION),
        (journaled_shares, BreakCause.TRANSFER, BreakKind.POSITION),
        (vanished_shares, BreakCause.UNKNOWN, BreakKind.POSITION),
        (dividend, BreakCause.CORPORATE_ACTION, BreakKind.CASH),
        (fee, BreakCause.FEE, BreakKind.CASH),
        (deposit, BreakCause.TRANSFER, BreakKind.CASH),
        (cents, BreakCause.ROUNDING, BreakKind.CASH),
        (vanished_cash, BreakCause.UNKNOWN, BreakKind.CASH),
    )
)
#: What happens where the broker's list tells of no bust.
UNTOLD = (
    Case(name="untold_bust", cause=BreakCause.REVISION, kind=BreakKind.POSITION, inject=bust),
)


def played(seed: int, count: int, *, lists_busts: bool = True) -> list[Injected]:
    """So many breaks drawn from the seed, one after the other, each looked at."""
    stage = Stage(seed, lists_busts=lists_busts)
    cases = CASES if lists_busts else UNTOLD

    async def play() -> None:
        await stage.world.open()
        await stage.buy(100)
        await stage.world.clock.sleep(5)
        order = [cases[number % len(cases)] for number in range(count)]
        stage.dice.shuffle(order)
        for case in order:
            await stage.play(case)
        await _check(stage)
        await stage.world.close()

    run_virtual(play, seed=seed, limit_s=count * 1000)
    return stage.outcomes


async def _check(stage: Stage) -> None:
    """No execution is in the book that the broker did not name, and the books are the same."""
    world = stage.world
    there = {row["execution_id"] for row in await world.fills()}
    booked = [
        one
        for one in world.messages()
        if isinstance(one, ExecutionReport) and one.exec_type is ExecType.TRADE
    ]
    assert {one.exec_id for one in booked} <= there
    assert world.replayed() == world.live()
    mine = {name: Decimal(one.qty) for name, one in world.engine.positions().items() if one.qty}
    assert mine == await world.broker_positions()


def table(outcomes: list[Injected]) -> str:
    """Injected against found, and the longest delay of each."""
    lines = [f"{'injected':<22}{'found as':<20}{'times':>6}{'max s':>9}{'bound':>7}"]
    pairs = Counter((one.name, one.expected, one.found) for one in outcomes)
    for (name, expected, found), times in sorted(pairs.items(), key=str):
        longest = max(one.delay_s for one in outcomes if (one.name, one.found) == (name, found))
        bound = next(one.bound_s for one in outcomes if one.name == name)
        mark = "" if found is expected else f"  WRONG: {expected}"
        lines.append(
            f"{name:<22}{found or 'nobody':<20}{times:>6}{longest:>9.1f}{bound:>7.0f}{mark}"
        )
    return "\n".join(lines)
