"""Whether the market makes sense, and whether an execution does."""

from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import plain
from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.settings import GuardLimits

_HUNDRED = Decimal(100)


class Sight(Struct, frozen=True, kw_only=True):
    """One symbol's quotes as they have been lately; None is what nobody has told."""

    symbol: str
    mid_px: Decimal | None = None
    earlier_px: Decimal | None = None  #: The mid at the window's other end.
    age_s: float | None = None  #: Of the newest quote.
    crossed_s: float = 0.0  #: How long it has been locked or crossed.


def data_sanity(sight: Sight, limits: GuardLimits) -> Breach | None:
    """A05: abs(dmid) <= 5% in 60 s, locked or crossed <= 5 s, age <= 30 s. A symbol without any
    quote is not judged: P09 says what follows from that."""
    mid, earlier = sight.mid_px, sight.earlier_px
    if sight.age_s is not None and sight.age_s > limits.stale_max_s:
        limit = f"{limits.stale_max_s:g} s"
        value = f"the newest quote of {sight.symbol} is {sight.age_s:.0f} s old"
    elif sight.crossed_s > limits.crossed_max_s:
        limit = f"{limits.crossed_max_s:g} s"
        value = f"{sight.symbol} has been locked or crossed for {sight.crossed_s:.0f} s"
    elif mid is not None and earlier and abs(mid - earlier) > limits.jump_share_max * earlier:
        limit = f"{_percent(limits.jump_share_max)} in {limits.jump_window_s:g} s"
        moved = abs(mid - earlier) / earlier
        value = f"the mid of {sight.symbol} moved {_percent(moved)} to {plain(mid)}"
    else:
        return None
    return Breach(control="A05", limit=limit, value=value, then=Then.PAUSE)


class Execution(Struct, frozen=True, kw_only=True):
    """An execution as it came, and the order that it is about."""

    symbol: str
    px: Decimal
    ref_px: Decimal | None  #: What the order was decided on; None where nobody knew.
    cum_qty: Decimal
    order_qty: Decimal | None  #: None of an order in dollars.
    was_ended: bool = False  #: The order had ended before.


def fill_sanity(found: Execution, limits: GuardLimits) -> Breach | None:
    """A09: abs(fill - ref) / ref <= 5%, cum_qty <= qty, and the order was open. It is booked
    whatever this says: facts are never refused."""
    ref, then = found.ref_px, Then.PAUSE if limits.fill_surprises_pause else Then.WARN
    if ref and abs(found.px - ref) > limits.fill_share_max * ref:
        then, limit = Then.PAUSE, f"{_percent(limits.fill_share_max)} from {plain(ref)}"
        value = f"{found.symbol} was executed at {plain(found.px)}"
    elif found.order_qty is not None and found.cum_qty > found.order_qty:
        limit = f"the {plain(found.order_qty)} asked for"
        value = f"{plain(found.cum_qty)} {found.symbol} were executed"
    elif found.was_ended:
        limit, value = "an open order", f"{found.symbol} was executed on one that had ended"
    else:
        return None
    return Breach(control="A09", limit=limit, value=value, then=then)


def _percent(share: Decimal) -> str:
    return f"{plain((share * _HUNDRED).quantize(Decimal('0.01')))}%"
