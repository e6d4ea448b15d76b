"""Which points in time a portfolio's history is asked for."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from floorbroker.clock import NS_PER_S, datetime_of, ns_of
from floorbroker.exchange.reference import calendar
from floorbroker.exchange.wire.words import NEW_YORK, choice, flag, invalid, maybe_day, moment_ns

DAY = "1D"
_MINUTE_NS = 60 * NS_PER_S
_DAY_NS = 1440 * _MINUTE_NS
_MINUTES = {"1Min": 1, "5Min": 5, "15Min": 15, "1H": 60}
_PERIOD = re.compile(r"([1-9]\d{0,3})([DWMA])")
_UNIT_DAYS = {"D": 1, "W": 7, "M": 30, "A": 365}
_YEARS_MAX = 35
#: Longer spans have no points within a day, or none each minute.
INTRADAY_DAYS_MAX, MINUTE_DAYS_MAX = 30, 7


class Asked(Struct, frozen=True, kw_only=True):
    """A span of time and how finely to look at it; `is_open` if neither end was given."""

    start_ns: int
    end_ns: int
    timeframe: str
    reporting: str
    is_open: bool


class Window(Struct, frozen=True):
    """One point: labelled with its start, told as of its end."""

    start_ns: int
    end_ns: int


def asked_span(query: dict[str, str], now_ns: int) -> Asked:
    """The span of a query; raises VenueError 422 naming what is wrong with it."""
    if sum(bool(query.get(name)) for name in ("start", "end", "period")) > 2:
        raise invalid("only two of start, end and period can be specified")
    start_ns, end_ns = _moment(query, "start"), _end(query)
    period, period_days = _period(query)
    days = period_days
    if start_ns is not None and end_ns is not None:
        days = -(-(end_ns - start_ns) // _DAY_NS)
    is_open = start_ns is None and end_ns is None
    if end_ns is None:
        end_ns = now_ns if start_ns is None else _shifted(start_ns, period, 1)
    end_ns = min(end_ns, now_ns)
    if start_ns is None:
        start_ns = _shifted(end_ns, period, -1)
    elif start_ns > end_ns:
        raise invalid(f"invalid start: {query['start']}; must be before the end and not ahead")
    reporting = choice(
        query, "intraday_reporting", ("market_hours", "extended_hours", "continuous")
    )
    if not query.get("intraday_reporting") and flag(query, "extended_hours"):
        reporting = "extended_hours"
    return Asked(
        start_ns=start_ns,
        end_ns=end_ns,
        timeframe=_timeframe(query, days),
        reporting=reporting,
        is_open=is_open,
    )


def windows_of(asked: Asked, now_ns: int) -> Iterator[Window]:
    """The points of a span, oldest first; none begins after its end or after now."""
    if asked.timeframe == DAY:
        return _days(asked, now_ns)
    return _intraday(asked, now_ns)


def _days(asked: Asked, now_ns: int) -> Iterator[Window]:
    """One a session, labelled with its close; the running one is told as of now."""
    last = calendar.new_york_date(asked.end_ns)
    for session in _sessions(calendar.new_york_date(asked.start_ns), last):
        if session.open_ns <= asked.end_ns:
            yield Window(session.close_ns, min(session.close_ns, now_ns))


def _intraday(asked: Asked, now_ns: int) -> Iterator[Window]:
    step_ns = _MINUTES[asked.timeframe] * _MINUTE_NS
    begins_at_open = asked.is_open and asked.reporting != "continuous"
    for first_ns, last_ns in _stretches(asked):
        start_ns = first_ns
        if asked.start_ns > first_ns and not begins_at_open:  # back to the nearest interval
            start_ns = asked.start_ns - (asked.start_ns - first_ns) % step_ns
        while start_ns < last_ns and start_ns <= asked.end_ns:
            end_ns = min(start_ns + step_ns, last_ns)
            yield Window(start_ns, min(end_ns, now_ns))
            start_ns += step_ns


def _stretches(asked: Asked) -> Iterator[tuple[int, int]]:
    """The stretches of time that are reported on: sessions, or everything at once."""
    if asked.reporting == "continuous":
        midnight = datetime.combine(calendar.new_york_date(asked.start_ns), time(), NEW_YORK)
        yield ns_of(midnight), asked.end_ns + 1
        return
    first = calendar.new_york_date(asked.start_ns)
    if asked.is_open:  # back to the first open that is met
        first = _session_before(first, asked)
    for session in _sessions(first, calendar.new_york_date(asked.end_ns)):
        if asked.reporting == "market_hours":
            yield session.open_ns, session.close_ns
        else:
            yield session.pre_ns, session.post_ns


def _session_before(day: date, asked: Asked) -> date:
    """The session in whose hours, or after whose opening, the span begins."""
    session = calendar.session_of(day)
    opening_ns = None
    if session is not None:
        is_market = asked.reporting == "market_hours"
        opening_ns = session.open_ns if is_market else session.pre_ns
    if opening_ns is not None and opening_ns <= asked.start_ns:
        return day
    return calendar.previous_session(day).date


def _sessions(first: date, last: date) -> Iterator[calendar.Session]:
    for day in calendar.session_dates():
        if day > last:
            return
        if day >= first:
            session = calendar.session_of(day)
            assert session is not None
            yield session


def _moment(query: dict[str, str], name: str) -> int | None:
    """RFC 3339, or the midnight in New York with which a date begins."""
    text = query.get(name)
    if not text:
        return None
    if "T" in text:
        maybe_day(query, name)  # only years that can be computed with
        return moment_ns(text, name)
    day = maybe_day(query, name)
    assert day is not None
    return ns_of(datetime.combine(day, time(), NEW_YORK))


def _end(query: dict[str, str]) -> int | None:
    """The span's end; `date_end` is its old name, and means the whole of that day."""
    day = maybe_day(query, "date_end")
    if day is None or query.get("end"):
        return _moment(query, "end")
    return ns_of(datetime.combine(day + timedelta(days=1), time(), NEW_YORK))


