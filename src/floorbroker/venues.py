"""Opens markets, recorded or seeded, and puts exchanges together that play them."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar

import msgspec
from msgspec import Struct, structs

from floorbroker.clock import NS_PER_S, SystemClock, ns_of
from floorbroker.domain.errors import ConfigError, TapeError
from floorbroker.domain.quotes import Bar, Trade
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.faults import FaultPlan, parse_fault_plan
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve, stopped, while_it_lasts
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.front.switches import Switches, parse_switches, switches_of
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.reference.assets import OVERNIGHT_TRADABLE, Asset, asset_for, listing
from floorbroker.exchange.reference.calendar import (
    Session,
    new_york_date,
    next_session,
    previous_session,
    session_at,
    session_of,
)
from floorbroker.exchange.reference.calendar import regular_hours as regular_hours
from floorbroker.exchange.reference.past import NoPast, Past
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.tape import Tape
from floorbroker.marketdata.detect import open_tape
from floorbroker.marketdata.port import TapeSource, new_york_ns
from floorbroker.marketdata.synthetic.day import SyntheticDay, synthetic_market
from floorbroker.marketdata.synthetic.minutes import REGULAR_HOURS
from floorbroker.marketdata.synthetic.night import DayAndNight
from floorbroker.marketdata.synthetic.past import SyntheticPast

if TYPE_CHECKING:
    from floorbroker.marketdata.history.asking import Bars, Prints

#: The day on which the embedded exchange begins, and the time of its clock, in New York.
EMBEDDED_DAY = date(2026, 6, 1)
EMBEDDED_TIME = time(10)
#: What the default synthetic market lists.
SYMBOLS = ("AAPL", "MSFT", "SPY", "QQQ", "NVDA", "AMD", "INTC", "AMZN", "F", "BTC/USD")
#: How much of the market's past a desk with its exchange in the same process begins with.
LOOK_BACK_NS = 2 * 60 * NS_PER_S

#: So many sessions of a synthetic market's past are known.
PAST_SESSIONS = 30
HALF_DAY = time(9, 30), time(13)

Speed = float | Literal["max"]
Outcome = TypeVar("Outcome")


class MarketPlan(Struct, frozen=True, kw_only=True):
    """A market that can be played from its beginning as often as needed.

    `start_ns` is where an exchange's clock begins, `open_ns` and `close_ns` are the bells of the
    first regular session.
    """

    name: str
    symbols: tuple[str, ...]
    assets: Mapping[str, Asset]
    make_tape: Callable[[], Tape]
    start_ns: int
    open_ns: int
    close_ns: int
    past: Past = NoPast()
    corporate_actions: tuple[CorporateAction, ...] = ()


class Place(Struct, frozen=True, kw_only=True):
    """Where an exchange is served, where its state is kept, and the rules of the house."""

    host: str = "127.0.0.1"
    port: int = 0
    state: Path | None = None
    rules: Switches = Switches()


class Served:
    """An exchange that answers at `url`."""

    def __init__(self, url: str, front: ExchangeFront) -> None:
        self.url = url
        self._front = front

    def now_ns(self) -> int:
        """The market's time."""
        return self._front.server.now_ns

    def fast_until(self, time_ns: int) -> None:
        """Let the market run in real time from this instant on, until told anew."""
        self._front.server.clock.fast_until(time_ns)

    async def stopped(self, on_ready: Callable[[], None]) -> None:
        """Returns when the process is told to stop (SIGTERM or SIGINT).

        `on_ready` is called once a signal means that; before, it would kill the process. Raises
        what ended the exchange if it ends by itself, as `failed` does.
        """
        await stopped(self._front, on_ready)

    async def failed(self) -> NoReturn:
        """Wait until the exchange ends by itself, and raise what ended it.

        A TapeError where the tape broke off, another FloorbrokerError if the state cannot be
        saved. From then on every request is answered 500.
        """
        await self._front.server.failed()

    async def while_it_lasts(self, work: Coroutine[object, object, Outcome]) -> Outcome:
        """What the work comes to; if `failed` raises first, the work is cancelled."""
        return await while_it_lasts(self._front, work)


