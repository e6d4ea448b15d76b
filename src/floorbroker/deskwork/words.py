"""What callers write, read into the types of the trade, or refused by the field's name."""

from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from floorbroker.domain.amounts import Number, exact
from floorbroker.domain.errors import InvalidOrder

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
