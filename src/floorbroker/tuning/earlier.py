"""Who is asked what earlier days say of a symbol, as the desk's settings have it."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from floorbroker.config import Settings
from floorbroker.domain.books.earlier import Earlier, Wanted

if TYPE_CHECKING:
    from floorbroker.marketdata.history import asking
    from floorbroker.marketdata.history.dates import Hours

#: Asked for what earlier days say of a symbol.
EarlierDays = Callable[[Wanted], Awaitable[Earlier]]
#: The bins of a curve.
BIN_MINUTES = 15


def earlier_days(
    settings: Settings, broker: "tuple[asking.Bars, asking.Prints] | None", hours: "Hours"
) -> EarlierDays:
    """The files that a setting names, the embedded exchange's own tape, then the broker's bars
    and auctions."""

    @cache
    def known() -> "asking.EarlierDays":
        # Most desks never ask, and what reads tapes takes a while to import.
        from floorbroker.marketdata.detect import parse_choice
        from floorbroker.marketdata.history import asking
        from floorbroker.marketdata.history.load import Reading
        from floorbroker.marketdata.port import NS_PER_MINUTE

        reading = Reading(hours, BIN_MINUTES * NS_PER_MINUTE)
        path = settings.history
        if path is None and settings.tape is not None and not settings.exchange_url:
            path = parse_choice(f"{settings.tape}")[0]
        files = [] if path is None else [asking.from_files(path, reading)]
        lists = [] if broker is None else [asking.from_bars(broker[0], reading, broker[1])]
        return asking.EarlierDays([*files, *lists], hours)

    async def ask(wanted: Wanted) -> Earlier:
        return await known()(wanted)

    return ask
