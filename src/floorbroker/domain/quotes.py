"""Market facts: quotes, depth, trades and bars.

They are read in bulk, so prices and sizes here are plain `Decimal`s and times are integer
nanoseconds since 1970 UTC; amounts get their units where money is booked.
"""

from decimal import Decimal

from msgspec import Struct


class Quote(Struct, frozen=True, kw_only=True, tag="quote"):
    """The best bid and offer from `time_ns` on; a size of zero means no quote on that side."""

    symbol: str
    time_ns: int
    bid_px: Decimal
    bid_size: Decimal
    ask_px: Decimal
    ask_size: Decimal
    bid_exchange: str = "V"
    ask_exchange: str = "V"
    conditions: str = "R"

    @property
    def mid_px(self) -> Decimal:
        return (self.bid_px + self.ask_px) / 2

    @property
    def has_both_sides(self) -> bool:
        return self.bid_size > 0 and self.ask_size > 0


class Depth(Struct, frozen=True, kw_only=True, tag="depth"):
    """The displayed book from `time_ns` on: (price, size) best first, as deep as known."""

    symbol: str
    time_ns: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


class Trade(Struct, frozen=True, kw_only=True, tag="trade"):
    """One print on the tape.

    `aggressor` is "buy" or "sell" where the source tells, else "". A print that is not `eligible`
    (late, derivatively priced, hidden, ...) never fills a resting order and elects no stop.
    """

    symbol: str
    time_ns: int
    px: Decimal
    size: Decimal
    trade_id: int = 0
    exchange: str = "V"
    conditions: str = "@"
    aggressor: str = ""
    eligible: bool = True
    auction: str = ""  # "open" or "close" for an auction print


class Halt(Struct, frozen=True, kw_only=True, tag="halt"):
    """Trading in the symbol stops (`halted`) or resumes at `time_ns`."""

    symbol: str
    time_ns: int
    halted: bool


class Bar(Struct, frozen=True, kw_only=True, tag="bar"):
    """Open, high, low, close and volume of the interval that starts at `time_ns`."""

    symbol: str
    time_ns: int
    duration_s: int
    open_px: Decimal
    high_px: Decimal
    low_px: Decimal
    close_px: Decimal
    volume: Decimal
    trade_count: int = 0
    vwap: Decimal | None = None


class TradeCorrection(Struct, frozen=True, kw_only=True, tag="correction"):
    """The print `trade_id` was wrong: `trade` is what it should have been, None if it never
    was."""

    symbol: str
    time_ns: int
    trade_id: int
    trade: Trade | None = None


#: What a tape yields, in time order.
MarketEvent = Quote | Depth | Trade | Halt


class Nbbo(Struct, frozen=True, kw_only=True):
    """The best bid and offer over all venues at one instant."""

    symbol: str
    time_ns: int
    bid_px: Decimal | None
    ask_px: Decimal | None

    @property
    def is_crossed(self) -> bool:
        return self.bid_px is not None and self.ask_px is not None and self.bid_px > self.ask_px
