"""Pages of a history: so many rows in all, symbol by symbol, and a token for where to go on."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from floorbroker.domain.quotes import Bar
from floorbroker.exchange.data.query import Query, Span, is_descending, limit_of, refused
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.wire.market import bar_view
from floorbroker.exchange.wire.words import moment_ns, wire_time

#: The rows of one symbol in order of time, each with its time. A bar is one; it is written as
#: its view if it comes on the page.
Rows = Sequence[tuple[int, Any]]


class Place(Struct, frozen=True, order=True):
    """A row: whose it is, when it was, and how many rows of that instant came before it.

    Rows that are added later come after those of their instant, so the place of a row stays.
    """

    symbol: str
    time_ns: int
    nth: int

    def token(self) -> str:
        text = f"{self.symbol}|{wire_time(self.time_ns)}|{self.nth}"
        return base64.urlsafe_b64encode(text.encode()).decode()


def place_of(token: str | None) -> Place | None:
    """The row that a token names, None for no token; raises VenueError."""
    if not token:
        return None
    try:
        symbol, moment, nth = base64.urlsafe_b64decode(token).decode().split("|")
        return Place(symbol, moment_ns(moment, "page_token"), int(nth))
    except (binascii.Error, ValueError, VenueError):
        raise refused(f"invalid page_token: {token}") from None


def narrowed(query: Query, symbol: str, span: Span) -> Span:
    """The span without what came on earlier pages, as far as whole instants go."""
    after = place_of(query.get("page_token"))
    if after is None or after.symbol != symbol:
        return span
    if is_descending(query):
        return Span(span.start_ns, min(span.end_ns, after.time_ns))
    return Span(max(span.start_ns, after.time_ns), span.end_ns)


def page_of(
    query: Query, symbols: Iterable[str], rows_of: Callable[[str], Rows]
) -> tuple[dict[str, list[Any]], str | None]:
    """Rows by symbol, then by time, `limit` in all; and the token of the next page.

    `symbols` are sorted. A token is given only where another row is known.
    """
    left = limit_of(query)
    backwards = is_descending(query)
    after = place_of(query.get("page_token"))
    page: dict[str, list[Any]] = {}
    last: Place | None = None
    for symbol in symbols:
        if after is not None and symbol < after.symbol:
            continue
        rows = _placed(symbol, rows_of(symbol))
        if backwards:
            rows.reverse()
        if after is not None and symbol == after.symbol:
            rows = [row for row in rows if (row[0] < after if backwards else row[0] > after)]
        if len(rows) > left:
            if left:
                page[symbol] = [_view(row) for _, row in rows[:left]]
                last = rows[left - 1][0]
            assert last is not None, "a limit is at least one row"
            return page, last.token()
        if rows:
            page[symbol] = [_view(row) for _, row in rows]
            last = rows[-1][0]
            left -= len(rows)
    return page, None


def _view(row: Any) -> Any:
    return bar_view(row) if isinstance(row, Bar) else row


def _placed(symbol: str, rows: Rows) -> list[tuple[Place, Any]]:
    placed: list[tuple[Place, Any]] = []
    before_ns, nth = -1, 0
    for time_ns, row in rows:
        nth = nth + 1 if time_ns == before_ns else 0
        before_ns = time_ns
        placed.append((Place(symbol, time_ns, nth), row))
    return placed
