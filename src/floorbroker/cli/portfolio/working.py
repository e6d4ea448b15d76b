"""A rebalance by an algorithm at the prompt: what is asked, and what is seen meanwhile."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from floorbroker.cli.root import warn
from floorbroker.domain.errors import ConfigError

if TYPE_CHECKING:
    from floorbroker.desk import Desk
    from floorbroker.deskwork.portfolio.rebalance import Outcome, Rebalance
    from floorbroker.deskwork.portfolio.working import Work
    from floorbroker.engine.parents.board import ParentStatus

#: Of what buys may cost beyond the quote, set aside for the hours in which they are worked.
ALGO_SLACK_BPS = Decimal(100)


def check_algo(algo: str | None, end: str | None, param: tuple[str, ...]) -> None:
    """Raises ConfigError where no algorithm can be meant by this."""
    if algo is None:
        if end is not None:
            raise ConfigError("--end: says when an algorithm is done; give it with --algo")
        if param:
            raise ConfigError("--param: is for an algorithm; give it with --algo")
        return
    from floorbroker.domain.errors import InvalidOrder
    from floorbroker.execution.catalog import SHIPPED, named

    try:
        named(SHIPPED, algo)
    except InvalidOrder as problem:
        raise ConfigError(f"--algo: {problem.value} is none; {problem.hint}") from None
    if end is None:
        raise ConfigError(f"--end: missing; say when {algo} is to be done, such as --end 15:55")


async def by_algo(desk: "Desk", plan: "Rebalance", work: "Work") -> "Outcome":
    """Carry the plan out; the process may die at any time: see `follow_earlier`."""
    with _worked() as on_look:
        sender = desk.portfolio.by_algo(plan, work, on_look)
        return await desk.portfolio.carry_out(plan, sender=sender)


async def follow_earlier(desk: "Desk") -> None:
    """Where a rebalance was interrupted its parent orders live on: see them to their ends first,
    so that the new plan begins where they led."""
    parents = await desk.parents.list()
    live = [one for one in parents if one.strategy == "rebalance" and not one.is_ended]
    if not live:
        return
    from floorbroker.posttrade.wording import counted

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
