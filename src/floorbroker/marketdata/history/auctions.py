"""How much a symbol's auctions traded on earlier days, the least of them."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.books.earlier import AuctionVolumes
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Trade
from floorbroker.marketdata.history.dates import USUAL_NS, Hours, why_special
from floorbroker.marketdata.history.estimate import Choice
from floorbroker.marketdata.port import new_york_date


class AuctionDay(Struct, frozen=True, kw_only=True):
    """What was traded in one day's auctions; None where there was none."""

    day: date
    opening: Decimal | None = None
    closing: Decimal | None = None
    source: str
    last_ns: int


def auction_days(prints: Iterable[Trade], source: str) -> Iterator[AuctionDay]:
    """The auctions of each day; of several prints the largest is the listing market's."""
    found: dict[date, list[Trade]] = {}
    for trade in prints:
        if trade.auction:
            found.setdefault(new_york_date(trade.time_ns), []).append(trade)
    for day, some in sorted(found.items()):
        yield AuctionDay(
            day=day,
            opening=max((one.size for one in some if one.auction == "open"), default=None),
            closing=max((one.size for one in some if one.auction == "close"), default=None),
            source=source,
            last_ns=max(one.time_ns for one in some),
        )


def least_of(days: Iterable[AuctionDay], hours: Hours, choice: Choice) -> AuctionVolumes:
    """The smallest auctions of the last usual days; raises TapeError where none is left.

    They tell nothing of a day with short hours. Nothing of the day that is traded is looked at.
    """
    session = None if choice.before is None else hours(choice.before)
    if session is not None and session[1] - session[0] != USUAL_NS:
        raise TapeError(f"auctions: {choice.before} has short hours; right is a usual day")
    usual = sorted(
        (
            one
            for one in days
            if (choice.before is None or one.day < choice.before)
            and not why_special(one.day, hours, choice.special)
        ),
        key=lambda one: one.day,
    )[-choice.days :]
    if not usual:
        before = "" if choice.before is None else f" before {choice.before}"
        raise TapeError(f"auctions: none of a usual day{before}")
    return AuctionVolumes(
        opening=min((one.opening for one in usual if one.opening is not None), default=None),
        closing=min((one.closing for one in usual if one.closing is not None), default=None),
        days=len(usual),
        source=", ".join(dict.fromkeys(one.source for one in usual)),
        as_of_ns=max(one.last_ns for one in usual),
    )
