"""When the New York Stock Exchange trades: its sessions from 2000 to 2035, with their phases.

The table holds what differs from Monday to Friday, 09:30 to 16:00 New York time; it was drawn from
the package exchange_calendars (XNYS), and a test compares every session with it.
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from floorbroker.clock import datetime_of, ns_of

NEW_YORK = ZoneInfo("America/New_York")

#: Phases of a day; the overnight session begins on the evening before it.
CLOSED, NIGHT, PRE, REGULAR, POST = "closed", "overnight", "pre", "regular", "post"

_SATURDAY = 5
_NIGHT_OPEN = time(20)
_PRE_OPEN = time(4)
_OPEN = time(9, 30)
_CLOSE = time(16)
_EARLY_CLOSE = time(13)
_POST_CLOSE = time(20)
_EARLY_POST_CLOSE = time(17)
#: Sessions from a trade to its settlement, from a day on; the latest first.
_SETTLEMENT_SESSIONS = ((date(2024, 5, 28), 1), (date(2017, 9, 5), 2), (date.min, 3))


class Session(Struct, frozen=True, kw_only=True):
    """One trading day: pre-market from `pre_ns`, regular from `open_ns` to `close_ns`, then post.

    The night before belongs to it: from `night_ns`, 20:00 on the calendar day before, whether that
    one has a session or not. Each bound belongs to the phase that it begins.
    """

    date: date
    night_ns: int
    pre_ns: int
    open_ns: int
    close_ns: int
    post_ns: int
    is_early: bool

    def phase_at(self, time_ns: int) -> str:
        if time_ns < self.night_ns or time_ns >= self.post_ns:
            return CLOSED
        if time_ns < self.pre_ns:
            return NIGHT
        if time_ns < self.open_ns:
            return PRE
        return REGULAR if time_ns < self.close_ns else POST


def new_york_date(time_ns: int) -> date:
    """The calendar day in New York at that instant."""
    return datetime_of(time_ns).astimezone(NEW_YORK).date()


def trade_date(time_ns: int) -> date:
    """The day for which a trade counts at that instant: from 20:00 on it is the next."""
    return (datetime_of(time_ns).astimezone(NEW_YORK) + timedelta(hours=4)).date()


def night_ns_of(day: date) -> int:
    """When trading for that day begins: 20:00 on the calendar day before."""
    return _ns(day - timedelta(days=1), _NIGHT_OPEN)


def session_dates() -> list[date]:
    """Every session's date, oldest first. The list is shared; do not change it."""
    return _session_dates()


def session_of(day: date) -> Session | None:
    """The session of that date, None on a day without one.

    Raises ValueError for a date outside the table.
    """
    dates = _session_dates()
    _check(day)
    place = bisect_left(dates, day)
    return _session(day) if place < len(dates) and dates[place] == day else None


def regular_hours(day: date) -> tuple[int, int] | None:
    """A day's regular hours in nanoseconds, None without a session; the usual ones on weekdays of
    years that the table does not have."""
    try:
        session = session_of(day)
    except ValueError:
        return None if day.weekday() >= _SATURDAY else (_ns(day, _OPEN), _ns(day, _CLOSE))
    return None if session is None else (session.open_ns, session.close_ns)


def next_session(day: date) -> Session:
    """The first session after that date."""
    dates = _session_dates()
    _check(day)
    place = bisect_right(dates, day)
    if place == len(dates):
        raise ValueError(f"no session after {day} is in the table, which ends {dates[-1]}")
    return _session(dates[place])


def previous_session(day: date) -> Session:
    """The last session before that date."""
    dates = _session_dates()
    _check(day)
    place = bisect_left(dates, day)
    if place == 0:
        raise ValueError(f"no session before {day} is in the table, which begins {dates[0]}")
    return _session(dates[place - 1])


def settlement_of(day: date) -> date:
    """When trades of a session's day settle, counted in sessions; the table's end bounds it."""
    dates = _session_dates()
    lag = next(sessions for start, sessions in _SETTLEMENT_SESSIONS if day >= start)
    return dates[min(bisect_left(dates, day) + lag, len(dates) - 1)]


def session_at(time_ns: int) -> Session:
    """The session whose day it is, or the next one: the first that ends after that instant.

    The day of a session ends with its post-market.
    """
    day = new_york_date(time_ns)
    session = session_of(day)
    if session is not None and time_ns < session.post_ns:
        return session
    return next_session(day)


def phase_at(time_ns: int) -> str:
    """CLOSED, NIGHT, PRE, REGULAR or POST."""
    return session_at(time_ns).phase_at(time_ns)


@lru_cache(maxsize=4096)
def _session(day: date) -> Session:
    is_early = day in _early_closes()
    return Session(
        date=day,
        night_ns=night_ns_of(day),
        pre_ns=_ns(day, _PRE_OPEN),
        open_ns=_ns(day, _OPEN),
        close_ns=_ns(day, _EARLY_CLOSE if is_early else _CLOSE),
        post_ns=_ns(day, _EARLY_POST_CLOSE if is_early else _POST_CLOSE),
        is_early=is_early,
    )


