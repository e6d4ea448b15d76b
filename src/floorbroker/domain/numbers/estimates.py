"""Numbers that go into estimates: finite, in their range, or refused by name.

Estimates of cost and risk are floats, for nothing of them is ever booked.
"""

from collections.abc import Iterable
from math import isfinite

from floorbroker.domain.errors import InvalidModel


def finite(field: str, value: float) -> float:
    """Any number but NaN and the infinities; raises InvalidModel."""
    if not isfinite(value):
        raise InvalidModel(field, value, "it must be a finite number")
    return value


def positive(field: str, value: float) -> float:
    if not finite(field, value) > 0:
        raise InvalidModel(field, value, "it must be greater than 0")
    return value


def not_negative(field: str, value: float) -> float:
    if finite(field, value) < 0:
        raise InvalidModel(field, value, "it must be 0 or greater")
    return value


def fraction(field: str, value: float) -> float:
    """Between 0 and 1, both excluded."""
    if not 0 < finite(field, value) < 1:
        raise InvalidModel(field, value, "it must lie between 0 and 1, such as 0.1 for 10 %")
    return value


def within(field: str, value: float, least: float, most: float) -> float:
    if not least <= finite(field, value) <= most:
        raise InvalidModel(field, value, f"it must lie from {least:g} to {most:g}")
    return value


def at_least_one(field: str, number: int) -> int:
    if number < 1:
        raise InvalidModel(field, number, "it must be 1 or greater")
    return number


def all_positive(fields: Iterable[tuple[str, float]]) -> None:
    for field, value in fields:
        positive(field, value)


def all_not_negative(fields: Iterable[tuple[str, float]]) -> None:
    for field, value in fields:
        not_negative(field, value)
