"""However many symbols are worked, a few questions tell of them, within the broker's budget."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from random import Random

from floorbroker.brokers.cache import BrokerCache
from floorbroker.brokers.pace.retries import Retries
from floorbroker.brokers.pacing import Lane, Pacer
from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.amounts import Qty
from floorbroker.domain.books.parents import ParentOrder
from floorbroker.domain.errors import BrokerRejected
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.domain.terms import Side
from floorbroker.engine.parents.board import Board
from floorbroker.engine.parents.feeder import Feeder
from floorbroker.engine.parents.steward import Quoted
from floorbroker.engine.settings import EngineSettings, Means
from floorbroker.engine.standing.parents import ParentBook
from floorbroker.engine.timing.stopwatch import Stopwatch
from floorbroker.execution.catalog import SHIPPED
from tests.unit.engine.scripted import ACCOUNT, ORIGIN_NS, START, ScriptedBroker, virtual

MINUTE_NS = 60 * NS_PER_S
LIMIT = 200
FORTY = tuple(f"S{number:02}" for number in range(40))
D = Decimal


class Market(ScriptedBroker):
    """Tells of every symbol but GHOST, for one request of the budget each time; notes who asks
    for what. A pacer keeps to the limit that its answers tell."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__()
        self.pacer = Pacer(self.clock, Random(1))
        self.quoted: list[Sequence[str]] = []
        self.barred: list[tuple[Sequence[str], int]] = []
        self.told_ns: list[int] = []
        self.times_ns: list[int] = []
        self.printing: dict[str, int] = {}  #: Until when a symbol has a bar each minute.
        self._limit, self._left, self._window = limit, limit, 0

    async def latest_quote(self, symbol: str) -> Quote | None:
        await self.pay()
        self.quoted.append([symbol])
        if symbol == "GHOST":
            raise BrokerRejected("no such symbol")
        return self._quote(symbol)

    async def latest_quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        await self.pay()
        self.quoted.append(symbols)
        if "GHOST" in symbols:
            raise BrokerRejected("no such symbol")
        return {symbol: self._quote(symbol) for symbol in symbols}

    async def bars(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Bar]]:
        await self.pay()
        self.barred.append((symbols, ns_of(start)))
        self.told_ns.append(self.clock.now_ns())
        return {symbol: self._bars(symbol, ns_of(start), ns_of(end)) for symbol in symbols}

    def pace_s(self, questions: int) -> float:
        return self.pacer.pace_s(Lane.QUERY, questions)

    async def pay(self) -> None:
        """One request, whose answer tells what is left of this minute."""
        await self.pacer.take(Lane.QUERY)
        now_ns = self.clock.now_ns()
        self.times_ns.append(now_ns)
        window = now_ns // MINUTE_NS
        if window != self._window:
            self._window, self._left = window, self._limit
        self._left -= 1
        headers = {
            "x-ratelimit-limit": str(self._limit),
            "x-ratelimit-remaining": str(self._left),
            "x-ratelimit-reset": str((window + 1) * 60),
        }
        assert not self._limit or self._left >= 0, "more was asked than the broker allows"
        self.pacer.done(Lane.QUERY, headers if self._limit else {})

    def _quote(self, symbol: str) -> Quote:
        now_ns = self.clock.now_ns()
        one = D(1)
        return Quote(
            symbol=symbol, time_ns=now_ns, bid_px=one, bid_size=one, ask_px=one, ask_size=one
        )

    def _bars(self, symbol: str, start_ns: int, end_ns: int) -> list[Bar]:
        first_ns = -(-start_ns // MINUTE_NS) * MINUTE_NS
        last_ns = min(end_ns, self.printing.get(symbol, end_ns))
        one = D(1)
        return [
            Bar(
                symbol=symbol,
                time_ns=time_ns,
                duration_s=60,
                open_px=one,
                high_px=one,
                low_px=one,
                close_px=one,
                volume=D(100),
                trade_count=1,
                vwap=None,
            )
            for time_ns in range(first_ns, last_ns + 1, MINUTE_NS)
        ]


class Fed:
    """A feeder, the board that it fills, and the symbols whose quotes it said had changed."""

    def __init__(self, broker: Market, symbols: Sequence[str], start_ns: int = ORIGIN_NS) -> None:
        settings = EngineSettings()
        book = ParentBook({})
        means = Means(
            broker=broker,
            clock=broker.clock,
            settings=settings,
            errors=deque(maxlen=9),
            cache=BrokerCache(broker, broker.clock),
            times=Stopwatch(broker.clock, slow_s=1, degraded_s=2, most=9),
            retries=Retries(broker.clock, Random(1)),
        )
        self.board = Board(settings, lambda *_: Qty(0))
        self.said: list[str] = []
        self.feeder = Feeder(means, self.board, book, SHIPPED, deliver=self._hear)
        for symbol in symbols:
            book.asked(
                ParentOrder(
                    parent_id=ClOrdID(f"fb-{symbol}"),
                    account=ACCOUNT,
                    side=Side.BUY,
                    symbol=symbol,
                    qty=Qty(100),
                    algo="pov",
                    start_ns=start_ns,
                    end_ns=ORIGIN_NS + 3600 * NS_PER_S,
                    transact_time=START,
                )
            )

    def _hear(self, item: Quoted) -> None:
        self.said.append(item.symbol)


@virtual
async def test_a_round_asks_once_for_all_quotes_and_once_for_all_bars() -> None:
    broker = Market()
    fed = Fed(broker, FORTY)
    await broker.clock.sleep(90)
    assert await fed.feeder.tell_live()
    assert broker.quoted == [list(FORTY)]
    assert [list(symbols) for symbols, _ in broker.barred] == [list(FORTY)]
    assert fed.said == list(FORTY)
    assert all(sum(bar.volume for bar in fed.board.seen[one].bars.values()) for one in FORTY)


@virtual
async def test_a_symbol_that_is_none_spoils_nothing_for_the_others() -> None:
    broker = Market()
    fed = Fed(broker, ["AAPL", "GHOST", "MSFT"])
    await fed.feeder.tell_live()
    assert [fed.board.seen[one].problem for one in ("AAPL", "MSFT")] == ["", ""]
    assert fed.board.seen["GHOST"].problem == "never told"
    assert fed.board.seen["GHOST"].quote is None


@virtual
async def test_a_symbol_without_prints_is_not_asked_about_for_all_of_its_hours() -> None:
    broker = Market()
    broker.printing["THIN"] = ORIGIN_NS + MINUTE_NS
    fed = Fed(broker, ["BUSY", "THIN"])
    for _ in range(40):
        await broker.clock.sleep(60)
        await fed.feeder.tell_live()
    oldest_s = (broker.clock.now_ns() - broker.barred[-1][1]) / NS_PER_S
    assert oldest_s <= 6 * 60
    assert {len(fed.board.seen[one].bars) for one in ("BUSY", "THIN")} == {41, 2}


@virtual
async def test_hours_that_one_begins_with_are_not_asked_of_the_others_again() -> None:
    broker = Market()
    fed = Fed(broker, FORTY)
    await broker.clock.sleep(3000)
    await fed.feeder.tell_live()
    assert len(broker.barred) == 1
    fed.board.seen.pop("S07")  # as if it came new, and had begun long ago
    await broker.clock.sleep(1)
    await fed.feeder.tell_live()
    (lately, lately_ns), (long_ago, long_ago_ns) = broker.barred[1:]
    assert (len(lately), list(long_ago)) == (39, ["S07"])
    assert lately_ns >= ORIGIN_NS + 2900 * NS_PER_S
    assert long_ago_ns == ORIGIN_NS


@virtual
async def test_forty_names_are_told_all_the_time_while_others_spend_the_same_budget() -> None:
    """Others take 60 requests of 200 a minute, and 60 stay free for what matters more: 80 are
    left, and rounds of two questions come twice as seldom as they would."""
    broker = Market(LIMIT)
    fed = Fed(broker, FORTY)

    async def others() -> None:
        while True:
            await broker.pay()
            await broker.clock.sleep(1)

    tasks = [asyncio.ensure_future(one) for one in (fed.feeder.run(), others())]
    await broker.clock.sleep(300)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    minutes = [ns // MINUTE_NS for ns in broker.times_ns]
    assert max(minutes.count(one) for one in set(minutes)) <= LIMIT * 7 // 10
    told_ns = [*broker.told_ns, broker.clock.now_ns()]
    longest_s = max(later - earlier for earlier, later in pairwise(told_ns)) / NS_PER_S
    assert longest_s < EngineSettings().parent_stale_s
    assert len(broker.told_ns) > 150
