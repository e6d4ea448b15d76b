"""VWAP: slices as large as the volume that the curve expects in them."""

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Annotated

from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.port import (
    Algorithm,
    Decision,
    MarketView,
    Memo,
    Need,
    ParentRequest,
    ParentView,
    PlanPoint,
    VolumeCurve,
    Within,
)
from floorbroker.execution.algos.working import (
    Interval,
    Working,
    check_working,
    due_of,
    is_in_slice,
    ns,
    points_of,
    worked,
)
from floorbroker.execution.mechanics.schedule import Late, Policy, Slices
from floorbroker.execution.mechanics.slices import count_of, edges_of, volume_between

SLICES_MAX = 10_000
ONE = Decimal(1)
_DIGITS = Decimal("0.0001")
#: One slice's surprise counts for no more than this, either way.
_SURPRISE_MIN, _SURPRISE_MAX = Decimal("0.2"), Decimal(5)


class Follow(StrEnum):
    """What the slices follow."""

    STATIC = "static"  #: The curve; what is late rolls.
    DYNAMIC = "dynamic"  #: The curve as today's volume bends it; what is late spreads.


class Average(StrEnum):
    """How earlier days become one curve."""

    MEAN = "mean"
    MEDIAN = "median"


class VwapParams(Working, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`lookback_days` and `average` say how the engine makes the curve of earlier days."""

    follow: Follow = Follow.STATIC
    interval_s: Interval = Decimal(300)
    """About the length of a slice."""
    catch_up: Annotated[Decimal, Within(1, 1000)] = Decimal(3)
    """Static: no slice is larger than so many times its own size, the last excepted."""
    persistence: Annotated[Decimal, Within(0, 1)] = Decimal("0.7")
    """Dynamic: how much of a slice's surprise in volume is expected to be left one slice on."""
    learning: Annotated[Decimal, Within(0, 1)] = Decimal("0.5")
    """Dynamic: the weight of the last slice in what is believed of today."""
    lookback_days: Annotated[int, Within(1, 250)] = 20
    average: Average = Average.MEAN


def check(request: ParentRequest, params: VwapParams) -> None:
    check_working(request, params)
    count = count_of(request.start_ns, request.end_ns, ns(params.interval_s))
    if count > SLICES_MAX:
        hint = f"it makes {count} slices, at most {SLICES_MAX} are taken"
        raise InvalidOrder("params.interval_s", params.interval_s, hint)


def decide(parent: ParentView[VwapParams], market: MarketView, now_ns: int) -> Decision:
    request, params, curve = parent.request, parent.params, market.curve
    assert curve is not None, "the rails let nobody decide without what he needs"
    slices = _slices(request.start_ns, request.end_ns, curve, (params, market.lot))
    if params.follow is Follow.STATIC:
        policy = Policy(late=Late.ROLL, catch_up=params.catch_up)
        return worked(parent, market, now_ns, due_of(parent, now_ns, slices, policy))
    place = slices.place_at(now_ns)
    believed: Memo = {}
    if place >= 0 and not is_in_slice(parent, place):
        believed = _believed(parent, market, place, slices)
        slices = _bent(slices, place, Decimal(str(believed["pace"])), params.persistence)
    policy = Policy(late=Late.SPREAD, catch_up=params.catch_up)
    return worked(parent, market, now_ns, due_of(parent, now_ns, slices, policy, extra=believed))


def plan(parent: ParentView[VwapParams], market: MarketView) -> tuple[PlanPoint, ...]:
    request = parent.request
    if market.curve is None:
        return ()
    kept = (parent.params, market.lot)
    return points_of(_slices(request.start_ns, request.end_ns, market.curve, kept), request.qty)


@lru_cache(maxsize=64)
def _slices(
    start_ns: int, end_ns: int, curve: VolumeCurve, kept: tuple[VwapParams, Decimal]
) -> Slices:
    params, lot = kept
    edges = edges_of(start_ns, end_ns, count_of(start_ns, end_ns, ns(params.interval_s)))
    return Slices(
        releases_ns=edges[:-1],
        weights=tuple(
            volume_between(curve.edges_ns, curve.shares, first, last)
            for first, last in pairwise(edges)
        ),
        unit=params.unit,
        lot=lot,
    )


def _believed(
    parent: ParentView[VwapParams], market: MarketView, place: int, slices: Slices
) -> Memo:
    """Today's pace against the curve, learned from the slices since the last look."""
    memo, curve = parent.memo, market.curve
    pace = Decimal(str(memo.get("pace", "1")))
    seen, since = Decimal(str(memo.get("volume", "0"))), int(memo.get("slice", 0))
    day_volume = None if curve is None else curve.day_volume
    is_same_plan = memo.get("revision", 0) == parent.revision
    if curve is not None and day_volume is not None and place > since and is_same_plan:
        total = sum(curve.shares, Decimal(0))
        expected = day_volume * sum(slices.weights[since:place], Decimal(0)) / total
        if expected > 0:
            surprise = (market.volume.decimal - seen) / expected
            surprise = min(max(surprise, _SURPRISE_MIN), _SURPRISE_MAX)
            weight = parent.params.learning
            pace = (weight * surprise + (1 - weight) * pace).quantize(_DIGITS)
    return {"pace": str(pace), "volume": str(market.volume)}


def _bent(slices: Slices, place: int, pace: Decimal, persistence: Decimal) -> Slices:
    """The weights from this slice on with today's surprise, which fades slice by slice."""
    weights, excess = list(slices.weights), pace - 1
    for at in range(place, len(weights)):
        weights[at] *= 1 + excess
        excess *= persistence
    return Slices(
        releases_ns=slices.releases_ns,
        weights=tuple(weights),
        unit=slices.unit,
        lot=slices.lot,
    )


VWAP = Algorithm(
    decide=decide,
    params=VwapParams,
    says="slices as large as the expected volume; meant to meet the interval's VWAP",
    plan=plan,
    check=check,
    needs=frozenset({Need.QUOTE, Need.CURVE}),
    looks_back=True,
    is_completing=True,
)
