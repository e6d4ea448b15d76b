"""A desk's parts over an exchange in virtual time: what `app` puts together for real time.

Files of earlier days read where they are needed, and the market as the
exchange shows it now; no threads, no files of settings, no network.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

from msgspec import Struct

from floorbroker import __version__, app
from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca_feeds.auctions import auction_prints
from floorbroker.brokers.alpaca_feeds.door import newest_of
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.feed import Fact
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import Clock
from floorbroker.domain.ids import Account
from floorbroker.domain.quotes import Quote
from floorbroker.engine.loop import Engine
from floorbroker.engine.parents.feeder import Live
from floorbroker.engine.settings import EngineSettings
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.server import Setup
from floorbroker.journal.port import Journal
from floorbroker.marketdata.history.asking import EarlierDays, from_bars, from_files
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import NS_PER_MINUTE
from floorbroker.readers import SIMULATED
from floorbroker.venues import MarketPlan, regular_hours
from floorbroker.watch.watch import Lists, MarketWatch

KEYS = Credentials("SIMULATE", "simulate")
#: The bins of a curve.
BIN_NS = 15 * NS_PER_MINUTE
#: An order whose fate is open keeps no other from leaving: they are independent of each other.
SETTINGS = EngineSettings(unknown_per_symbol=1_000, unknown_max=1_000, ghost_grace_s=5.0)


class Told(Struct, frozen=True, kw_only=True):
    """What the desk is told: how its engine works, and files of earlier days."""

    settings: EngineSettings = SETTINGS
    history: Path | None = None


def open_exchange(
    market: MarketPlan,
    clock: Clock,
    start_ns: int,
    stack: AsyncExitStack,
    *,
    seed: int,
    cash: Decimal,
) -> ExchangeFront:
    """The exchange of this market, whose time is the clock's from `start_ns` on."""
    setup = Setup(
        clock=clock,
        assets=market.assets,
        start_ns=start_ns,
        make_tape=market.make_tape,
        seed=seed,
        cash=cash,
        corporate_actions=market.corporate_actions,
    )
    front = build_exchange(setup)
    stack.push_async_callback(front.aclose)
    return front


async def open_parts(
    front: ExchangeFront,
    journal: Journal,
    clock: Clock,
    stack: AsyncExitStack,
    *,
    seed: int,
    told: Told | None = None,
) -> app.Parts:
    """The parts, their engine open for orders; the stack closes them, and the engine is stopped
    by whoever asked. One seed makes the same ids, jitter and so the same journal."""
    told = told or Told()
    way = MemoryTransport(front)
    pacer = Pacer(clock, Random(seed + 1))  # noqa: S311  (jitter)
    client = AlpacaClient(
        Account("SIMULATE"),
        Endpoints(trading=way, market=way, stream=way),
        KEYS,
        clock=clock,
        random=Random(seed + 2),  # noqa: S311  (jitter)
        pacer=pacer,
    )
    stack.push_async_callback(client.aclose)
    parts = app.Parts(stack, clock)
    parts.broker, parts.journal = client, journal
    parts.engine = Engine(
        journal=journal,
        broker=client,
        clock=clock,
        random=Random(seed + 3),  # noqa: S311  (ids, not secrets)
        pacer=pacer,
        settings=told.settings,
        namespace="s",
        mode=SIMULATED,
        version=__version__,
    )
    parts.recovery = await parts.engine.start()
    parts.earlier = _earlier(client, told.history, clock)
    parts.watch = _watch(client, clock)
    parts.engine.parents.feeder.live = _shown(front)
    return parts


def _earlier(client: AlpacaClient, history: Path | None, clock: Clock) -> EarlierDays:
    """Files of earlier days, else what the tape had of them."""
    reading = Reading(regular_hours, BIN_NS)
    files = [] if history is None else [from_files(history, reading, aside=False)]
    prints = partial(auction_prints, client.market, clock)
    return EarlierDays([*files, from_bars(client.bars, reading, prints)], regular_hours)


def _watch(client: AlpacaClient, clock: Clock) -> MarketWatch:
    async def newest(symbols: Sequence[str]) -> list[Fact]:
        return await newest_of(client.market, "iex", symbols)

    async def now() -> datetime:
        return (await client.market_phase()).broker_time

    return MarketWatch((), Lists(newest=newest, bars=client.bars, now=now), clock=clock)


def _shown(front: ExchangeFront) -> Live:
    """The quotes that stand: what a feed without delay would have told."""

    def shown(symbol: str, _max_age_s: float) -> Quote | None:
        return front.server.venue.market_of(symbol).quotes.get(symbol)

    return shown
