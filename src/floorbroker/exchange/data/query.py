"""What a question about market data asks for, checked; a wrong word is answered 400."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from floorbroker.clock import ns_of
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.reference.assets import Asset
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.wire.words import NEW_YORK, moment_ns

Query = Mapping[str, str]

DELAY_NS = 15 * 60 * 1_000_000_000
HISTORICAL_FEEDS = ("sip", "iex", "otc", "boats")
LATEST_FEEDS = ("sip", "iex", "delayed_sip", "otc", "boats", "overnight")
LOCATIONS = ("us", "us-1", "us-2", "eu-1", "bs-1")
#: Feeds of what trades overnight.
NIGHT_FEEDS = frozenset({"boats", "overnight"})
#: Feeds of other venues than those on the tape: they exist, and have nothing.
ELSEWHERE = frozenset({"otc"})
LIMIT_MAX = 10_000
_STOCK = re.compile(r"[A-Z]+(\.[A-Z]+)*")
_COIN = re.compile(r"[A-Z]+/[A-Z]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_OFFSET = re.compile(r"T.*(Z|[+ -]\d\d:\d\d)$")


class Span(NamedTuple):
    """An interval in nanoseconds, both ends included."""

    start_ns: int
    end_ns: int


def refused(text: str) -> VenueError:
    return VenueError(400, 40010001, text)


def missing(name: str) -> VenueError:
    return refused(f"Invalid format for parameter {name}: query parameter '{name}' is required")


def symbols_of(query: Query, assets: Mapping[str, Asset], *, is_coin: bool) -> list[str]:
    """The symbols asked for, sorted, each once; whether they trade here is another question."""
    symbols = sorted({symbol for symbol in query.get("symbols", "").split(",") if symbol})
    if not symbols:
        raise missing("symbols")
    for symbol in symbols:
        check_symbol(symbol, assets, is_coin=is_coin)
    return symbols


def check_symbol(symbol: str, assets: Mapping[str, Asset], *, is_coin: bool) -> None:
    """Well-formed symbols pass, listed or not; so does a tape's own symbol, however it looks."""
    asset = assets.get(symbol)
    if asset is not None and asset.is_crypto == is_coin:
        return
    if is_coin and not _COIN.fullmatch(symbol):
        raise refused(f"invalid symbol: {symbol} does not match ^[A-Z]+/[A-Z]+$")
    if not is_coin and not _STOCK.fullmatch(symbol):
        raise refused(f"invalid symbol: {symbol}")


def location_of(word: str) -> str:
    if word not in LOCATIONS:
        raise refused(f"Invalid location: {word}")
    return word


def span_of(query: Query, now_ns: int) -> Span:
    """From the beginning of New York's day to now, where the query says nothing else.

    A date alone means all of that day in New York. `now_ns` is the latest that may be asked for.
    """
    start_ns = _moment(query, "start", is_end=False)
    end_ns = _moment(query, "end", is_end=True)
    if start_ns is None:
        start_ns = midnight_ns(new_york_date(now_ns))
    if end_ns is None:
        end_ns = now_ns
    if end_ns < start_ns:
        raise refused("end should not be before start")
    return Span(start_ns, end_ns)


def midnight_ns(day: date) -> int:
    """When the day begins in New York."""
    return ns_of(datetime.combine(day, time(), NEW_YORK))


def _moment(query: Query, name: str, *, is_end: bool) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return midnight_ns(day + timedelta(days=1)) - 1 if is_end else midnight_ns(day)
        if _OFFSET.search(text):
            return moment_ns(text, name)
    except (ValueError, OverflowError, VenueError):
        pass
    raise _no_moment(name, text)


def _no_moment(name: str, text: str) -> VenueError:
    is_more = _DATE.match(text) is not None
    why = f'extra text: "{text[10:]}"' if is_more else f'cannot parse "{text}" as "2006"'
    return refused(
        f"Invalid format for parameter {name}: error parsing '{text}' as RFC3339 or 2006-01-02 "
        f'time: parsing time "{text}" as "2006-01-02": {why}'
    )


def limit_of(query: Query) -> int:
    text = query.get("limit") or "1000"
    if not (text.isascii() and text.lstrip("-").isdigit()):
        raise refused(f"Invalid format for parameter limit: {text} is no whole number")
    if text.startswith("-") or not 1 <= int(text[:9]) <= LIMIT_MAX:
        raise refused(f"invalid limit, limit must be between 1 and {LIMIT_MAX}")
    return int(text)


def is_descending(query: Query) -> bool:
    return _word(query, "sort", ("asc", "desc")) == "desc"


def historical_feed(query: Query) -> str:
    return _word(query, "feed", HISTORICAL_FEEDS)


def latest_feed(query: Query) -> str:
    return _word(query, "feed", LATEST_FEEDS)


def auction_feed(query: Query) -> str:
    return _word(query, "feed", ("sip",))


def currency_of(query: Query) -> dict[str, str]:
    """What the answer says of its currency: nothing unless asked. There are no exchange rates."""
    text = query.get("currency")
    if not text:
        return {}
    if text != "USD":
        raise refused(f"invalid currency: {text}; this exchange has prices in USD only")
    return {"currency": text}


def check_asof(query: Query) -> None:
    """No symbol was ever renamed here, so the date changes nothing; but it must be one."""
    text = query.get("asof") or "-"
    if text == "-":
        return
    try:
        date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise refused(f"invalid asof: {text}; must be YYYY-MM-DD or -") from None


def _word(query: Query, name: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words; the first is the default."""
    word = query.get(name) or allowed[0]
    if word not in allowed:
        raise refused(f"invalid {name}: {word}; must be one of {', '.join(allowed)}")
    return word
