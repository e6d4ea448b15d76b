"""A quantity cut into slices of time."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate, pairwise

from floorbroker.domain.amounts import Qty
from floorbroker.domain.numbers.apportion import apportioned

ONE = Decimal(1)


def edges_of(start_ns: int, end_ns: int, count: int) -> tuple[int, ...]:
    """count + 1 instants, the slices between them as even as nanoseconds allow."""
    length = end_ns - start_ns
    return tuple(start_ns + length * place // count for place in range(count + 1))


def count_of(start_ns: int, end_ns: int, interval_ns: int) -> int:
    """How many slices of about that length, at least one."""
    return max(1, round(Decimal(end_ns - start_ns) / interval_ns))


@lru_cache(maxsize=256)
def sized(qty: Qty, weights: tuple[Decimal, ...], unit: Decimal, lot: Decimal) -> tuple[Qty, ...]:
    """The quantity by weight, by largest remainder, in multiples of `unit`; the sum is exact.

    A fraction of a unit goes to the last slice that has a weight; a quantity below one unit is
    cut in lots. Raises ValueError where no weight is positive.
    """
    step = max(unit, lot)
    if qty < step:
        step = lot
    rest = qty.decimal % step
    parts = [Qty.of(size) for size in apportioned(qty.decimal - rest, weights, step=step)]
    if rest:
        last = max(place for place, weight in enumerate(weights) if weight > 0)
        parts[last] += Qty.of(rest)
    return tuple(parts)


def sums_of(parts: Sequence[Qty]) -> tuple[Qty, ...]:
    return tuple(accumulate(parts))


def spread_part(left: Qty, weights: Sequence[Decimal], unit: Decimal, lot: Decimal) -> Qty:
    """What the first of these slices gets when all that is left is spread over them."""
    if not left or len(weights) == 1 or not any(weights):
        return left
    return sized(left, tuple(weights), unit, lot)[0]


def volume_between(
    edges_ns: Sequence[int], shares: Sequence[Decimal], start_ns: int, end_ns: int
) -> Decimal:
    """The part of a curve that falls between two instants; within a bin volume is even."""
    found = Decimal(0)
    for (first, last), share in zip(pairwise(edges_ns), shares, strict=True):
        inside = min(last, end_ns) - max(first, start_ns)
        if inside > 0:
            found += share * inside / (last - first)
    return found
