"""Iceberg: shows a little at a time and shows more when that is done.

It is made of ordinary orders: each refill goes to the end of the queue at its price.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    ChildCommand,
    Decision,
    MarketView,
    Need,
    NewChild,
    OpenChild,
    ParentRequest,
    ParentView,
    ReplaceChild,
    Within,
)
from floorbroker.execution.algos.working import (
    NS_PER_S,
    Positive,
    Seconds,
    ns,
    priced,
    whole_units,
)
from floorbroker.execution.mechanics import draws, prices

_SIZE, _DELAY = 1, 2  # what a draw is for
SHOWN = "shown"


class Stand(StrEnum):
    """Where the tip stands."""

    LIMIT = "limit"  #: At the order's limit.
    NEAR = "near"  #: At the near touch, which it follows, never beyond the limit.


class IcebergParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`display` shares are shown at a time."""

    display: Qty
    vary_display: Annotated[Decimal, Within(0, 1)] = Decimal(0)
    """Each tip is drawn from 1 - this to 1 + this times `display`."""
    refill_s: Seconds = Decimal(0)  #: How long after a tip's end the next is shown.
    vary_refill: Annotated[Decimal, Within(0, 1)] = Decimal(0)
    """Each delay is drawn from 1 - this to 1 + this times `refill_s`."""
    stand: Stand = Stand.LIMIT
    requote_s: Seconds = Decimal(5)  #: Near: the tip's price changes at most so often.
    unit: Positive = Decimal(1)  #: Tips are multiples of it.
    seed: int = 0


def check(request: ParentRequest, params: IcebergParams) -> None:
    if params.display <= 0:
        raise InvalidOrder("params.display", params.display, "it must be above 0")
    if params.stand is Stand.LIMIT and request.limit is None:
        raise InvalidOrder(
            "limit", None, 'an iceberg that stands at its limit needs one; or "near"'
        )


def decide(parent: ParentView[IcebergParams], market: MarketView, now_ns: int) -> Decision:
    if parent.children:
        asked = [_followed(parent, market, child, now_ns) for child in parent.children]
        commands = tuple(command for command in asked if command is not None)
        follows = parent.params.stand is Stand.NEAR
        wake = now_ns + max(ns(parent.params.requote_s), NS_PER_S) if follows else None
        return Decision(commands=commands, why="a tip is shown", wake_ns=wake)
    ready_ns = _ready_ns(parent)
    if now_ns < ready_ns:
        return Decision(why="waits to show more", wake_ns=ready_ns)
    qty = _tip(parent, market.lot)
    child = NewChild(qty=qty, price=_price(parent, market), word=SHOWN)
    return Decision(commands=(child,), why=f"shows {qty}")


def _tip(parent: ParentView[IcebergParams], lot: Decimal) -> Qty:
    params = parent.params
    drawn = draws.around_one(params.vary_display, params.seed, _SIZE, parent.sent_children)
    wanted = Qty.of(params.display.decimal * drawn)
    unit = max(params.unit, lot)
    tip = max(whole_units(wanted, unit), Qty.of(unit))
    return min(tip, parent.remaining)


def _ready_ns(parent: ParentView[IcebergParams]) -> int:
    params = parent.params
    if not parent.sent_children:
        return 0
    drawn = draws.around_one(params.vary_refill, params.seed, _DELAY, parent.sent_children)
    return parent.last_ended_ns + ns(params.refill_s * drawn)


def _price(parent: ParentView[IcebergParams], market: MarketView) -> Px:
    if parent.params.stand is Stand.LIMIT:
        assert parent.request.limit is not None, "an order without one is refused"
        return priced(parent.request, market, parent.request.limit)
    assert market.touch is not None, "the rails let nobody decide without a quote"
    return priced(parent.request, market, market.touch.near(parent.request.side))


def _followed(
    parent: ParentView[IcebergParams], market: MarketView, child: OpenChild, now_ns: int
) -> ChildCommand | None:
    """A tip that the market left behind goes after it."""
    params, side = parent.params, parent.request.side
    if params.stand is Stand.LIMIT or not child.may_be_asked or child.price is None:
        return None
    px = _price(parent, market)
    is_turn = now_ns >= child.priced_ns + ns(params.requote_s)
    if not is_turn or not prices.is_worse(side, px, child.price):
        return None
    if child.order_qty % 1:  # brokers replace whole shares only
        return CancelChild(cl_ord_id=child.cl_ord_id, why="priced anew")
    return ReplaceChild(cl_ord_id=child.cl_ord_id, price=px, word=SHOWN)


ICEBERG = Algorithm(
    decide=decide,
    params=IcebergParams,
    says="shows a little at a time; not sure to complete",
    check=check,
    needs=frozenset({Need.QUOTE}),
)
