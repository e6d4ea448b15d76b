"""A history as those who trade are told it: a curve laid over a day's hours, and statistics."""

from datetime import date

from floorbroker.domain.books.earlier import DayStats, VolumeCurve
from floorbroker.marketdata.history.dates import Hours
from floorbroker.marketdata.history.estimate import History


def curve_of(history: History, day: date, hours: Hours) -> VolumeCurve:
    """The curve of earlier days, laid over the hours of this one.

    Raises ValueError for a day that is not as long as those that it was made of.
    """
    session = hours(day)
    bins = len(history.shares)
    if session is None or session[1] - session[0] != history.bin_ns * bins:
        raise ValueError(
            f"day: {day} has other hours than the days of its curve; it needs its own"
        )
    return VolumeCurve(
        edges_ns=tuple(session[0] + number * history.bin_ns for number in range(bins + 1)),
        shares=history.shares,
        day_volume=history.adv,
        days=len(history.days),
        source=f"{history.method} of {history.source}",
        as_of_ns=history.as_of_ns,
    )


def stats_of(history: History) -> DayStats:
    """What earlier days say of the symbol."""
    return DayStats(
        adv=history.adv,
        daily_volatility=history.daily_volatility,
        spread=history.spread,
        days=len(history.days),
        source=history.source,
        as_of_ns=history.as_of_ns,
    )
