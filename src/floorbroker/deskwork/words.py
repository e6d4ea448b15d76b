"""What callers write, read into the types of the trade, or refused by the field's name."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypedDict, TypeVar

from floorbroker.domain.amounts import Number, Px, Qty, exact
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.order import Side, TimeInForce
from floorbroker.journal.port import OrderFilter

Word = TypeVar("Word", bound=StrEnum)


def number(field: str, value: Number) -> Decimal:
    """The amount exactly; raises InvalidOrder."""
    try:
        return exact(value)
    except (TypeError, ValueError) as problem:
        raise InvalidOrder(field, repr(value), f"{problem}") from None


def positive(field: str, value: int) -> int:
    """The count; raises InvalidOrder."""
    if value < 1:
        raise InvalidOrder(field, value, "it must be 1 or more")
    return value


def word(kind: type[Word], field: str, value: str | None) -> Word | None:
    """The member of that name; raises InvalidOrder."""
    if value is None:
        return None
    try:
        return kind(value.lower())
    except ValueError:
        hint = f"choose one of {', '.join(kind)}"
        raise InvalidOrder(field, repr(value), hint) from None


def order_filter(
    after: datetime | None,
    until: datetime | None,
    *,
    symbols: Sequence[str],
    side: Side | str | None,
    limit: int,
) -> OrderFilter:
    """Which orders are meant; raises InvalidOrder."""
    chosen = word(Side, "side", side)
    return OrderFilter(
        after=after,
        until=until,
        symbols=tuple(symbol.upper() for symbol in symbols),
        side=None if chosen is None else chosen.value,
        limit=positive("limit", limit),
    )


class Terms(TypedDict):
    """What a replace changes, as the engine takes it."""

    order_qty: Qty | None
    price: Px | None
    stop_px: Px | None
    trail: Decimal | None
    time_in_force: TimeInForce | None


def new_terms(
    qty: Number | None,
    limit_price: Number | None,
    stop_price: Number | None,
    trail: Number | None,
    *,
    time_in_force: TimeInForce | str | None,
) -> Terms:
    """The typed terms; raises InvalidOrder naming the one that cannot be meant."""
    return Terms(
        order_qty=None if qty is None else Qty(number("qty", qty)),
        price=None if limit_price is None else Px(number("limit_price", limit_price)),
        stop_px=None if stop_price is None else Px(number("stop_price", stop_price)),
        trail=None if trail is None else number("trail", trail),
        time_in_force=word(TimeInForce, "time_in_force", time_in_force),
    )
