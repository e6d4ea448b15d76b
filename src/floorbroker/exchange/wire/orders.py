"""Orders, activities and assets on the wire: field order and nulls as recorded."""

from decimal import Decimal

from msgspec import Struct

from floorbroker.exchange.model import Execution, VenueOrder
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.wire.words import (
    new_york_digits,
    number,
    rounded,
    wire_time,
)

_AVERAGE_PLACES = 12


class OrderView(Struct, gc=False):
    """An order on the wire, its fields in the recorded order."""

    id: str
    client_order_id: str
    created_at: str
    updated_at: str
    submitted_at: str
    filled_at: str | None
    expired_at: str | None
    expires_at: str | None
    canceled_at: str | None
    failed_at: str | None
    replaced_at: str | None
    replaced_by: str | None
    replaces: str | None
    asset_id: str
    symbol: str
    asset_class: str
    notional: str | None
    qty: str | None
    filled_qty: str
    filled_avg_price: str | None
    order_class: str
    order_type: str
    type: str
    side: str
    time_in_force: str
    limit_price: str | None
    stop_price: str | None
    status: str
    extended_hours: bool
    legs: "list[OrderView] | None"
    trail_percent: str | None
    trail_price: str | None
    hwm: str | None
    position_intent: str | None
    source: None = None
    subtag: None = None


def order_view(order: VenueOrder) -> OrderView:
    """The wire's view of an order; pass the result to `encode`.

    Most fields are None most of the time, so each is asked here before anything is called.
    """
    return OrderView(
        order.id,
        order.client_order_id,
        wire_time(order.created_ns),
        wire_time(order.updated_ns),
        wire_time(order.submitted_ns),
        None if (at_ns := order.filled_ns) is None else wire_time(at_ns),
        None if (at_ns := order.expired_ns) is None else wire_time(at_ns),
        None if (at_ns := order.expires_ns) is None else wire_time(at_ns),
        None if (at_ns := order.canceled_ns) is None else wire_time(at_ns),
        None if (at_ns := order.failed_ns) is None else wire_time(at_ns),
        None if (at_ns := order.replaced_ns) is None else wire_time(at_ns),
        order.replaced_by,
        order.replaces,
        order.asset_id,
        order.symbol,
        order.asset_class,
        None if (value := order.notional) is None else number(value),
        None if (value := order.qty) is None else number(value),
        number(order.filled_qty),
        average_text(order.filled_notional, order.filled_qty) if order.filled_qty else None,
        order.order_class,
        order.type,
        order.type,
        order.side,
        order.time_in_force,
        None if (value := order.limit_price) is None else number(value),
        None if (value := order.stop_price) is None else number(value),
        order.status,
        order.extended_hours,
        [order_view(leg) for leg in order.legs] if order.legs else None,
        None if (value := order.trail_percent) is None else number(value),
        None if (value := order.trail_price) is None else number(value),
        None if (value := order.hwm) is None else number(value),
        order.position_intent or None,
    )


def average_text(notional: Decimal, qty: Decimal) -> str:
    """The average price of fills."""
    return rounded(notional / qty, _AVERAGE_PLACES)


class FillActivity(Struct, omit_defaults=True, gc=False):
    """A FILL row of the account's activities.

    What undoes another row names its execution, and says as the events do whether it was busted
    or corrected; its quantity is negative where it takes shares back.
    """

    id: str
    activity_type: str
    transaction_time: str
    type: str
    price: str
    qty: str
    side: str
    symbol: str
    leaves_qty: str
    order_id: str
    cum_qty: str
    order_status: str
    status: str | None = None
    previous_id: str | None = None


def fill_activity(fill: Execution) -> FillActivity:
    """The activity of one execution; its time is cut to the microsecond, as recorded."""
    is_last = fill.leaves_qty == 0
    return FillActivity(
        activity_id(fill),
        "FILL",
        wire_time(fill.time_ns - fill.time_ns % 1000),
        "fill" if is_last else "partial_fill",
        number(fill.price),
        number(fill.qty),
        fill.side,
        fill.symbol,
        number(fill.leaves_qty),
        fill.order_id,
        number(fill.cum_qty),
        "filled" if is_last else "partially_filled",
        None if fill.is_fill else "canceled" if fill.is_bust else "correct",
        fill.previous_execution_id,
    )


def activity_id(fill: Execution) -> str:
    """`YYYYMMDDHHMMSSmmm::<execution id>`, the digits in New York's local time."""
    return new_york_digits(fill.time_ns) + "::" + fill.execution_id


def asset_view(asset: Asset) -> dict[str, object]:
    """An asset on the wire; the sizes and steps are given for crypto alone."""
    view: dict[str, object] = {
        "id": asset.id,
        "class": asset.asset_class,
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": asset.name,
        "status": asset.status,
        "tradable": asset.tradable,
        "marginable": asset.marginable,
        "maintenance_margin_requirement": asset.margin_requirement_long,
        "margin_requirement_long": number(asset.margin_requirement_long),
        "margin_requirement_short": number(asset.margin_requirement_short),
        "shortable": asset.shortable,
        "easy_to_borrow": asset.easy_to_borrow,
        "borrow_status": asset.borrow_status,
        "fractionable": asset.fractionable,
        "attributes": list(asset.attributes),
    }
    if asset.cusip is not None:
        view["cusip"] = asset.cusip
    for name in ("min_order_size", "min_trade_increment", "price_increment"):
        step: Decimal | None = getattr(asset, name)
        if step is not None:
            view[name] = number(step)
    return view
