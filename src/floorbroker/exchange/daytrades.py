"""Day trades: a position in a stock opened and closed within one trade date, counted by session.

The rule for pattern day traders held until June 2026: with less than $25,000 of equity no more
than three within five sessions. Coins never had it.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.exchange.model import ZERO, Execution, VenueOrder
from floorbroker.exchange.reference.calendar import NEW_YORK, session_dates, trade_date

OFF, DATED, ON = "off", "dated", "on"
#: Who has as much, now and at the last close, may trade as often as he likes.
PATTERN_EQUITY = Decimal(25_000)
#: So many day trades within the sessions of the window make a pattern.
PATTERN = 4
_WINDOW = 5
#: When the trade date 2026-06-04 began, the first without the rule.
_RETIRED_NS = ns_of(datetime(2026, 6, 3, 20, tzinfo=NEW_YORK))


def is_in_force(switch: str, time_ns: int) -> bool:
    return switch == ON or (switch == DATED and time_ns < _RETIRED_NS)


class DayTrades(Struct, kw_only=True, omit_defaults=True):
    """What an account must remember of its fills: today's openings, and a count for each session.

    Several exits from one opening are one day trade; what is bought after an exit is another
    opening. A fill that is busted or corrected later stays counted as it was.
    """

    day: date = date.min  #: The trade date that `opened` is about.
    opened: dict[str, bool] = {}  #: Symbols opened or added to, and whether an exit was counted.
    counts: dict[date, int] = {}  #: Of the last sessions, none where there were none.

    def book(self, fill: Execution) -> None:
        """Count a fill of a stock."""
        self._turn_to(trade_date(fill.time_ns))
        after = fill.position_qty
        before = after - (fill.qty if fill.side == "buy" else -fill.qty)
        if before and (after - before) * before < ZERO:
            if self.opened.get(fill.symbol) is False:
                self.opened[fill.symbol] = True
                self.counts[self.day] = self.counts.get(self.day, 0) + 1
        else:
            self.opened[fill.symbol] = False

    def count(self, time_ns: int) -> int:
        """Day trades in the window that ends with the session of that instant."""
        since = _window_start(trade_date(time_ns))
        return sum(count for day, count in self.counts.items() if day >= since)

    def count_with(self, order: VenueOrder, standing: Iterable[VenueOrder], time_ns: int) -> int:
        """What the count may come to if the order and those that stand are filled today.

        Zero for an order that takes no part in another day trade, whatever else stands.
        """
        opened = self.opened if self.day == trade_date(time_ns) else {}
        entered = {symbol for symbol, is_counted in opened.items() if not is_counted}
        left: set[str] = set()
        for each in (order, *standing):
            if each.asset_class == "crypto":
                continue
            is_exit = _is_exit(each)
            if not is_exit:
                entered.add(each.symbol)
            if is_exit or each.leg_ids:
                left.add(each.symbol)
        coming = entered & left
        return self.count(time_ns) + len(coming) if order.symbol in coming else 0

    def _turn_to(self, day: date) -> None:
        if day == self.day:
            return
        self.day, self.opened = day, {}
        since = _window_start(day)
        self.counts = {each: count for each, count in self.counts.items() if each >= since}


def _is_exit(order: VenueOrder) -> bool:
    return order.parent_id is not None or order.position_intent.endswith("_to_close")


def _window_start(day: date) -> date:
    """The first of the sessions of which that day, or the next session, is the last."""
    sessions = session_dates()
    return sessions[max(bisect_left(sessions, day) - _WINDOW + 1, 0)]
