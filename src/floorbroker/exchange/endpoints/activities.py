"""What moved an account's cash and positions: its fills, and what is no trade, such as fees."""

from bisect import bisect_left, bisect_right
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from floorbroker.clock import ns_of
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.floor.blotter import Identifiers
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Entry, Execution
from floorbroker.exchange.wire.entries import entry_id, entry_view
from floorbroker.exchange.wire.orders import activity_id, fill_activity
from floorbroker.exchange.wire.words import (
    NEW_YORK,
    choice,
    encode,
    invalid,
    maybe_day,
    maybe_moment,
    new_york_digits,
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
#: An activity beside the identifier by which it is sorted and paged.
Row = tuple[str, Execution | Entry]


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
        rows: list[Row] = []
        if "FILL" in wanted:
            rows += self._fills(account, query, order_id)
        if not order_id and (entries := _entries(account, query, wanted)):
            rows += entries
            rows.sort(key=_place)
        return Answer(body=encode([_view(row) for row in _page(rows, query)]))

    def _fills(self, account: VenueAccount, query: dict[str, str], order_id: str) -> list[Row]:
        """Executions within the query's bounds, oldest first.

        Where a page continues another, only what can be on it: an account may have many.
        """
        tells_all = self._server.setup.rules.lists_busts
        executions = self._server.venue.executions
        places = account.executions
        first, last = _bounds(query)
        low = bisect_right(places, first, key=lambda place: executions[place].time_ns)
        high = bisect_left(places, last, key=lambda place: executions[place].time_ns)
        if token := query.get("page_token"):
            prefix = token.partition("::")[0]

            def prefix_of(place: int) -> str:
                return new_york_digits(executions[place].time_ns)

            if query.get("direction") == "asc":
                low = max(low, bisect_left(places, prefix, key=prefix_of))
            else:
                high = min(high, bisect_right(places, prefix, key=prefix_of))
        return [
            (activity_id(fill), fill)
            for fill in (executions[place] for place in places[low:high])
            if (tells_all or fill.is_fill) and (not order_id or fill.order_id == order_id)
        ]


def _place(row: Row) -> tuple[str, int]:
    """Where a row stands: by its millisecond, and within it as things came about."""
    digits, _, identifier = row[0].partition("::")
    return digits, Identifiers.number_of(identifier)


def _view(activity: Execution | Entry) -> object:
    return fill_activity(activity) if isinstance(activity, Execution) else entry_view(activity)


def _entries(account: VenueAccount, query: dict[str, str], wanted: frozenset[str]) -> list[Row]:
    """What was no trade within the query's bounds, oldest first."""
    first, last = _bounds(query)
    return [
        (entry_id(entry), entry)
        for entry in account.entries
        if entry.kind in wanted and first < entry.time_ns < last
    ]


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


def _page(rows: list[Row], query: dict[str, str]) -> list[Any]:
    """One page; it begins after the row that `page_token` names."""
    size = whole(query, "page_size", _PAGE_MAX, _PAGE_MAX)
    if choice(query, "direction", ("desc", "asc")) == "desc":
        rows.reverse()
    start = 0
    if token := query.get("page_token"):
        places = [place for place, (name, _) in enumerate(rows) if name == token]
        if not places:
            raise invalid(f"invalid page_token: {token}; must be the id of an activity")
        start = places[0] + 1
    return [row for _, row in rows[start : start + size]]
