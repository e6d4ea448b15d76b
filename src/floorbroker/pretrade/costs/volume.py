"""How the market's volume is spread over a day, and which part of it falls into a window."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import not_negative

#: Seconds of a full session: the day that volatilities and volumes of a day are of.
DAY_S = 23_400


class Curve(Struct, frozen=True):
    """Volumes of neighbouring bins, edges in seconds of the day; only their ratio counts."""

    edges_s: tuple[int, ...]
    volumes: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges_s) != len(self.volumes) + 1 or not self.volumes:
            hint = "it must have one edge more than bins, and a bin"
            raise InvalidModel("curve", f"{len(self.edges_s)} edges", hint)
        if any(a >= b for a, b in pairwise(self.edges_s)):
            raise InvalidModel("curve", "edges out of order", "the bins' times must rise")
        for volume in self.volumes:
            not_negative("curve", volume)
        if not sum(self.volumes) > 0:
            raise InvalidModel("curve", "no volume at all", "one bin must have some")

    def between(self, start_s: int, end_s: int) -> float:
        """The part of the day's volume in this window; even within a bin."""
        return (self._until(end_s) - self._until(start_s)) / sum(self.volumes)

    def _until(self, at_s: int) -> float:
        total = 0.0
        for (start, end), volume in zip(pairwise(self.edges_s), self.volumes, strict=True):
            covered = min(max(at_s - start, 0), end - start)
            total += volume * covered / (end - start)
        return total


def flat(open_s: int) -> Curve:
    """The same volume at every time of a full session from its opening."""
    return Curve((open_s, open_s + DAY_S), (1.0,))


class Window(Struct, frozen=True, kw_only=True):
    """When an order is worked: seconds of the day, in slices of equal length."""

    start_s: int
    end_s: int
    slices: int

    def __post_init__(self) -> None:
        if self.end_s <= self.start_s:
            raise InvalidModel("end", self.end_s, "it must be later than start")
        if not 1 <= self.slices <= self.end_s - self.start_s:
            hint = "there must be 1 or more, of a second or more each"
            raise InvalidModel("slices", self.slices, hint)

    def edges(self) -> Sequence[int]:
        length = self.end_s - self.start_s
        return [self.start_s + length * k // self.slices for k in range(self.slices + 1)]

    def spans(self) -> Iterator[tuple[int, int]]:
        return pairwise(self.edges())

    @property
    def days(self) -> float:
        """Its length in trading days."""
        return (self.end_s - self.start_s) / DAY_S
