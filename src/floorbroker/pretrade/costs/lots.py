"""Shares in whole lots by largest remainder, so that the parts are exactly the whole."""

from collections.abc import Sequence
from decimal import Decimal

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers import apportion
from floorbroker.domain.numbers.estimates import at_least_one, finite


def apportioned(whole: int, weights: Sequence[float], lot: int = 1) -> list[int]:
    """The whole by these weights, in lots; what is no full lot goes to the last part of weight."""
    at_least_one("lot", lot)
    if whole < 0:
        raise InvalidModel("whole", whole, "it must be 0 or greater")
    exact = [Decimal(finite("weight", weight)) for weight in weights]
    if min(exact, default=Decimal(0)) < 0:
        raise InvalidModel("weights", f"{min(weights):g}", "none may be below 0")
    if not any(exact):
        raise InvalidModel("weights", "0 in all", "they must sum to more than 0")
    odd = whole % lot
    parts = apportion.apportioned(Decimal(whole - odd), exact, step=Decimal(lot))
    shares = [int(part) for part in parts]
    last = max(place for place, weight in enumerate(exact) if weight)
    shares[last] += odd
    assert sum(shares) == whole
    return shares
