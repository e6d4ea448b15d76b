"""The night after a synthetic day: 20:00 to 04:00, thin and wide, from the day's last price on."""

from collections.abc import Iterator
from datetime import date, timedelta

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import MarketEvent
from floorbroker.marketdata.port import TapeInfo, midnight_ns
from floorbroker.marketdata.synthetic.day import SyntheticDay, Walk
from floorbroker.marketdata.synthetic.minutes import night_minutes
from floorbroker.marketdata.synthetic.profile import profile_of


class DayAndNight:
    """A symbol's synthetic day and then the overnight session that belongs to `next_day`.

    The day is what it would be without the night, which is made up only when the day is over.
    """

    def __init__(self, symbol: str, day: SyntheticDay, next_day: date, seed: int) -> None:
        self._symbol = symbol
        self._day = day
        self._key = f"{seed}/{symbol}/{next_day.isoformat()}/night"
        self._evening_ns = midnight_ns(next_day - timedelta(days=1))
        self._minutes = night_minutes()
        self.info = TapeInfo(
            kind=day.info.kind,
            name=day.info.name,
            symbols=day.info.symbols,
            first_ns=day.info.first_ns,
            last_ns=self._evening_ns + self._minutes.end * 60 * NS_PER_S,
        )

    def __iter__(self) -> Iterator[MarketEvent]:
        yield from self._day
        profile = profile_of(self._symbol)._replace(price=self._day.last_px)
        walk = Walk(self._symbol, profile, self._minutes, self._key)
        yield from walk.events(self._evening_ns, self._minutes.first)