def open_market(
    tape: Path | None,
    symbols: Sequence[str],
    seed: int,
    *,
    is_wall: bool = False,
    is_quiet: bool = False,
) -> MarketPlan:
    """The recorded market at this path, or the seeded one for these symbols.

    `is_wall` puts the synthetic market on today's date; a quiet one has no quote and no print but
    those that somebody sends. Raises TapeError.
    """
    sources: Sequence[TapeSource]
    if tape is not None:
        sources = open_tape(tape)
        name = sources[0].info.name
        day = new_york_date(min(source.info.first_ns for source in sources))
    else:
        day = new_york_date(SystemClock().now_ns()) if is_wall else EMBEDDED_DAY
        sources = [] if is_quiet else _synthetic(symbols or SYMBOLS, day, seed)
        if is_wall and not is_quiet:
            sources = [*_night_before(symbols or SYMBOLS, day, seed), *sources]
        name = "quiet market" if is_quiet else f"synthetic market, seed {seed}"
    listed = tuple(dict.fromkeys(s for source in sources for s in source.info.symbols))
    listed = listed or tuple(symbols or SYMBOLS)
    session = session_of(day) or session_at(new_york_ns(day, EMBEDDED_TIME))
    start_ns = new_york_ns(session.date, EMBEDDED_TIME)
    return MarketPlan(
        name=f"{name}, {day.isoformat()}",
        symbols=listed,
        assets=listing(listed),
        make_tape=lambda: Tape(sources, symbols=listed),
        start_ns=SystemClock().now_ns() if is_wall else start_ns,
        open_ns=session.open_ns,
        close_ns=session.close_ns,
        past=_past(listed, seed, day, day) if tape is None and not is_quiet else NoPast(),
    )


@asynccontextmanager
async def serve_exchange(
    market: MarketPlan,
    *,
    speed: Speed,
    seed: int,
    cash: str,
    faults: str = "",
    place: Place | None = None,
) -> AsyncIterator[Served]:
    """Serve the market over TCP while the block runs; raises ConfigError, TapeError."""
    where = place or Place()
    plan: FaultPlan | None = parse_fault_plan(faults) if faults else None
    with _state_told(where.state):
        store = ExchangeStore(where.state) if where.state is not None else None
        setup = structs.replace(
            _setup(market, seed=seed, cash=cash, speed=speed, store=store),
            rules=where.rules.venue,
            fill_rules=where.rules.fills,
            front=where.rules.front,
        )
        front = build_exchange(setup, plan)
    front.server.advance_to(front.server.now_ns)  # first through what the tape has had till now
    async with serve(front, where.host, where.port) as port:
        yield Served(f"http://{where.host}:{port}", front)


def read_rules(rules: str | Mapping[str, object], source: str) -> Switches:
    """The switches of an exchange from TOML, or from its tables; raises ConfigError."""
    return parse_switches(rules, source) if isinstance(rules, str) else switches_of(rules, source)


@contextmanager
def _state_told(path: Path | None) -> Iterator[None]:
    """A state file that cannot be used is a matter of configuration; raises ConfigError."""
    try:
        yield
    except (sqlite3.Error, msgspec.DecodeError, ValueError) as problem:
        raise ConfigError(
            f"the exchange's state {path} cannot be used: {problem}; move the file away to begin "
            "with an empty exchange, or name another"
        ) from None


def _setup(
    market: MarketPlan, *, seed: int, cash: str, speed: Speed, store: ExchangeStore | None
) -> Setup:
    return Setup(
        clock=SystemClock(),
        assets=market.assets,
        start_ns=market.start_ns,
        make_tape=market.make_tape,
        speed=speed,
        seed=seed,
        cash=Decimal(cash),
        store=store,
        corporate_actions=market.corporate_actions,
        past=market.past,
    )


def embedded(*, home: Path, tape: Path | None, seed: int, cash: str) -> ExchangeFront:
    """The exchange of a desk in the same process, its state kept beside the journal.

    Its market goes on where it was left, or with the next session if that one is over.
    """
    path = home / "exchange.sqlite"
    with _state_told(path):
        store = ExchangeStore(path)
        if tape is not None:
            market = open_market(tape, (), seed)
        else:
            market = _market_at(_resumed_ns(store.saved_ns()), seed)
        return build_exchange(_setup(market, seed=seed, cash=cash, speed=1.0, store=store))


