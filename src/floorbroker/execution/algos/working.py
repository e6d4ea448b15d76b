"""How a due quantity is worked, shared by every algorithm that follows a schedule.

A schedule says what should be done in all by now. What it lacks is sent as children that rest at
the near touch, follow it, and cross after a while; near the end everything that is left crosses,
up to a price cap.
"""

from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.terms import Side
from floorbroker.execution.algos.port import (
    MOST,
    CancelChild,
    ChildCommand,
    Decision,
    MarketView,
    Memo,
    NewChild,
    OpenChild,
    ParentRequest,
    ParentView,
    PlanPoint,
    ReplaceChild,
    Touch,
    Within,
)
from floorbroker.execution.mechanics import prices
from floorbroker.execution.mechanics.prices import BASIS_POINT
from floorbroker.execution.mechanics.schedule import Policy, Slices, target_of
from floorbroker.execution.mechanics.slices import sums_of

NS_PER_S = 1_000_000_000
REST, CROSS = "rest", "cross"
#: More children at once than anybody needs; a new one waits for one of them to end.
CHILDREN_MAX = 8

Positive = Annotated[Decimal, Within(0, MOST, is_open=True)]
#: A part of something, a thousandth at least.
Part = Annotated[Decimal, Within(Decimal("0.001"), 1)]
#: How long a slice lasts.
Interval = Annotated[Decimal, Within(1, 86_400)]
Seconds = Annotated[Decimal, Within(0, 86_400)]
#: A part of the volume, our own included.
Rate = Annotated[Decimal, Within(0, 1, is_open=True)]


class Style(StrEnum):
    """How children meet the market."""

    PATIENT = "patient"  #: Rest at the near touch, then cross.
    PASSIVE = "passive"  #: Rest only, until the cleanup.
    CROSS = "cross"  #: Take the far touch at once.


