"""Whether the broker can be worked with: its stream, its answers, its clock, its bookkeeping."""

from collections.abc import Sequence

from msgspec import Struct

from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.settings import GuardLimits


def stream_ready(*, is_whole: bool, waited_s: float, wait_max_s: float) -> Breach | None:
    """A04: new orders only while the order stream is authorised and its gap is filled; an order
    waits so long for that."""
    if is_whole or waited_s < wait_max_s:
        return None
    value = "the order stream has a gap; fills could be missed"
    limit = f"a whole stream within {wait_max_s:g} s"
    return Breach(control="A04", limit=limit, value=value, then=Then.DENY)


class Reject(Struct, frozen=True, kw_only=True):
    """The broker refused an order of the strategy; `at_s` is when."""

    reason: str
    at_s: float


def rejects(
    found: Sequence[Reject], *, in_row: int, now_s: float, limits: GuardLimits
) -> Breach | None:
    """A06: fewer than three rejections of the same reason in a row, and fewer than five in a
    minute. `in_row` counts those of the newest reason since an order was last accepted."""
    since_s = now_s - limits.rejects_window_s
    lately = sum(one.at_s > since_s for one in found)
    if in_row > limits.rejects_row_max:
        limit = f"{limits.rejects_row_max} in a row"
        value = f"{in_row} orders in a row were rejected: {found[-1].reason}"
    elif lately > limits.rejects_max:
        limit = f"{limits.rejects_max} in {limits.rejects_window_s:g} s"
        value = f"{lately} orders were rejected in that time"
    else:
        return None
    return Breach(control="A06", limit=limit, value=value, then=Then.DISABLE)


def broker_health(
    doubts_at_s: Sequence[float], acks_s: Sequence[float], now_s: float, limits: GuardLimits
) -> Breach | None:
    """A07: fewer than two submits without a clear answer in five minutes, and the 95th percentile
    of the acknowledgements is at most 5 s."""
    since_s = now_s - limits.doubts_window_s
    doubts = sum(at_s > since_s for at_s in doubts_at_s)
    slowest_s = sorted(acks_s)[-(-95 * len(acks_s) // 100) - 1] if acks_s else 0.0
    if doubts > limits.doubts_max:
        limit = f"{limits.doubts_max} in {limits.doubts_window_s:g} s"
        value = f"{doubts} orders were sent without a clear answer"
    elif len(acks_s) >= limits.ack_samples_min and slowest_s > limits.ack_p95_max_s:
        limit = f"{limits.ack_p95_max_s:g} s"
        value = f"the broker acknowledges after {slowest_s:.1f} s (p95 of {len(acks_s)})"
    else:
        return None
    return Breach(control="A07", limit=limit, value=value, then=Then.REDUCE)


def wire_conservation(*, sent: int, written: int, strangers: int = 0) -> Breach | None:
    """A08: no request left without its SEND record, and every order at the broker with an id of
    ours has its intent. Nothing is tolerated."""
    if sent > written:
        limit = f"the {written} that were written down"
        value = f"{sent} requests were sent"
    elif strangers:
        limit, value = "0", f"the broker has {strangers} orders with our ids and no intent"
    else:
        return None
    return Breach(control="A08", limit=limit, value=value, then=Then.HALT)


def clock_skew(least_s: float, limits: GuardLimits) -> Breach | None:
    """A10: abs(local - broker) <= 5 s; above 1 s somebody is told. `least_s` is the least that it
    can be, whatever the way there and back took."""
    if least_s > limits.skew_max_s:
        then, most_s = Then.REDUCE, limits.skew_max_s
    elif least_s > limits.skew_warn_s:
        then, most_s = Then.WARN, limits.skew_warn_s
    else:
        return None
    value = f"this machine's clock is at least {least_s:.1f} s off the broker's"
    return Breach(control="A10", limit=f"{most_s:g} s", value=value, then=then)