def look_back(*, home: Path, seed: int) -> tuple[tuple["Bars", "Prints"], int]:
    """Minute bars and auctions before the day of the embedded exchange's synthetic market, and
    its time. Its state is looked at, not changed; a desk may be at work with it."""
    path, saved_ns = home / "exchange.sqlite", None
    if path.exists():
        with _state_told(path), closing(ExchangeStore(path)) as store:
            saved_ns = store.saved_ns()
    now_ns = _resumed_ns(saved_ns)
    past = _past(SYMBOLS, seed, session_at(now_ns).date, EMBEDDED_DAY)

    async def bars(symbols: Sequence[str], start: datetime, end: datetime) -> dict[str, list[Bar]]:
        first_ns, last_ns = ns_of(start), ns_of(end)
        found: dict[str, list[Bar]] = {}
        for symbol in symbols:
            if symbol not in SYMBOLS:
                raise TapeError(f"none of {symbol}; it has {', '.join(SYMBOLS)}")
            made = (bar for day in past.dates(symbol) for bar in past.minutes(symbol, day))
            found[symbol] = [bar for bar in made if first_ns <= bar.time_ns <= last_ns]
        return found

    async def prints(symbol: str, span: tuple[datetime, datetime]) -> Sequence[Trade]:
        first_ns, last_ns = map(ns_of, span)
        made = (each for day in past.dates(symbol) for each in past.whole(symbol, day)[1])
        return [each for each in made if first_ns <= each.time_ns <= last_ns]

    return (bars, prints), now_ns


def _resumed_ns(saved_ns: int | None) -> int:
    """The same instant, or 10:00 of the next session if the regular one is over."""
    if saved_ns is None:
        return new_york_ns(EMBEDDED_DAY, EMBEDDED_TIME)
    session = session_at(saved_ns)
    if saved_ns >= session.close_ns:
        session = next_session(session.date)
    return max(saved_ns, new_york_ns(session.date, EMBEDDED_TIME))


def _market_at(start_ns: int, seed: int) -> MarketPlan:
    """The seeded market from a few minutes before this instant, so that a command starts fast."""
    session = session_at(start_ns)
    sources = _synthetic(SYMBOLS, session.date, seed, start_ns - LOOK_BACK_NS)
    return MarketPlan(
        name=f"synthetic market, seed {seed}, {session.date.isoformat()}",
        symbols=SYMBOLS,
        assets=listing(SYMBOLS),
        make_tape=lambda: Tape(sources, symbols=SYMBOLS),
        start_ns=start_ns,
        open_ns=session.open_ns,
        close_ns=session.close_ns,
        past=_past(SYMBOLS, seed, session.date, EMBEDDED_DAY),
    )


def _past(symbols: Sequence[str], seed: int, day: date, first: date) -> Past:
    """The sessions before the day, as the market plays them from its first day on. The table of
    sessions bounds it."""
    sessions: dict[date, tuple[time, time]] = {}
    before = day
    while len(sessions) < PAST_SESSIONS and (session := _session_before(before)) is not None:
        before = session.date
        sessions[before] = HALF_DAY if session.is_early else REGULAR_HOURS
    oldest_first = dict(reversed(sessions.items()))
    return SyntheticPast(symbols, seed, oldest_first, until=day, played_from=first)


def _session_before(day: date) -> Session | None:
    try:
        return previous_session(day)
    except ValueError:
        return None


def _synthetic(
    symbols: Sequence[str], day: date, seed: int, from_ns: int = 0
) -> Sequence[TapeSource]:
    """The seeded day, and the night after it of what trades overnight."""
    after = next_session(day).date
    days = zip(dict.fromkeys(symbols), synthetic_market(symbols, day, seed, from_ns), strict=True)
    return [_with_night(symbol, each, after, seed) for symbol, each in days]


def _night_before(symbols: Sequence[str], day: date, seed: int) -> Sequence[TapeSource]:
    """The night that a day in real time begins with, if it is a session's."""
    session = session_of(day)
    if session is None:
        return []
    before = previous_session(day).date
    return _synthetic([one for one in symbols if "/" not in one], before, seed, session.night_ns)


def _with_night(symbol: str, day: SyntheticDay, after: date, seed: int) -> TapeSource:
    is_tradable = OVERNIGHT_TRADABLE in asset_for(symbol).attributes
    return DayAndNight(symbol, day, after, seed) if is_tradable else day
