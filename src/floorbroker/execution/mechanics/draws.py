"""Chance from a seed that people choose: the same draw for the same seed and place, for ever.

A draw has a place (slice 7, child 3) and not a turn, so an algorithm needs no state to make it
again after a restart. SplitMix64's mixing function, Steele, Lea and Flood (2014).
"""

from decimal import Decimal

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_STEPS = Decimal(1 << 53)


def drawn(seed: int, *place: int) -> int:
    """64 even bits."""
    state = seed & _MASK
    for part in place:
        state = _mixed((state + _GOLDEN + part) & _MASK)
    return _mixed((state + _GOLDEN) & _MASK)


def part(seed: int, *place: int) -> Decimal:
    """An even draw from 0 to below 1, in steps of 2^-53."""
    return Decimal(drawn(seed, *place) >> 11) / _STEPS


def around_one(width: Decimal, seed: int, *place: int) -> Decimal:
    """An even draw from 1 - width to 1 + width."""
    return 1 + width * (2 * part(seed, *place) - 1)


def _mixed(bits: int) -> int:
    bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & _MASK
    return bits ^ bits >> 31
