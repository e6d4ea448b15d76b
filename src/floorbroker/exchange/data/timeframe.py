"""The interval of a bar, where each begins, and larger bars made of smaller ones."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Bar
from floorbroker.exchange.data.query import midnight_ns, refused
from floorbroker.exchange.reference.calendar import new_york_date

MINUTE_NS = 60 * NS_PER_S
_PATTERN = re.compile(r"([1-9]\d?)(Min|T|Hour|H|Day|D|Week|W|Month|M)")
_UNITS = {"T": "Min", "H": "Hour", "D": "Day", "W": "Week", "M": "Month"}
_MINUTES = {"Min": 1, "Hour": 60}
_AMOUNTS = {
    "Min": range(1, 60),
    "Hour": range(1, 24),
    "Day": (1,),
    "Week": (1,),
    "Month": (1, 2, 3, 4, 6, 12),
}
_ZERO = Decimal(0)


class Timeframe(NamedTuple):
    """So many units a bar. Bars begin at multiples of it from New York's midnight, Mondays,
    and the first of the year.
    """

    amount: int
    unit: str

    @property
    def is_of_minutes(self) -> bool:
        """Whether its bars are made of minutes; the others are made of sessions."""
        return self.unit in _MINUTES

    def start_of(self, time_ns: int) -> int:
        """Where the bar begins that holds this instant."""
        day = new_york_date(time_ns)
        if self.is_of_minutes:
            midnight = midnight_ns(day)
            length_ns = self.amount * _MINUTES[self.unit] * MINUTE_NS
            return time_ns - (time_ns - midnight) % length_ns
        return midnight_ns(self._first_day(day))

    def end_of(self, time_ns: int) -> int:
        """The last instant that can be in the bar which holds this one, or shortly after."""
        if self.is_of_minutes:
            return self.start_of(time_ns) + self.amount * _MINUTES[self.unit] * MINUTE_NS - 1
        days = {"Day": 1, "Week": 7, "Month": 31 * self.amount}[self.unit]
        first = self._first_day(new_york_date(time_ns))
        return midnight_ns(first + timedelta(days=days)) - 1

    def _first_day(self, day: date) -> date:
        if self.unit == "Week":
            return day - timedelta(days=day.weekday())
        if self.unit == "Month":
            return date(day.year, (day.month - 1) // self.amount * self.amount + 1, 1)
        return day


def timeframe_of(text: str) -> Timeframe:
    found = _PATTERN.fullmatch(text)
    if found is not None:
        unit = _UNITS.get(found[2], found[2])
        if int(found[1]) in _AMOUNTS[unit]:
            return Timeframe(int(found[1]), unit)
    raise refused(
        f"invalid timeframe: {text}; must be 1-59Min, 1-23Hour, 1Day, 1Week or 1,2,3,4,6,12Month"
    )


def aggregated(bars: Iterable[Bar], timeframe: Timeframe) -> list[Bar]:
    """Bars of the timeframe, made of bars that each lie within one of them."""
    if timeframe == (1, "Min"):
        return list(bars)
    groups: dict[int, list[Bar]] = {}
    for bar in bars:
        groups.setdefault(timeframe.start_of(bar.time_ns), []).append(bar)
    return [merged(start_ns, group) for start_ns, group in groups.items()]


def merged(start_ns: int, bars: Sequence[Bar]) -> Bar:
    """One bar of several, which are in order of time."""
    volume = sum((bar.volume for bar in bars), _ZERO)
    notional = sum((bar.volume * (bar.vwap or bar.close_px) for bar in bars), _ZERO)
    last = bars[-1]
    return Bar(
        symbol=last.symbol,
        time_ns=start_ns,
        duration_s=(last.time_ns - start_ns) // NS_PER_S + last.duration_s,
        open_px=bars[0].open_px,
        high_px=max(bar.high_px for bar in bars),
        low_px=min(bar.low_px for bar in bars),
        close_px=last.close_px,
        volume=volume,
        trade_count=sum(bar.trade_count for bar in bars),
        vwap=notional / volume if volume else None,
    )
