"""The days before a synthetic one, in minutes and auctions, made up when somebody asks.

A day follows from (seed, symbol, date), by the hidden price that the market of that day has when
it is played (`Walk.path`): a minute's bar stands around its path, so a day that was played looks
the next day as it did, give or take the cents of single prints. Played days set out from the
symbol's price anew. The days before the first that is ever played are shifted so that each closes
where the next sets out, the last of them at that price. How many shares and prints a minute has is
drawn around what a played minute has on average. Prints and quotes of the past do not exist.
Nothing here touches a running market: every day is drawn from a Random of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from functools import lru_cache

from floorbroker.domain.quotes import Bar, Trade
from floorbroker.marketdata.synthetic.day import Walk
from floorbroker.marketdata.synthetic.minutes import coin_minutes, stock_minutes
from floorbroker.marketdata.synthetic.past_day import PastDay
from floorbroker.marketdata.synthetic.past_draw import Shape, past_day
from floorbroker.marketdata.synthetic.profile import profile_of

#: Whole days that are kept, a bar and two prints each, and days with their minutes: enough for
#: pages of one symbol. What is not kept is made up again.
KEPT_WHOLE, KEPT_DAYS = 1_000, 64
_Whole = tuple[Bar, tuple[Trade, ...]]


class SyntheticPast:
    """What a synthetic market says of its symbols' earlier days.

    `sessions` are the days with their hours, oldest first, and `until` is the day after which
    nothing is the past; coins have every day of that time. From `played_from` on the days are as
    the market plays them.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        seed: int,
        sessions: Mapping[date, tuple[time, time]],
        *,
        until: date,
        played_from: date,
    ) -> None:
        self._symbols = frozenset(symbols)
        self._seed = seed
        self._sessions = sessions
        self._until = until
        self._played_from = played_from
        self._levels: dict[str, dict[date, float]] = {}
        self._whole = lru_cache(KEPT_WHOLE)(self._made_whole)
        self._day = lru_cache(KEPT_DAYS)(self._made_day)

    def dates(self, symbol: str) -> Sequence[date]:
        """The days that are known, oldest first; none of a symbol that the market lacks."""
        if symbol not in self._symbols or not self._sessions:
            return ()
        if "/" not in symbol:
            return tuple(self._sessions)
        first = next(iter(self._sessions))
        return tuple(first + timedelta(number) for number in range((self._until - first).days))

    def minutes(self, symbol: str, day: date) -> Sequence[Bar]:
        """One-minute bars of one of `dates`; a minute without a print has none."""
        return self._day(symbol, day).bars()

    def whole(self, symbol: str, day: date) -> tuple[Bar, Sequence[Trade]]:
        """The bar of one of `dates`, and its auction prints."""
        return self._whole(symbol, day)

    def _made_whole(self, symbol: str, day: date) -> _Whole:
        made = self._day(symbol, day)
        return made.whole(), made.auctions()

    def _made_day(self, symbol: str, day: date) -> PastDay:
        levels = self._levels.get(symbol)
        if levels is None:
            levels = self._levels[symbol] = self._chained(symbol)
        shape = self._shape(symbol, day).scaled(levels.get(day, 1.0))
        return past_day(shape, day, f"{self._key(symbol, day)}/past")

    def _chained(self, symbol: str) -> dict[date, float]:
        """The factor of each day that was never played: it closes where the next sets out."""
        level, levels = 1.0, {}
        cents = float(profile_of(symbol).price * 100)
        for day in reversed(self.dates(symbol)):
            if day < self._played_from:
                shape = self._shape(symbol, day)
                level *= cents / shape.path[shape.hours[1]]
                levels[day] = level
        return levels

    def _shape(self, symbol: str, day: date) -> Shape:
        minutes = coin_minutes() if "/" in symbol else stock_minutes(self._sessions[day])
        profile = profile_of(symbol)
        path = Walk(symbol, profile, minutes, self._key(symbol, day)).path
        return Shape(symbol, profile, minutes, path)

    def _key(self, symbol: str, day: date) -> str:
        return f"{self._seed}/{symbol}/{day.isoformat()}"
