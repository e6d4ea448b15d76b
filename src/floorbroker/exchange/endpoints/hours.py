"""When markets are open: the clock and the calendar, of US equities and of each market."""

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from functools import cache

from msgspec import Struct

from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.reference import calendar
from floorbroker.exchange.wire.words import (
    encode,
    maybe_day,
    maybe_moment,
    new_york_time,
    wire_time,
)

_WEEK = timedelta(days=7)
_DATE_TYPES = ("", "TRADING", "SETTLEMENT")


class Market(Struct, frozen=True, kw_only=True):
    """A market of New York's sessions, as the wire names it.

    Its days have a pre- and a post-market, only the core ("core"), or are nights that begin on
    the evening before ("overnight").
    """

    acronym: str
    name: str
    mic: str | None = None
    timezone: str = "America/New_York"
    kind: str = "extended"


_NYSE = Market(acronym="NYSE", name="New York Stock Exchange", mic="XNYS")
_NASDAQ = Market(
    acronym="NASDAQ",
    name="National Association of Securities Dealers Automated Quotations",
    mic="XNAS",
)
_IEX = Market(acronym="IEX", name="Investors Exchange", mic="IEXG")
_OTC = Market(acronym="OTC", name="Over-The-Counter", mic="OTCM", kind="core")
_OPRA = Market(acronym="OPRA", name="Options Price Reporting Authority", kind="core")
_BOATS = Market(
    acronym="BOATS", name="Blue Ocean Alternative Trading System", mic="OCEA", kind="overnight"
)
MARKETS = {
    code: market
    for market in (_NYSE, _NASDAQ, _IEX, _OTC, _OPRA, _BOATS)
    for code in (market.acronym, market.mic)
    if code is not None
}


class Day(Struct, frozen=True, kw_only=True):
    """One day of a market: pre-market, core and post-market; those without length are not held."""

    date: date
    pre_ns: int
    core_ns: int
    post_ns: int
    end_ns: int


class Hours:
    """The handlers of /v2/clock, /v2/calendar, /v3/clock and /v3/calendar."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/clock", self.clock),
            Route("GET", "/v2/calendar", self.calendar),
            Route("GET", "/v3/clock", self.clocks),
            Route("GET", "/v3/calendar/{}", self.market_calendar),
        ]

    def clock(self, request: Request) -> Answer:
        now_ns = self._server.now_ns
        session = calendar.session_at(now_ns)
        if now_ns >= session.close_ns:
            session = calendar.next_session(session.date)
        is_open = session.open_ns <= now_ns
        following = calendar.next_session(session.date) if is_open else session
        return Answer(
            body=encode(
                {
                    "timestamp": new_york_time(now_ns, has_fraction=True),
                    "is_open": is_open,
                    "next_open": new_york_time(following.open_ns),
                    "next_close": new_york_time(session.close_ns),
                }
            )
        )

    def calendar(self, request: Request) -> Answer:
        """The sessions whose date, or date of settlement, lies within the bounds."""
        query = request.query()
        date_type = query.get("date_type", "").upper()
        if date_type not in _DATE_TYPES:
            raise _bad(f"invalid date_type: {date_type}; must be one of TRADING, SETTLEMENT")
        start, end = _bound(query, "start") or date.min, _bound(query, "end") or date.max
        dates = calendar.session_dates()
        if date_type == "SETTLEMENT":
            within = [day for day in dates if start <= calendar.settlement_of(day) <= end]
        else:
            within = dates[bisect_left(dates, start) : bisect_right(dates, end)]
        return Answer(body=encode([_calendar_view(day) for day in within]))

    def clocks(self, request: Request) -> Answer:
        """The clock of each market asked for, or of all."""
        query = request.query()
        codes = [code for code in query.get("markets", "").upper().split(",") if code]
        markets = [_market(code) for code in codes] or list(dict.fromkeys(MARKETS.values()))
        try:
            time_ns = maybe_moment(query, "time")
            now_ns = self._server.now_ns if time_ns is None else time_ns
            views = [_clock_view(market, now_ns) for market in markets]
        except VenueError as refusal:
            raise _bad(refusal.message) from None
        except (ValueError, OverflowError) as problem:
            raise _bad(f"invalid time: {query.get('time')}; {problem}") from None
        return Answer(body=encode({"clocks": views}))

    def market_calendar(self, request: Request) -> Answer:
        """The days of one market, by default the coming week's."""
        query = request.query()
        market = _market(request.args[0].upper())
        zone = query.get("timezone") or market.timezone
        if zone not in ("UTC", market.timezone):
            raise _bad(f"invalid timezone: {zone}; must be UTC, or left out")
        start = _bound(query, "start") or calendar.new_york_date(self._server.now_ns)
        end = _bound(query, "end") or start + min(_WEEK, date.max - start)
        if end < start:
            raise _bad(f"invalid end: {end}; must not be before start, {start}")
        dates = calendar.session_dates()
        days = dates[bisect_left(dates, start) : bisect_right(dates, end)]
        views = [_day_view(day_of(market, day), is_utc=zone == "UTC") for day in days]
        return Answer(body=encode({"market": _market_view(market), "calendar": views}))


