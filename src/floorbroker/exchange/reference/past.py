"""The days before the exchange's first, where its market knows any: bars and auctions, no more."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from floorbroker.domain.quotes import Bar, Trade


class Past(Protocol):
    """What a market says of days before its first; the same question gets the same answer.

    It is asked when a client asks, and what it says is no fact of the running market: it fills
    nothing, is told by no stream and moves nobody's worth.
    """

    def dates(self, symbol: str) -> Sequence[date]:
        """The days that are known, oldest first; none of a symbol that the market lacks."""
        ...

    def minutes(self, symbol: str, day: date) -> Sequence[Bar]:
        """One-minute bars of one of `dates`; a minute without a print has none."""
        ...

    def whole(self, symbol: str, day: date) -> tuple[Bar, Sequence[Trade]]:
        """The bar of one of `dates`, and its auction prints."""
        ...


class NoPast:
    """A market that begins with its tape."""

    def dates(self, symbol: str) -> Sequence[date]:
        return ()

    def minutes(self, symbol: str, day: date) -> Sequence[Bar]:
        raise KeyError(f"{symbol} {day}")

    def whole(self, symbol: str, day: date) -> tuple[Bar, Sequence[Trade]]:
        raise KeyError(f"{symbol} {day}")
