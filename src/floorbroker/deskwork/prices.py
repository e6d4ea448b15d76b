"""What a desk tells of the market: the newest price, the hours, an instrument."""

from datetime import date, timedelta

from msgspec.structs import replace

from floorbroker import app
from floorbroker.brokers.port import CalendarDay, MarketPhase
from floorbroker.domain.errors import InvalidOrder, Refused
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.quotes import Quote
from floorbroker.marketdata.live.view import LiveQuote


async def newest_quote(parts: app.Parts, symbol: str, max_age_s: float) -> Quote:
    """The live quote where it is followed and not older than that, else the broker's answer;
    raises Refused where there is none."""
    found = parts.watch.view.quote(symbol, max_age_s=max_age_s)
    if isinstance(found, LiveQuote):
        return found.quote
    quote = await parts.broker.latest_quote(symbol)
    if quote is None:
        raise Refused(f"symbol: {symbol} has no quote at this broker")
    return quote


async def phase_now(parts: app.Parts, max_age_s: float | None) -> MarketPhase:
    """See `Desk.get_market_phase`."""
    told = await parts.engine.cache.market_phase(max_age_s=max_age_s)
    since = parts.clock.now() - told.as_of if told.age_s > 0 else timedelta()
    return replace(told.value, broker_time=told.value.broker_time + since)


async def trading_days(
    parts: app.Parts, start: date, end: date, max_age_s: float | None
) -> list[CalendarDay]:
    """See `Desk.get_calendar`."""
    if end < start:
        raise InvalidOrder("end", end, f"it must not be before start, {start}")
    return list((await parts.engine.cache.calendar(start, end, max_age_s=max_age_s)).value)


async def listed_instrument(parts: app.Parts, symbol: str, max_age_s: float | None) -> Instrument:
    """See `Desk.get_instrument`."""
    found = (await parts.engine.cache.instrument(symbol, max_age_s=max_age_s)).value
    if found is None:
        raise Refused(f"symbol: {symbol} is not listed at this broker")
    return found
