"""Marks: the price at which each symbol is valued, and what positions are worth at them."""

from dataclasses import dataclass
from decimal import Decimal

from floorbroker.exchange.model import ZERO


class Marks:
    """The price at which each symbol is valued, shared by all accounts."""

    __slots__ = ("px", "version")

    def __init__(self) -> None:
        self.px: dict[str, Decimal] = {}
        self.version = 0  #: Rises with every change.

    def set(self, symbol: str, px: Decimal) -> None:
        if self.px.get(symbol) != px:
            self.px[symbol] = px
            self.version += 1


@dataclass(slots=True)  # no Struct, whose fields are slow to change
class Valuation:
    """Market values of an account's positions at one version of the marks."""

    version: int = -1
    long: Decimal = ZERO
    short: Decimal = ZERO  #: Zero or negative.
    unmarginable: Decimal = ZERO  #: The part of `long` that gives no credit, such as coins.

    def move(self, before: Decimal, after: Decimal, *, marginable: bool) -> None:
        """One position's value changed."""
        if before >= ZERO and after >= ZERO:
            self.long += after - before
        else:
            self.long += max(after, ZERO) - max(before, ZERO)
            self.short += min(after, ZERO) - min(before, ZERO)
        if not marginable:
            self.unmarginable += after - before
