"""Which orders a broker takes, as far as an order and its instrument tell: stated, and checked.

`domain.terms` refuses what is wrong at any broker. This is what one broker says on top of it, so
that what it would refuse does not leave here. What depends on the moment is the broker's own to
judge: buying power, prices against the market, the cut-off times of auctions.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from floorbroker.brokers.freshness import Fresh
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.instrument import AssetClass, Instrument
from floorbroker.domain.terms import (
    OrderClass,
    OrderTerms,
    OrdType,
    Side,
    TimeInForce,
    is_coin_pair,
)

#: The step that so many decimals leave.
_STEPS = tuple(Decimal(1).scaleb(-places) for places in range(19))
#: By type of order, the times in force that go with it; a type that is absent is not taken.
Matrix = Mapping[OrdType, tuple[TimeInForce, ...]]


class OrderRules(Struct, frozen=True, kw_only=True):
    """One broker's rules. A size in dollars or in fractions of a share counts as fractional."""

    whole: Matrix
    fractional: Matrix
    coins: Matrix
    extended_hours: Matrix
    #: What each class of order with legs may enter with; a class that is absent is not taken.
    classes: Mapping[OrderClass, Matrix]
    over_the_counter: tuple[TimeInForce, ...]
    qty_places: int
    notional_places: int
    #: From which price on, how many decimals; the highest price first.
    px_places: tuple[tuple[Decimal, int], ...]
    can_replace_with_fractions: bool
    can_short_fractions: bool
    can_short_hard_to_borrow: bool


class Known(Struct, frozen=True, kw_only=True):
    """What the broker has told of an order's instrument. `instrument.value` is None where it has
    none of the name; `held` is our position there, None where nobody had to ask."""

    instrument: Fresh[Instrument | None]
    held: Fresh[Qty] | None = None


def check(order: OrderTerms, rules: OrderRules) -> None:
    """Return if the broker takes such orders; raises InvalidOrder for the first wrong field."""
    _check_type(order, rules)
    if order.extended_hours:
        _check_extended_hours(order, rules)
    _check_places("order_qty", order.order_qty, rules.qty_places)
    _check_places("notional", order.notional, rules.notional_places)
    for leg in (order, *order.legs):
        if not is_coin_pair(order.symbol):
            for field in ("price", "stop_px"):
                _check_px(field, getattr(leg, field), rules)


def check_change(order_qty: Qty | None, symbol: str, rules: OrderRules) -> None:
    """Return if a replace may ask for this size; raises InvalidOrder."""
    if order_qty is None or is_coin_pair(symbol) or rules.can_replace_with_fractions:
        return
    if order_qty % 1:
        raise InvalidOrder("order_qty", order_qty, "a replace takes whole shares")


def check_known(order: OrderTerms, rules: OrderRules, known: Known, now: datetime) -> None:
    """Return if the instrument takes the order; raises InvalidOrder. Nothing is decided by an
    answer that is past its time: then it is the broker's to judge."""
    if not known.instrument.is_good(now):
        return
    instrument, held = known.instrument.value, known.held
    check_instrument(order, rules, instrument)
    if instrument is not None and held is not None and held.is_good(now):
        check_short(order, rules, instrument, held.value)


def check_instrument(order: OrderTerms, rules: OrderRules, instrument: Instrument | None) -> None:
    """Return if the instrument takes the order; raises InvalidOrder."""
    if instrument is None:
        raise InvalidOrder("symbol", order.symbol, "the broker lists no such instrument")
    if not instrument.is_tradable:
        raise InvalidOrder("symbol", order.symbol, "the broker does not trade it at present")
    field = "notional" if order.order_qty is None else "order_qty"
    if is_fractional(order):
        if order.extended_hours and not instrument.has_fractional_extended_hours:
            hint = f"with extended hours {order.symbol} trades in whole units"
            raise InvalidOrder(field, getattr(order, field), hint)
        if not (instrument.is_fractionable or instrument.asset_class is AssetClass.CRYPTO):
            raise InvalidOrder(
                field, getattr(order, field), f"{order.symbol} trades in whole shares"
            )
    if instrument.is_otc and order.time_in_force not in rules.over_the_counter:
        hint = f"over the counter it takes {', '.join(rules.over_the_counter)}"
        raise InvalidOrder("time_in_force", order.time_in_force, hint)


