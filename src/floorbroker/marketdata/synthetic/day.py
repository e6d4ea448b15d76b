"""One day of one symbol, made up while it is read.

Everything follows from (seed, symbol, date), so a day can be repeated exactly and does not depend
on which other symbols are listed. A hidden price walks at random, faster when trading is busy:
first from minute to minute, then within each minute, whose own Random makes it independent of the
others, so that reading may begin at any time of the day. Quotes follow it, prints hit the quotes.
Arrivals excite each other and so come in bursts (a Hawkes process: each event raises the rate by a
jump that fades). Activity is U-shaped over the session, spreads are widest at the open, and both
auctions print. It resembles a day in shape, not in bulk: volume is some millions of shares at
most, because every share is an event somebody has to read. Floats exist in the random process
alone; prices leave it as whole ticks.
"""

from collections.abc import Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from math import exp, floor, log, sqrt
from random import Random

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.marketdata.port import TapeInfo, midnight_ns
from floorbroker.marketdata.synthetic.minutes import (
    REGULAR_HOURS,
    Minutes,
    coin_minutes,
    stock_minutes,
)
from floorbroker.marketdata.synthetic.profile import Profile, profile_of

TRADE_SHARE = 0.35
#: Part of the events that are answers to other events, and how fast the excitement fades.
EXCITED_SHARE = 0.45
FADING_PER_S = 0.8

OPENING_SHARE = 0.02
CLOSING_SHARES = (0.085, 0.093)
ODD_LOT_SHARE = 0.45
INSIDE_SHARE = 0.12
#: Probability that a trade has the same side as the one before.
PERSISTENCE = 0.62
EXCHANGES = "DQNKPZVYJB"
LIT_EXCHANGES = "QNPZKV"


def synthetic_market(
    symbols: Sequence[str], day: date, seed: int, from_ns: int = 0
) -> list["SyntheticDay"]:
    """One seeded day for each symbol."""
    return [SyntheticDay(symbol, day, seed, from_ns=from_ns) for symbol in dict.fromkeys(symbols)]


class SyntheticDay:
    """One symbol's day: 04:00 to 20:00 New York, lively from 09:25, auctions at both bells.

    Coin pairs trade from midnight to midnight without auctions. `hours` moves the bells, for half
    days; `from_ns` leaves out what comes before its minute. Any date is generated, also one on
    which the market is closed in reality.
    `previous_close_px` is the price that the day's walk set out from.
    """

    def __init__(
        self,
        symbol: str,
        day: date,
        seed: int,
        *,
        hours: tuple[time, time] = REGULAR_HOURS,
        from_ns: int = 0,
    ) -> None:
        self._symbol = symbol
        self._from_ns = from_ns
        self._key = f"{seed}/{symbol}/{day.isoformat()}"
        self._midnight_ns = midnight_ns(day)
        self._profile = profile_of(symbol)
        self._minutes = coin_minutes() if "/" in symbol else stock_minutes(hours)
        self.previous_close_px = self._profile.price
        first, end = self._minutes.first, self._minutes.end
        self.info = TapeInfo(
            kind="synthetic",
            name=f"seed {seed}",
            symbols=(symbol,),
            first_ns=self._midnight_ns + first * 60 * NS_PER_S,
            last_ns=self._midnight_ns + end * 60 * NS_PER_S,
        )

    @property
    def last_px(self) -> Decimal:
        """Where the hidden price has come to at the end, in whole cents."""
        walk = Walk(self._symbol, self._profile, self._minutes, self._key)
        return Decimal(round(walk.path[-1])).scaleb(-2)

    def __iter__(self) -> Iterator[MarketEvent]:
        since = max(self._from_ns - self._midnight_ns, 0) // (60 * NS_PER_S)
        walk = Walk(self._symbol, self._profile, self._minutes, self._key)
        return walk.events(self._midnight_ns, max(since, self._minutes.first))


class _Prices(dict[int, Decimal]):
    """Decimal prices by their number of cents, each made once."""

    def __missing__(self, cents: int) -> Decimal:
        px = self[cents] = Decimal(cents).scaleb(-2)
        return px


class _Sizes(dict[int, Decimal]):
    """Decimal sizes by their number of units, each made once."""

    def __init__(self, unit: Decimal) -> None:
        super().__init__()
        self._unit = unit

    def __missing__(self, units: int) -> Decimal:
        size = self[units] = units * self._unit
        return size


