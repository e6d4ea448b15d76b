"""Who is asked what earlier days say of a symbol, as the desk's settings have it."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from floorbroker.config import Settings
from floorbroker.domain.books.earlier import Earlier, Wanted

if TYPE_CHECKING:
    from floorbroker.marketdata.history import asking
    from floorbroker.marketdata.history.dates import Hours

#: Asked for what earlier days say of a symbol.
EarlierDays = Callable[[Wanted], Awaitable[Earlier]]
#: The bins of a curve.
BIN_MINUTES = 15


class Known(Struct, frozen=True):
    """Who can be asked without a desk, and the time of his market."""

    ask: EarlierDays
    lists: "tuple[asking.Bars, asking.Prints] | None"
    now_ns: int
    settings: Settings

    @property
    def called(self) -> "asking.Called":
        return called(self.settings)

    def note(self, symbol: str) -> str:
        """What people must know of a market that is made up."""
        if not is_synthetic(self.settings):
            return ""
        return (
            "volume and volatility are those of the embedded exchange's synthetic market, which "
            f"is made up: they say nothing of the real {symbol}"
        )


def is_synthetic(settings: Settings) -> bool:
    """Whether the desk's market is the one that its own exchange makes up."""
    return settings.mode == "embedded" and not settings.exchange_url and settings.tape is None


def called(settings: Settings) -> "asking.Called":
    """How people call what is asked for."""
    from floorbroker.marketdata.history.asking import Called

    market = f"of the synthetic market, seed {settings.seed}"
    return (
        Called(f"minute bars {market}", f"auctions {market}")
        if is_synthetic(settings)
        else Called()
    )


def earlier_days(
    settings: Settings, broker: "tuple[asking.Bars, asking.Prints] | None", hours: "Hours"
) -> EarlierDays:
    """The files that a setting names, the embedded exchange's own tape, then the broker's bars
    and auctions.

    Whoever names files has real ones: a market that is made up is not asked beside them.
    """
    if settings.history is not None and is_synthetic(settings):
        broker = None

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
        lists = []
        if broker is not None:
            bars, prints = broker
            lists = [asking.from_bars(bars, reading, prints, called(settings))]
        return asking.EarlierDays([*files, *lists], hours)

    async def ask(wanted: Wanted) -> Earlier:
        return await known()(wanted)

    return ask