def may_need_position(order: OrderTerms, rules: OrderRules, instrument: Instrument | None) -> bool:
    """Whether it depends on what is held if the instrument takes the order: it may be a short."""
    if instrument is None or order.side is not Side.SELL:
        return False
    return not _can_short(order, rules, instrument)


def check_short(order: OrderTerms, rules: OrderRules, known: Instrument, held: Qty) -> None:
    """Return if the sale takes off a position, or may open a short one; raises InvalidOrder."""
    if held > 0 or order.side is not Side.SELL or _can_short(order, rules, known):
        return
    if known.asset_class is AssetClass.CRYPTO or not _can_borrow(rules, known):
        hint = f"{held} {order.symbol} are held, and the broker lends none to sell short"
    else:
        hint = f"{held} {order.symbol} are held; a short sale takes whole shares"
    raise InvalidOrder("side", order.side, hint)


def is_fractional(order: OrderTerms) -> bool:
    return order.order_qty is None or bool(order.order_qty % 1)


def _can_borrow(rules: OrderRules, known: Instrument) -> bool:
    return known.is_shortable and (known.is_easy_to_borrow or rules.can_short_hard_to_borrow)


def _can_short(order: OrderTerms, rules: OrderRules, known: Instrument) -> bool:
    if known.asset_class is AssetClass.CRYPTO or not _can_borrow(rules, known):
        return False
    return rules.can_short_fractions or not is_fractional(order)


def _check_type(order: OrderTerms, rules: OrderRules) -> None:
    kind, tif, order_class = order.ord_type, order.time_in_force, order.order_class
    what, matrix = _matrix(order, rules)
    if not matrix:
        raise InvalidOrder("order_class", order_class, f"{what} is not taken; give simple orders")
    if kind not in matrix:
        raise InvalidOrder("ord_type", kind, f"{what} takes {', '.join(matrix)}")
    if order_class is not OrderClass.SIMPLE and is_fractional(order):
        hint = f"{what} takes whole shares"
        raise InvalidOrder("order_qty", order.order_qty, hint)
    if tif not in matrix[kind]:
        hint = f"{what} of type {kind} takes {', '.join(matrix[kind])}"
        raise InvalidOrder("time_in_force", tif, hint)


def _matrix(order: OrderTerms, rules: OrderRules) -> tuple[str, Matrix]:
    """The row of the rules that the order falls under, and how it is called."""
    if is_coin_pair(order.symbol):
        is_simple = order.order_class is OrderClass.SIMPLE
        return f"an order in {order.symbol}", rules.coins if is_simple else {}
    if order.order_class is not OrderClass.SIMPLE:
        name = f"an order of class {order.order_class}"
        return name, rules.classes.get(order.order_class, {})
    if is_fractional(order):
        return "a fractional or notional order", rules.fractional
    return "an order", rules.whole


def _check_extended_hours(order: OrderTerms, rules: OrderRules) -> None:
    allowed = rules.extended_hours.get(order.ord_type, ())
    if order.order_class is not OrderClass.SIMPLE or order.time_in_force not in allowed:
        kinds = "; ".join(f"{kind} {', '.join(row)}" for kind, row in rules.extended_hours.items())
        raise InvalidOrder("extended_hours", "true", f"simple orders take it with: {kinds}")


def _check_px(field: str, px: Px | None, rules: OrderRules) -> None:
    if px is None:
        return
    places = next((places for start, places in rules.px_places if px >= start), None)
    if places is not None:
        _check_places(field, px, places)


def _check_places(field: str, amount: Decimal | None, places: int) -> None:
    if amount is not None and amount % _STEPS[places]:
        raise InvalidOrder(field, amount, f"use at most {places} decimals")