class Walk:
    """The state of one day while it is made up: hidden price, quotes, excitement."""

    def __init__(self, symbol: str, profile: Profile, minutes: Minutes, key: str) -> None:
        self._symbol = symbol
        self._profile = profile
        self._minutes = minutes
        self._key = key
        self._random = Random(key)  # noqa: S311  (a market, not a secret)
        self._px = _Prices()
        self._sizes = _Sizes(profile.unit)
        cents = float(profile.price * 100)
        self._deviation = cents * profile.volatility
        self.path = self._drawn_path(cents * (1 + self._random.gauss(0, 0.003)))
        self._volume = self._expected_volume()
        self._impact = 0.3 * self._deviation / sqrt(TRADE_SHARE * 60 * sum(minutes.rate))
        self._mid = 0.0
        self._excitement = 0.0
        self._spread = 1
        self._bid = self._ask = 0
        self._bid_size = self._ask_size = 0
        self._is_buy = True
        self._time_ns = 0
        self._midnight_ns = 0
        self._trade_id = 0

    def _drawn_path(self, mid: float) -> list[float]:
        """The hidden price at the beginning of each minute, and at the end of the last."""
        minutes, gauss = self._minutes, self._random.gauss
        path = [mid] * (minutes.first + 1)
        for minute in range(minutes.first, minutes.end):
            mid += gauss(0, minutes.volatility[minute] * self._deviation * sqrt(60))
            path.append(max(mid, 2.0))
        return path

    def events(self, midnight_ns: int, since: int) -> Iterator[MarketEvent]:
        """The day from the minute `since` on."""
        minutes = self._minutes
        self._midnight_ns = midnight_ns
        for minute in range(since, minutes.end):
            second = minute * 60.0
            self._random = Random(f"{self._key}/{minute}")  # noqa: S311  (a market)
            self._mid = self.path[minute]
            self._bid = self._ask = 0  # nothing is left of the minute before
            self._excitement = 0.0
            self._trade_id = minute * 10_000
            self._is_buy = self._random.random() < 0.5
            self._time_ns = midnight_ns + int(second * NS_PER_S)
            self._draw_spread(minutes.spread[minute])
            yield self._next_quote()
            if minutes.bells is not None and minute in minutes.bells:
                auction = "open" if minute == minutes.bells[0] else "close"
                second += self._random.uniform(0.05, 0.5 if auction == "open" else 6.0)
                self._time_ns = midnight_ns + int(second * NS_PER_S)
                yield self._auction_print(auction)
            yield from self._minute(minute, second)

    def _minute(self, minute: int, second: float) -> Iterator[MarketEvent]:
        """Thinning: candidates come at the highest rate possible, and some are no events.

        The hidden price is a bridge to where the next minute begins.
        """
        random, gauss = self._random.random, self._random.gauss
        base = self._minutes.rate[minute] * (1 - EXCITED_SHARE)
        volatility = self._minutes.volatility[minute] * self._deviation
        end, target = (minute + 1) * 60.0, self.path[minute + 1]
        while True:
            bound = base + self._excitement
            left = end - second
            wait = min(-log(1 - random()) / bound, left)
            second += wait
            if second >= end:
                return
            self._excitement *= exp(-FADING_PER_S * wait)
            part = wait / left
            self._mid += (target - self._mid) * part
            self._mid += gauss(0, volatility * sqrt(wait * (1 - part)))
            if random() * bound > base + self._excitement:
                continue
            self._excitement += EXCITED_SHARE * FADING_PER_S
            self._time_ns = self._midnight_ns + int(second * NS_PER_S)
            if random() < TRADE_SHARE:
                yield from self._trade(minute)
            else:
                if random() < 0.35:
                    self._draw_spread(self._minutes.spread[minute])
                yield self._next_quote()

    def _draw_spread(self, factor: float) -> None:
        """One cent at least, and exponentially distributed above that."""
        excess = self._profile.spread_cents * factor - 1
        self._spread = 1 + int(-log(1 - self._random.random()) * excess + 0.5)

    def _next_quote(self) -> Quote:
        """Quotes around the hidden price; where no price moves, one size does."""
        self._mid = max(self._mid, self._spread + 1.0)
        bid = floor(self._mid - self._spread / 2 + 0.5)
        ask = bid + self._spread
        is_bid_kept, is_ask_kept = bid == self._bid, ask == self._ask
        is_bid_resized = self._random.random() < 0.5
        self._bid, self._ask = bid, ask
        if not is_bid_kept or (is_ask_kept and is_bid_resized):
            self._bid_size = self._displayed()
        if not is_ask_kept or (is_bid_kept and not is_bid_resized):
            self._ask_size = self._displayed()
        return self._quote()

    def _quote(self) -> Quote:
        return Quote(
            symbol=self._symbol,
            time_ns=self._time_ns,
            bid_px=self._px[self._bid],
            bid_size=self._sizes[self._bid_size],
            ask_px=self._px[self._ask],
            ask_size=self._sizes[self._ask_size],
            bid_exchange=LIT_EXCHANGES[self._bid_size // 100 % 6],
            ask_exchange=LIT_EXCHANGES[self._ask_size // 100 % 6],
        )

    def _displayed(self) -> int:
        """Round lots around the profile's mean, small ones more often."""
        draw = self._random.random()
        return 100 * max(1, int(self._profile.lots * (0.25 + 2.25 * draw * draw) + 0.5))

    def _trade(self, minute: int) -> Iterator[MarketEvent]:
        """A print at the touch or inside; one that takes all of the touch moves that side."""
        random = self._random.random
        if random() > PERSISTENCE:
            self._is_buy = not self._is_buy
        side = 1 if self._is_buy else -1
        self._mid += side * self._impact
        size = self._drawn_size(minute)
        width = self._ask - self._bid
        if width > 1 and random() < INSIDE_SHARE:
            yield self._print(self._bid + 1 + int(random() * (width - 1)), size, minute)
            return
        if self._is_buy:
            size = min(size, self._ask_size)
            self._ask_size -= size
            yield self._print(self._ask, size, minute)
        else:
            size = min(size, self._bid_size)
            self._bid_size -= size
            yield self._print(self._bid, size, minute)
        if not self._ask_size or not self._bid_size:
            yield self._moved_quote()

    def _moved_quote(self) -> Quote:
        """The next price takes the place of the one that was sold out or bought up."""
        if not self._ask_size:
            self._ask += 1
            self._ask_size = self._displayed()
        else:
            self._bid = max(self._bid - 1, 1)
            self._bid_size = self._displayed()
        return self._quote()

    def _drawn_size(self, minute: int) -> int:
        """Odd lots, small ones more often, or round lots with a lognormal tail."""
        random = self._random
        if random.random() < ODD_LOT_SHARE:
            return 1 + int(99 * random.random() ** 2)
        scale = max(0.5, self._profile.lots / 6) * self._minutes.size[minute]
        return 100 * (1 + int(random.lognormvariate(-0.6, 1.0) * scale))

    def _print(self, cents: int, size: int, minute: int) -> Trade:
        self._trade_id += 1
        conditions = "@" if self._minutes.is_regular(minute) else "@T"
        return Trade(
            symbol=self._symbol,
            time_ns=self._time_ns,
            px=self._px[cents],
            size=self._sizes[size],
            trade_id=self._trade_id,
            exchange=EXCHANGES[self._trade_id * 7 % 10],
            conditions=conditions + "I" if size < 100 else conditions,
            aggressor="buy" if self._is_buy else "sell",
        )

    def _auction_print(self, auction: str) -> Trade:
        """The bell's print, at a price within the quotes."""
        random = self._random
        if auction == "open":
            size = int(OPENING_SHARE * random.uniform(0.85, 1.15) * self._volume)
        else:
            share = random.uniform(*CLOSING_SHARES)
            size = int(self._volume * share / (1 - share))
        self._trade_id += 1
        return Trade(
            symbol=self._symbol,
            time_ns=self._time_ns,
            px=self._px[min(max(round(self._mid), self._bid), self._ask)],
            size=self._sizes[max(size, 1)],
            trade_id=self._trade_id,
            exchange="Q",
            conditions="O" if auction == "open" else "6",
            eligible=False,
            auction=auction,
        )

    def sizes(self, minutes: Sequence[int]) -> list[int]:
        """What a print of each of these minutes might have, in units."""
        return [min(self._drawn_size(minute), self._displayed()) for minute in minutes]

    def _expected_volume(self) -> float:
        """What the regular session trades on average, from a sample of sizes."""
        opening, closing = self._minutes.bells or (0, self._minutes.end)
        rates = self._minutes.rate
        minutes = self._random.choices(
            range(opening, closing), weights=rates[opening:closing], k=500
        )
        sizes = self.sizes(minutes)
        return TRADE_SHARE * 60 * sum(rates[opening:closing]) * sum(sizes) / len(sizes)
