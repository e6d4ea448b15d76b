"""What a live market data feed promises.

A feed is one connection that tells of the symbols it was asked for. It has no sequence numbers and
replays nothing: what happens while it is not connected is lost to it. So after each connection it
asks for everything again and fills the gap with the newest facts from a list of the broker's; and
from the moment of a loss until a value is told anew, nobody may take that value for the present.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from floorbroker.domain.errors import Refused
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade, TradeCorrection


class Channel(StrEnum):
    """What can be asked for of a symbol."""

    QUOTES = "quotes"
    TRADES = "trades"  #: Corrections come with them.
    BARS = "bars"  #: Finished minutes, and those that a late print changed.
    STATUSES = "statuses"  #: Halts; coins have none.


#: One symbol on one channel.
Item = tuple[Channel, str]
#: What a feed delivers.
Fact = Quote | Trade | Bar | Halt | TradeCorrection

#: Channels whose symbols a plan counts; bars and statuses are free.
COUNTED = frozenset({Channel.QUOTES, Channel.TRADES})


class FeedState(StrEnum):
    """Where a feed stands."""

    DOWN = "down"
    CONNECTING = "connecting"  #: Also while it subscribes and fills the gap.
    READY = "ready"


class FeedHealth(Struct, frozen=True, kw_only=True):
    """A feed at a glance; `text` says why it is not ready, or what it does not tell."""

    name: str
    state: FeedState
    items: int  #: Symbols of each channel that are told now.
    connections: int
    reconnects: int
    frames: int
    messages: int
    quarantined: int  #: Frames, or parts of them, that nobody could read.
    gaps: int  #: Times in which messages may have been missed.
    is_final: bool  #: It has given up: only a new desk, with other settings, tries again.
    last_frame_age_s: float | None
    text: str = ""


class QuarantinedFrame(Struct, frozen=True):
    """Bytes that nobody could read, as they came but cut to a limit, and why."""

    raw: bytes
    reason: str


class FeedRefused(Refused):
    """The broker will not tell this: over the plan's number of symbols (405), or not offered.

    What was subscribed before is still told. `items` are those that were refused.
    """

    def __init__(self, text: str, code: int, items: Iterable[Item]) -> None:
        super().__init__(text)
        self.code = code
        self.items = tuple(items)


class MarketFeed(Protocol):
    """Live facts of the market, followed for as long as the task runs."""

    @property
    def name(self) -> str:
        """What it is called in texts; another after a fall-back."""
        ...

    def health(self) -> FeedHealth: ...

    def quarantine(self) -> list[QuarantinedFrame]:
        """The last frames that could not be read, oldest first; a bounded number."""
        ...

    async def subscribe(self, items: Iterable[Item]) -> None:
        """Ask for these too, at any time.

        Connected, it returns once the feed has confirmed them and their newest facts were asked
        for, or raises FeedRefused: then nothing has changed. At a loss of the connection, or
        without one, it returns at once; they are asked for with the next connection, and what is
        refused then stands in `health().text` and is not told.
        """
        ...

    async def unsubscribe(self, items: Iterable[Item]) -> None:
        """Ask for these no more. Facts that are on their way may still be delivered."""
        ...

    async def run(
        self, on_fact: Callable[[Fact], None], on_state: Callable[[FeedState], None]
    ) -> None:
        """Follow the feed until cancelled; returns only where trying again is of no use (a
        refused key pair, a plan without this feed), with the reason in `health().text`.

        Every loss is told as DOWN before anything of the next connection is delivered. READY
        means that all that was asked for is subscribed and its newest facts were delivered, from
        the broker's list where the stream had not told them yet. Facts may come twice and, around
        a connection, in another order than they happened; each has its time. Silence is
        questioned: a connection that does not answer, or a stream that does not tell what the
        list shows, is given up. A listener's exception propagates out of `run`.
        """
        ...
