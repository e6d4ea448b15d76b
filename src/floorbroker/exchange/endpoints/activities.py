"""What moved an account's cash and positions: its fills, and what is no trade, such as fees."""

import heapq
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import dropwhile, islice
from uuid import UUID

from msgspec import Struct

from floorbroker.clock import ns_of
from floorbroker.exchange.accounts import FeeCharge, VenueAccount
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import Execution, VenueError
from floorbroker.exchange.records.archive import number_of
from floorbroker.exchange.wire.orders import activity_id, fill_activity
from floorbroker.exchange.wire.words import (
    NEW_YORK,
    choice,
    encode,
    invalid,
    maybe_day,
    maybe_moment,
    new_york_digits,
    number,
    whole,
    wire_time,
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
_NS_PER_MS = 1_000_000
Activity = Execution | FeeCharge


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
        """One page of the types asked for. Fees are the only activities that are no trades."""
        query = request.query()
        wanted = _wanted_types(request, query)
        order_id = _order_id(query)
        account = self._server.venue.account(request.account)
        page = _page_of(query)
        fees: list[FeeCharge] = []
        if "FEE" in wanted and not order_id:
            fees = [fee for fee in account.fees if page.after_ns < fee.time_ns < page.until_ns]
        fills = self._fills(account, page, order_id) if "FILL" in wanted else iter(())
        return Answer(body=encode([_view(each) for each in _on_page(page, fills, fees)]))

    def _fills(self, account: VenueAccount, page: "Page", order_id: str) -> Iterator[Execution]:
        """Executions within the bounds, in the page's direction and from about its beginning.

        Read as they are wanted, because an account may have many. A bust is no fill and is not
        listed.
        """
        numbers = self._numbers(account, page, order_id)
        executions = self._server.venue.executions
        for fill in executions.of(account.key_id, *numbers, is_ascending=page.is_ascending):
            if fill.previous_execution_id is None and (not order_id or fill.order_id == order_id):
                yield fill

    def _numbers(self, account: VenueAccount, page: "Page", order_id: str) -> tuple[int, int]:
        """Between which numbers the page's executions are."""
        executions, key_id = self._server.venue.executions, account.key_id
        first = executions.first_at(key_id, page.after_ns + 1)
        last = executions.first_at(key_id, page.until_ns) - 1
        if order_id:
            order = self._server.venue.orders.get(order_id)
            if order is None:
                return 0, -1
            first = max(first, number_of(order_id))
            last = min(last, executions.first_at(key_id, order.updated_ns + 1) - 1)
        if page.token:
            known = executions.find(page.token.partition("::")[2])
            if known is not None:
                low = high = number_of(known.execution_id)
            else:
                begin_ns = _fee_ns(account, page.token)
                low = executions.first_at(key_id, begin_ns)
                high = executions.first_at(key_id, begin_ns + _NS_PER_MS) - 1
            first, last = (
                (max(first, low), last) if page.is_ascending else (first, min(last, high))
            )
        return first, last


class Page(Struct, frozen=True, kw_only=True):
    """What of the activities is asked for; the bounds are exclusive."""

    after_ns: int
    until_ns: int
    size: int
    is_ascending: bool
    token: str  #: Of the activity that the page comes after; empty for the first page.


def fee_view(fee: FeeCharge) -> dict[str, object]:
    """A fee's row: what left the cash is negative."""
    return {
        "id": _fee_id(fee),
        "activity_type": "FEE",
        "activity_sub_type": fee.kind,
        "date": fee.date,
        "created_at": wire_time(fee.time_ns),
        "net_amount": number(-fee.amount),
        "description": fee.description,
        "currency": "USD",
        "status": "executed",
    }


def _view(activity: Activity) -> object:
    return fill_activity(activity) if isinstance(activity, Execution) else fee_view(activity)


def _name(activity: Activity) -> str:
    """The identifier by which a page is continued."""
    return activity_id(activity) if isinstance(activity, Execution) else _fee_id(activity)


def _fee_id(fee: FeeCharge) -> str:
    return f"{new_york_digits(fee.time_ns)}::{fee.id}"


def _fee_ns(account: VenueAccount, token: str) -> int:
    """The beginning of the millisecond in which the fee of that token was charged.

    Raises VenueError 422 if there is no such fee.
    """
    for fee in account.fees:
        if _fee_id(fee) == token:
            return fee.time_ns - fee.time_ns % _NS_PER_MS
    raise _wrong_token(token)


def _wrong_token(token: str) -> VenueError:
    return invalid(f"invalid page_token: {token}; must be the id of an activity")


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


def _page_of(query: dict[str, str]) -> Page:
    after_ns, until_ns = _bounds(query)
    return Page(
        after_ns=after_ns,
        until_ns=until_ns,
        size=whole(query, "page_size", _PAGE_MAX, _PAGE_MAX),
        is_ascending=choice(query, "direction", ("desc", "asc")) == "asc",
        token=query.get("page_token", ""),
    )


def _on_page(page: Page, fills: Iterator[Execution], fees: list[FeeCharge]) -> Iterator[Activity]:
    """One page; of one millisecond the fills come before the fees."""
    rows: Iterator[Activity]
    if page.is_ascending:
        rows = heapq.merge(fills, fees, key=_millisecond)
    else:
        rows = heapq.merge(reversed(fees), fills, key=_millisecond, reverse=True)
    if page.token:
        rows = dropwhile(lambda each: _name(each) != page.token, rows)
        if next(rows, None) is None:
            raise _wrong_token(page.token)
    return islice(rows, page.size)


def _millisecond(activity: Activity) -> int:
    return activity.time_ns // _NS_PER_MS
