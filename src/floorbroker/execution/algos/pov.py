"""POV: keeps up with a part of the market's volume; ends when the time or the quantity does."""

from decimal import Decimal
from typing import Annotated

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.port import (
    Algorithm,
    Decision,
    MarketView,
    Memo,
    Need,
    ParentRequest,
    ParentView,
    Within,
)
from floorbroker.execution.algos.working import (
    Due,
    Rate,
    Working,
    check_working,
    most_at,
    ns,
    worked,
)


class PovParams(Working, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rate is own / (own + others). No cleanup unless asked for: it ends unfinished."""

    rate: Rate = Decimal("0.1")
    min_rate: Rate | None = None  #: Behind this rate children cross at once.
    bucket_s: Annotated[Decimal, Within(1, 3600)] = Decimal(30)
    """Volume counts once the bucket of time in which it traded is over."""
    cleanup_s: Annotated[Decimal, Within(0, 86_400)] = Decimal(0)


def check(request: ParentRequest, params: PovParams) -> None:
    check_working(request, params)
    if params.min_rate is not None and params.min_rate > params.rate:
        hint = f"it must be at most rate, {params.rate}"
        raise InvalidOrder("params.min_rate", params.min_rate, hint)
    if params.max_rate is not None and params.max_rate < params.rate:
        hint = f"it must be at least rate, {params.rate}"
        raise InvalidOrder("params.max_rate", params.max_rate, hint)


def decide(parent: ParentView[PovParams], market: MarketView, now_ns: int) -> Decision:
    request, params = parent.request, parent.params
    bucket_ns = ns(params.bucket_s)
    bucket = (now_ns - request.start_ns) // bucket_ns
    others, memo = _others(parent, market, bucket)
    least = ZERO_QTY if params.min_rate is None else most_at(params.min_rate, others)
    due = Due(
        target=min(most_at(params.rate, others), request.qty),
        is_urgent=parent.filled < min(least, request.qty),
        wake_ns=request.start_ns + (bucket + 1) * bucket_ns,
        memo=memo,
        why=f"follows {params.rate:%} of the volume",
    )
    return worked(parent, market, now_ns, due)


def _others(
    parent: ParentView[PovParams], market: MarketView, bucket: int
) -> tuple[Qty, Memo | None]:
    """The others' volume up to this bucket's beginning. Our own prints are no part of it, so
    the target stands still when we reach it."""
    memo = parent.memo
    known = Qty(str(memo.get("others", "0")))
    if memo.get("bucket") == bucket:
        return known, None
    others = max(known, market.others if bucket > 0 else ZERO_QTY)
    return others, {"bucket": bucket, "others": str(others)}


POV = Algorithm(
    decide=decide,
    params=PovParams,
    says="a part of the volume as it trades; not sure to complete",
    check=check,
    needs=frozenset({Need.QUOTE, Need.VOLUME}),
)
