"""Tickets into orders: what a bracket, OCO or OTO ticket must say, and the legs it makes.

Sources: the sections on bracket, OCO and OTO orders of Alpaca's page on placing orders. The legs
of an entry end the position that it opens: a limit order that takes the profit, and a stop order
that bounds the loss. An OCO is such a pair alone: the parent takes the profit, the leg stops.
"""

from decimal import ROUND_DOWN, Decimal

from msgspec import structs

from floorbroker.domain.amounts import plain
from floorbroker.exchange.matching.fills import FRACTION, WHOLE
from floorbroker.exchange.model import OrderTicket, StopLoss, VenueError, VenueOrder
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.rules import is_fractional, malformed, unprocessable

#: The classes that have legs.
BRACKET, OCO, OTO = "bracket", "oco", "oto"
COMPLEX = frozenset({BRACKET, OCO, OTO})
_TIMES_IN_FORCE = ("day", "gtc")
_GAP = Decimal("0.01")


def check_class(ticket: OrderTicket) -> OrderTicket:
    """The ticket of the parent as it will be worked; raises VenueError for one that has no sense.

    A simple ticket is answered as it is. An OCO's parent becomes the limit order that its
    `take_profit` describes.
    """
    order_class = ticket.order_class or ""
    profit, loss = ticket.take_profit, ticket.stop_loss
    if order_class not in COMPLEX:
        if profit is not None or loss is not None:
            raise malformed("take_profit and stop_loss require order_class bracket, oco or oto")
        return ticket
    _check_frame(ticket, order_class)
    if loss is not None and loss.stop_price is None:
        raise unprocessable(f"{order_class} orders require stop_loss.stop_price")
    profit_px = None if profit is None else profit.limit_price
    if profit is not None and profit_px is None and order_class != OCO:
        raise unprocessable(f"{order_class} orders require take_profit.limit_price")
    if order_class == OTO:
        if (profit is None) == (loss is None):
            raise unprocessable("oto orders require exactly one of take_profit or stop_loss")
        return ticket
    if loss is None:
        raise unprocessable(f"{order_class} orders require stop_loss.stop_price")
    if order_class == OCO:
        return _oco_parent(ticket, profit_px or ticket.limit_price)
    if profit is None:
        raise unprocessable("bracket orders require take_profit.limit_price")
    return ticket


def _check_frame(ticket: OrderTicket, order_class: str) -> None:
    if ticket.time_in_force not in _TIMES_IN_FORCE:
        raise unprocessable(f"{order_class} orders must be DAY or GTC orders")
    if ticket.extended_hours:
        raise unprocessable(f"{order_class} orders cannot be executed in extended hours")
    if ticket.type == "trailing_stop":
        raise unprocessable("trailing stop orders must be simple orders")
    if (ticket.qty or ticket.notional) and is_fractional(ticket):
        raise unprocessable("fractional orders must be simple orders")


def _oco_parent(ticket: OrderTicket, profit_px: Decimal | None) -> OrderTicket:
    if ticket.type != "limit":
        raise malformed("oco orders must be limit orders")
    if profit_px is None:
        raise unprocessable("oco orders require take_profit.limit_price")
    return structs.replace(ticket, limit_price=profit_px)


def leg_tickets(parent: OrderTicket) -> list[OrderTicket]:
    """The legs of a checked parent, the take-profit first, each to end what the parent opens."""
    if parent.order_class not in COMPLEX:
        return []
    is_exit = parent.order_class == OCO
    side = parent.side if is_exit else _opposite(parent.side)
    frame = OrderTicket(
        symbol=parent.symbol,
        side=side,
        time_in_force=parent.time_in_force,
        qty=parent.qty,
        order_class=parent.order_class,
        position_intent=f"{side}_to_close",
    )
    legs = []
    if parent.take_profit is not None and not is_exit:
        legs.append(
            structs.replace(frame, type="limit", limit_price=parent.take_profit.limit_price)
        )
    if parent.stop_loss is not None:
        legs.append(_stop_leg(frame, parent.stop_loss))
    return legs


def _stop_leg(frame: OrderTicket, loss: StopLoss) -> OrderTicket:
    return structs.replace(
        frame,
        type="stop" if loss.limit_price is None else "stop_limit",
        stop_price=loss.stop_price,
        limit_price=loss.limit_price,
    )


