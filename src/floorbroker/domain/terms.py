"""The terms of an order: the words in which it is asked, and what can be wrong with them."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from floorbroker.domain.amounts import CENT, SHARE_STEP, Money, Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.ids import CL_ORD_ID_MAX, Account, ClOrdID
from floorbroker.domain.instrument import is_on_tick, tick_of


class Side(StrEnum):
    """FIX Side (54). A short sale is a SELL that opens a short position."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrdType(StrEnum):
    """FIX OrdType (40)."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """FIX TimeInForce (59)."""

    DAY = "day"
    GOOD_TILL_CANCEL = "gtc"
    IMMEDIATE_OR_CANCEL = "ioc"
    FILL_OR_KILL = "fok"
    AT_THE_OPENING = "opg"
    AT_THE_CLOSE = "cls"


class OrderClass(StrEnum):
    """How orders hang together."""

    SIMPLE = "simple"  #: An order by itself.
    BRACKET = "bracket"  #: An entry, and a pair of legs that ends the position it opens.
    OCO = "oco"  #: Such a pair by itself: the order takes the profit, its leg bounds the loss.
    OTO = "oto"  #: An entry, and one leg that ends the position it opens.


class OrderTerms(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is asked, in fields.

    Exactly one of `order_qty` and `notional` is set. `price` is the limit, `stop_px` the trigger;
    one of `trail_amount` (dollars) and `trail_percent` belongs to a trailing stop. `legs` say what
    each leg adds: side, type and prices; the size and the time in force are those of the order.
    """

    side: Side
    symbol: str
    ord_type: OrdType
    time_in_force: TimeInForce = TimeInForce.DAY
    order_qty: Qty | None = None
    notional: Money | None = None
    price: Px | None = None
    stop_px: Px | None = None
    trail_amount: Px | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    order_class: OrderClass = OrderClass.SIMPLE
    legs: tuple["OrderTerms", ...] = ()
    cl_ord_id: ClOrdID | None = None
    account: Account | None = None
    strategy: str = ""  #: Whose idea it is, for limits and counts; the broker never hears of it.


STRATEGY_MAX = 64
Times = tuple[TimeInForce, ...]

_ALL_DAY: Times = (TimeInForce.DAY, TimeInForce.GOOD_TILL_CANCEL)
_DAY_ONLY: Times = (TimeInForce.DAY,)
_ANY: Times = tuple(TimeInForce)
_STOPS = (OrdType.STOP, OrdType.STOP_LIMIT)

TIMES_IN_FORCE: dict[OrdType, Times] = {
    OrdType.MARKET: _ANY,
    OrdType.LIMIT: _ANY,
    OrdType.STOP: _ALL_DAY,
    OrdType.STOP_LIMIT: _ALL_DAY,
    OrdType.TRAILING_STOP: _ALL_DAY,
}
#: Coin pairs trade round the clock: no day, no auction, no session to wait for.
COIN_TIMES_IN_FORCE: Times = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.IMMEDIATE_OR_CANCEL)
COIN_TYPES = (OrdType.MARKET, OrdType.LIMIT, OrdType.STOP_LIMIT)
FRACTIONAL_TYPES = (OrdType.MARKET, OrdType.LIMIT, OrdType.STOP, OrdType.STOP_LIMIT)

_TAKES_PRICE = (OrdType.LIMIT, OrdType.STOP_LIMIT)
_SYMBOL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./")
_TRILLION = Decimal(10**12)  # beyond it the exact tests of steps and ticks have no room

# Bound once: looking a member up on its enum costs CPython 3.11 as much as a call.
_SIMPLE: Final = OrderClass.SIMPLE
_TRAILING_STOP: Final = OrdType.TRAILING_STOP


def validate(request: OrderTerms) -> None:
    """Return if nothing about the order is known to be wrong.

    Raises InvalidOrder for the first field that is: what the broker alone can know (buying power,
    tradability, the session) is not looked at.
    """
    for check in _CHECKS:
        check(request)
    if request.order_class is not _SIMPLE or request.legs:
        _check_legs(request)


def is_coin_pair(symbol: str) -> bool:
    return "/" in symbol


def _check_identity(request: OrderTerms) -> None:
    symbol = request.symbol
    if not symbol or len(symbol) > 32 or not _SYMBOL.issuperset(symbol):
        raise InvalidOrder("symbol", repr(symbol), "give it in capitals, such as AAPL or BTC/USD")
    strategy = request.strategy
    if strategy and not (len(strategy) <= STRATEGY_MAX and strategy.isprintable()):
        hint = f"give a name of at most {STRATEGY_MAX} characters"
        raise InvalidOrder("strategy", repr(strategy), hint)
    cl_ord_id = request.cl_ord_id
    if cl_ord_id is None:
        return
    if not 1 <= len(cl_ord_id) <= CL_ORD_ID_MAX:
        hint = f"give 1 to {CL_ORD_ID_MAX} characters, or none to have one made"
        raise InvalidOrder("cl_ord_id", repr(cl_ord_id), hint)
    if not (cl_ord_id.isascii() and cl_ord_id.isprintable() and " " not in cl_ord_id):
        raise InvalidOrder("cl_ord_id", repr(cl_ord_id), "use letters, digits and - _ . only")


