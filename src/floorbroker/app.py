"""The composition root: the only place where the concrete parts meet."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import date, datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct

from floorbroker import __version__
from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.network import NetworkRules, NetworkTransport
from floorbroker.brokers.alpaca.transport import Transport
from floorbroker.brokers.alpaca_brake.brake import AlpacaBrake
from floorbroker.brokers.alpaca_feeds.auctions import auction_prints
from floorbroker.brokers.alpaca_feeds.door import FeedWays, coin_feed, newest_of, stock_feed
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.brake import Brake
from floorbroker.brokers.feed import Fact
from floorbroker.brokers.guard.owner import CAN_OWN, StreamOwner
from floorbroker.brokers.pace.shared import CAN_SHARE, SharedBudget, file_of
from floorbroker.brokers.pacing import Pacer, PacingStatus
from floorbroker.brokers.port import Broker, ClockSkew
from floorbroker.clock import Clock, MarketClock, SystemClock, ns_of
from floorbroker.config import Settings
from floorbroker.domain.errors import BrokerError, BrokerUnknown
from floorbroker.domain.ids import Account
from floorbroker.engine.loop import Engine
from floorbroker.engine.recovery import Recovery
from floorbroker.engine.vigil.eyes import eyes_of
from floorbroker.engine.vigil.watchman import Watchman
from floorbroker.execution.catalog import SHIPPED, Catalog
from floorbroker.journal.latch import LatchFile
from floorbroker.journal.notary.keys import key_of, make_key
from floorbroker.journal.notary.notary import Notary
from floorbroker.journal.port import Journal
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.readers import check_real
from floorbroker.tuning.earlier import (
    EarlierDays,
    Known,
    earlier_days,
    is_synthetic,
)
from floorbroker.tuning.engine import engine_settings
from floorbroker.watch.prices import live_price, live_quote
from floorbroker.watch.today import RealizedBefore
from floorbroker.watch.watch import Lists, MarketWatch, WatchSettings

if TYPE_CHECKING:
    from floorbroker.marketdata.history.asking import Bars, Prints

EMBEDDED_KEYS = Credentials("EMBEDDED", "embedded")
Result = TypeVar("Result")


class Ports(Struct, frozen=True):
    """How a desk reaches its disk and the network, and the algorithms that it knows; a program of
    its own may stand before them."""

    journal: Callable[..., Journal] = SqliteJournal.open
    network: Callable[[str], Transport] = NetworkTransport
    algos: Catalog = SHIPPED


class Parts:
    """A desk's parts, running; `aclose` ends them in good order."""

    def __init__(self, stack: AsyncExitStack, clock: Clock) -> None:
        self._stack = stack
        self.clock = clock
        self.engine: Engine
        self.broker: Broker
        self.pacing: Callable[[], PacingStatus]
        self.skew: Callable[[], Awaitable[ClockSkew]]
        self.watch: MarketWatch
        self.realized: RealizedBefore
        self.journal: Journal
        self.notary: Notary
        self.recovery: Recovery
        #: What earlier days say of a symbol.
        self.earlier: EarlierDays

    async def aclose(self) -> None:
        await self._stack.aclose()


async def start(settings: Settings, ports: Ports | None = None) -> Parts:
    """Open journal, broker and engine, recover, and come back when orders are taken.

    Raises ConfigError, JournalError (JournalLocked while another desk writes the journal,
    JournalSimulated where it is of a simulation),
    StreamTaken or BrokerError; whatever was opened is closed again.
    """
    ports = ports or Ports()
    check_real(settings.journal_path)
    async with AsyncExitStack() as stack:
        random = Random(secrets.randbits(128))  # noqa: S311  (ids and jitter, not secrets)
        journal = ports.journal(
            settings.journal_path,
            command=" ".join(["floorbroker", *sys.argv[1:3]]),
            started=SystemClock().now(),
            journal_id_maker=random,
        )
        stack.callback(journal.close)
        notary = await _notary(settings, journal, stack)
        door = await _door(settings, ports, random, stack)
        clock, broker, pacer = door.clock, door.broker, door.broker.pacer
        parts = Parts(stack, clock)
        parts.journal, parts.notary, parts.broker = journal, notary, broker
        parts.pacing, parts.skew = pacer.status, partial(broker.clock_skew, SystemClock())
        parts.engine = Engine(
            journal=journal,
            broker=broker,
            clock=clock,
            random=random,
            pacer=pacer,
            settings=engine_settings(settings),
            namespace=f"o{journal.journal_id[:6]}",
            mode=settings.mode,
            version=__version__,
            latch=LatchFile(settings.home),
            algos=ports.algos,
            is_numbered=settings.mode != "embedded",
        )
        stack.push_async_callback(parts.engine.stop)
        parts.recovery = await parts.engine.start()
        parts.realized = RealizedBefore(journal, clock)
        prints = partial(auction_prints, broker.market, clock)
        parts.earlier = earlier_days(settings, (broker.bars, prints), _hours)
        parts.watch = _watch(settings, door, random)
        parts.engine.briefing.prices = partial(live_price, parts.watch.view, clock)
        parts.engine.parents.feeder.live = partial(live_quote, parts.watch.view)
        stack.push_async_callback(parts.watch.aclose)
        _mind(parts, stack)
        _guard(parts, settings, stack)
        parts._stack = stack.pop_all()
        return parts
    raise AssertionError("unreachable")