class Working(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters that all schedules share. Sizes in shares, times in seconds."""

    style: Style = Style.PATIENT
    patience_s: Seconds = Decimal(30)  #: A child rests so long before it crosses.
    requote_s: Seconds = Decimal(5)  #: A child's price changes at most so often.
    tolerance: Annotated[Decimal, Within(0, 1)] = Decimal(0)
    """Behind by no more than this part of the quantity, a child goes on resting."""
    min_clip: Qty = Qty(1)  #: No smaller child, the last one excepted.
    max_clip: Qty | None = None  #: No larger child.
    max_rate: Rate | None = None  #: Never more than this part of the volume.
    would: Px | None = None  #: At this price or better, take what is displayed.
    unit: Positive = Decimal(1)
    """Sizes are multiples of it, the last one excepted."""
    cleanup_s: Seconds = Decimal(60)  #: So long before the end all that is left crosses.
    cleanup_bps: Annotated[Decimal, Within(0, 10_000)] = Decimal(50)
    """How far beyond the midpoint the cleanup may pay."""


class Due(Struct, frozen=True, kw_only=True):
    """What a schedule wants done by now, in all; `is_urgent`: cross for it."""

    target: Qty
    is_urgent: bool = False
    wake_ns: int | None = None
    memo: Memo | None = None
    why: str = "on schedule"


class _Now(Struct, frozen=True, kw_only=True):
    """A call's facts, and what follows from them for prices."""

    parent: ParentView[Working]
    market: MarketView
    touch: Touch
    time_ns: int
    is_cleanup: bool
    is_urgent: bool
    is_welcome: bool  #: The far touch is at the would-price or better.

    @property
    def side(self) -> Side:
        return self.parent.request.side


def check_working(request: ParentRequest, params: Working) -> None:
    if params.min_clip <= 0:
        raise InvalidOrder("params.min_clip", params.min_clip, "it must be above 0")
    if params.max_clip is not None and params.max_clip < params.min_clip:
        hint = f"it must be at least min_clip, {params.min_clip}"
        raise InvalidOrder("params.max_clip", params.max_clip, hint)
    if params.would is None:
        return
    if params.would <= 0:
        raise InvalidOrder("params.would", params.would, "it must be above 0")
    if request.limit is not None and prices.is_worse(request.side, params.would, request.limit):
        hint = f"it must be no worse than the limit, {request.limit}"
        raise InvalidOrder("params.would", params.would, hint)


def worked(parent: ParentView[Working], market: MarketView, now_ns: int, due: Due) -> Decision:
    """The children that bring what is done to what is due."""
    now = _facts(parent, market, now_ns, due)
    target = parent.request.qty if now.is_cleanup or now.is_welcome else due.target
    commands = [*_asked_of_children(now, target)]
    child, why = _new_child(now, target)
    if child is not None:
        commands.append(child)
    return Decision(
        commands=tuple(commands),
        target=due.target if not now.is_cleanup else parent.request.qty,
        why=why or due.why,
        wake_ns=_wake(now, due),
        memo=due.memo,
    )


def due_of(
    parent: ParentView[Any],
    now_ns: int,
    slices: Slices,
    policy: Policy,
    *,
    extra: Memo | None = None,
) -> Due:
    """What the slices want done by now. A slice's target is fixed when it begins and remembered;
    `extra` goes into the memo with it."""
    request, memo = parent.request, parent.memo
    place = slices.place_at(now_ns)
    if place < 0:
        first = slices.releases_ns[0]
        return Due(target=ZERO_QTY, wake_ns=first, why="waits for its first slice")
    why = f"slice {place + 1} of {len(slices.weights)}"
    wake = slices.next_ns(place)
    if is_in_slice(parent, place):
        return Due(target=Qty(str(memo["target"])), wake_ns=wake, why=why)
    target = target_of(slices, place, (request.qty, parent.filled), policy)
    if memo.get("revision") == parent.revision:  # what was wanted before stays wanted
        target = max(target, Qty(str(memo["target"])))
    written: Memo = {
        "revision": parent.revision,
        "slice": place,
        "target": str(target),
        **(extra or {}),
    }
    return Due(target=target, wake_ns=wake, memo=written, why=why)


def is_in_slice(parent: ParentView[Any], place: int) -> bool:
    """Whether the memo is of this slice, and of the parent as it is asked for now."""
    memo = parent.memo
    return memo.get("slice") == place and memo.get("revision") == parent.revision


def points_of(slices: Slices, qty: Qty) -> tuple[PlanPoint, ...]:
    """The schedule as it stands at the start."""
    sums = sums_of(slices.sizes_of(qty))
    pairs = zip(slices.releases_ns, sums, strict=True)
    return tuple(PlanPoint(time_ns=release, qty=done) for release, done in pairs)


def ns(seconds: Decimal) -> int:
    return int(seconds * NS_PER_S)


def most_at(rate: Decimal, others: Qty) -> Qty:
    """What may be done in all while the others did so much: own = p/(1-p) * others.

    With own prints taken out of the volume the target does not grow by being reached.
    """
    return Qty.of((others.decimal * rate / (1 - rate)).to_integral_value(ROUND_FLOOR))


def whole_units(qty: Qty, unit: Decimal) -> Qty:
    return Qty.of((qty.decimal / unit).to_integral_value(ROUND_FLOOR) * unit)


def priced(request: ParentRequest, market: MarketView, px: Px) -> Px:
    """The price made legal: within the limit and the bands, on a tick, never worse."""
    side = request.side
    band = market.band_high if side is Side.BUY else market.band_low
    bounded = prices.better_of(side, px, request.limit, band)
    return prices.on_tick(side, bounded, market.tick_at(bounded))


def _facts(parent: ParentView[Working], market: MarketView, now_ns: int, due: Due) -> _Now:
    touch, params, request = market.touch, parent.params, parent.request
    assert touch is not None, "the rails let nobody decide without a quote"
    far = touch.far(request.side)
    would = params.would
    return _Now(
        parent=parent,
        market=market,
        touch=touch,
        time_ns=now_ns,
        is_cleanup=now_ns >= request.end_ns - ns(params.cleanup_s),
        is_urgent=due.is_urgent,
        is_welcome=would is not None and not prices.is_worse(request.side, far, would),
    )


def _crossing_px(now: _Now) -> Px:
    """The far touch; in the cleanup through it, up to the cap."""
    side, touch = now.side, now.touch
    far = touch.far(side)
    if now.is_cleanup:
        mid = (far.decimal + touch.near(side).decimal) / 2
        far = prices.through(side, Px.of(mid), mid * now.parent.params.cleanup_bps * BASIS_POINT)
    return priced(now.parent.request, now.market, far)


def _new_child(now: _Now, target: Qty) -> tuple[NewChild | None, str]:
    parent, params = now.parent, now.parent.params
    qty, why = _clipped(now, target)
    if qty <= 0 or (qty < params.min_clip and qty != parent.remaining):
        return None, why
    if len(parent.children) >= CHILDREN_MAX:
        return None, f"{CHILDREN_MAX} children are out"
    does_cross = _is_hurried(now) or params.style is Style.CROSS
    px = _crossing_px(now) if does_cross else _resting_px(now)
    word = CROSS if does_cross else REST
    return NewChild(qty=qty, price=px, word=word), f"sends {qty} to {word}"


def _clipped(now: _Now, target: Qty) -> tuple[Qty, str]:
    """The next child's size, 0 for none, and what holds it down."""
    parent, params, lot = now.parent, now.parent.params, now.market.lot
    room, why = _room(now, target)
    qty = min(room, parent.remaining)
    if params.max_clip is not None:
        qty = min(qty, params.max_clip)
    if now.is_welcome and not now.is_cleanup:
        qty = min(qty, now.touch.far_qty(now.side))
    return whole_units(qty, lot if qty == parent.remaining else max(params.unit, lot)), why


def _room(now: _Now, target: Qty) -> tuple[Qty, str]:
    """How much more may be out than is, and why it is no more."""
    parent = now.parent
    most, why = target, ""
    rate = parent.params.max_rate
    if rate is not None and most_at(rate, now.market.others) < most:
        most, why = most_at(rate, now.market.others), f"at {rate:%} of the volume"
    return max(most - parent.committed, ZERO_QTY), why


def _is_hurried(now: _Now) -> bool:
    return now.is_cleanup or now.is_urgent or now.is_welcome


def _resting_px(now: _Now) -> Px:
    return priced(now.parent.request, now.market, now.touch.near(now.side))


def _asked_of_children(now: _Now, target: Qty) -> list[ChildCommand]:
    """Children that waited long enough cross; those that the market left behind follow."""
    is_behind = _lacks(now, target)
    asked = [
        _asked(now, child, is_behind=is_behind)
        for child in now.parent.children
        if child.may_be_asked
    ]
    return [command for command in asked if command is not None]


def _lacks(now: _Now, target: Qty) -> bool:
    """Whether what is done lags what is due by more than is tolerated."""
    parent = now.parent
    lag = target.decimal - parent.filled.decimal
    return lag > parent.params.tolerance * parent.request.qty.decimal


def _asked(now: _Now, child: OpenChild, *, is_behind: bool) -> ChildCommand | None:
    if child.price is None or child.tag not in (REST, CROSS):
        return None  # not one of ours: it is in an auction
    params = now.parent.params
    is_crossing = child.tag == CROSS or _is_hurried(now) or params.style is Style.CROSS
    if not is_crossing and params.style is Style.PATIENT and is_behind:
        is_crossing = now.time_ns >= child.decided_ns + ns(params.patience_s)
    is_turn = is_crossing and child.tag != CROSS
    if not is_turn and now.time_ns < child.priced_ns + ns(params.requote_s):
        return None
    px = _crossing_px(now) if is_crossing else _resting_px(now)
    if not prices.is_worse(now.side, px, child.price):
        return None  # it stands as well or better already
    if child.order_qty % 1:  # brokers replace whole shares only: the rest is sent anew
        return CancelChild(cl_ord_id=child.cl_ord_id, why="priced anew")
    word = CROSS if is_crossing else REST
    return ReplaceChild(cl_ord_id=child.cl_ord_id, price=px, word=word)


def _wake(now: _Now, due: Due) -> int | None:
    """The next instant at which time alone changes the answer."""
    params, request = now.parent.params, now.parent.request
    times = [request.end_ns - ns(params.cleanup_s), request.end_ns]
    if due.wake_ns is not None:
        times.append(due.wake_ns)
    for child in now.parent.children:
        times.append(child.decided_ns + ns(params.patience_s))
        times.append(max(child.priced_ns, now.time_ns) + ns(params.requote_s))
    if params.max_rate is not None or params.would is not None:
        times.append(now.time_ns + NS_PER_S)
    return min((time for time in times if time > now.time_ns), default=None)
