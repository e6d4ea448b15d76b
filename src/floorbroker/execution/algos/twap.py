"""TWAP: even slices of time, each of the same size."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.port import (
    Algorithm,
    Decision,
    MarketView,
    Need,
    ParentRequest,
    ParentView,
    PlanPoint,
    Within,
)
from floorbroker.execution.algos.working import (
    Interval,
    Working,
    check_working,
    due_of,
    ns,
    points_of,
    worked,
)
from floorbroker.execution.mechanics import draws
from floorbroker.execution.mechanics.schedule import Late, Policy, Slices
from floorbroker.execution.mechanics.slices import count_of, edges_of

SLICES_MAX = 10_000
CatchUp = Annotated[Decimal, Within(1, 1000)]
_SIZE, _TIME = 1, 2  # what a draw is for


class TwapParams(Working, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Slices by number, or by length; what is late rolls into the next slice."""

    slices: Annotated[int, Within(1, SLICES_MAX)] | None = None
    """How many; without it as many as `interval_s` makes."""
    interval_s: Interval = Decimal(60)
    vary_size: Annotated[Decimal, Within(0, 1)] = Decimal(0)
    """Sizes are drawn from 1 - this to 1 + this; the sum stays exact."""
    vary_time: Annotated[Decimal, Within(0, 1)] = Decimal(0)
    """A slice is released within this part of its length."""
    late: Late = Late.ROLL
    catch_up: CatchUp = Decimal(3)
    """With `roll`: no slice is larger than so many times its own size, the last excepted."""
    seed: int = 0  #: Of every draw.


def check(request: ParentRequest, params: TwapParams) -> None:
    check_working(request, params)
    count = count_of(request.start_ns, request.end_ns, ns(params.interval_s))
    if params.slices is None and count > SLICES_MAX:
        hint = f"it makes {count} slices, at most {SLICES_MAX} are taken"
        raise InvalidOrder("params.interval_s", params.interval_s, hint)


def decide(parent: ParentView[TwapParams], market: MarketView, now_ns: int) -> Decision:
    params = parent.params
    slices = _slices(parent.request.start_ns, parent.request.end_ns, params, market.lot)
    policy = Policy(late=params.late, catch_up=params.catch_up)
    return worked(parent, market, now_ns, due_of(parent, now_ns, slices, policy))


def plan(parent: ParentView[TwapParams], market: MarketView) -> tuple[PlanPoint, ...]:
    request = parent.request
    slices = _slices(request.start_ns, request.end_ns, parent.params, market.lot)
    return points_of(slices, request.qty)


@lru_cache(maxsize=64)
def _slices(start_ns: int, end_ns: int, params: TwapParams, lot: Decimal) -> Slices:
    count = params.slices or count_of(start_ns, end_ns, ns(params.interval_s))
    edges = edges_of(start_ns, end_ns, count)
    seed = params.seed
    delays = [params.vary_time * draws.part(seed, _TIME, place) for place in range(count)]
    return Slices(
        releases_ns=tuple(
            edge + int((following - edge) * delay)
            for edge, following, delay in zip(edges[:-1], edges[1:], delays, strict=True)
        ),
        weights=tuple(
            draws.around_one(params.vary_size, seed, _SIZE, place) for place in range(count)
        ),
        unit=params.unit,
        lot=lot,
    )


TWAP = Algorithm(
    decide=decide,
    params=TwapParams,
    says="even slices of time; meant to meet the interval's time-weighted price",
    plan=plan,
    check=check,
    needs=frozenset({Need.QUOTE}),
    is_completing=True,
)
