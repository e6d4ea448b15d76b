"""Pegged: stands at a distance from the others' best prices and moves with them.

Its own order is never its reference. Where the whole near touch is its own, nobody can see where
the others stand, and it stays where it is.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.port import (
    MOST,
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
    Touch,
    Within,
)
from floorbroker.execution.algos.working import (
    Seconds,
    ns,
    priced,
)
from floorbroker.execution.mechanics import prices

PEG = "peg"


class Peg(StrEnum):
    """What the order is pegged to."""

    PRIMARY = "primary"  #: The near touch: a buy to the bid.
    MIDPOINT = "midpoint"  #: The middle of both, never worse.
    MARKET = "market"  #: The far touch: a buy to the ask.


class PeggedParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Distances in dollars; a positive offset is more eager: higher for a buy."""

    to: Peg = Peg.PRIMARY
    offset: Decimal = Decimal(0)
    discretion: Annotated[Decimal, Within(0, MOST)] = Decimal(0)
    """So far beyond its price it takes a far touch that comes near."""
    display: Qty | None = None  #: Shares out at a time; all of them without it.
    min_reprice_s: Seconds = Decimal(1)  #: The price changes at most so often.
    hysteresis: Annotated[int, Within(1, 1000)] = 1
    """A change of fewer ticks than this is not followed."""


def check(request: ParentRequest, params: PeggedParams) -> None:
    if params.display is not None and params.display <= 0:
        raise InvalidOrder("params.display", params.display, "it must be above 0, or left out")
    if params.to is Peg.MIDPOINT and params.offset > 0:
        raise InvalidOrder(
            "params.offset", params.offset, "a midpoint peg is never worse: 0 or less"
        )


def decide(parent: ParentView[PeggedParams], market: MarketView, now_ns: int) -> Decision:
    px = _pegged_px(parent, market)
    if px is None:
        return _alone(parent, market)
    params, wake = parent.params, None
    commands: list[ChildCommand] = []
    qty = _more(parent)
    if qty > 0:
        commands.append(NewChild(qty=qty, price=px, word=PEG))
    for child in parent.children:
        if not _is_off(child, px, market, params):
            continue
        ready_ns = child.priced_ns + ns(params.min_reprice_s)
        if now_ns < ready_ns:
            wake = ready_ns if wake is None else min(wake, ready_ns)
        elif child.order_qty % 1:  # brokers replace whole shares only
            commands.append(CancelChild(cl_ord_id=child.cl_ord_id, why="priced anew"))
        else:
            commands.append(ReplaceChild(cl_ord_id=child.cl_ord_id, price=px, word=PEG))
    return Decision(commands=tuple(commands), why=f"pegged to {params.to}", wake_ns=wake)


def _alone(parent: ParentView[PeggedParams], market: MarketView) -> Decision:
    """Nobody else is to be seen at the near touch: what there is stays, what comes goes beside."""
    qty, touch = _more(parent), market.touch
    assert touch is not None, "the rails let nobody decide without a quote"
    px = priced(parent.request, market, touch.near(parent.request.side))
    new = (NewChild(qty=qty, price=px, word=PEG),) if qty > 0 else ()
    return Decision(commands=new, why="its own order is all of the near touch; stays")


def _more(parent: ParentView[PeggedParams]) -> Qty:
    """All that is left; with a display size the next tip, once the last one is done."""
    display = parent.params.display
    if display is None:
        return parent.remaining
    return ZERO_QTY if parent.children else min(parent.remaining, display)


def others_px(parent: ParentView[PeggedParams], touch: Touch) -> Px | None:
    """The near touch of the others; None where all that it shows is ours."""
    near = touch.near(parent.request.side)
    if not touch.includes_own:
        return near
    at_near = (child.leaves_qty for child in parent.children if child.price == near)
    ours = sum(at_near, ZERO_QTY)
    return near if not ours or ours < touch.near_qty(parent.request.side) else None


def _pegged_px(parent: ParentView[PeggedParams], market: MarketView) -> Px | None:
    params, request, touch = parent.params, parent.request, market.touch
    assert touch is not None, "the rails let nobody decide without a quote"
    side, far = request.side, touch.far(request.side)
    near = others_px(parent, touch)
    if params.to is Peg.MARKET:
        px = prices.through(side, far, params.offset)
    elif near is None:
        return None
    else:
        middle = (near + far) / 2
        reference = near if params.to is Peg.PRIMARY else middle
        px = prices.through(side, reference, params.offset)
        short_of_far = prices.through(side, far, -market.tick_at(far))
        px = prices.better_of(side, px, short_of_far)  # it rests
    if not prices.is_worse(side, far, prices.through(side, px, params.discretion)):
        px = far if params.discretion else px
    px = Px.of(max(px.decimal, market.tick_at(px)))  # an offset may not lead below one tick
    return priced(request, market, px)


def _is_off(child: OpenChild, px: Px, market: MarketView, params: PeggedParams) -> bool:
    if not child.may_be_asked or child.price is None:
        return False
    distance = abs(child.price - px)
    return distance.decimal >= params.hysteresis * market.tick_at(px)


PEGGED = Algorithm(
    decide=decide,
    params=PeggedParams,
    says="stands at a distance from the others' best price; not sure to complete",
    check=check,
    needs=frozenset({Need.QUOTE}),
    on_quote=True,
    pulls_when_blind=True,
)
