"""The hours of the floor: which phase it is, and what comes due when."""

import heapq
from datetime import datetime, time, timedelta

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.reference.calendar import (
    CLOSED,
    NEW_YORK,
    NIGHT,
    POST,
    PRE,
    REGULAR,
    Session,
    new_york_date,
    next_session,
    session_at,
    session_of,
)
from floorbroker.exchange.rules import unprocessable

#: What happens in a session, in order.
NIGHT_OPEN, PRE_OPEN, OPEN = "night_open", "pre_open", "open"
OPENING_DONE, CLOSE, CLOSING_DONE = "opening_done", "close", "closing_done"
POST_CLOSE = "post_close"

#: Later than any time of a market.
NEVER_NS = 1 << 80
GTC_DAYS = 90
_GTC_END = time(16, 15)
_OPG_CUTOFF_NS = 2 * 60 * NS_PER_S
_CLS_CUTOFF_NS = 10 * 60 * NS_PER_S
_EVENING = time(19)


class Hours:
    """The session that is running or comes next, and the bells still to ring in it.

    Without `has_night` the market is closed from 20:00 to 04:00.
    """

    def __init__(self, now_ns: int, auction_wait_s: int, *, has_night: bool = True) -> None:
        self._wait_ns = auction_wait_s * NS_PER_S
        self._has_night = has_night
        self.session = session_at(now_ns)
        self._bells = self._bells_after(self.session, now_ns)
        self._gtc: tuple[int, int] = (0, 0)  # until when orders get this expiry, and the expiry
        self.next_ns = self._bells[-1][0]  #: When the next bell rings.

    def ahead(self) -> list[tuple[int, str]]:
        """The bells that are still to ring in this session, the next one first."""
        return self._bells[::-1]

    def ring(self) -> str:
        """Take the next bell; after the last one of a day the next session is ahead."""
        bell = self._bells.pop()[1]
        if not self._bells:
            self.session = next_session(self.session.date)
            self._bells = self._bells_after(self.session, self.session.night_ns - 1)
        self.next_ns = self._bells[-1][0]
        return bell

    def phase_at(self, time_ns: int) -> str:
        phase = self.session.phase_at(time_ns)
        return CLOSED if phase == NIGHT and not self._has_night else phase

    def expiry_of(self, order: VenueOrder, now_ns: int) -> int | None:
        """When the order ends by itself, if it is placed now."""
        if order.time_in_force == "gtc":
            return self.gtc_end_ns(now_ns)
        if order.asset_class == "crypto":
            return None
        session = self.session
        if order.extended_hours:
            return session.post_ns
        if now_ns >= session.close_ns:
            session = next_session(session.date)
        return session.close_ns

    def gtc_end_ns(self, now_ns: int) -> int:
        """When an order that is good until canceled ends by itself, if it is placed now."""
        if now_ns >= self._gtc[0]:
            self._gtc = _gtc_expiry(now_ns)
        return self._gtc[1]

    def check(self, order: VenueOrder, now_ns: int) -> None:
        """Raises VenueError for an auction's order, if that takes nothing more at this hour."""
        tif = order.time_in_force
        if not self.takes(tif, now_ns):
            window = "between 9:28am" if tif == "opg" else "between 3:50pm"
            raise unprocessable(f"{tif} orders cannot be submitted {window} and 7:00pm ET")

    def takes(self, time_in_force: str, now_ns: int) -> bool:
        """Whether an order for an auction may be sent now: not shortly before, nor until 19:00."""
        day = new_york_date(now_ns)
        session = session_of(day)
        if session is None:
            return True
        if time_in_force == "opg":
            closed_from_ns = session.open_ns - _OPG_CUTOFF_NS
        else:
            closed_from_ns = session.close_ns - _CLS_CUTOFF_NS
        return not closed_from_ns <= now_ns < ns_of(datetime.combine(day, _EVENING, NEW_YORK))

    def _bells_after(self, session: Session, now_ns: int) -> list[tuple[int, str]]:
        """Latest first, so that the next one is taken from the end."""
        bells = [
            *([(session.night_ns, NIGHT_OPEN)] if self._has_night else []),
            (session.pre_ns, PRE_OPEN),
            (session.open_ns, OPEN),
            (session.open_ns + self._wait_ns, OPENING_DONE),
            (session.close_ns, CLOSE),
            (session.close_ns + self._wait_ns, CLOSING_DONE),
            (session.post_ns, POST_CLOSE),
        ]
        return [bell for bell in reversed(bells) if bell[0] > now_ns]


class Timers:
    """What comes due at a set time: (time, arrival, kind, order id)."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, str]] = []
        self._arrivals = 0
        self.next_ns = NEVER_NS  #: When the earliest comes due.

    def add(self, due_ns: int, kind: str, order_id: str) -> None:
        self._arrivals += 1
        heapq.heappush(self._heap, (due_ns, self._arrivals, kind, order_id))
        self.next_ns = self._heap[0][0]

    def pop(self) -> tuple[int, str, str]:
        """(time, kind, order id) of the earliest."""
        due_ns, _, kind, order_id = heapq.heappop(self._heap)
        self.next_ns = self._heap[0][0] if self._heap else NEVER_NS
        return due_ns, kind, order_id


def _gtc_expiry(now_ns: int) -> tuple[int, int]:
    """The end of this day in New York, and 16:15 there on the ninetieth day after it."""
    day = new_york_date(now_ns)
    midnight = datetime.combine(day + timedelta(days=1), time(), NEW_YORK)
    end = datetime.combine(day + timedelta(days=GTC_DAYS), _GTC_END, NEW_YORK)
    return ns_of(midnight), ns_of(end)


def is_live_in(phase: str, order: VenueOrder) -> bool:
    """Whether an order is at work in a phase of the day, or held until its own.

    The night has rules of its own.
    """
    if order.asset_class == "crypto" or phase == REGULAR:
        return True
    return order.extended_hours and phase in (PRE, POST)