def _period(query: dict[str, str]) -> tuple[tuple[int, str], int]:
    """((number, unit), days that it counts as)."""
    text = query.get("period") or "1M"
    found = _PERIOD.fullmatch(text.upper())
    days = int(found[1]) * _UNIT_DAYS[found[2]] if found else 0
    if found is None or days > _YEARS_MAX * 365:
        hint = f"must be a number and D, W, M or A, at most {_YEARS_MAX} years"
        raise invalid(f"invalid period: {text}; {hint}")
    return (int(found[1]), found[2]), days


def _shifted(time_ns: int, period: tuple[int, str], sign: int) -> int:
    """A period later or earlier, at the same time of the day in New York."""
    number, unit = period
    moment = datetime_of(time_ns).astimezone(NEW_YORK)
    if unit in "DW":
        moved = moment + sign * timedelta(days=number * _UNIT_DAYS[unit])
    else:
        months = moment.year * 12 + moment.month - 1 + sign * number * (12 if unit == "A" else 1)
        year, month = months // 12, months % 12 + 1
        day = min(moment.day, monthrange(year, month)[1])
        moved = moment.replace(year=year, month=month, day=day)
    return ns_of(moved)


def _timeframe(query: dict[str, str], days: int) -> str:
    """The timeframe, by default the finest that so many days usually have."""
    text = query.get("timeframe")
    if not text:
        return "1Min" if days < MINUTE_DAYS_MAX else "15Min" if days < INTRADAY_DAYS_MAX else DAY
    names = {name.lower(): name for name in (*_MINUTES, DAY)}
    timeframe = names.get(text.lower())
    if timeframe is None:
        raise invalid(f"invalid timeframe: {text}; must be one of {', '.join(names.values())}")
    if timeframe != DAY and days > INTRADAY_DAYS_MAX:
        raise invalid(f"invalid timeframe: {text}; beyond {INTRADAY_DAYS_MAX} days only 1D")
    if timeframe == "1Min" and days > MINUTE_DAYS_MAX:
        raise invalid(f"invalid timeframe: 1Min is for at most {MINUTE_DAYS_MAX} days")
    return timeframe
