"""How busy, nervous and wide the market is in each minute of the day."""

from datetime import time
from math import exp, sqrt
from typing import NamedTuple

REGULAR_HOURS = (time(9, 30), time(16))
EXTENDED_MINUTES = (4 * 60, 20 * 60)
#: From this minute on, five before the bell, the pre-market quotes are lively.
LIVELY_MINUTE = 9 * 60 + 25

EVENTS_PER_S = 1.75
COIN_EVENTS_PER_S = 0.5
#: Events per second before and after hours, and in the last minutes before the opening bell.
EXTENDED_EVENTS_PER_S = 0.06
LIVELY_EVENTS_PER_S = 0.5
#: A night's minutes are counted from midnight of its evening; hardly anything happens in them.
NIGHT_MINUTES = (20 * 60, 28 * 60)
NIGHT_EVENTS_PER_S = 0.02
NIGHT_SPREAD, NIGHT_SIZE = 15.0, 0.25


class Minutes(NamedTuple):
    """How the market behaves in each of the day's 1440 minutes, or of those until a night's end.

    `rate` is events per second, `volatility` the part of the day's deviation that a second brings
    (as a root), `spread` and `size` are factors. `bells` are the minutes of the auctions.
    """

    first: int
    end: int
    bells: tuple[int, int] | None
    rate: list[float]
    volatility: list[float]
    spread: list[float]
    size: list[float]
    has_regular_hours: bool = True

    def is_regular(self, minute: int) -> bool:
        if not self.has_regular_hours:
            return False
        return self.bells is None or self.bells[0] <= minute < self.bells[1]


def _activity(x: float) -> float:
    """The U of a session: relative volume at the part `x` of it, from 0 to 1."""
    opening = 2.6 * exp(-x / 0.045) + 0.35 * exp(-x / 0.2)
    closing = 1.9 * exp((x - 1) / 0.035) + 0.3 * exp((x - 1) / 0.12)
    return 0.55 + opening + closing


def stock_minutes(hours: tuple[time, time]) -> Minutes:
    first, end = EXTENDED_MINUTES
    opening, closing = (at.hour * 60 + at.minute for at in hours)
    count = closing - opening
    activity = [_activity((minute + 0.5) / count) for minute in range(count)]
    rate = [level**0.75 for level in activity]
    variance = [level**0.6 for level in activity]
    rate_unit = EVENTS_PER_S * count / sum(rate)
    variance_unit = 1 / (60 * sum(variance))
    quiet = 0.1 * sqrt(variance_unit)
    rates = [EXTENDED_EVENTS_PER_S] * 1440
    rates[opening - 5 : opening] = [LIVELY_EVENTS_PER_S] * 5
    volatility = [quiet] * 1440
    spreads = [6.0] * 1440
    spreads[opening - 5 : opening] = [4.0] * 5
    sizes = [0.5] * 1440
    rates[opening:closing] = [rate_unit * level for level in rate]
    volatility[opening:closing] = [sqrt(variance_unit * level) for level in variance]
    spreads[opening:closing] = [1 + 2.5 * exp(-minute / 8) for minute in range(count)]
    sizes[opening:closing] = [level**0.25 for level in activity]
    return Minutes(first, end, (opening, closing), rates, volatility, spreads, sizes)


def night_minutes() -> Minutes:
    """20:00 to 04:00, thin and wide, with a twentieth of the day's variance."""
    first, end = NIGHT_MINUTES
    return Minutes(
        first=first,
        end=end,
        bells=None,
        rate=[NIGHT_EVENTS_PER_S] * end,
        volatility=[sqrt(0.05 / (60 * (end - first)))] * end,
        spread=[NIGHT_SPREAD] * end,
        size=[NIGHT_SIZE] * end,
        has_regular_hours=False,
    )


def coin_minutes() -> Minutes:
    ones = [1.0] * 1440
    return Minutes(
        first=0,
        end=1440,
        bells=None,
        rate=[COIN_EVENTS_PER_S] * 1440,
        volatility=[sqrt(1 / 86_400)] * 1440,
        spread=ones,
        size=ones,
    )
