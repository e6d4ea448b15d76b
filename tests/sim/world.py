"""A desk and its exchange in one virtual time: faults, crashes, and the truth to hold it to."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.stream import StreamRules
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import NS_PER_S, Clock, LoopClock, datetime_of
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import DeskClosed, JournalMessage
from floorbroker.domain.order import Order
from floorbroker.domain.quotes import Quote
from floorbroker.engine.loop import Engine
from floorbroker.engine.recovery import Recovery, replay
from floorbroker.engine.settings import EngineSettings
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.front.server import FrontRules, Setup
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from floorbroker.execution.catalog import SHIPPED, Catalog
from floorbroker.journal.port import Record
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk

SYMBOLS = ("AAPL", "MSFT")
#: 10:00 in New York on the first of June 2026, a Monday.
ORIGIN_NS = 1_780_322_400 * NS_PER_S
NAMESPACE = "sim"
KEYS = Credentials("SIM", "secret")
#: Orders whose fate is open keep no others from leaving: here they should meet.
OPEN_GATE = EngineSettings(unknown_per_symbol=100, unknown_max=100)


class World:
    """One exchange that lives on, and a desk that may die and come back."""

    def __init__(
        self,
        seed: int,
        faults: Sequence[FaultRule] = (),
        settings: EngineSettings | None = None,
        *,
        rules: VenueRules | None = None,
        start_ns: int = ORIGIN_NS,
        corporate_actions: tuple[CorporateAction, ...] = (),
        rate_limit: int = 0,
        has_one_stream: bool = False,
    ) -> None:
        self.random = Random(seed)
        self.settings = settings or OPEN_GATE
        self.disk = MemoryDisk()
        self.clock = LoopClock(start_ns)
        #: What the desk takes for the time.
        self.desk_clock: Clock = self.clock
        self.stream_rules = StreamRules()
        self.algos: Catalog = SHIPPED
        self._setup = Setup(
            clock=self.clock,
            assets=listing(SYMBOLS),
            start_ns=start_ns,
            seed=seed,
            corporate_actions=corporate_actions,
            front=FrontRules(rate_limit=rate_limit, has_one_stream_per_account=has_one_stream),
            rules=rules or VenueRules(),
        )
        self.front = build_exchange(self._setup, FaultPlan(faults, seed))
        self.way = MemoryTransport(self.front)
        self.engine: Engine
        self.journal: SqliteJournal
        self.client: AlpacaClient
        self.recoveries: list[Recovery] = []
        #: Whatever else is alarming was not caused by these faults.
        self.expected_alarms = {"cancel_stuck", "quarantined", "stream_deaf", "unprotected"}
        late = [rule.wait_s for rule in faults if rule.kind == "late_visibility"]
        if any(wait_s > self.settings.ghost_grace_s for wait_s in late):
            self.expected_alarms.add("late_order")
        self.is_healed = False
        self._mine: list[asyncio.Task[Any]] = []
        self._stranger = 0
        self._read_so_far: list[Record] = []

    # The desk

    async def open_at_last(self) -> None:
        """A start that the faults cut off is made again, as a supervisor would."""
        while True:
            try:
                await self.open()
            except BrokerError:
                await self.engine.stop()
                await self.client.aclose()
                self.journal.close()
            else:
                return

    async def open(self) -> Recovery:
        """Start a desk on the disk, as a new process would."""
        seed = self.random.getrandbits(64)
        self.journal = SqliteJournal.open(
            self.disk, command="sim", started=self.clock.now(), journal_id_maker=Random(seed)
        )
        pacer = Pacer(self.desk_clock, Random(seed + 1))
        journal, way = self.ports()
        self.client = AlpacaClient(
            Account("SIM"),
            Endpoints(trading=way, market=way, stream=way, stream_rules=self.stream_rules),
            KEYS,
            clock=self.desk_clock,
            random=Random(seed + 2),
            pacer=pacer,
        )
        self.engine = Engine(
            journal=journal,
            broker=self.client,
            clock=self.desk_clock,
            random=Random(seed + 3),
            pacer=pacer,
            settings=self.settings,
            namespace=NAMESPACE,
            mode="paper",
            version="sim",
            algos=self.algos,
        )
        recovery = await self.engine.start()
        self.recoveries.append(recovery)
        return recovery

    def ports(self) -> tuple[Any, Any]:
        """The journal and the way to the exchange, as the desk is given them."""
        return self.journal, _Shared(self.way)

    def run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Work of the desk's process: it dies with a crash."""
        task = asyncio.get_running_loop().create_task(work)
        self._mine.append(task)
        return task

    async def crash(self) -> None:
        """What kill -9 leaves: a disk and an exchange. Nothing is said to anybody."""
        self.disk.crash()
        tasks = [*self._mine, *tasks_of(self.engine)]
        self._mine = []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.client.pacer.aclose()

    async def close(self) -> None:
        await self.engine.stop()
        await self.client.aclose()
        self.journal.close()
        await self.way.aclose()
        await self.front.aclose()

    # The exchange

    async def keep_exchange(self, path: Path) -> None:
        """The exchange is another one from now on, which keeps its state in this file; what was
        left in the file is taken up. The desk must be down."""
        await self.way.aclose()
        await self.front.aclose()
        self.front = build_exchange(replace(self._setup, store=ExchangeStore(path)))
        self.way = MemoryTransport(self.front)

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, size: int) -> None:
        """The market of this symbol from now on; what `POST /_exchange/quote` does, without its
        JSON, because a scenario has a thousand quotes and the desk sees none of them."""
        server = self.front.server
        server.catch_up()
        shares = Decimal(size)
        server.script(
            Quote(
                symbol=symbol,
                time_ns=server.now_ns,
                bid_px=bid,
                bid_size=shares,
                ask_px=ask,
                ask_size=shares,
            )
        )
        server.commit()

    async def print_trade(self, symbol: str, px: Decimal, size: str = "1") -> None:
        """Somebody trades at this price: stops look at it."""
        body = msgspec.json.encode({"symbol": symbol, "price": str(px), "size": size})
        answer = await self.way.request(
            "POST", "/_exchange/trade", body=body, headers=KEYS.headers()
        )
        assert answer.status in (200, 201, 204), answer.body

    async def configure(self, **settings: object) -> None:
        """Settings of the account at the exchange."""
        path, body = "/v2/account/configurations", msgspec.json.encode(settings)
        answer = await self.way.request("PATCH", path, body=body, headers=KEYS.headers())
        assert answer.status == 200, answer.body

    def heal(self) -> None:
        """No more faults."""
        self.is_healed = True
        self.front.server.faults = FaultPlan()

    async def place_elsewhere(self, side: str, qty: int, symbol: str) -> None:
        """Somebody else orders on the same account."""
        self._stranger += 1
        body = {
            "symbol": symbol,
            "qty": str(qty),
            "side": side,
            "type": "market",
            "time_in_force": "day",
            "client_order_id": f"stranger-{self._stranger}",
        }
        answer = await self.way.request(
            "POST", "/v2/orders", body=msgspec.json.encode(body), headers=KEYS.headers()
        )
        assert answer.status == 200, answer.body

    async def orders(self) -> list[dict[str, Any]]:
        """Every order that the exchange ever accepted."""
        return await self._read("/_exchange/orders")

    async def fills(self) -> list[dict[str, Any]]:
        """Every execution."""
        return await self._read("/_exchange/fills")

    async def broker_positions(self) -> dict[str, Decimal]:
        rows = await self._read("/v2/positions")
        return {row["symbol"]: Decimal(row["qty"]) for row in rows}

    async def _read(self, path: str) -> list[dict[str, Any]]:
        answer = await self.way.request("GET", path, headers=KEYS.headers())
        assert answer.status == 200, answer.body
        rows: list[dict[str, Any]] = msgspec.json.decode(answer.body)
        return rows

    # The truth

    def messages(self) -> list[JournalMessage]:
        return [record.message for record in self.records()]

    def records(self) -> list[Record]:
        """Every record on the disk. What was read is not read again while the hash of its last
        one stands in the chain: then no byte before that has changed."""
        read = self._read_so_far
        if read and self.journal.hash_of(read[-1].seq) != read[-1].hash:
            read.clear()
        read += self.journal.records(after=len(read))
        return read

    def reader(self) -> Any:
        """The journal as if its snapshot was lost, with the records that were read already."""
        return _Read(self.journal, self.records())

    def replayed(self) -> bytes:
        """The state that the journal tells, from its first record on."""
        return replay(self.reader()).state.encode()

    def live(self) -> bytes:
        """The state that the engine has."""
        crew = self.engine._crew
        assert crew is not None
        crew.state.book.clear_batch()
        return crew.state.encode()

    def order(self, name: str) -> Order:
        found = self.engine.order(name)  # type: ignore[arg-type]  # any text will do
        assert found is not None, name
        return found


class _Shared:
    """A way to the exchange that outlives the desks on it: what a dead desk asked for, the
    exchange still does."""

    def __init__(self, way: MemoryTransport) -> None:
        self.request = way.request
        self.connect = way.connect

    async def aclose(self) -> None:
        """The exchange lives on."""


class _Read:
    """A journal whose records were read, and whose snapshot was lost."""

    def __init__(self, journal: SqliteJournal, records: Sequence[Record]) -> None:
        self._journal = journal
        self._records = records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def records(self, after: int = 0) -> Iterator[Record]:
        return iter(self._records[after:])

    def snapshot(self) -> None:
        return None


def tasks_of(engine: Engine) -> list["asyncio.Task[Any]"]:
    """Everything that runs for an engine: what a dead process no longer has."""
    crew = engine._crew
    if crew is None:
        return list(engine._tasks)
    return [
        *engine._tasks,
        *crew.outbox._live.values(),
        *crew.resolver._inquiries.values(),
    ]


def is_closed(messages: Sequence[JournalMessage]) -> bool:
    return isinstance(messages[-1], DeskClosed)


def now(world: World) -> str:
    return datetime_of(world.clock.now_ns()).isoformat()