def _ns(day: date, wall_time: time) -> int:
    return ns_of(datetime.combine(day, wall_time, NEW_YORK))


@cache
def _session_dates() -> list[date]:
    holidays = _dates_of(_HOLIDAYS)
    first, last = _bounds()
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in holidays]


@cache
def _early_closes() -> frozenset[date]:
    return _dates_of(_EARLY_CLOSES)


@cache
def _bounds() -> tuple[date, date]:
    lines = _HOLIDAYS.split("\n")
    return date(int(lines[1][:4]), 1, 1), date(int(lines[-2][:4]), 12, 31)


def _dates_of(table: str) -> frozenset[date]:
    """Dates of lines such as `2026 0101 0119`."""
    dates: set[date] = set()
    for line in table.strip().splitlines():
        year, *days = line.split()
        dates.update(date(int(year), int(day[:2]), int(day[2:])) for day in days)
    return frozenset(dates)


def _check(day: date) -> None:
    first, last = _bounds()
    if not first <= day <= last:
        raise ValueError(f"{day} is outside the table of sessions, {first} to {last}")


#: Weekdays without a session: the year, then month and day.
_HOLIDAYS = """
2000 0117 0221 0421 0529 0704 0904 1123 1225
2001 0101 0115 0219 0413 0528 0704 0903 0911 0912 0913 0914 1122 1225
2002 0101 0121 0218 0329 0527 0704 0902 1128 1225
2003 0101 0120 0217 0418 0526 0704 0901 1127 1225
2004 0101 0119 0216 0409 0531 0611 0705 0906 1125 1224
2005 0117 0221 0325 0530 0704 0905 1124 1226
2006 0102 0116 0220 0414 0529 0704 0904 1123 1225
2007 0101 0102 0115 0219 0406 0528 0704 0903 1122 1225
2008 0101 0121 0218 0321 0526 0704 0901 1127 1225
2009 0101 0119 0216 0410 0525 0703 0907 1126 1225
2010 0101 0118 0215 0402 0531 0705 0906 1125 1224
2011 0117 0221 0422 0530 0704 0905 1124 1226
2012 0102 0116 0220 0406 0528 0704 0903 1029 1030 1122 1225
2013 0101 0121 0218 0329 0527 0704 0902 1128 1225
2014 0101 0120 0217 0418 0526 0704 0901 1127 1225
2015 0101 0119 0216 0403 0525 0703 0907 1126 1225
2016 0101 0118 0215 0325 0530 0704 0905 1124 1226
2017 0102 0116 0220 0414 0529 0704 0904 1123 1225
2018 0101 0115 0219 0330 0528 0704 0903 1122 1205 1225
2019 0101 0121 0218 0419 0527 0704 0902 1128 1225
2020 0101 0120 0217 0410 0525 0703 0907 1126 1225
2021 0101 0118 0215 0402 0531 0705 0906 1125 1224
2022 0117 0221 0415 0530 0620 0704 0905 1124 1226
2023 0102 0116 0220 0407 0529 0619 0704 0904 1123 1225
2024 0101 0115 0219 0329 0527 0619 0704 0902 1128 1225
2025 0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225
2026 0101 0119 0216 0403 0525 0619 0703 0907 1126 1225
2027 0101 0118 0215 0326 0531 0618 0705 0906 1125 1224
2028 0117 0221 0414 0529 0619 0704 0904 1123 1225
2029 0101 0115 0219 0330 0528 0619 0704 0903 1122 1225
2030 0101 0121 0218 0419 0527 0619 0704 0902 1128 1225
2031 0101 0120 0217 0411 0526 0619 0704 0901 1127 1225
2032 0101 0119 0216 0326 0531 0618 0705 0906 1125 1224
2033 0117 0221 0415 0530 0620 0704 0905 1124 1226
2034 0102 0116 0220 0407 0529 0619 0704 0904 1123 1225
2035 0101 0115 0219 0323 0528 0619 0704 0903 1122 1225
"""

#: Sessions that end at 13:00.
_EARLY_CLOSES = """
2000 0703 1124
2001 0703 1123 1224
2002 0705 1129 1224
2003 0703 1128 1224 1226
2004 1126
2005 1125
2006 0703 1124
2007 0703 1123 1224
2008 0703 1128 1224
2009 1127 1224
2010 1126
2011 1125
2012 0703 1123 1224
2013 0703 1129 1224
2014 0703 1128 1224
2015 1127 1224
2016 1125
2017 0703 1124
2018 0703 1123 1224
2019 0703 1129 1224
2020 1127 1224
2021 1126
2022 1125
2023 0703 1124
2024 0703 1129 1224
2025 0703 1128 1224
2026 1127 1224
2027 1126
2028 0703 1124
2029 0703 1123 1224
2030 0703 1129 1224
2031 0703 1128 1224
2032 1126
2033 1125
2034 0703 1124
2035 0703 1123 1224
"""
