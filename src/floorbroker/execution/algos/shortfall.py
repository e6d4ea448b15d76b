"""Shortfall: fast where the risk of waiting costs more than the impact of haste.

The schedule is Almgren and Chriss' (2000): what is left falls as sinh(kappa (T - t)). It is solved
anew at each slice, from what is really left and the time that is left, so that a slow slice and a
crash are worked off in the same shape. `domain/numbers/unwinding.py` has the closed form.
"""

from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.numbers.unwinding import kappa_of, kept
from floorbroker.execution.algos.port import (
    MOST,
    Algorithm,
    Decision,
    MarketView,
    Memo,
    Need,
    ParentRequest,
    ParentView,
    PlanPoint,
    Within,
)
from floorbroker.execution.algos.working import (
    NS_PER_S,
    Due,
    Interval,
    Positive,
    Working,
    check_working,
    is_in_slice,
    ns,
    points_of,
    worked,
)
from floorbroker.execution.mechanics.schedule import Slices
from floorbroker.execution.mechanics.slices import count_of, edges_of, spread_part

SLICES_MAX = 10_000
#: Seconds of a regular session: the day in which volatility and volume are given.
DAY_S = Decimal(23_400)
_DIGITS = Decimal("1e-12")
ONE = Decimal(1)


class Urgency(StrEnum):
    """Haste in words: kappa times the horizon."""

    LOW = "low"  #: 0.5: nearly even.
    MEDIUM = "medium"  #: 1.5: two thirds faster than even at first.
    HIGH = "high"  #: 3: the paper's example, three times as fast at first.


_KAPPA_T = {
    Urgency.LOW: Decimal("0.5"),
    Urgency.MEDIUM: Decimal("1.5"),
    Urgency.HIGH: Decimal(3),
}


