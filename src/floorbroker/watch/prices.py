"""The live market of a symbol, as the pre-trade controls and parent orders look at it."""

from floorbroker.clock import NS_PER_S, Clock
from floorbroker.domain.quotes import Quote
from floorbroker.engine.exposure.facts import Reference
from floorbroker.marketdata.live.view import LiveQuote, LiveTrade, MarketView


def live_price(view: MarketView, clock: Clock, symbol: str) -> Reference | None:
    """The best bid and offer, the last print and whether it is halted; None where nothing of it
    is live."""
    quoted, traded = view.quote(symbol), view.trade(symbol)
    halt = view.halt(symbol).is_halted
    last_px = traded.trade.px if isinstance(traded, LiveTrade) else None
    if isinstance(quoted, LiveQuote) and quoted.quote.has_both_sides:
        age_s = quoted.age.s
        bid_px, ask_px = quoted.quote.bid_px, quoted.quote.ask_px
    elif isinstance(traded, LiveTrade):
        age_s, bid_px, ask_px = traded.age.s, None, None
    else:
        return None
    return Reference(
        at_ns=clock.now_ns() - round(age_s * NS_PER_S),
        bid_px=bid_px,
        ask_px=ask_px,
        last_px=last_px,
        is_halted=halt,
    )


def live_quote(view: MarketView, symbol: str, max_age_s: float) -> Quote | None:
    """The live quote, where there is one that was told no longer ago."""
    found = view.quote(symbol, max_age_s=max_age_s)
    return found.quote if isinstance(found, LiveQuote) else None
