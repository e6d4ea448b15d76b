"""Which days are not like others: days with short hours, and triple witching."""

from collections.abc import Callable
from datetime import date, timedelta

from msgspec import Struct

#: A day's regular hours, opening and closing in nanoseconds; None where there is no session.
Hours = Callable[[date], tuple[int, int] | None]

FRIDAY = 4
USUAL_NS = 390 * 60 * 1_000_000_000


class Excluded(Struct, frozen=True):
    """A day that is left out, and why."""

    day: date
    why: str


def triple_witching(year: int, hours: Hours) -> tuple[date, ...]:
    """When options and futures on stocks and indices expire together: the third Friday of March,
    June, September and December, or the session before where that is a holiday."""
    return tuple(_session_until(_third_friday(year, month), hours) for month in (3, 6, 9, 12))


def why_special(day: date, hours: Hours, also: frozenset[date] = frozenset()) -> str:
    """Why a day's volume says little of other days, empty where it is a usual day.

    `also` are days that the caller knows of: index rebalances, central bank days.
    """
    session = hours(day)
    if session is None:
        return "no session"
    if session[1] - session[0] != USUAL_NS:
        return "short hours"
    if day in also:
        return "named by the caller"
    if day in triple_witching(day.year, hours):
        return "triple witching"
    return ""


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 14)


def _session_until(day: date, hours: Hours) -> date:
    for back in range(5):
        if hours(day - timedelta(days=back)) is not None:
            return day - timedelta(days=back)
    return day
