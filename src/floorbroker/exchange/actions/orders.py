"""What becomes of the open orders of a symbol when a corporate action changes its shares.

An order that is adjusted is replaced by a successor on new terms, as Alpaca says of its status
`replaced`. Prices are rounded to the tick away from the market: what was bought at most or sold at
least for a price still is.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from msgspec.structs import replace

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.matching.fills import FRACTION
from floorbroker.exchange.model import ZERO, VenueOrder
from floorbroker.exchange.rules import ADJUSTED, KEPT
from floorbroker.exchange.venue import Venue

#: The terms that an order would have; None if there is nothing that it could become.
Change = Callable[[VenueOrder], VenueOrder | None]

#: Statuses in which an order can have a successor; what is under way otherwise ends.
_ADJUSTABLE = frozenset({"accepted", "new", "partially_filled"})
_CENT, _FINE = Decimal("0.01"), Decimal("0.0001")


def accounts_of(venue: Venue) -> list[VenueAccount]:
    """Every account, in an order that a restart does not change."""
    return sorted(venue.accounts.values(), key=lambda account: account.key_id)


def treat_for_split(venue: Venue, symbol: str, factor: Decimal, how: str) -> None:
    """A share becomes `factor` shares: keep, adjust or cancel its open orders."""
    for account in accounts_of(venue):
        for order in list(account.open_orders.values()):
            if order.symbol != symbol or not order.is_open:
                continue  # the end of one of a group may have ended it
            own = venue.rules.split_class_orders if order.order_class else how
            _treat(venue, order, own, lambda old: _split(old, factor))


def treat_for_dividend(venue: Venue, symbol: str, rate: Decimal) -> None:
    """A share loses `rate` of its worth: buy limits and sell stops follow it down."""
    for account in accounts_of(venue):
        for order in list(account.open_orders.values()):
            if order.symbol == symbol and not order.order_class:
                how = venue.rules.dividend_orders
                _treat(venue, order, how, lambda old: _reduced(old, rate))


def hold_what_is_left(account: VenueAccount, symbol: str, factor: Decimal, left: Decimal) -> None:
    """After a split no orders may tie up more than there is; the earlier ones come first."""
    for order in account.open_orders.values():
        if order.symbol == symbol and order.held_qty:
            if order.qty is None:  # it sells dollars, of shares that are others now
                order.held_qty *= factor
            order.held_qty = min(order.held_qty, left)
            left -= order.held_qty


def _treat(venue: Venue, order: VenueOrder, how: str, change: Change) -> None:
    ends_now = order.expires_ns is not None and order.expires_ns <= venue.now_ns
    if how == KEPT or ends_now:
        return
    changed = change(order) if how == ADJUSTED else None
    if changed is order:
        return
    if changed is None or order.status not in _ADJUSTABLE:
        venue.blotter.finish(order, "canceled")
        return
    ids, now_ns = venue.blotter.ids, venue.now_ns
    changed.id, changed.client_order_id = ids.make(), ids.make()
    changed.submitted_ns = changed.updated_ns = now_ns
    if venue.rules.replace_resets_created_at:
        changed.created_ns = now_ns
    changed.status, changed.replaces = "pending_new", order.id
    changed.queue_ahead = None
    venue.routing.succeed(order, changed)


def _split(order: VenueOrder, factor: Decimal) -> VenueOrder | None:
    if order.qty is None:
        priced = order.limit_price or order.stop_price
        return None if priced else order  # so many dollars are so many dollars
    unit = FRACTION if order.qty % 1 else Decimal(1)
    leaves = (order.leaves_qty * factor).quantize(unit, ROUND_DOWN)
    if not leaves:
        return None
    is_buy = order.side == "buy"
    return _moved(
        replace(
            order,
            qty=order.base_qty + order.filled_qty + leaves,
            trail_price=_divided(order.trail_price, factor, is_up=True),
            hwm=_divided(order.hwm, factor, is_up=is_buy),
            reserve_px=order.reserve_px / factor,
        ),
        limit_price=_divided(order.limit_price, factor, is_up=not is_buy),
        stop_price=_divided(order.stop_price, factor, is_up=is_buy),
        cap_px=_divided(order.cap_px, factor, is_up=not is_buy),
    )


def _reduced(order: VenueOrder, rate: Decimal) -> VenueOrder | None:
    is_buy_limit = order.side == "buy" and order.type == "limit"
    is_sell_stop = order.side == "sell" and order.stop_price is not None
    if not (is_buy_limit or is_sell_stop):
        return order
    prices = [
        None if px is None else px - rate
        for px in (order.limit_price, order.stop_price, order.cap_px, order.hwm)
    ]
    if any(px is not None and px <= 0 for px in prices):
        return None
    limit_price, stop_price, cap_px, hwm = (
        None if px is None else _on_tick(px, is_up=False) for px in prices
    )
    changed = replace(order, hwm=hwm)
    return _moved(changed, limit_price=limit_price, stop_price=stop_price, cap_px=cap_px)


def _moved(
    order: VenueOrder,
    *,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    cap_px: Decimal | None,
) -> VenueOrder:
    """The order at these prices; a trailing stop's follows from its mark and its trail."""
    order.limit_price, order.stop_price, order.cap_px = limit_price, stop_price, cap_px
    if order.reserve_px and order.side == "buy" and limit_price is not None:
        order.reserve_px = limit_price
    if order.type == "trailing_stop" and order.hwm is not None:
        trail = order.trail_price or order.hwm * (order.trail_percent or ZERO) / 100
        order.stop_price = order.hwm + trail if order.side == "buy" else order.hwm - trail
    return order


def _divided(px: Decimal | None, factor: Decimal, *, is_up: bool) -> Decimal | None:
    return None if px is None else _on_tick(px / factor, is_up=is_up)


def _on_tick(px: Decimal, *, is_up: bool) -> Decimal:
    """Cents from a dollar up, hundredths of a cent below, and never nothing."""
    step = _CENT if px >= 1 else _FINE
    return max(px.quantize(step, ROUND_UP if is_up else ROUND_DOWN), step)
