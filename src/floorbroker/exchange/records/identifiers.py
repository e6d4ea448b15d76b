"""Identifiers of one venue, and the order in which they were made."""

from collections.abc import Callable, Iterator
from itertools import chain
from operator import length_hint
from random import Random

_BITS_32 = (1 << 32) - 1
#: Odd and near the golden ratio of 2**32: counting with it visits every number once.
_STRIDE = 0x9E3779B1
#: Identifiers made at a time, the last first, in lanes of 64 bits: 32 to count with, and as many
#: above them for what runs over.
_READY = 128
_ONES = sum(1 << 64 * lane for lane in range(_READY))
_STEPS = sum((-place * _STRIDE & _BITS_32) << 64 * (_READY - 1 - place) for place in range(_READY))
_LOWER_HALVES = slice(1, None, 2)
_UNSTRIDE = pow(_STRIDE, -1, 1 << 32)


class Identifiers:
    """UUIDs of one venue: a count, scattered over the first digits, before a seeded tail.

    No two of the first four thousand million are alike, and a restart goes on from the count.
    """

    def __init__(self, random: Random) -> None:
        digits = f"{random.getrandbits(88):022x}"
        self.go_on(f"-{digits[:4]}-4{digits[4:7]}-a{digits[7:10]}-{digits[10:]}", 0)

    def go_on(self, tail: str, count: int) -> None:
        """Make those that come after so many with that tail."""
        self.tail, self._prepared = tail, count
        self._ready: Iterator[str] = iter(())  # the next ones
        #: Makes the next one; without a frame of Python, because each order asks several times.
        self.make: Callable[[], str] = chain.from_iterable(self._batches()).__next__

    @property
    def count(self) -> int:
        """How many were made."""
        return self._prepared - length_hint(self._ready)

    def _batches(self) -> Iterator[Iterator[str]]:
        while True:
            ready = made_after(self._prepared, self.tail).split(" ")
            self._prepared += len(ready)
            self._ready = reversed(ready)
            yield self._ready

    @staticmethod
    def number_of(identifier: str) -> int:
        """Which one it was: later identifiers of a venue have higher numbers."""
        return int(identifier[:8], 16) * _UNSTRIDE & _BITS_32


def made_after(count: int, tail: str) -> str:
    """The next identifiers after so many, the last one first.

    Many at a time, for less: the digits of all are found in one sum of a long number.
    """
    last = (count + _READY) * _STRIDE & _BITS_32
    lanes = memoryview(((last * _ONES) + _STEPS).to_bytes(8 * _READY)).cast("I")
    return lanes[_LOWER_HALVES].hex(" ", 4).replace(" ", tail + " ") + tail


def digits_of(number: int) -> str:
    """The first digits of the identifier with that number."""
    return f"{number * _STRIDE & _BITS_32:08x}"