def _check_size(request: OrderTerms) -> None:
    qty, notional = request.order_qty, request.notional
    if (qty is None) == (notional is None):
        both = "neither is" if qty is None else "both are"
        raise InvalidOrder("order_qty", f"{both} set", "set exactly one of order_qty and notional")
    if qty is not None:
        if not (qty.is_finite() and 0 < qty < _TRILLION):
            raise InvalidOrder("order_qty", qty, _range(qty))
        if qty % SHARE_STEP:
            raise InvalidOrder("order_qty", qty, "use at most nine decimals")
    if notional is not None:
        if not (notional.is_finite() and 1 <= notional < _TRILLION):
            hint = "it must be at least 1 dollar, and below a trillion"
            raise InvalidOrder("notional", notional, hint)
        if notional % CENT:
            raise InvalidOrder("notional", notional, "give whole cents")


def _check_prices(request: OrderTerms) -> None:
    _check_price(request, "price", request.price, _TAKES_PRICE)
    _check_price(request, "stop_px", request.stop_px, _STOPS)


def _check_price(
    request: OrderTerms, field: str, px: Px | None, takers: tuple[OrdType, ...]
) -> None:
    is_wanted = request.ord_type in takers
    if px is None:
        if is_wanted:
            raise InvalidOrder(field, None, f"a {request.ord_type} order needs one")
        return
    if not is_wanted:
        raise InvalidOrder(field, px, f"a {request.ord_type} order takes none")
    if not (px.is_finite() and 0 < px < _TRILLION):
        raise InvalidOrder(field, px, _range(px))
    if not (is_coin_pair(request.symbol) or is_on_tick(px)):
        raise InvalidOrder(field, px, f"prices here move in steps of {tick_of(px)}")


def _check_trail(request: OrderTerms) -> None:
    amount, percent = request.trail_amount, request.trail_percent
    if request.ord_type is not _TRAILING_STOP:
        if amount is not None or percent is not None:
            field = "trail_percent" if amount is None else "trail_amount"
            value = percent if amount is None else amount
            raise InvalidOrder(field, value, f"a {request.ord_type} order takes none")
        return
    if (amount is None) == (percent is None):
        both = "neither is" if amount is None else "both are"
        hint = "set exactly one of trail_amount and trail_percent"
        raise InvalidOrder("trail_amount", f"{both} set", hint)
    if amount is not None and not (amount.is_finite() and CENT <= amount < _TRILLION):
        hint = "it must be at least 0.01 dollars and below a trillion"
        raise InvalidOrder("trail_amount", amount, hint)
    if percent is not None and not (percent.is_finite() and 0 < percent < 100):
        raise InvalidOrder("trail_percent", percent, "it must lie between 0 and 100")


def _check_time_in_force(request: OrderTerms) -> None:
    kind, tif = request.ord_type, request.time_in_force
    if is_coin_pair(request.symbol):
        if kind not in COIN_TYPES:
            raise InvalidOrder("ord_type", kind, f"coins take {_listed(COIN_TYPES)}")
        allowed = COIN_TIMES_IN_FORCE
    elif _is_fractional(request):
        if kind not in FRACTIONAL_TYPES:
            hint = f"fractional and notional orders take {_listed(FRACTIONAL_TYPES)}"
            raise InvalidOrder("ord_type", kind, hint)
        allowed = _DAY_ONLY
    else:
        allowed = TIMES_IN_FORCE[kind]
    if tif not in allowed:
        size = "fractional or notional " if allowed is _DAY_ONLY else ""
        hint = f"a {size}{kind} order in {request.symbol} takes {_listed(allowed)}"
        raise InvalidOrder("time_in_force", tif, hint)


def _check_extended_hours(request: OrderTerms) -> None:
    if not request.extended_hours:
        return
    if request.ord_type is not OrdType.LIMIT or request.time_in_force not in _ALL_DAY:
        raise InvalidOrder("extended_hours", "true", "extended hours take day or gtc limit orders")
    if request.order_class is not OrderClass.SIMPLE:
        raise InvalidOrder("extended_hours", "true", f"{_class(request)} takes none")


