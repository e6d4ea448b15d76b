"""Identifiers of one venue, and the order in which they were made."""

from random import Random

_BITS_32 = (1 << 32) - 1
#: Odd and near the golden ratio of 2**32: counting with it visits every number once.
_STRIDE = 0x9E3779B1
_UNSTRIDE = pow(_STRIDE, -1, 1 << 32)


class Identifiers:
    """UUIDs of one venue: a count, scattered over the first digits, before a seeded tail.

    No two of the first four thousand million are alike, and a restart goes on from the count.
    """

    def __init__(self, random: Random) -> None:
        digits = f"{random.getrandbits(88):022x}"
        self.tail = f"-{digits[:4]}-4{digits[4:7]}-a{digits[7:10]}-{digits[10:]}"
        self.count = 0

    def make(self) -> str:
        self.count = count = self.count + 1
        return (count * _STRIDE & _BITS_32).to_bytes(4).hex() + self.tail

    @staticmethod
    def number_of(identifier: str) -> int:
        """Which one it was: later identifiers of a venue have higher numbers."""
        return int(identifier[:8], 16) * _UNSTRIDE & _BITS_32


def digits_of(number: int) -> str:
    """The first digits of the identifier with that number."""
    return f"{number * _STRIDE & _BITS_32:08x}"
