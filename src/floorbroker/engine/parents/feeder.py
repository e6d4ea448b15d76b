"""Keeps the markets of live parent orders told: live quotes, else the broker is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import Quote
from floorbroker.engine.gates.risk import NOTHING_AROUND, Around
from floorbroker.engine.parents.board import Board, Seen, session_of
from floorbroker.engine.parents.steward import Quoted
from floorbroker.engine.settings import Means
from floorbroker.engine.standing.parents import ParentBook
from floorbroker.execution.algos.port import Need
from floorbroker.execution.catalog import Catalog

_KEPT_NS = 60 * NS_PER_S
#: The live quote of a symbol, where somebody follows it and told it no longer ago.
Live = Callable[[str, float], Quote | None]


def nobody(_: str, max_age_s: float) -> Quote | None:
    """Nothing is followed."""
    return None


#: Finds out what an order is decided by, besides the book.
About = Callable[[OrderRequest], Awaitable[Around]]


async def _unknown(_: OrderRequest) -> Around:
    return NOTHING_AROUND


class Feeder:
    """Asks once in `parent_quote_s` for what live parents need. `live` spares the question."""

    def __init__(
        self,
        means: Means,
        board: Board,
        parents: ParentBook,
        catalog: Catalog,
        *,
        deliver: Callable[[Quoted], None],
    ) -> None:
        self.live: Live = nobody
        self.about: About = _unknown
        self._means = means
        self._board = board
        self._parents = parents
        self._catalog = catalog
        self._deliver = deliver

    async def run(self) -> None:
        every_s = self._means.settings.parent_quote_s
        while True:
            self._board.needed.clear()
            symbols = {one.order.symbol for one in self._parents.live.values()}
            self._forget(symbols)
            for symbol in sorted(symbols):
                await self.tell(symbol)
            if not symbols:
                await self._board.needed.wait()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._board.needed.wait()

    def _forget(self, wanted: set[str]) -> None:
        """Drop what nobody looked at for long; what was just asked for may be wanted soon."""
        seen, long_ago_ns = self._board.seen, self._means.clock.now_ns() - _KEPT_NS
        for symbol in list(seen.keys() - wanted):
            if 0 < seen[symbol].told_ns < long_ago_ns:
                del seen[symbol]

    async def tell(self, symbol: str) -> None:
        """Bring what is known of the symbol up to date, and say so where it changed."""
        seen = self._board.seen.setdefault(symbol, Seen())
        before = (seen.quote, seen.problem)
        try:
            await self._session(seen)
            await self._quote(symbol, seen)
            await self._volume(symbol, seen)
        except BrokerError as problem:
            self._means.errors.append(problem)
            seen.problem = seen.problem or problem.text
        if (seen.quote, seen.problem) != before:
            self._deliver(Quoted(symbol))

    async def _session(self, seen: Seen) -> None:
        phase = (await self._means.cache.market_phase()).value
        seen.open_ns, seen.close_ns = session_of(phase)

    async def _quote(self, symbol: str, seen: Seen) -> None:
        now_ns = self._means.clock.now_ns()
        live = self.live(symbol, self._means.settings.parent_quote_s)
        quote = live or await self._means.broker.latest_quote(symbol)
        if quote is None:
            seen.problem = "there is none"
            return
        seen.quote, seen.told_ns, seen.problem = quote, now_ns, ""

    async def _volume(self, symbol: str, seen: Seen) -> None:
        """Minute bars since the earliest start of those who look at volume."""
        starts = [
            one.order.start_ns
            for one in self._parents.live.values()
            if one.order.symbol == symbol and self._looks(one.order.algo)
        ]
        now_ns = self._means.clock.now_ns()
        if not starts or min(starts) >= now_ns:
            return
        start_ns = max([min(starts), *list(seen.bars)[-1:]])  # the last one may have grown
        start, end = datetime_of(start_ns), datetime_of(now_ns)
        found = await self._means.broker.bars([symbol], start, end)
        for bar in found.get(symbol, ()):
            seen.bars[bar.time_ns] = bar

    def _looks(self, algo: str) -> bool:
        algorithm = self._catalog.get(algo)
        return algorithm is not None and Need.VOLUME in algorithm.needs
