"""A rebalance by an algorithm at the prompt: what is asked, and what is seen meanwhile."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from floorbroker.cli.root import warn
from floorbroker.cli.working.asking import moment, params_of
from floorbroker.clock import Clock
from floorbroker.domain.errors import ConfigError
from floorbroker.domain.order import Side
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.posttrade.wording import bps_text, counted

if TYPE_CHECKING:
    from floorbroker.cli.portfolio.options import RebalanceOptions
    from floorbroker.desk import Desk
    from floorbroker.deskwork.portfolio.rebalance import Outcome, Portfolio, Rebalance
    from floorbroker.deskwork.portfolio.working import Work
    from floorbroker.engine.parents.board import ParentStatus

#: Where nobody looks at a bar, it is told once in so many minutes of the market.
TELL_MINUTES = 30
_NOTHING, _BPS = Decimal(0), Decimal(10_000)


def work_of(chosen: "RebalanceOptions", start: datetime) -> "Work":
    """What is asked of the algorithm from this instant on; raises ConfigError where it can do
    nothing with its parameters, or with its time."""
    from floorbroker.clock import ns_of
    from floorbroker.deskwork.portfolio.working import Work
    from floorbroker.domain.amounts import Qty
    from floorbroker.domain.errors import InvalidOrder
    from floorbroker.execution.algos.port import ParentRequest
    from floorbroker.execution.catalog import SHIPPED, checked

    assert chosen.algo is not None, "it was checked"
    assert chosen.end is not None, "it was checked"
    end, params = moment("end", chosen.end, start), params_of(chosen.param)
    if end <= start:
        at = f"{start.astimezone(NEW_YORK):%H:%M:%S}"
        raise ConfigError(
            f"--end: {chosen.end} is over when it begins, {at} New York; right is a later time"
        )
    any_order = ParentRequest(
        side=Side.BUY,
        symbol="ANY",
        qty=Qty(1),
        algo=chosen.algo,
        start_ns=ns_of(start),
        end_ns=ns_of(end),
        limit=None,
        params=params,
    )
    try:
        checked(SHIPPED, any_order)
    except InvalidOrder as problem:
        name = problem.field.removeprefix("params.")
        raise ConfigError(f"--param: {name}={problem.value}: {problem.hint}") from None
    return Work(algo=chosen.algo, end=end, params=params)


async def by_algo(
    portfolio: "Portfolio",
    plan: "Rebalance",
    work: "Work",
    *,
    clock: Clock,
    every_s: int = 1,
    is_quiet: bool = False,
) -> "tuple[Outcome, list[Standing]]":
    """Carry the plan out, and how it stood on the way; the process may die at any time: see
    `follow_earlier`."""
    with progress_shown(is_quiet=is_quiet) as tell:
        follower = Follower(plan, clock, tell, every_s)
        sender = portfolio.by_algo(plan, work, follower.look)
        outcome = await portfolio.carry_out(plan, sender=sender)
        follower.ended(outcome)
    return outcome, follower.standings


async def follow_earlier(desk: "Desk") -> None:
    """Where a rebalance was interrupted its parent orders live on: see them to their ends first,
    so that the new plan begins where they led."""
    parents = await desk.parents.list()
    live = [one for one in parents if one.strategy == "rebalance" and not one.is_ended]
    if not live:
        return
    many = counted(len(live), "parent order")
    warn(f"{many} of an interrupted rebalance at work; the plan comes after")
    with _worked() as on_look:
        ended = await desk.portfolio.earlier_parents(on_look)
    for one in ended:
        warn(f"{one.parent_id} {one.state}: {one.side} {one.filled} of {one.qty} {one.symbol}")


@contextmanager
def _worked() -> "Iterator[Callable[[Sequence[ParentStatus]], None]]":
    """A bar of the shares that were worked, where somebody looks at it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("parent orders", total=1.0)

        def look(parents: "Sequence[ParentStatus]") -> None:
            parts = [one.filled.decimal / one.qty.decimal for one in parents]
            ended = sum(one.is_ended for one in parents)
            done = float(sum(parts, Decimal(0)) / len(parts)) if parts else 1.0
            what = f"{ended} of {len(parts)} parent orders ended"
            bar.update(task, completed=done, description=what)

        yield look


