"""Sniper: rests nowhere and takes what is displayed at its limit or better.

There is no choice of venues, dark or lit: the broker chooses those.
"""

from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.terms import TimeInForce
from floorbroker.execution.algos.port import (
    Algorithm,
    CancelChild,
    Decision,
    MarketView,
    Need,
    NewChild,
    ParentRequest,
    ParentView,
)
from floorbroker.execution.algos.working import (
    Part,
    Positive,
    Seconds,
    ns,
    priced,
    whole_units,
)
from floorbroker.execution.mechanics import prices
from floorbroker.execution.mechanics.prices import BASIS_POINT

SHOT = "shot"


class SniperParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It shoots when enough is displayed, at a good price, in a tight market."""

    min_qty: Qty = Qty(1)  #: Less is left alone, unless it is all that is wanted.
    take: Part = Decimal(1)
    """The part of the displayed size that is taken at a time."""
    max_clip: Qty | None = None
    max_spread_bps: Positive | None = None
    """A wider market is left alone."""
    cooldown_s: Seconds = Decimal(1)  #: From one shot to the next.
    ioc: bool = True
    """Immediate or cancel; without it a day order that is taken back after the cooldown."""
    unit: Positive = Decimal(1)  #: Sizes are multiples of it.


def check(request: ParentRequest, params: SniperParams) -> None:
    if request.limit is None:
        raise InvalidOrder("limit", None, "a sniper needs the price at which it takes")
    if params.min_qty <= 0:
        raise InvalidOrder("params.min_qty", params.min_qty, "it must be above 0")
    if params.max_clip is not None and params.max_clip < params.min_qty:
        hint = f"it must be at least min_qty, {params.min_qty}"
        raise InvalidOrder("params.max_clip", params.max_clip, hint)


def decide(parent: ParentView[SniperParams], market: MarketView, now_ns: int) -> Decision:
    ready_ns = parent.last_sent_ns + ns(parent.params.cooldown_s) if parent.sent_children else 0
    if parent.children:
        return _take_back(parent, now_ns, ready_ns)
    if now_ns < ready_ns:
        return Decision(why="waits after a shot", wake_ns=ready_ns)
    qty, why = _prey(parent, market)
    if not qty:
        return Decision(why=why)
    assert market.touch is not None, "the rails let nobody decide without a quote"
    is_whole = not qty % 1
    does_rest = not parent.params.ioc or not is_whole  # fractions are good for the day only
    child = NewChild(
        qty=qty,
        price=priced(parent.request, market, market.touch.far(parent.request.side)),
        time_in_force=TimeInForce.DAY if does_rest else TimeInForce.IMMEDIATE_OR_CANCEL,
        word=SHOT,
    )
    return Decision(commands=(child,), why=f"takes {qty}")


def _prey(parent: ParentView[SniperParams], market: MarketView) -> tuple[Qty, str]:
    """What is worth a shot, or why nothing is."""
    params, request, touch = parent.params, parent.request, market.touch
    assert touch is not None, "the rails let nobody decide without a quote"
    assert request.limit is not None, "an order without a limit is refused"
    none = Qty(0)
    far, shown = touch.far(request.side), touch.far_qty(request.side)
    if prices.is_worse(request.side, far, request.limit):
        return none, f"waits for {request.limit}"
    width = abs(far - touch.near(request.side))
    if params.max_spread_bps is not None and width > far * params.max_spread_bps * BASIS_POINT:
        return none, f"the spread is {width}"
    least = min(params.min_qty, parent.remaining)
    if shown < least:
        return none, f"only {shown} are shown"
    most = Qty.of(shown.decimal * params.take)
    qty = min(parent.remaining, max(most, least), params.max_clip or parent.remaining)
    unit = market.lot if qty == parent.remaining else max(params.unit, market.lot)
    return whole_units(qty, unit), "less than a unit is shown"


def _take_back(parent: ParentView[SniperParams], now_ns: int, ready_ns: int) -> Decision:
    """What was not filled by the end of the cooldown did not hit."""
    if now_ns < ready_ns:
        return Decision(why="a shot is out", wake_ns=ready_ns)
    commands = tuple(
        CancelChild(cl_ord_id=child.cl_ord_id, why="missed")
        for child in parent.children
        if child.may_be_asked and child.time_in_force is TimeInForce.DAY
    )
    return Decision(commands=commands, why="a shot is out")


SNIPER = Algorithm(
    decide=decide,
    params=SniperParams,
    says="takes what is displayed at the limit or better; not sure to complete",
    check=check,
    needs=frozenset({Need.QUOTE}),
    on_quote=True,
)
