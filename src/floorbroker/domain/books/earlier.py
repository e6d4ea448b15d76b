"""What earlier days say of a symbol: how a day's volume spreads, how much it is, how it moves.

Auctions are told apart: only some sources know them.
"""

from decimal import Decimal

from msgspec import Struct

#: The source of a curve that somebody gave with an order: only the ratios of its shares count.
GIVEN = "given"


class VolumeCurve(Struct, frozen=True, kw_only=True):
    """How a day's volume is expected to spread: bin i runs from `edges_ns[i]` to the next edge.

    `shares` are each bin's part of the day (any positive scale; only ratios count). They exclude
    auctions. `day_volume` is the volume expected in all bins together, None where only the shape
    is known: a dynamic VWAP then follows the shape. Made from earlier days only; a parent
    order keeps the one that it began with for its whole life.
    """

    edges_ns: tuple[int, ...]
    shares: tuple[Decimal, ...]
    day_volume: Decimal | None = None
    days: int = 0
    source: str = ""
    as_of_ns: int = 0


class AuctionVolumes(Struct, frozen=True, kw_only=True):
    """The smallest of the opening and of the closing auctions of some days, in shares.

    Each is None where no such auction is known. A day without one does not count. `why` is what
    those said who were asked, where they know of none.
    """

    opening: Decimal | None = None
    closing: Decimal | None = None
    days: int = 0
    source: str = ""
    as_of_ns: int = 0
    why: str = ""


class DayStats(Struct, frozen=True, kw_only=True):
    """What earlier days say of the symbol; each is None where it is not known."""

    adv: Decimal | None = None  #: Mean shares a day.
    daily_volatility: Decimal | None = None  #: Standard deviation of a day's return, a fraction.
    spread: Decimal | None = None  #: Mean quoted spread, dollars.
    days: int = 0
    source: str = ""
    as_of_ns: int = 0
    auctions: AuctionVolumes = AuctionVolumes()  #: With days, source and age of their own.


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked of earlier days: of this symbol, before the day on which something starts.

    The curve is the mean or the median of the last `days` usual ones. With `auctions` their
    auctions are wanted, and nothing else is looked for.
    """

    symbol: str
    start_ns: int
    days: int = 20
    average: str = "mean"
    auctions: bool = False


class Earlier(Struct, frozen=True, kw_only=True):
    """Both together, as far as somebody knows them; `why` says what is missing and for what."""

    curve: VolumeCurve | None = None
    stats: DayStats = DayStats()
    why: str = ""