def _hours(day: date) -> tuple[int, int] | None:
    from floorbroker.venues import regular_hours  # seldom needed

    return regular_hours(day)


async def _notary(settings: Settings, journal: Journal, stack: AsyncExitStack) -> Notary:
    """What writes the journal's heads down elsewhere, for as long as the desk is open."""
    if settings.anchor_key is not None:
        key = key_of(settings.anchor_key.reveal(), "FLOORBROKER_ANCHOR_KEY")
    else:
        key = make_key(settings.anchor_key_path)
    notary = Notary(journal, settings.anchors_path, key, SystemClock())
    await notary.open()
    stack.push_async_callback(notary.anchor, "close")
    watching = asyncio.get_running_loop().create_task(notary.watch(settings.anchor_every_s))
    stack.callback(watching.cancel)
    return notary


class _Door(Struct, frozen=True):
    """The broker's door, the keys to it, and the clock of the market behind it."""

    clock: Clock
    keys: Credentials
    endpoints: Endpoints
    broker: AlpacaClient


async def _door(settings: Settings, ports: Ports, random: Random, stack: AsyncExitStack) -> _Door:
    """The broker's door: Alpaca, an exchange in another process, or one in this."""
    system = SystemClock()
    clock: Clock = system
    keys = EMBEDDED_KEYS
    if settings.exchange_url:
        network = ports.network(settings.exchange_url)
        endpoints = Endpoints(trading=network, market=network, stream=network)
        clock = await _clock_of(settings.exchange_url, settings.exchange_speed)
    elif settings.mode == "embedded":
        from floorbroker.venues import embedded  # a third of this module's import, if needed

        front = embedded(
            home=settings.home, tape=settings.tape, seed=settings.seed, cash=settings.cash
        )
        stack.push_async_callback(front.aclose)
        clock = front.server.clock
        memory = MemoryTransport(front)
        endpoints = Endpoints(trading=memory, market=memory, stream=memory)
    else:
        assert settings.key_id is not None
        assert settings.secret_key is not None
        keys = Credentials(settings.key_id.reveal(), settings.secret_key.reveal())
        _own_stream(settings, stack)
        base, _, path = settings.stream_url.rpartition("/")
        endpoints = Endpoints(
            trading=ports.network(settings.base_url),
            market=ports.network(settings.data_url),
            stream=ports.network(base.replace("ws", "http", 1)),
            stream_path=f"/{path}",
            data_stream=ports.network(settings.data_stream_url.replace("ws", "http", 1)),
            feed="sip" if settings.data_feed == "sip" else "iex",
            market_pacer=_paced(settings, settings.data_url, random),
        )
    pacer = _paced(settings, settings.base_url, random)
    account = Account(settings.account)
    broker = AlpacaClient(account, endpoints, keys, clock=clock, random=random, pacer=pacer)
    stack.push_async_callback(broker.aclose)
    return _Door(clock, keys, endpoints, broker)


def _own_stream(settings: Settings, stack: AsyncExitStack) -> None:
    """An account has one order stream; raises StreamTaken where another desk here follows it."""
    if CAN_OWN:
        assert settings.key_id is not None
        url, key_id = settings.stream_url, settings.key_id.reveal()
        owner = StreamOwner.take(
            file_of(settings.run_path.expanduser(), url, key_id, "stream"),
            url=url,
            command=" ".join(["floorbroker", *sys.argv[1:3]]),
            started=SystemClock().now(),
        )
        stack.callback(owner.release)


def _paced(settings: Settings, url: str, random: Random) -> Pacer:
    """The turns at this address. Processes that use one key share its budget; the embedded
    exchange has accounts of its own."""
    clock = SystemClock()
    if settings.key_id is None or not CAN_SHARE:
        return Pacer(clock, random)
    path = file_of(settings.run_path.expanduser(), url, settings.key_id.reveal(), "budget")
    return Pacer(clock, random, budget=SharedBudget(path, clock))


def _watch(settings: Settings, door: _Door, random: Random) -> MarketWatch:
    """What follows the live market; without feeds where it is switched off."""
    ways = FeedWays(
        stream=door.endpoints.data_stream or door.endpoints.stream,
        market=door.broker.market,
        feeds=tuple(dict.fromkeys(filter(None, (settings.data_feed, settings.data_fallback)))),
    )
    feeds = [] if settings.data_feed == "off" else [
        make(ways, door.keys, clock=door.clock, random=random) for make in (stock_feed, coin_feed)
    ]  # fmt: skip

    async def newest(symbols: Sequence[str]) -> list[Fact]:
        return await newest_of(door.broker.market, door.endpoints.feed, symbols)

    async def now() -> datetime:
        return (await door.broker.market_phase()).broker_time

    return MarketWatch(
        feeds,
        Lists(newest=newest, bars=door.broker.bars, now=now),
        clock=door.clock,
        settings=WatchSettings(symbols_max=settings.data_symbols),
    )


