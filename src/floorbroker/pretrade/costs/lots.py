"""Shares in whole parts: by largest remainder, so that the parts are exactly the whole.

Each part gets the whole number of lots below its share; the lots that are then left go one each to
the parts that lost most by it, the earlier part first where two lost the same.
"""

from collections.abc import Sequence
from fractions import Fraction

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import at_least_one, finite


def apportioned(whole: int, weights: Sequence[float], lot: int = 1) -> list[int]:
    """The whole by these weights, in lots; what is no full lot goes to the last part of weight."""
    at_least_one("lot", lot)
    if whole < 0:
        raise InvalidModel("whole", whole, "it must be 0 or greater")
    exact = [Fraction(finite("weight", weight)) for weight in weights]
    total = sum(exact)
    if total <= 0:
        raise InvalidModel("weights", f"{float(total):g} in all", "they must sum to more than 0")
    lots, odd = divmod(whole, lot)
    quotas = [lots * weight / total for weight in exact]
    parts = [quota.__floor__() for quota in quotas]
    losses = sorted(range(len(parts)), key=lambda place: parts[place] - quotas[place])
    for place in losses[: lots - sum(parts)]:
        parts[place] += 1
    shares = [part * lot for part in parts]
    last = max(place for place, weight in enumerate(exact) if weight)
    shares[last] += odd
    assert sum(shares) == whole
    return shares
