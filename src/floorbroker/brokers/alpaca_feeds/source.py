"""What a feed is made of: where it is, how it is reached, and who knows the newest facts."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.transport import ConnectionRules, Frames
from floorbroker.brokers.feed import Fact


class FeedRules(ConnectionRules, frozen=True, kw_only=True):
    """A feed's times, in seconds."""

    silence_s: float = 15.0
    grace_s: float = 2.0


class Place(Struct, frozen=True):
    """Where a feed is found, and how the broker's lists call it; "" where they have none of it."""

    path: str
    feed: str


class Source(Struct, frozen=True, kw_only=True):
    """`places` are tried in their order where a plan does not include one.

    `connect` opens a path; `newest` asks the broker's list of a feed for the latest quotes and
    trades of some symbols, and may raise BrokerError.
    """

    places: tuple[Place, ...]
    connect: Callable[[str], Awaitable[Frames]]
    credentials: Credentials
    newest: Callable[[str, Sequence[str]], Awaitable[list[Fact]]]
