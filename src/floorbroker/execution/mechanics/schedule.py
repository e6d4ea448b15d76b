"""A schedule as slices with weights, and what it wants done once a slice has begun."""

from bisect import bisect_right
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from floorbroker.domain.amounts import Qty
from floorbroker.execution.mechanics.slices import sized, spread_part, sums_of


class Late(StrEnum):
    """Where a quantity goes that its slice did not get done."""

    ROLL = "roll"  #: Into the next slice, up to `catch_up` times that slice's own size.
    SPREAD = "spread"  #: Over all slices that are left, by their weights.


class Slices(Struct, frozen=True, kw_only=True):
    """When each slice is released, and how large they are to each other."""

    releases_ns: tuple[int, ...]
    weights: tuple[Decimal, ...]
    unit: Decimal  #: Sizes are multiples of it.
    lot: Decimal

    def place_at(self, now_ns: int) -> int:
        """The slice that runs; -1 before the first."""
        return bisect_right(self.releases_ns, now_ns) - 1

    def next_ns(self, place: int) -> int | None:
        """When the slice after this one is released."""
        return self.releases_ns[place + 1] if place + 1 < len(self.releases_ns) else None

    def sizes_of(self, qty: Qty) -> tuple[Qty, ...]:
        return sized(qty, self.weights, self.unit, self.lot)


class Policy(Struct, frozen=True, kw_only=True):
    """What happens to quantities that are late, after slow slices as after a crash or a pause."""

    late: Late
    catch_up: Decimal


def target_of(slices: Slices, place: int, done: tuple[Qty, Qty], policy: Policy) -> Qty:
    """What should be done in all by the end of the slice that begins now.

    `done` is how much of how much: the whole quantity and what is filled. The last slice wants
    everything; no policy holds it back.
    """
    qty, filled = done
    if place >= len(slices.weights) - 1:
        return qty
    left = qty - filled
    if policy.late is Late.SPREAD:
        unit, lot = slices.unit, slices.lot
        return filled + spread_part(left, slices.weights[place:], unit, lot)
    sizes = slices.sizes_of(qty)
    own = max(sizes[place].decimal, slices.unit)  # a slice without size works off what is late
    bound = filled.decimal + policy.catch_up * own
    return max(min(sums_of(sizes)[place], Qty.of(bound)), filled)