def _mind(parts: Parts, stack: AsyncExitStack) -> None:
    """Follow what parent orders work, then what is held, then what has orders."""
    engine, journal, seen = parts.engine, parts.journal, [-1]

    def book() -> Sequence[str] | None:
        if journal.head().seq == seen[0]:
            return None
        seen[0] = journal.head().seq
        held = sorted(one.symbol for one in engine.positions().values() if not one.is_flat)
        worked = [one.symbol for one in engine.parents.list() if not one.is_ended]
        orders = (one.symbol for one in engine.open_orders())
        return list(dict.fromkeys([*worked, *held, *orders]))

    task = asyncio.get_running_loop().create_task(parts.watch.mind(book))
    stack.callback(task.cancel)


def _guard(parts: Parts, settings: Settings, stack: AsyncExitStack) -> None:
    """Keep the watch that no message keeps, for as long as the desk is open."""
    engine, disk = parts.engine, settings.journal_path.parent
    eyes = eyes_of(engine, parts.watch.view, parts.skew, home=settings.home, disk=disk)
    watchman = Watchman(engine.switch, eyes, SystemClock(), engine.settings.guards)
    stack.callback(eyes.heartbeat.stop)
    stack.callback(asyncio.get_running_loop().create_task(watchman.run()).cancel)


async def _clock_of(url: str, speed: float) -> Clock:
    """The date of the market at this exchange, running on at its speed."""
    async with open_broker(url) as broker:
        phase = await broker.market_phase()
    return MarketClock(SystemClock(), ns_of(phase.broker_time), speed)


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop, the faster one; asyncio's own on Windows, where there is no uvloop."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run it to its end on a loop of its own, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


@asynccontextmanager
async def open_brake(settings: Settings) -> AsyncIterator[Brake]:
    """The way to the account past every desk; an embedded exchange must not be in use."""
    clock, random = SystemClock(), Random(0)  # noqa: S311  (jitter)
    keys = EMBEDDED_KEYS
    transport: Transport
    async with AsyncExitStack() as stack:
        if settings.mode == "embedded" and not settings.exchange_url:
            from floorbroker.venues import embedded

            front = embedded(
                home=settings.home, tape=settings.tape, seed=settings.seed, cash=settings.cash
            )
            stack.push_async_callback(front.aclose)
            transport = MemoryTransport(front)
        else:
            if settings.key_id is not None and settings.secret_key is not None:
                keys = Credentials(settings.key_id.reveal(), settings.secret_key.reveal())
            url = settings.exchange_url or settings.base_url
            transport = NetworkTransport(url, NetworkRules(connect_timeout_s=3.0, timeout_s=8.0))
        brake = AlpacaBrake(transport, keys, clock=clock, pacer=Pacer(clock, random))
        stack.push_async_callback(brake.aclose)
        yield brake


@asynccontextmanager
async def open_earlier(settings: Settings) -> AsyncIterator[Known]:
    """Who knows earlier days, without a desk: files, a broker that can be reached, or the market
    that the embedded exchange makes up, as of where its clock was left."""
    async with AsyncExitStack() as stack:
        lists: tuple[Bars, Prints] | None = None
        now_ns, url, keys = SystemClock().now_ns(), settings.exchange_url, EMBEDDED_KEYS
        if settings.key_id is not None and settings.secret_key is not None:
            keys = Credentials(settings.key_id.reveal(), settings.secret_key.reveal())
            url = url or settings.data_url
        if url:
            broker = await stack.enter_async_context(open_broker(url, keys))
            lists = broker.bars, partial(auction_prints, broker.market, SystemClock())
            if url in (settings.exchange_url, settings.base_url):  # one address: it has a clock
                with suppress(BrokerError):
                    now_ns = ns_of((await broker.market_phase()).broker_time)
        elif is_synthetic(settings):
            from floorbroker.venues import look_back

            lists, now_ns = look_back(home=settings.home, seed=settings.seed)
        yield Known(earlier_days(settings, lists, _hours), lists, now_ns, settings)


@asynccontextmanager
async def open_broker(url: str, keys: Credentials = EMBEDDED_KEYS) -> AsyncIterator[AlpacaClient]:
    """A door to an exchange, or a broker, for questions alone."""
    clock, random = SystemClock(), Random(0)  # noqa: S311  (jitter)
    network = NetworkTransport(url)
    broker = AlpacaClient(
        Account("questions"),
        Endpoints(trading=network, market=network, stream=network),
        keys,
        clock=clock,
        random=random,
        pacer=Pacer(clock, random),
    )
    try:
        yield broker
    finally:
        await broker.aclose()


async def get_json(url: str) -> Any:
    """One of the exchange's own controls, read."""
    base, slash, path = url.partition("/_exchange")
    transport = NetworkTransport(base)
    try:
        answer = await transport.request("GET", slash + path, headers=EMBEDDED_KEYS.headers())
    finally:
        with suppress(OSError):
            await transport.aclose()
    if answer.status != 200:
        raise BrokerUnknown(f"GET {url} answered {answer.status}", status=answer.status)
    return msgspec.json.decode(answer.body)
