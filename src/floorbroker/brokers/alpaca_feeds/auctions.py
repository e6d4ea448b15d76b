"""Auctions of earlier days, as Alpaca's history lists them."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from floorbroker.brokers.alpaca.line import Line, checked, understood
from floorbroker.brokers.alpaca.reference import time_ns
from floorbroker.brokers.alpaca.words import FREE_AFTER, bad, is_amount, read
from floorbroker.brokers.pacing import Lane
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerUnknown
from floorbroker.domain.quotes import Trade

PATH = "/v2/stocks/auctions"
_PAGE = 10_000
_ZERO = Decimal(0)
#: The sale conditions of the prints themselves. What a market calls its official open or close
#: is another row, which need not be a trade.
_OPENING, _CLOSING = "O", "6"


class _Auction(Struct):
    t: str
    p: Decimal
    c: str
    x: str = ""
    s: Decimal | None = None


class _Day(Struct):
    o: list[_Auction] | None = None
    c: list[_Auction] | None = None


class _Page(Struct):
    auctions: dict[str, list[_Day]] | None = None
    next_page_token: str | None = None


_PAGES = msgspec.json.Decoder(_Page)


async def auction_prints(
    line: Line, clock: Clock, symbol: str, span: tuple[datetime, datetime]
) -> list[Trade]:
    """Opening and closing prints of a share whose size is told; raises BrokerError.

    Only the consolidated tape has them, and what every plan includes of it is asked for.
    """
    if "/" in symbol:
        return []
    start, end = span
    until = min(end, clock.now() - FREE_AFTER)
    if until <= start:
        return []
    query = {
        "symbols": symbol,
        "start": _text(start),
        "end": _text(until),
        "feed": "sip",
        "limit": str(_PAGE),
    }
    found: list[Trade] = []
    while True:
        answer = checked(await line.call(Lane.QUERY, "GET", PATH, query=query))
        page, token = understood(auction_page, answer, symbol)
        found += page
        if not token:
            return found
        if token == query.get("page_token"):
            raise BrokerUnknown(f"{PATH} repeats its page {token}")
        query["page_token"] = token


def auction_page(raw: bytes, symbol: str) -> tuple[list[Trade], str | None]:
    """One page of a symbol's prints, and the token of the next page. Raises Unreadable."""
    page: _Page = read(_PAGES.decode, "auctions", raw)
    found = []
    for day in (page.auctions or {}).get(symbol) or ():
        found += [_print(symbol, row, "open") for row in day.o or () if _counts(row, _OPENING)]
        found += [_print(symbol, row, "close") for row in day.c or () if _counts(row, _CLOSING)]
    return found, page.next_page_token


def _counts(row: _Auction, condition: str) -> bool:
    return row.c == condition and row.s is not None


def _print(symbol: str, row: _Auction, auction: str) -> Trade:
    size = row.s
    if size is None or not is_amount(size) or size <= _ZERO:
        bad("s", size, "size above 0")
    if not is_amount(row.p):
        bad("p", row.p, "finite number")
    return Trade(
        symbol=symbol,
        time_ns=time_ns("t", row.t),
        px=row.p,
        size=size,
        exchange=row.x,
        conditions=row.c,
        auction=auction,
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
