"""What each algorithm means to do when: an order in slices, each against the volume expected then.

A plan is not the order's fate: the algorithm that works it looks at what really trades.
"""

from collections.abc import Sequence

from msgspec import Struct

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import at_least_one, fraction, positive
from floorbroker.pretrade.costs.lots import apportioned
from floorbroker.pretrade.costs.volume import Curve, Window


class Slice(Struct, frozen=True, kw_only=True):
    """Part of an order: what is traded in it, and what others are expected to trade meanwhile."""

    start_s: int
    end_s: int
    shares: int
    volume: float

    @property
    def rate(self) -> float:
        """Our part of all that trades in the slice."""
        return self.shares / (self.shares + self.volume) if self.shares else 0.0


class Field(Struct, frozen=True, kw_only=True):
    """Where an order is worked: its window, and the volume expected of others in it."""

    window: Window
    curve: Curve
    adv: float

    def __post_init__(self) -> None:
        positive("adv", self.adv)
        if not sum(self.volumes()) > 0:
            hint = "it must have some between start and end"
            raise InvalidModel("curve", "no volume in the window", hint)

    def volumes(self) -> list[float]:
        """Expected shares of others, slice by slice."""
        return [self.adv * self.curve.between(*span) for span in self.window.spans()]


def by_time(field: Field, shares: int, lot: int = 1) -> list[Slice]:
    """TWAP: the same in every slice."""
    return sliced(
        field, apportioned(at_least_one("qty", shares), [1.0] * field.window.slices, lot)
    )


def by_volume(field: Field, shares: int, lot: int = 1) -> list[Slice]:
    """VWAP: in every slice the same part of the volume that is expected in it."""
    return sliced(field, apportioned(at_least_one("qty", shares), field.volumes(), lot))


def by_rate(field: Field, shares: int, rate: float, lot: int = 1) -> list[Slice]:
    """POV: this part of all that trades, our own shares in it, until the order is done.

    Own = rate/(1 - rate) of what others trade. It may not complete in the window.
    """
    at_least_one("qty", shares)
    per_other = fraction("rate", rate) / (1 - rate)
    parts: list[int] = []
    due = 0.0
    for volume in field.volumes():
        due += per_other * volume
        so_far = shares if due >= shares else int(due / lot) * lot
        parts.append(so_far - sum(parts))
    return sliced(field, parts)


def by_weights(field: Field, shares: int, weights: Sequence[float], lot: int = 1) -> list[Slice]:
    """A schedule that something else has drawn up, in whole lots."""
    return sliced(field, apportioned(at_least_one("qty", shares), weights, lot))


def sliced(field: Field, parts: Sequence[int]) -> list[Slice]:
    return [
        Slice(start_s=start, end_s=end, shares=part, volume=volume)
        for (start, end), part, volume in zip(
            field.window.spans(), parts, field.volumes(), strict=True
        )
    ]


def total(slices: Sequence[Slice]) -> int:
    return sum(part.shares for part in slices)