class ShortfallParams(Working, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Haste by one of `risk_aversion`, `half_life_s` and `urgency`, in this order.

    With `risk_aversion` the model's numbers are taken from here, or else from the market's
    statistics: sigma = daily volatility * price, eta = spread / 1 % of ADV, gamma = spread / 10 %
    of ADV, as in the paper's example.
    """

    urgency: Urgency = Urgency.MEDIUM
    half_life_s: Annotated[Decimal, Within(1, 1_000_000)] | None = None
    """1/kappa: what is left falls by e in it."""
    risk_aversion: Annotated[Decimal, Within(0, MOST)] | None = None  #: Lambda, 1/$.
    sigma: Positive | None = None  #: $/share/day^0.5.
    eta: Positive | None = None  #: $/share per share/day.
    gamma: Annotated[Decimal, Within(0, MOST)] | None = None  #: $/share per share.
    alpha: Decimal = Decimal(0)  #: Expected drift, $/share/day; with `risk_aversion` alone.
    interval_s: Interval = Decimal(60)


def check(request: ParentRequest, params: ShortfallParams) -> None:
    check_working(request, params)
    count = count_of(request.start_ns, request.end_ns, ns(params.interval_s))
    if count > SLICES_MAX:
        hint = f"it makes {count} slices, at most {SLICES_MAX} are taken"
        raise InvalidOrder("params.interval_s", params.interval_s, hint)
    if params.risk_aversion is not None and params.half_life_s is not None:
        hint = "give either it or risk_aversion"
        raise InvalidOrder("params.half_life_s", params.half_life_s, hint)
    if params.alpha and not params.risk_aversion:
        raise InvalidOrder("params.alpha", params.alpha, "it needs a risk_aversion above 0")
    if params.risk_aversion and params.eta is not None and params.gamma is not None:
        eased = params.gamma * params.interval_s / DAY_S / 2
        if params.eta <= eased:
            raise InvalidOrder("params.eta", params.eta, f"it must be above {eased}")


def decide(parent: ParentView[ShortfallParams], market: MarketView, now_ns: int) -> Decision:
    slices = _slices(parent, market)
    place = slices.place_at(now_ns)
    wake = slices.next_ns(place)
    if is_in_slice(parent, place):
        due = Due(target=Qty(str(parent.memo["target"])), wake_ns=wake)
        return worked(parent, market, now_ns, due)
    model = _model(parent, market)
    if model is None:
        why = "no volatility, volume or spread of earlier days to weigh the risk with"
        return Decision(why=why, target=ZERO_QTY, wake_ns=wake)
    kappa, lean = model
    left = parent.request.qty - parent.filled
    target = parent.filled + _next_part(left, slices, place, (kappa, lean))
    memo: Memo = {
        "revision": parent.revision,
        "slice": place,
        "target": str(target),
        "kappa": str(kappa),
        "lean": str(lean),
    }
    due = Due(target=target, wake_ns=wake, memo=memo)
    return worked(parent, market, now_ns, due)


def plan(parent: ParentView[ShortfallParams], market: MarketView) -> tuple[PlanPoint, ...]:
    model, qty = _model(parent, market), parent.request.qty
    if model is None:
        return ()
    slices, held = _slices(parent, market), [qty.decimal]
    for place in range(len(slices.releases_ns)):
        held.append(_held_after(held[-1], slices, place, model))
    weights = tuple(before - after for before, after in pairwise(held))
    whole = Slices(
        releases_ns=slices.releases_ns, weights=weights, unit=slices.unit, lot=slices.lot
    )
    return points_of(whole, qty)


def _slices(parent: ParentView[ShortfallParams], market: MarketView) -> Slices:
    """Even in time; their weights are the times themselves, what is left is solved for."""
    request, params = parent.request, parent.params
    count = count_of(request.start_ns, request.end_ns, ns(params.interval_s))
    edges = edges_of(request.start_ns, request.end_ns, count)
    weights = tuple(Decimal(after - before) for before, after in pairwise(edges))
    return Slices(releases_ns=edges[:-1], weights=weights, unit=params.unit, lot=market.lot)


def _next_part(left: Qty, slices: Slices, place: int, model: tuple[Decimal, Decimal]) -> Qty:
    """What the slice that begins gets of what is left, in whole units."""
    after = _held_after(left.decimal, slices, place, model)
    if not after:
        return left
    return spread_part(left, (left.decimal - after, after), slices.unit, slices.lot)


def _held_after(
    held: Decimal, slices: Slices, place: int, model: tuple[Decimal, Decimal]
) -> Decimal:
    """What should be left after this slice, of what is left before it."""
    kappa, lean = model
    spans = slices.weights[place:]
    if len(spans) == 1 or not held:
        return Decimal(0)
    before = sum(spans, Decimal(0)) / NS_PER_S
    passed = spans[0] / NS_PER_S
    after = before - passed
    share = kept(kappa, before, after)
    leaning = lean * (ONE - share - kept(kappa, before, passed)) if lean else Decimal(0)
    return min(max(held * share + leaning, Decimal(0)), held)


def _model(
    parent: ParentView[ShortfallParams], market: MarketView
) -> tuple[Decimal, Decimal] | None:
    """Kappa per second and the shares that the drift leans towards; None where numbers lack.

    They stand for the parent's life: they are remembered, and found anew when it is replaced.
    """
    memo, params, request = parent.memo, parent.params, parent.request
    if "kappa" in memo and memo.get("revision") == parent.revision:
        return Decimal(str(memo["kappa"])), Decimal(str(memo["lean"]))
    if params.risk_aversion is None:
        horizon = Decimal(request.end_ns - request.start_ns) / NS_PER_S
        kappa = _KAPPA_T[params.urgency] / horizon
        if params.half_life_s is not None:
            kappa = ONE / params.half_life_s
        return kappa.quantize(_DIGITS), Decimal(0)
    sigma, eta, gamma = _numbers(params, market)
    if sigma is None or eta is None or gamma is None:
        return None
    interval = params.interval_s / DAY_S
    gamma = min(gamma, eta / interval)  # estimates of a thin day may not turn the problem over
    a_day = kappa_of(params.risk_aversion, sigma=sigma, eta=eta, gamma=gamma, interval=interval)
    lean = Decimal(0)
    if params.risk_aversion:
        lean = -request.side.sign * params.alpha / (2 * params.risk_aversion * sigma * sigma)
    return (a_day / DAY_S).quantize(_DIGITS), lean.quantize(_DIGITS)


def _numbers(
    params: ShortfallParams, market: MarketView
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    stats, price = market.stats, _price(market)
    sigma, eta, gamma = params.sigma, params.eta, params.gamma
    if sigma is None and stats.daily_volatility and price is not None:
        sigma = stats.daily_volatility * price.decimal
    if stats.adv and stats.spread:
        eta = eta if eta is not None else stats.spread / (stats.adv / 100)
        gamma = gamma if gamma is not None else stats.spread / (stats.adv / 10)
    return sigma, eta, gamma


def _price(market: MarketView) -> Px | None:
    touch = market.touch
    if touch is None or touch.bid_px is None or touch.ask_px is None:
        return market.last_px
    return Px.of((touch.bid_px + touch.ask_px).decimal / 2)


SHORTFALL = Algorithm(
    decide=decide,
    params=ShortfallParams,
    says="early where waiting is risky; meant to meet the price at arrival",
    plan=plan,
    check=check,
    needs=frozenset({Need.QUOTE}),
    looks_back=True,
    is_completing=True,
)
