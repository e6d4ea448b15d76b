"""Draws the minutes of an earlier day around its hidden price and a played minute's averages."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from math import log, sqrt
from random import Random
from typing import NamedTuple

from floorbroker.clock import NS_PER_S
from floorbroker.marketdata.synthetic.day import (
    CLOSING_SHARES,
    OPENING_SHARE,
    TRADE_SHARE,
    Walk,
)
from floorbroker.marketdata.synthetic.minutes import Minutes
from floorbroker.marketdata.synthetic.past_day import FINE, Auction, PastDay, Row
from floorbroker.marketdata.synthetic.profile import Profile

#: A played minute has so many of the prints that its rate promises: bursts end with it.
BURSTS = 0.985
#: The variance of the number of prints to its mean, and of a print's size to its mean squared.
OVERDISPERSION = 2.5
SIZE_VARIANCE = 1.5
#: What prints miss of the path's extremes, in deviations over the root of their number.
MISSED = 0.8
#: Up to so many prints a minute on average are geometric, whose long tail is that of bursts.
FEW = 4.0
#: The hours after the close, on a half day, too.
LATE_MINUTES = 4 * 60
SAMPLES = 4_000


class Shape(NamedTuple):
    """What a day's numbers are drawn around: its character, and the hidden price in cents."""

    symbol: str
    profile: Profile
    minutes: Minutes
    path: list[float]

    @property
    def hours(self) -> tuple[int, int]:
        """The first minute of the regular session, and the first after it."""
        return self.minutes.bells or (self.minutes.first, self.minutes.end)

    @property
    def end(self) -> int:
        minutes = self.minutes
        return minutes.end if minutes.bells is None else minutes.bells[1] + LATE_MINUTES

    def scaled(self, level: float) -> "Shape":
        return self if level == 1 else self._replace(path=[px * level for px in self.path])


def past_day(shape: Shape, day: date, key: str) -> PastDay:
    """The day that follows from its shape and key."""
    draw = _Draw(shape, key)
    return PastDay(
        shape.symbol,
        shape.profile.unit,
        day,
        hours=shape.hours,
        rows=draw.rows(),
        auctions=draw.auctions,
    )


class _Draw:
    """A Random of the day's own, and what is drawn from it."""

    def __init__(self, shape: Shape, key: str) -> None:
        self._shape = shape
        self._random = Random(key)  # noqa: S311  (a market, not a secret)
        self._units = _units(shape)
        self.auctions = () if shape.minutes.bells is None else self._drawn_auctions()

    def rows(self) -> Iterator[Row]:
        auctions = {one.minute: one for one in self.auctions}
        for minute in range(self._shape.minutes.first, self._shape.end):
            prints = self._drawn_prints(self._prints(minute))
            row = self._row(minute, prints) if prints else None
            if minute in auctions:
                row = _with_auction(row, auctions[minute])
            if row is not None:
                yield row

    def _drawn_auctions(self) -> tuple[Auction, ...]:
        """Sizes are parts of what the regular hours trade on average."""
        opening, closing = self._shape.hours
        path, uniform = self._shape.path, self._random.uniform
        volume = sum(self._prints(each) * self._units[each] for each in range(opening, closing))
        at_open = int(OPENING_SHARE * uniform(0.85, 1.15) * volume)
        share = uniform(*CLOSING_SHARES)
        at_close = int(volume * share / (1 - share))
        after_open, after_close = (
            int(uniform(0.05, 0.5) * NS_PER_S),
            int(uniform(0.05, 6) * NS_PER_S),
        )
        return (
            Auction("open", opening, after_open, _cents(path[opening]), max(at_open, 1)),
            Auction("close", closing, after_close, _cents(path[closing]), max(at_close, 1)),
        )

    def _prints(self, minute: int) -> float:
        """How many a played minute has on average."""
        return BURSTS * TRADE_SHARE * 60 * self._shape.minutes.rate[minute]

    def _drawn_prints(self, mean: float) -> int:
        if mean > FEW:
            return max(1, round(self._random.gauss(mean, sqrt(OVERDISPERSION * mean))))
        return int(log(1 - self._random.random()) / log(mean / (1 + mean)))

    def _row(self, minute: int, prints: int) -> Row:
        """Prices around the path's bridge over the minute, half a spread to either side of it."""
        random, shape = self._random.random, self._shape
        first, last = shape.path[minute], shape.path[minute + 1]
        half = shape.profile.spread_cents * shape.minutes.spread[minute] / 2
        units = self._drawn_units(self._units[minute], prints)
        if prints == 1:
            px = _cents(first + (last - first) * random() + (half if random() < 0.5 else -half))
            return Row(minute, px, px, px, px, px * FINE, units, 1)
        opened = _cents(first + (half if random() < 0.5 else -half))
        closed = _cents(last + (half if random() < 0.5 else -half))
        cents = float(shape.profile.price * 100) * shape.profile.volatility
        deviation = shape.minutes.volatility[minute] * cents * sqrt(60)
        seen = half - MISSED * deviation / sqrt(prints)
        high = max(opened, closed, _cents(self._extreme(first, last, deviation, 1) + seen))
        low = min(opened, closed, _cents(self._extreme(first, last, deviation, -1) - seen))
        middle = (opened + high + low + closed) * FINE // 4
        vwap = middle + round(self._random.gauss(0, FINE * (high - low) / 10))
        vwap = min(max(vwap, low * FINE), high * FINE)
        return Row(minute, opened, high, low, closed, vwap, units, prints)

    def _extreme(self, first: float, last: float, deviation: float, sign: int) -> float:
        """The highest (lowest) point of a Brownian bridge, drawn."""
        fall = -2 * deviation * deviation * log(1 - self._random.random())
        return (first + last + sign * sqrt((last - first) ** 2 + fall)) / 2

    def _drawn_units(self, mean: float, prints: int) -> int:
        units = prints * mean * (1 + self._random.gauss(0, sqrt(SIZE_VARIANCE / prints)))
        return max(prints, round(units))


def _cents(px: float) -> int:
    return max(1, round(px))


def _with_auction(row: Row | None, auction: Auction) -> Row:
    """The minute that its bell's print begins, in front of the others."""
    minute, px, units = auction.minute, auction.cents, auction.units
    if row is None:
        return Row(minute, px, px, px, px, px * FINE, units, 1)
    both = row.units + units
    vwap = (row.units * row.fine_vwap + units * px * FINE) // both
    high, low = max(px, row.high), min(px, row.low)
    return Row(minute, px, high, low, row.close, vwap, both, row.prints + 1)


def _units(shape: Shape) -> list[float]:
    """What a print of each minute has on average: a line between the smallest and the largest."""
    sizes = shape.minutes.size
    least, most = min(sizes), max(sizes)
    low, high = (_mean_units(shape.symbol, shape.profile, size) for size in (least, most))
    slope = (high - low) / (most - least) if most > least else 0.0
    return [low + slope * (size - least) for size in sizes]


@lru_cache(maxsize=512)
def _mean_units(symbol: str, profile: Profile, size: float) -> float:
    """What a print has on average where sizes have this factor, from a sample."""
    minutes = Minutes(0, 1, None, [1.0], [1.0], [1.0], [size])
    walk = Walk(symbol, profile, minutes, f"{symbol}/sizes")
    return sum(walk.sizes([0] * SAMPLES)) / SAMPLES
