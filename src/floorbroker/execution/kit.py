"""Try an algorithm on a few market steps, without a desk, an exchange or a clock.

The fills are simple, and these are all their rules:

1. A command reaches the market `latency_ns` after its decision; until then its child is pending.
2. A child that may trade at once takes the far touch, up to the size displayed there; a step
   displays it anew. What is left of it rests; of an IOC it ends.
3. A resting child fills at its price when the far touch comes to it, up to the displayed size; or
   when a step's last price is at its price or beyond, up to `queue_part` of the step's volume.
4. Children for an auction fill whole, at the first step at or after the open or the close, at that
   step's last price (or its midpoint), if their price allows; else they end.
5. The steps do not change because of our fills. With `prints_own` the volume shows them.

`floorbroker simulate` plays the real desk and exchange over a tape; this is for the first hour of
an idea and for tests.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Px, Qty
from floorbroker.execution import rails
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    Decision,
    MarketView,
    NewChild,
    ParentRequest,
    ParentView,
    ReplaceChild,
)
from floorbroker.execution.catalog import admitted, params_of
from floorbroker.execution.kit_market import FillRules as FillRules
from floorbroker.execution.kit_market import Floor
from floorbroker.execution.kit_market import KitChild as KitChild
from floorbroker.execution.kit_market import KitFill as KitFill
from floorbroker.execution.kit_market import Step as Step


class Run(Struct, frozen=True, kw_only=True):
    """What came of it. `target`s stand in `decisions`, which are in order of time."""

    request: ParentRequest
    children: tuple[KitChild, ...]
    fills: tuple[KitFill, ...]
    decisions: tuple[tuple[int, Decision], ...]
    schedule_error: Decimal  #: The largest part of the quantity by which it was off its target.
    others: Qty  #: What others traded from the start to the end.
    most_out: Qty  #: The most that was done or could be, at any moment.

    @property
    def filled(self) -> Qty:
        return sum((fill.qty for fill in self.fills), ZERO_QTY)

    @property
    def average_px(self) -> Px | None:
        spent = sum((fill.qty * fill.px for fill in self.fills), ZERO_MONEY)
        return Px.of((spent / self.filled).decimal) if self.fills else None

    @property
    def rate(self) -> Decimal:
        """Own part of all that traded."""
        total = self.filled + self.others
        return self.filled / total if total else Decimal(0)

    @property
    def withheld(self) -> tuple[str, ...]:
        return tuple(text for _, decision in self.decisions for text in decision.withheld)

    def story(self) -> str:
        """A line for each decision that did something, for people."""
        lines = []
        for time_ns, decision in self.decisions:
            for command in decision.commands:
                seconds = Decimal(time_ns - self.request.start_ns) / rails.NS_PER_S
                lines.append(f"{seconds:9.1f} s  {_said(command)}  ({decision.why})")
        return "\n".join(lines)


def steady(
    start_ns: int, count: int, *, every_s: int = 1, bid: str = "99.99", ask: str = "100.01"
) -> Iterator[Step]:
    """A market that stands still: the same quote, 100 shares traded in each step at the bid and
    the ask in turn."""
    for number in range(count):
        last = Px(ask if number % 2 else bid)
        time_ns = start_ns + number * every_s * rails.NS_PER_S
        volume = Qty(100 if number else 0)
        yield Step(time_ns=time_ns, bid=Px(bid), ask=Px(ask), volume=volume, last=last)


def replay(
    algorithm: Algorithm,
    request: ParentRequest,
    steps: Iterable[Step],
    *,
    market: MarketView | None = None,
    rules: FillRules | None = None,
) -> Run:
    """Work the order on these steps, in order of time; between them the algorithm is asked
    whenever it wants to wake. `market` says what does not change: curve, statistics, lot, tick,
    session. Raises InvalidOrder for an order or parameters that cannot be worked."""
    constants = market or MarketView()
    params = params_of(algorithm.params, request.params)
    if algorithm.check is not None:
        algorithm.check(request, params)
    admitted(algorithm, request, constants)
    parent = ParentView(request=request, params=params)
    floor = Floor(algorithm, parent, constants, rules or FillRules())
    for step in steps:
        floor.pass_time(step.time_ns)
        floor.show(step)
    floor.pass_time(request.end_ns + 1)
    return Run(
        request=request,
        children=tuple(floor.children),
        fills=tuple(floor.fills),
        decisions=tuple(floor.decisions),
        schedule_error=floor.error,
        others=floor.others,
        most_out=floor.most_out,
    )


def _said(command: NewChild | ReplaceChild | CancelChild) -> str:
    if isinstance(command, NewChild):
        return f"send {command.qty} at {command.price or 'market'} {command.word}"
    if isinstance(command, ReplaceChild):
        return f"replace {command.cl_ord_id} to {command.price} {command.word}"
    return f"cancel {command.cl_ord_id}: {command.why}"