class Standing(Struct, frozen=True, kw_only=True):
    """How it stood at a time of the market: parts of the plan's value that are done and due, and
    the cost so far against the plan's midpoints."""

    time: datetime
    done: Decimal
    due: Decimal
    names_done: int
    names: int
    slippage_bps: Decimal | None

    def __str__(self) -> str:
        cost = "" if self.slippage_bps is None else f", {bps_text(self.slippage_bps)} bps so far"
        return f"{self.names_done} of {self.names} names{cost}"


class Follower:
    """Looks at a plan's parent orders as they are told of, once in `every_s` of the market."""

    def __init__(
        self, plan: "Rebalance", clock: Clock, tell: Callable[[Standing], None], every_s: int = 1
    ) -> None:
        trades = plan.trade_list.trades
        self._px = {trade.symbol: trade.px for trade in trades}
        self._worth = sum((trade.value for trade in trades), _NOTHING)
        self._wanted = {name: _NOTHING for name in self._px}
        for trade in trades:
            self._wanted[trade.symbol] += trade.qty
        self._clock, self._tell, self._every_s = clock, tell, every_s
        self._latest: dict[str, ParentStatus] = {}
        self._turn = -1
        self.standings: list[Standing] = []

    def look(self, parents: "Sequence[ParentStatus]") -> None:
        turn = int(self._clock.now().timestamp()) // self._every_s
        if turn == self._turn:
            return
        self._turn = turn
        self._latest.update((one.parent_id, one) for one in parents)
        self._stands()

    def ended(self, outcome: "Outcome") -> None:
        """What each parent order came to."""
        ends = (one.parent for row in outcome.rows for one in row.sent)
        self._latest.update((one.parent_id, one) for one in ends if one is not None)
        self._stands()

    def _stands(self) -> None:
        done = due = cost = _NOTHING
        filled = dict.fromkeys(self._px, _NOTHING)
        for one in self._latest.values():
            px, qty = self._px[one.symbol], one.filled.decimal
            filled[one.symbol] += qty
            done += qty * px
            due += (one.target or one.filled).decimal * px
            if one.avg_px is not None:
                sign = 1 if one.side == Side.BUY else -1
                cost += sign * (one.avg_px.decimal - px) * qty
        standing = Standing(
            time=self._clock.now(),
            done=done / self._worth,
            due=due / self._worth,
            names_done=sum(qty == self._wanted[name] for name, qty in filled.items()),
            names=len(filled),
            slippage_bps=cost / done * _BPS if done else None,
        )
        self.standings.append(standing)
        self._tell(standing)


@contextmanager
def waiting_shown(what: str, *, is_quiet: bool) -> Iterator[None]:
    """What takes a while, where somebody looks at it."""
    if is_quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def progress_shown(*, is_quiet: bool = False) -> Iterator[Callable[[Standing], None]]:
    """A bar on standard error where somebody looks at it, else a line now and then."""
    if is_quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("parent orders", total=1.0)

        def look(now: Standing) -> None:
            what = f"{now.time.astimezone(NEW_YORK):%H:%M} New York  {now}"
            bar.update(task, completed=float(now.done), description=what)

        yield look


class _Lines:
    """One line in `TELL_MINUTES` of the market."""

    def __init__(self) -> None:
        self._told: int | None = None

    def tell(self, now: Standing) -> None:
        moment = now.time.astimezone(NEW_YORK)
        turn = (moment.hour * 60 + moment.minute) // TELL_MINUTES
        if self._told is None:
            self._told = turn
        elif turn != self._told:
            self._told = turn
            parts = f"{now.done * 100:.0f} % done, {now.due * 100:.0f} % due"
            warn(f"{moment:%H:%M} New York: {parts}; {now}")
