"""The newest price of a symbol, from wherever it is at hand."""

from floorbroker import app
from floorbroker.domain.errors import Refused
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
