"""What the watchman of a desk looks with."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from floorbroker.brokers.port import ClockSkew
from floorbroker.engine.loop import Engine
from floorbroker.engine.vigil.heartbeat import Heartbeat
from floorbroker.engine.vigil.watchman import Eyes, Quoted
from floorbroker.marketdata.live.view import LiveQuote, MarketView


def eyes_of(
    engine: Engine,
    view: MarketView,
    skew: Callable[[], Awaitable[ClockSkew]],
    *,
    home: Path,
    disk: Path,
) -> Eyes:
    """`disk` is a folder of the disk on which the journal lies."""

    async def skew_s() -> float:
        return (await skew()).least_s

    def quotes() -> list[Quoted]:
        held = [one.symbol for one in engine.positions().values() if not one.is_flat]
        symbols = dict.fromkeys([*held, *(one.symbol for one in engine.open_orders())])
        return [one for symbol in symbols if (one := _quoted(view, symbol))]

    def free_bytes() -> int | None:
        try:
            return shutil.disk_usage(disk).free
        except OSError:
            return None

    return Eyes(
        times=engine.times,
        heartbeat=Heartbeat(home),
        free_bytes=free_bytes,
        skew_s=skew_s,
        quotes=quotes,
    )


def _quoted(view: MarketView, symbol: str) -> Quoted | None:
    """The symbol's live quote, however old; None where none with two sides is known."""
    found = view.quote(symbol, max_age_s=None)
    if not isinstance(found, LiveQuote) or not found.quote.has_both_sides:
        return None
    quote = found.quote
    return Quoted(symbol, quote.bid_px, quote.ask_px, found.age.s)