def check_leg_prices(
    parent: OrderTicket, base_px: Decimal | None, last_px: Decimal | None = None
) -> None:
    """Raises VenueError unless profit and loss lie a cent or more on their side of the base price.

    `base_px` is what the entry is expected to cost: its limit, else the far touch (an OCO's is its
    own limit). The loss is also compared with the market's last price. What is None is not known
    and not compared with.
    """
    is_buy = (parent.side == "buy") != (parent.order_class == OCO)  # the position is long
    profit_px = None if parent.take_profit is None else parent.take_profit.limit_price
    if parent.order_class == OCO:
        profit_px = parent.limit_price
    stop_px = None if parent.stop_loss is None else parent.stop_loss.stop_price
    if profit_px is not None and stop_px is not None:
        if is_buy and profit_px <= stop_px:
            raise unprocessable("take_profit.limit_price must be > stop_loss.stop_price")
        if not is_buy and profit_px >= stop_px:
            raise unprocessable("take_profit.limit_price must be < stop_loss.stop_price")
    if stop_px is not None and last_px is not None:
        _check_gap("stop_loss.stop_price", stop_px, last_px, is_above=not is_buy)
    if base_px is None:
        return
    if profit_px is not None and parent.order_class != OCO:
        _check_gap("take_profit.limit_price", profit_px, base_px, is_above=is_buy)
    if stop_px is not None:
        _check_gap("stop_loss.stop_price", stop_px, base_px, is_above=not is_buy)


def _check_gap(field: str, px: Decimal, base_px: Decimal, *, is_above: bool) -> None:
    if is_above and px < base_px + _GAP:
        raise _too_near(f"{field} must be >= base_price + 0.01", base_px)
    if not is_above and px > base_px - _GAP:
        raise _too_near(f"{field} must be <= base_price - 0.01", base_px)


def _too_near(text: str, base_px: Decimal) -> VenueError:
    return unprocessable(text, base_price=plain(base_px))


def closing_ticket(
    asset: Asset, position_qty: Decimal, *, qty: Decimal | None, percentage: Decimal | None
) -> OrderTicket:
    """The market order that ends a signed position, or part of it; may raise VenueError.

    Without `qty` and `percentage` (0 to 100) it is all of it.
    """
    size = abs(position_qty)
    if percentage is not None:
        if not 0 < percentage <= 100:
            raise unprocessable(f"percentage must be between 0 and 100, not {percentage}")
        step = FRACTION if asset.fractionable and position_qty > 0 else WHOLE
        size = (size * percentage / 100).quantize(step, ROUND_DOWN)
    return OrderTicket(
        symbol=asset.symbol,
        side="sell" if position_qty > 0 else "buy",
        type="market",
        time_in_force="gtc" if asset.is_crypto else "day",
        qty=size if qty is None else qty,
    )


def order_of(
    ticket: OrderTicket, asset: Asset, account: str, order_id: str, *, now_ns: int, is_plain: bool
) -> VenueOrder:
    """The order that a checked ticket asks for, not yet accepted."""
    kind, side, tif = ticket.type, ticket.side, ticket.time_in_force
    assert kind, "check_ticket saw to it"
    assert side, "check_ticket saw to it"
    assert tif, "check_ticket saw to it"
    # By their places, because as keyword arguments each would be searched among all the fields
    # that an order has; for the same reason the others are set one by one.
    order = VenueOrder(
        order_id,
        ticket.client_order_id or "",
        account,
        now_ns,  # created
        now_ns,  # submitted
        asset.id,
        asset.symbol,
        asset.asset_class,
        kind,
        side,
        tif,
    )
    order.updated_ns = now_ns
    order.qty = ticket.qty
    order.limit_price = ticket.limit_price
    if not is_plain:
        order.notional = ticket.notional
        order_class = ticket.order_class or ""
        order.order_class = order_class if order_class in COMPLEX else ""
        order.stop_price = ticket.stop_price
        order.trail_percent = ticket.trail_percent
        order.trail_price = ticket.trail_price
        order.extended_hours = ticket.extended_hours
        order.position_intent = ticket.position_intent or ""
    return order


def _opposite(side: str | None) -> str:
    return "sell" if side == "buy" else "buy"
