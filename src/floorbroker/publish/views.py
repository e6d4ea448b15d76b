"""JSON views: what people and programs see of an order, a position, an account.

Amounts are strings, times RFC 3339 in UTC, names FIX in snake_case.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, json, to_builtins

from floorbroker.domain.amounts import plain
from floorbroker.domain.order import Order
from floorbroker.domain.position import Position


def view(value: object) -> Any:
    """Any of our values as plain JSON types."""
    if isinstance(value, Order):
        return order_view(value)
    if isinstance(value, Position):
        return position_view(value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime) or value is None or isinstance(value, str | int | float):
        return to_builtins(value)
    if isinstance(value, Struct):
        fields = {name: view(getattr(value, name)) for name in value.__struct_fields__}
        return {**_tag(value), **fields}
    if isinstance(value, dict):
        return {str(key): view(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return [view(item) for item in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def to_json(value: object) -> str:
    """One JSON document on one line."""
    return json.encode(view(value)).decode()


def order_view(order: Order) -> dict[str, Any]:
    """An order flat, with the status that people see and what is derived from its fills."""
    terms = order.request
    return {
        "cl_ord_id": order.cl_ord_id,
        "order_id": order.order_id,
        "account": order.account,
        "side": terms.side.value,
        "symbol": terms.symbol,
        "ord_type": terms.ord_type.value,
        "time_in_force": terms.time_in_force.value,
        "order_qty": view(terms.order_qty),
        "notional": view(terms.notional),
        "price": view(terms.price),
        "stop_px": view(terms.stop_px),
        "trail_amount": view(terms.trail_amount),
        "trail_percent": view(terms.trail_percent),
        "extended_hours": terms.extended_hours,
        "ord_status": order.ord_status.value,
        "cum_qty": view(order.cum_qty),
        "leaves_qty": view(order.leaves_qty),
        "avg_px": view(order.avg_px),
        "fills": [view(fill) for fill in order.fills],
        "created_time": view(order.created_time),
        "sent_time": view(order.sent_time),
        "acked_time": view(order.acked_time),
        "ended_time": view(order.ended_time),
        "text": order.text,
        "replaces": list(order.replaces),
        "order_class": terms.order_class.value,
        "parent": order.parent,
        "legs": list(order.legs),
    }


def position_view(position: Position) -> dict[str, Any]:
    return {
        "symbol": position.symbol,
        "qty": view(position.qty),
        "avg_entry_px": view(position.avg_entry_px),
        "cost": view(position.cost),
        "realized_pnl": view(position.realized_pnl),
    }


def _tag(value: Struct) -> dict[str, str]:
    tag = value.__struct_config__.tag
    return {"type": str(tag)} if tag else {}