def day_of(market: Market, session_date: date) -> Day:
    """The hours of one of the market's days; it must be a day with a session."""
    session = calendar.session_of(session_date)
    assert session is not None, f"{session_date} has no session"
    if market.kind == "overnight":
        return Day(
            date=session_date,
            pre_ns=session.night_ns,
            core_ns=session.night_ns,
            post_ns=session.pre_ns,
            end_ns=session.pre_ns,
        )
    has_extended = market.kind == "extended"
    return Day(
        date=session_date,
        pre_ns=session.pre_ns if has_extended else session.open_ns,
        core_ns=session.open_ns,
        post_ns=session.close_ns,
        end_ns=session.post_ns if has_extended else session.close_ns,
    )


def _clock_view(market: Market, now_ns: int) -> dict[str, object]:
    here = day_of(market, calendar.session_at(now_ns).date)
    if now_ns >= here.end_ns:
        here = day_of(market, calendar.next_session(here.date).date)
    following = day_of(market, calendar.next_session(here.date).date)
    phase, until_ns = _phase(here, now_ns)
    next_open = here if now_ns < here.core_ns else following
    next_close = here if now_ns < here.post_ns else following
    today = calendar.session_of(calendar.new_york_date(now_ns))
    return {
        "market": _market_view(market),
        "timestamp": new_york_time(now_ns, has_fraction=True),
        # Sunday evening is no day of any session, but a night is under way.
        "is_market_day": today is not None or phase == "core",
        "phase": phase,
        "phase_until": new_york_time(until_ns),
        "next_market_open": new_york_time(next_open.core_ns),
        "next_market_close": new_york_time(next_close.post_ns),
    }


def _phase(day: Day, now_ns: int) -> tuple[str, int]:
    """The phase, and when it ends, at a time before the end of `day` and after the one before."""
    bounds = (
        ("closed", day.pre_ns),
        ("pre", day.core_ns),
        ("core", day.post_ns),
        ("post", day.end_ns),
    )
    return next((phase, until_ns) for phase, until_ns in bounds if now_ns < until_ns)


def _day_view(day: Day, *, is_utc: bool) -> dict[str, str]:
    tell = wire_time if is_utc else new_york_time
    view = {
        "date": day.date.isoformat(),
        "core_start": tell(day.core_ns),
        "core_end": tell(day.post_ns),
    }
    if day.pre_ns < day.core_ns:
        view |= {"pre_start": tell(day.pre_ns), "pre_end": tell(day.core_ns)}
    if day.post_ns < day.end_ns:
        view |= {"post_start": tell(day.post_ns), "post_end": tell(day.end_ns)}
    view["settlement_date"] = calendar.settlement_of(day.date).isoformat()
    return view


def _market_view(market: Market) -> dict[str, str]:
    view = {"acronym": market.acronym, "name": market.name, "timezone": market.timezone}
    return view if market.mic is None else {**view, "mic": market.mic}


def _market(code: str) -> Market:
    market = MARKETS.get(code)
    if market is None:
        raise _bad(f"invalid market: {code}; this exchange knows {', '.join(sorted(MARKETS))}")
    return market


def _bound(query: dict[str, str], name: str) -> date | None:
    try:
        return maybe_day(query, name)
    except VenueError as refusal:
        raise _bad(refusal.message) from None


def _bad(text: str) -> VenueError:
    """The calendars answer wrong parameters with 400, not 422."""
    return VenueError(400, 40010001, text)


@cache
def _calendar_view(day: date) -> dict[str, str]:
    session = calendar.session_of(day)
    assert session is not None
    return {
        "date": day.isoformat(),
        "open": "09:30",
        "close": "13:00" if session.is_early else "16:00",
        "session_open": "0400",
        "session_close": "1700" if session.is_early else "2000",
        "settlement_date": calendar.settlement_of(day).isoformat(),
    }
