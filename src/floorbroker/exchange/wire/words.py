"""Numbers, times and refusals as the wire writes them, and the words of queries as values."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from floorbroker.clock import NS_PER_S, datetime_of, ns_of
from floorbroker.domain.amounts import plain
from floorbroker.exchange.model import VenueError

NEW_YORK = ZoneInfo("America/New_York")
#: Dates beyond these have no midnight before or after them that could be computed with.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
#: JSON; a Decimal that is not yet text becomes a number, digit for digit.
encode = msgspec.json.Encoder(decimal_format="number").encode


def error_body(code: int, message: str, extra: dict[str, str] | None = None) -> bytes:
    """A refusal's body: the extra fields stand beside code and message, sorted as recorded."""
    fields: dict[str, object] = {"code": code, "message": message}
    return encode({**fields, **extra} if extra else fields)


#: A decimal as its wire text: no exponent, no trailing zeros.
number = plain


def rounded(value: Decimal, places: int) -> str:
    """Text of at most so many decimals, half-even."""
    return plain(round(value, places))


def time_text(time_ns: int) -> str:
    """RFC 3339 in UTC with up to nine fractional digits, none where they are zero."""
    seconds, fraction = divmod(time_ns, NS_PER_S)
    if not fraction:
        return _utc_second(seconds) + "Z"
    digits = str(NS_PER_S + fraction)[1:]
    return f"{_utc_second(seconds)}.{digits.rstrip('0')}Z"


def time_bytes(time_ns: int) -> bytes:
    """The same as bytes, quickly where a clock has told the nanoseconds."""
    seconds, fraction = divmod(time_ns, NS_PER_S)
    if fraction % 10:
        digits = str(NS_PER_S + fraction)[1:]  # faster than a format with leading zeros
        return f"{_utc_second(seconds)}.{digits}Z".encode()
    return time_text(time_ns).encode()


#: The same for times that are told again and again.
wire_time = lru_cache(maxsize=4096)(time_text)


def new_york_time(time_ns: int, *, has_fraction: bool = False) -> str:
    """RFC 3339 with New York's offset, whole seconds unless the fraction is wanted."""
    seconds, fraction = divmod(time_ns, NS_PER_S)
    text = _new_york_second(seconds).isoformat()
    return f"{text[:-6]}.{fraction:09d}{text[-6:]}" if has_fraction else text


def new_york_digits(time_ns: int) -> str:
    """`YYYYMMDDHHMMSSmmm` in New York's local time."""
    milliseconds = time_ns // 1_000_000 % 1000
    return f"{_new_york_second(time_ns // NS_PER_S):%Y%m%d%H%M%S}{milliseconds:03d}"


@lru_cache(maxsize=1024)
def _utc_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=1024)
def _new_york_second(seconds: int) -> datetime:
    return datetime_of(seconds * NS_PER_S).astimezone(NEW_YORK)


def choice(query: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words; the first is the default."""
    value = query.get(name, "").lower() or allowed[0]
    if value not in allowed:
        raise invalid(f"invalid {name}: {value}; must be one of {', '.join(allowed).strip(', ')}")
    return value


def whole(query: dict[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
        raise invalid(f"invalid {name}: {text}; must be a whole number from 1 to {most}")
    return int(text)


def flag(query: dict[str, str], name: str) -> bool:
    """Booleans may be spelled as Python does."""
    return query.get(name, "").lower() in ("true", "1")


def maybe_moment(query: dict[str, str], name: str) -> int | None:
    """RFC 3339 or YYYY-MM-DD as nanoseconds, exactly; a time without offset is UTC."""
    text = query.get(name)
    return moment_ns(text, name) if text else None


def maybe_day(query: dict[str, str], name: str) -> date | None:
    """The date of RFC 3339 or YYYY-MM-DD."""
    text = query.get(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        day = date.min
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise invalid(f"invalid {name}: {text}; must be YYYY-MM-DD")
    return day


def moment_ns(text: str, name: str) -> int:
    # A plus sign of an offset that was not escaped arrives as a space.
    written = text.strip().replace(" ", "+") if "T" in text else text
    head, point, tail = written.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    try:
        moment = datetime.fromisoformat(head + tail[digits:]) if point else _date_or_time(written)
    except ValueError:
        raise invalid(f"invalid {name}: {text}; must be RFC 3339 or YYYY-MM-DD") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return ns_of(moment) + int((tail[:digits] + "0" * 9)[:9])


def _date_or_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if "T" in text else datetime.combine(moment.date(), time(), UTC)


def invalid(text: str) -> VenueError:
    return VenueError(422, 40010001, text)
