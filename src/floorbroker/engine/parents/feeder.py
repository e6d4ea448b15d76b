"""Keeps the markets of live parent orders told: live quotes, else the broker is asked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.books.parents import ParentOrder
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import Quote
from floorbroker.domain.terms import OrdType
from floorbroker.engine.gates.risk import NOTHING_AROUND, Around
from floorbroker.engine.parents.board import Board, Seen
from floorbroker.engine.parents.steward import Quoted
from floorbroker.engine.settings import Means
from floorbroker.engine.standing.parents import ParentBook
from floorbroker.execution.algos.port import Need
from floorbroker.execution.catalog import Catalog

_KEPT_NS = 60 * NS_PER_S
#: Symbols that the broker is asked about at a time.
_AT_ONCE = 8
#: The live quote of a symbol, where somebody follows it and told it no longer ago.
Live = Callable[[str, float], Quote | None]
#: Finds out what an order is decided by, besides the book.
About = Callable[[OrderRequest], Awaitable[Around]]


def nobody(_: str, max_age_s: float) -> Quote | None:
    """Nothing is followed."""
    return None


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
            if not await self.tell_live():
                await self._board.needed.wait()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._board.needed.wait()

    async def tell_live(self) -> bool:
        """Bring what all live parents need up to date; whether there are any. Several symbols at
        a time: the market of the last one must not be old by then."""
        orders: dict[str, list[ParentOrder]] = {}
        for one in self._parents.live.values():
            orders.setdefault(one.order.symbol, []).append(one.order)
        self._forget(orders.keys())
        symbols = sorted(orders)
        for first in range(0, len(symbols), _AT_ONCE):
            some = symbols[first : first + _AT_ONCE]
            await asyncio.gather(*(self.tell(symbol, orders[symbol]) for symbol in some))
        return bool(orders)

    def _forget(self, wanted: Iterable[str]) -> None:
        """Drop what nobody looked at for long; what was just asked for may be wanted soon."""
        seen, long_ago_ns = self._board.seen, self._means.clock.now_ns() - _KEPT_NS
        for symbol in seen.keys() - set(wanted):
            if 0 < seen[symbol].told_ns < long_ago_ns:
                del seen[symbol]

    async def tell(self, symbol: str, orders: list[ParentOrder]) -> None:
        """Bring what these orders need to know of the symbol up to date, and say so where its
        quote changed."""
        seen = self._board.seen.setdefault(symbol, Seen())
        before = (seen.quote, seen.problem)
        try:
            await self._quote(symbol, seen)
            await self._volume(symbol, seen, orders)
        except BrokerError as problem:
            self._means.errors.append(problem)
            seen.problem = seen.problem or problem.text
        for order in {one.side: one for one in orders}.values():
            seen.around[order.side] = await self.about(_asked(order))
        if (seen.quote, seen.problem) != before:
            self._deliver(Quoted(symbol))

    async def _quote(self, symbol: str, seen: Seen) -> None:
        live = self.live(symbol, self._means.settings.parent_stale_s)
        quote = live or await self._means.broker.latest_quote(symbol)
        if quote is None:
            seen.problem = "there is none"
            return
        seen.quote, seen.told_ns, seen.problem = quote, self._means.clock.now_ns(), ""

    async def _volume(self, symbol: str, seen: Seen, orders: list[ParentOrder]) -> None:
        """Minute bars since the earliest start of those who look at volume."""
        starts = [one.start_ns for one in orders if self._looks(one)]
        now_ns = self._means.clock.now_ns()
        if not starts or min(starts) >= now_ns:
            return
        start_ns = max([min(starts), *list(seen.bars)[-1:]])  # the last one may have grown
        start, end = datetime_of(start_ns), datetime_of(now_ns)
        found = await self._means.broker.bars([symbol], start, end)
        for bar in found.get(symbol, ()):
            seen.bars[bar.time_ns] = bar

    def _looks(self, order: ParentOrder) -> bool:
        """Whether volume counts: for the algorithm itself, or by how it was asked to work."""
        algorithm = self._catalog.get(order.algo)
        if algorithm is None:
            return False
        params = order.params
        is_bound = params.get("max_rate") is not None or params.get("follow") == "dynamic"
        return Need.VOLUME in algorithm.needs or is_bound


def _asked(order: ParentOrder) -> OrderRequest:
    """Any order of the parent's, to be told what there is to know about it."""
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        ord_type=OrdType.MARKET,
        order_qty=order.qty,
        strategy=order.strategy,
    )
