"""The table of sessions."""

import warnings
from datetime import UTC, date, datetime, timedelta

import pytest

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.exchange.reference.calendar import (
    CLOSED,
    NIGHT,
    POST,
    PRE,
    REGULAR,
    next_session,
    phase_at,
    previous_session,
    session_at,
    session_dates,
    session_of,
)


def at(text: str) -> int:
    return ns_of(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_every_session_is_the_one_that_exchange_calendars_knows() -> None:
    with warnings.catch_warnings():
        # The package, not the table, uses what pandas will drop.
        warnings.filterwarnings("ignore", message="Series.values returning an ndarray")
        import exchange_calendars

        dates = session_dates()
        theirs = exchange_calendars.get_calendar("XNYS", start=dates[0], end="2035-12-31")
        opens = theirs.opens
        closes = theirs.closes
        rows = [
            (day.date(), int(opens[day].timestamp()), int(closes[day].timestamp()))
            for day in theirs.sessions
        ]
    ours = []
    for day in dates:
        session = session_of(day)
        assert session is not None
        ours.append((day, session.open_ns // NS_PER_S, session.close_ns // NS_PER_S))
    assert ours == rows
    assert (dates[0].year, dates[-1].year) == (2000, 2035)


@pytest.mark.parametrize(
    ("when", "phase"),
    [
        ("2026-10-08T07:59:59", NIGHT),
        ("2026-10-08T08:00:00", PRE),
        ("2026-10-08T13:30:00", REGULAR),
        ("2026-10-08T19:59:59", REGULAR),
        ("2026-10-08T20:00:00", POST),
        ("2026-10-09T00:00:00", NIGHT),
        ("2026-11-02T14:29:59", PRE),  # the clocks have gone back: an hour later in UTC
        ("2026-11-02T14:30:00", REGULAR),
        ("2026-11-27T18:00:00", POST),  # closes at 13:00 after Thanksgiving
        ("2026-11-27T22:00:00", CLOSED),
        ("2026-12-25T16:00:00", CLOSED),
        ("2026-10-10T16:00:00", CLOSED),
        ("2026-10-10T00:00:00", CLOSED),  # Friday evening
        ("2026-10-11T23:59:59", CLOSED),  # Sunday, a second before 20:00
        ("2026-10-12T00:00:00", NIGHT),
        ("2026-11-26T01:00:00", CLOSED),  # the eve of Thanksgiving
        ("2026-11-27T01:00:00", NIGHT),  # Thanksgiving's own evening is the half day's night
        ("2026-11-28T00:59:59", CLOSED),  # the half day is over, and it is Friday
    ],
)
def test_phase_follows_new_york_time(when: str, phase: str) -> None:
    assert phase_at(at(when)) == phase


def test_sessions_follow_each_other_over_holidays() -> None:
    thanksgiving = date(2026, 11, 26)
    assert session_of(thanksgiving) is None
    assert next_session(thanksgiving).date == date(2026, 11, 27)
    assert previous_session(thanksgiving).date == date(2026, 11, 25)
    assert next_session(date(2026, 12, 31)).date == date(2027, 1, 4)


def test_the_session_ahead_is_found_at_any_instant() -> None:
    session = session_of(date(2026, 10, 8))
    assert session is not None
    assert session_at(session.post_ns - 1) == session
    assert session_at(session.post_ns) == next_session(session.date)
    assert session_at(session.pre_ns - 1) == session


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2036, 1, 1)])
def test_a_date_outside_the_table_is_refused(day: date) -> None:
    with pytest.raises(ValueError, match="outside the table of sessions, 2000-01-01 to 2035"):
        session_of(day)
    with pytest.raises(ValueError, match="no session after 2035-12-31"):
        next_session(date(2035, 12, 31))
    with pytest.raises(ValueError, match="no session before"):
        previous_session(date(2000, 1, 1) + timedelta(days=1))
