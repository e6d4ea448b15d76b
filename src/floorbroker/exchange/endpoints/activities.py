"""What moved an account's cash and positions: its fills, and what is no trade, such as fees."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from uuid import UUID

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Entry, Execution
from floorbroker.exchange.records.boxes import LAST_NUMBER, number_of
from floorbroker.exchange.wire.entries import entry_id, entry_view
from floorbroker.exchange.wire.orders import activity_id, fill_activity
from floorbroker.exchange.wire.words import (
    NEW_YORK,
    choice,
    encode,
    invalid,
    maybe_day,
    maybe_moment,
    whole,
)

#: Every type that the specification or the official client knows.
_TYPE_WORDS = """
FILL ACATC ACATS CFEE CGD CIL CSD CSW DIV DIVCGL DIVCGS DIVFEE DIVFT DIVNRA DIVROC DIVTW DIVTXEX
DIVWH EXTRD FEE FOPT FXTRD INT INTNRA INTPNL INTTW JNL JNLC JNLS MA MEM NC OCT OPASN OPCA OPCSH
OPEXC OPEXP OPTRD PTC PTR REO REORG SPIN SPLIT SWP VOF WH
"""
TYPES = frozenset(_TYPE_WORDS.split())
_TRADES = frozenset({"FILL"})
_CASH = frozenset({"CSD", "CSW"})
#: Words that stand for several types.
_GROUPS = {
    "TRANS": _CASH,
    "MISC": TYPES - _TRADES - _CASH - {name for name in TYPES if name.startswith("DIV")},
}
_PAGE_MAX = 100
Activity = Execution | Entry


class Activities:
    """The handlers of /v2/account/activities."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/account/activities", self.activities),
            Route("GET", "/v2/account/activities/{}", self.activities),
        ]

    def activities(self, request: Request) -> Answer:
        """One page of the types asked for."""
        query = request.query()
        wanted = _wanted_types(request, query)
        order_id = _order_id(query)
        account = self._server.venue.account(request.account)
        page = self._page_of(account, query)
        fills = self._fills(account, page, order_id) if "FILL" in wanted else iter(())
        entries = [] if order_id else [each for each in account.entries if each.kind in wanted]
        rows = _on_page(page, fills, entries)
        return Answer(body=encode([_view(each) for each in rows]))

    def _page_of(self, account: VenueAccount, query: dict[str, str]) -> "Page":
        after_ns, until_ns = _bounds(query)
        is_ascending = choice(query, "direction", ("desc", "asc")) == "asc"
        first, last = 0, LAST_NUMBER
        if token := query.get("page_token", ""):
            told = self._number_told(account, token)
            first, last = (told + 1, last) if is_ascending else (first, told - 1)
        return Page(
            after_ns=after_ns,
            until_ns=until_ns,
            day="" if (day := maybe_day(query, "date")) is None else day.isoformat(),
            first=first,
            last=last,
            size=whole(query, "page_size", _PAGE_MAX, _PAGE_MAX),
            is_ascending=is_ascending,
        )

    def _number_told(self, account: VenueAccount, token: str) -> int:
        """The number of the activity that a token names; raises VenueError 422 without one."""
        known: Activity | None
        known = self._server.venue.executions.find(token.partition("::")[2])
        if known is None or known.account != account.key_id:
            known = next((each for each in account.entries if entry_id(each) == token), None)
        if known is None or _name(known) != token:
            raise invalid(f"invalid page_token: {token}; must be the id of an activity")
        return _number(known)

    def _fills(self, account: VenueAccount, page: "Page", order_id: str) -> Iterator[Activity]:
        """Executions on the page or after it, in its direction.

        Read as they are wanted, because an account may have many.
        """
        venue, key_id = self._server.venue, account.key_id
        tells_all = self._server.setup.rules.lists_busts
        executions = venue.executions
        first = max(page.first, executions.first_at(key_id, page.after_ns + 1))
        last = min(page.last, executions.first_at(key_id, page.until_ns) - 1)
        if order_id:
            order = venue.orders.get(order_id)
            if order is None:
                return
            first = max(first, number_of(order_id))
            last = min(last, executions.first_at(key_id, order.updated_ns + 1) - 1)
        for fill in executions.of(key_id, first, last, is_ascending=page.is_ascending):
            if (tells_all or fill.is_fill) and (not order_id or fill.order_id == order_id):
                yield fill


class Page(Struct, frozen=True, kw_only=True):
    """What of the activities is asked for: times within exclusive bounds, and numbers."""

    after_ns: int
    until_ns: int
    day: str  #: Of what is no trade, which has a day of its own; empty for any.
    first: int
    last: int
    size: int
    is_ascending: bool

    def has(self, entry: Entry) -> bool:
        """Whether it is of that day, or of that time."""
        if self.day:
            return entry.date == self.day
        return self.after_ns < entry.time_ns < self.until_ns


def _number(activity: Activity) -> int:
    """By which they are sorted: whatever came about later has a higher one."""
    if isinstance(activity, Execution):
        return number_of(activity.execution_id)
    return number_of(activity.id)


def _name(activity: Activity) -> str:
    """The identifier by which a page is continued."""
    return activity_id(activity) if isinstance(activity, Execution) else entry_id(activity)


def _view(activity: Activity) -> object:
    return fill_activity(activity) if isinstance(activity, Execution) else entry_view(activity)


def _wanted_types(request: Request, query: dict[str, str]) -> frozenset[str]:
    """The activity types asked for; raises VenueError 422 for one that does not exist."""
    names = request.args[0] if request.args else query.get("activity_types", "")
    category = choice(query, "category", ("", "trade_activity", "non_trade_activity"))
    if not names:
        chosen = {"trade_activity": _TRADES, "non_trade_activity": TYPES - _TRADES}
        return chosen.get(category, TYPES)
    if category:
        raise invalid("only one of category and activity_types is accepted")
    wanted = {name.strip() for name in names.upper().split(",")}
    if unknown := wanted - TYPES - set(_GROUPS):
        raise invalid(f"invalid activity type: {min(unknown)}")
    groups = (_GROUPS.get(name, frozenset({name})) for name in wanted)
    return frozenset().union(*groups)


def _order_id(query: dict[str, str]) -> str:
    text = query.get("order_id", "")
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise invalid(f"invalid order_id: {text}; must be the id of an order") from None


def _bounds(query: dict[str, str]) -> tuple[int, int]:
    """Exclusive bounds in nanoseconds of the query's `date`, `after` and `until`."""
    day = maybe_day(query, "date")
    if day is not None:
        start_ns = ns_of(datetime.combine(day, time(), NEW_YORK))
        midnight = datetime.combine(day, time(), NEW_YORK) + timedelta(days=1)
        return start_ns - 1, ns_of(midnight)
    after, until = maybe_moment(query, "after"), maybe_moment(query, "until")
    return -1 if after is None else after, 1 << 63 if until is None else until


def _on_page(
    page: Page, fills: Iterator[Activity], entries: Iterable[Entry]
) -> Iterator[Activity]:
    """One page, in the order in which things came about, or the other way round."""
    others: list[Activity] = [
        each for each in entries if page.has(each) and page.first <= _number(each) <= page.last
    ]
    others.sort(key=_number, reverse=not page.is_ascending)
    rows = heapq.merge(fills, others, key=_number, reverse=not page.is_ascending)
    return islice(rows, page.size)
