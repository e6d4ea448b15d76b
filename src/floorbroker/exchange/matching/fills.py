"""How much of an order fills, and how the queue before it moves: the fill model's pure part.

Every estimate of the queue starts as the displayed shares at the order's price when it joined,
and never rises. They differ in who is thought to leave when the level shrinks without trades:
nobody before us (pessimistic), somebody before us for certain (optimistic), or one of both with a
chance that depends on how many stand on each side (probabilistic). In all of them a level that
shows less than is thought to stand before us proves the thought wrong.

`alpaca_paper` copies Alpaca's paper trading instead: a marketable order fills whole at the touch
whatever its size, sometimes in parts, and prints do not matter. It invents liquidity.
"""

from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from floorbroker.exchange.model import ZERO, VenueOrder

PESSIMISTIC, PROBABILISTIC, OPTIMISTIC = "pessimistic", "probabilistic", "optimistic"
ALPACA_PAPER = "alpaca_paper"
QUEUE_MODELS = (PESSIMISTIC, PROBABILISTIC, OPTIMISTIC, ALPACA_PAPER)

WHOLE = Decimal(1)
#: The finest share fraction.
FRACTION = Decimal("0.000000001")


class FillRules(Struct, frozen=True, kw_only=True):
    """The fill model. The default never gives more than the tape showed."""

    queue: str = PESSIMISTIC  #: One of QUEUE_MODELS.
    queue_power: int = 3  #: g(x) = x**power of the probabilistic model; 0 is log(1 + x).
    #: What a resting order pays when a quote crosses it: its own "limit", or the "quote".
    crossing_px: str = "limit"
    #: What gives liquidity back that own orders used: "restated" is a quote with a new price or
    #: size on that side, or one that repeats the last quote whole; "price" is a new price alone.
    renewal: str = "restated"
    #: How long opg and cls orders wait for an auction print before they take the first eligible
    #: print of the session, or the last one.
    auction_wait_s: int = 120
    #: Stops are elected by prints at or between the best bid and offer alone.
    stops_need_nbbo: bool = True
    #: alpaca_paper: the chance, in percent, that a random part fills first.
    paper_partial_percent: int = 10

    def __post_init__(self) -> None:
        _one_of("queue", self.queue, QUEUE_MODELS)
        _one_of("crossing_px", self.crossing_px, ("limit", "quote"))
        _one_of("renewal", self.renewal, ("restated", "price"))
        for field in ("queue_power", "auction_wait_s"):
            if getattr(self, field) < 0:
                raise ValueError(f"{field} is {getattr(self, field)}; it must be 0 or more")
        if not 0 <= self.paper_partial_percent < 100:
            hint = "it must be at least 0 and below 100"
            raise ValueError(f"paper_partial_percent is {self.paper_partial_percent}; {hint}")

    @property
    def makers_pay_limit(self) -> bool:
        return self.crossing_px == "limit" and self.queue != ALPACA_PAPER


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{field} is {value!r}; it must be one of {', '.join(allowed)}")


def after_print(ahead: Decimal, size: Decimal) -> tuple[Decimal, Decimal]:
    """(shares still before us, shares of the print left for us) after a trade at our price."""
    served = min(ahead, size)
    return ahead - served, size - served


def after_level_change(
    rules: FillRules,
    ahead: Decimal | None,
    *,
    before: Decimal | None,
    after: Decimal,
    traded: Decimal,
) -> Decimal:
    """Shares still before us once the level at our price shows `after` instead of `before`.

    `traded` is what printed at the price since `before` was shown, and moved the queue already.
    `before` is None where the level was out of sight, and `ahead` if it always was: then all that
    is shown stands before us.
    """
    if ahead is None:
        return after
    if before is None or rules.queue == PESSIMISTIC:
        return min(ahead, after)
    gone = before - after - traded
    if gone <= 0:
        return min(ahead, after)
    if rules.queue == OPTIMISTIC:
        return max(min(ahead - gone, after), ZERO)
    behind = before - ahead
    share = _behind_share(rules.queue_power, behind, ahead)
    moved = ahead - (1 - share) * gone + min(behind - share * gone, ZERO)
    return max(min(moved, after), ZERO)


def _behind_share(power: int, behind: Decimal, ahead: Decimal) -> Decimal:
    """The chance that a share which left stood behind us."""
    if behind <= 0:
        return ZERO
    if power:
        weight_behind, weight_ahead = behind**power, ahead**power
    else:
        weight_behind, weight_ahead = (1 + behind).ln(), (1 + ahead).ln()
    return weight_behind / (weight_behind + weight_ahead)


def lot_of(order: VenueOrder) -> Decimal:
    """The step in which the order fills: whole shares unless it asks for a fraction."""
    if order.qty is None or order.qty % 1 or order.asset_class == "crypto":
        return FRACTION
    return WHOLE


def wanted(order: VenueOrder, px: Decimal) -> Decimal:
    """Shares that the order would still take at a price.

    A notional order takes what its dollars buy, rounded down to nine decimals; one that sells
    takes no more than was set aside for it, so that it never ends up short.
    """
    if order.qty is not None:
        return order.unfilled(order.qty)
    assert order.notional is not None, "an order has a quantity or a notional"
    left = max(order.notional - order.filled_notional, ZERO)
    shares = (left / px).quantize(FRACTION, ROUND_DOWN)
    return min(shares, order.held_qty) if order.side == "sell" else shares


def fillable(order: VenueOrder, px: Decimal, offered: Decimal) -> Decimal:
    """How much the order takes at a price of what is offered there, in lots of its own."""
    if order.qty is None:
        return rounded_to_lot(order, min(offered, wanted(order, px)))
    left = order.unfilled(order.qty)
    if left > offered:
        left = offered
    return left if not left % WHOLE else rounded_to_lot(order, left)


def rounded_to_lot(order: VenueOrder, qty: Decimal) -> Decimal:
    """`qty` rounded down to what the order can fill."""
    lot = lot_of(order)
    return qty if qty % lot == 0 else qty.quantize(lot, ROUND_DOWN)


def is_beyond(side: str, limit_px: Decimal, px: Decimal) -> bool:
    """Whether `px` is worse than the limit of an order of that side."""
    return px > limit_px if side == "buy" else px < limit_px


def reaches(order: VenueOrder, px: Decimal) -> bool:
    """Whether a live order may trade at a price."""
    return order.cap_px is None or not is_beyond(order.side, order.cap_px, px)


def aggressor_of(px: Decimal, bid_px: Decimal | None, ask_px: Decimal | None) -> str:
    """Who crossed the spread to make a print: "buy", "sell", or "" where it lies in the middle."""
    if bid_px is not None and ask_px is not None:
        doubled, middle = px * 2, bid_px + ask_px
        return "" if doubled == middle else "sell" if doubled < middle else "buy"
    if bid_px is not None and px <= bid_px:
        return "sell"
    return "buy" if ask_px is not None and px >= ask_px else ""


def worse_of(side: str, px: Decimal | None, other: Decimal) -> Decimal:
    """The worse price for a resting order of that side; None is no price."""
    if px is None:
        return other
    return min(px, other) if side == "buy" else max(px, other)
