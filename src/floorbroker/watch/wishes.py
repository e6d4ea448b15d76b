"""What is to be followed: what somebody asked for, then what the book needs, up to a limit."""

from collections import Counter
from collections.abc import Iterable, Sequence

from floorbroker.brokers.feed import COUNTED, Channel, Item
from floorbroker.domain.errors import Refused


def is_coin(symbol: str) -> bool:
    """Coin pairs are told by a feed of their own."""
    return "/" in symbol


def quoted(symbols: Iterable[str]) -> list[Item]:
    """Quotes and, where there are any, halts."""
    items: list[Item] = []
    for symbol in symbols:
        items.append((Channel.QUOTES, symbol))
        if not is_coin(symbol):
            items.append((Channel.STATUSES, symbol))
    return items


class Wishes:
    """`limit` bounds the symbols of quotes and trades together, of each feed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left_out: list[str] = []  #: Of the book, for want of room.
        self._asked: Counter[Item] = Counter()
        self._book: tuple[str, ...] = ()

    def ask(self, items: Sequence[Item]) -> None:
        """Somebody wants these; raises Refused over the limit."""
        wanted = {**self._asked, **dict.fromkeys(items, 1)}
        for coins in (False, True):
            used = sum(_counts(item, coins) for item in wanted)
            if used > self.limit:
                raise Refused(
                    f"following {used} symbols is over the limit of {self.limit}; follow fewer, "
                    "or set FLOORBROKER_DATA_SYMBOLS to what the plan includes"
                )
        self._asked.update(items)

    def give_up(self, items: Iterable[Item]) -> None:
        """Somebody wants these no more; others may."""
        self._asked.subtract(items)
        self._asked = +self._asked

    def hold(self, symbols: Sequence[str]) -> bool:
        """The book needs these, the most important first; whether that is a change."""
        has_changed = tuple(symbols) != self._book
        self._book = tuple(symbols)
        return has_changed

    def wanted(self) -> dict[Item, None]:
        """All of it that there is room for, in order of importance."""
        found = dict.fromkeys(self._asked)
        self.left_out = []
        used = {coins: sum(_counts(item, coins) for item in found) for coins in (False, True)}
        for symbol in self._book:
            coins = is_coin(symbol)
            if (Channel.QUOTES, symbol) not in found:
                if used[coins] >= self.limit:
                    self.left_out.append(symbol)
                    continue
                used[coins] += 1
            found.update(dict.fromkeys(quoted([symbol])))
        return found


def _counts(item: Item, coins: bool) -> bool:  # noqa: FBT001  (which of two feeds)
    channel, symbol = item
    return channel in COUNTED and is_coin(symbol) is coins