def _check_legs(request: OrderTerms) -> None:
    kind = request.order_class
    wanted = _LEGS[kind]
    if len(request.legs) != wanted:
        raise InvalidOrder("legs", len(request.legs), f"{_class(request)} has {_LEGS_TOLD[kind]}")
    if is_coin_pair(request.symbol):
        raise InvalidOrder("order_class", kind, "coins go as simple orders")
    if request.time_in_force not in _ALL_DAY:
        hint = f"{_class(request)} takes {_listed(_ALL_DAY)}"
        raise InvalidOrder("time_in_force", request.time_in_force, hint)
    if _is_fractional(request):
        raise InvalidOrder("order_class", kind, "fractions go as simple orders; give whole shares")
    if kind is OrderClass.OCO and request.ord_type is not OrdType.LIMIT:
        raise InvalidOrder("ord_type", request.ord_type, "an oco order is the take-profit limit")
    if request.ord_type not in _ENTRIES:
        hint = f"{_class(request)} enters with {_listed(_ENTRIES)}"
        raise InvalidOrder("ord_type", request.ord_type, hint)
    for leg in request.legs:
        _check_leg(request, leg)
    stops = sum(leg.ord_type in _STOPS for leg in request.legs)
    if kind is not OrderClass.OTO and stops != 1:
        raise InvalidOrder("legs", f"{stops} stops", "give one stop-loss leg")
    _check_directions(request)


_LEGS_TOLD = {
    OrderClass.SIMPLE: "0",
    OrderClass.BRACKET: "2: give take_profit and stop_loss",
    OrderClass.OCO: "1: give stop_loss beside take_profit",
    OrderClass.OTO: "1: give take_profit or stop_loss",
}
_LEGS = {OrderClass.SIMPLE: 0, OrderClass.BRACKET: 2, OrderClass.OCO: 1, OrderClass.OTO: 1}
_ENTRIES = (OrdType.MARKET, OrdType.LIMIT)


def _check_leg(request: OrderTerms, leg: OrderTerms) -> None:
    is_exit = request.order_class is OrderClass.OCO
    side = request.side if is_exit else request.side.opposite
    if leg.symbol != request.symbol or leg.side is not side:
        raise InvalidOrder("legs", f"{leg.side} {leg.symbol}", f"{side} {request.symbol}")
    if leg.ord_type not in (OrdType.LIMIT, *_STOPS):
        raise InvalidOrder("legs", leg.ord_type, "a leg is a limit, stop or stop_limit order")
    try:
        _check_prices(leg)
    except InvalidOrder as problem:
        field = _leg_field(leg, problem.field)
        raise InvalidOrder(field, problem.value, problem.hint) from None


def _leg_field(leg: OrderTerms, field: str) -> str:
    """What the field of a leg is called where the whole order is asked for."""
    if leg.ord_type is OrdType.LIMIT:
        return "take_profit"
    return "stop_loss" if field == "stop_px" else "stop_loss_limit"


def _check_directions(request: OrderTerms) -> None:
    """The profit is taken on the one side of the entry, the loss bounded on the other, a cent away
    from it at least."""
    is_exit = request.order_class is OrderClass.OCO
    is_long = (request.side is Side.BUY) != is_exit
    profit = request.price if is_exit else None
    loss, base = None, None if is_exit else request.price
    for leg in request.legs:
        if leg.ord_type is OrdType.LIMIT:
            profit = leg.price
        else:
            loss = leg.stop_px
    position = "long" if is_long else "short"
    pairs = (
        ("take_profit", profit, "stop_loss", loss, is_long),
        ("take_profit", profit, "limit_price", base, is_long),
        ("stop_loss", loss, "limit_price", base, not is_long),
    )
    for field, px, other, bound, is_above in pairs:
        if px is None or bound is None:
            continue
        if (px - bound if is_above else bound - px) < CENT:
            where = "above" if is_above else "below"
            hint = f"to end a {position} position it must be 0.01 or more {where} {other} {bound}"
            raise InvalidOrder(field, px, hint)


def leg_name(leg: OrderTerms) -> str:
    """What tells a leg from the other: "tp" takes the profit, "sl" bounds the loss."""
    return "tp" if leg.ord_type is OrdType.LIMIT else "sl"


def _class(request: OrderTerms) -> str:
    kind = request.order_class
    return f"{'an' if kind.startswith('o') else 'a'} {kind} order"


def _range(amount: Qty | Px) -> str:
    is_large = amount.is_finite() and amount > 0
    return "it must be below a trillion" if is_large else "it must be above 0"


def _is_fractional(request: OrderTerms) -> bool:
    return request.order_qty is None or bool(request.order_qty % 1)


def _listed(kinds: tuple[OrdType, ...] | Times) -> str:
    return ", ".join(kinds)


_CHECKS: tuple[Callable[[OrderTerms], None], ...] = (
    _check_identity,
    _check_size,
    _check_prices,
    _check_trail,
    _check_time_in_force,
    _check_extended_hours,
)
