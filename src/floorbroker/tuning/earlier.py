"""Who is asked what earlier days say of a symbol, as the desk's settings have it."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from floorbroker.config import Settings
from floorbroker.domain.books.earlier import Earlier, Wanted

if TYPE_CHECKING:
    from floorbroker.marketdata.history.asking import Bars, EarlierDays
    from floorbroker.marketdata.history.dates import Hours

#: The bins of a curve.
BIN_MINUTES = 15


def earlier_days(
    settings: Settings, bars: "Bars", hours: "Hours"
) -> Callable[[Wanted], Awaitable[Earlier]]:
    """The files that a setting names, the embedded exchange's own tape, then the broker's bars."""

    @cache
    def known() -> "EarlierDays":
        # Most desks never ask, and what reads tapes takes a while to import.
        from floorbroker.marketdata.detect import parse_choice
        from floorbroker.marketdata.history.asking import EarlierDays, from_bars, from_files
        from floorbroker.marketdata.history.load import Reading
        from floorbroker.marketdata.port import NS_PER_MINUTE

        reading = Reading(hours, BIN_MINUTES * NS_PER_MINUTE)
        path = settings.history
        if path is None and settings.tape is not None and not settings.exchange_url:
            path = parse_choice(f"{settings.tape}")[0]
        files = [] if path is None else [from_files(path, reading)]
        return EarlierDays([*files, from_bars(bars, reading)], hours)

    async def ask(wanted: Wanted) -> Earlier:
        return await known()(wanted)

    return ask
