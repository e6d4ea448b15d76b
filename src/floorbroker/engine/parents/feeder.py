"""Keeps the markets of live parent orders told: live quotes, else the broker is asked.

A round asks for all symbols together, their quotes in one question and their minute bars in
another, however many are worked. A round begins once in `parent_quote_s`, and later where the
broker's budget would not last: what is left of it is spread over what is left of its window, so
that the market is told seldom rather than not at all for the rest of a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.books.parents import ParentOrder
from floorbroker.domain.errors import BrokerError, BrokerRejected
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
#: Symbols in one question.
_AT_ONCE = 100
#: Orders that are found out about at a time.
_ABOUT_AT_ONCE = 8
#: A minute's bar comes, and last grows, no later than this.
_LAG_NS = 5 * 60 * NS_PER_S
#: Bars since no longer ago are asked for together.
_LATELY_NS = 2 * _LAG_NS
#: The live quote of a symbol, where somebody follows it and told it no longer ago.
Live = Callable[[str, float], Quote | None]
#: Finds out what an order is decided by, besides the book.
About = Callable[[OrderRequest], Awaitable[Around]]
#: The live orders of each symbol.
Orders = Mapping[str, list[ParentOrder]]


def nobody(_: str, max_age_s: float) -> Quote | None:
    """Nothing is followed."""
    return None


async def _unknown(_: OrderRequest) -> Around:
    return NOTHING_AROUND


class Feeder:
    """Asks for what live parents need; `live` spares the question for a quote."""

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
        self._questions = 0  #: Of the last round.

    async def run(self) -> None:
        while True:
            self._board.needed.clear()
            if await self.tell_live():
                await self._rest()
            else:
                await self._board.needed.wait()

    async def _rest(self) -> None:
        """Until the next round. What is new was told when it came, so it cuts the rest short only
        where the budget allows."""
        every_s = self._means.settings.parent_quote_s
        pace_s = self._means.broker.pace_s(self._questions)
        if pace_s > every_s:
            await self._means.clock.sleep(pace_s)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await self._board.needed.wait()

    async def tell_live(self) -> bool:
        """Bring what all live parents need up to date; whether there are any."""
        orders: dict[str, list[ParentOrder]] = {}
        for one in self._parents.live.values():
            orders.setdefault(one.order.symbol, []).append(one.order)
        self._forget(orders.keys())
        self._questions = 0
        for some in _parts(sorted(orders), _AT_ONCE):
            await self._tell({symbol: orders[symbol] for symbol in some})
        return bool(orders)

    def _forget(self, wanted: Iterable[str]) -> None:
        """Drop what nobody looked at for long; what was just asked for may be wanted soon."""
        seen, long_ago_ns = self._board.seen, self._means.clock.now_ns() - _KEPT_NS
        for symbol in seen.keys() - set(wanted):
            if 0 < seen[symbol].told_ns < long_ago_ns:
                del seen[symbol]

    async def tell(self, symbol: str, orders: list[ParentOrder]) -> None:
        """Bring what these orders need to know of the symbol up to date."""
        await self._tell({symbol: orders})

    async def _tell(self, orders: Orders) -> None:
        """The same of several symbols; says so where a quote changed."""
        seen = {symbol: self._board.seen.setdefault(symbol, Seen()) for symbol in orders}
        before = {symbol: (one.quote, one.problem) for symbol, one in seen.items()}
        await self._quotes(seen)
        await self._volumes(seen, orders)
        for some in _parts(list(orders), _ABOUT_AT_ONCE):
            await asyncio.gather(*(self._find_out(seen[one], orders[one]) for one in some))
        for symbol, one in seen.items():
            if (one.quote, one.problem) != before[symbol]:
                self._deliver(Quoted(symbol))

    async def _find_out(self, seen: Seen, orders: list[ParentOrder]) -> None:
        for order in {one.side: one for one in orders}.values():
            seen.around[order.side] = await self.about(_asked(order))

    def _fail(self, problem: BrokerError, seen: Iterable[Seen]) -> None:
        self._means.errors.append(problem)
        for one in seen:
            one.problem = one.problem or problem.text

    # Quotes

    async def _quotes(self, seen: Mapping[str, Seen]) -> None:
        wanted = []
        for symbol, one in seen.items():
            quote = self.live(symbol, self._means.settings.parent_stale_s)
            if quote is None:
                wanted.append(symbol)
            else:
                self._put(one, quote)
        if len(wanted) > 1 and await self._told_together(wanted, seen):
            return
        await asyncio.gather(*(self._told_alone(symbol, seen[symbol]) for symbol in wanted))

    async def _told_together(self, wanted: Sequence[str], seen: Mapping[str, Seen]) -> bool:
        """Whether one question was enough: a symbol that is none may spoil it for the others."""
        self._questions += 1
        try:
            found = await self._means.broker.latest_quotes(wanted)
        except BrokerRejected:
            return False
        except BrokerError as problem:
            self._fail(problem, (seen[symbol] for symbol in wanted))
            return True
        for symbol in wanted if found else ():
            self._put(seen[symbol], found.get(symbol))
        return bool(found)

    async def _told_alone(self, symbol: str, seen: Seen) -> None:
        self._questions += 1
        try:
            self._put(seen, await self._means.broker.latest_quote(symbol))
        except BrokerError as problem:
            self._fail(problem, [seen])

    def _put(self, seen: Seen, quote: Quote | None) -> None:
        if quote is None:
            seen.problem = "there is none"
        else:
            seen.quote, seen.told_ns, seen.problem = quote, self._means.clock.now_ns(), ""

    # Volume

    async def _volumes(self, seen: Mapping[str, Seen], orders: Orders) -> None:
        """Minute bars since the earliest start of those who look at volume. Who was told lately
        is told together; he does not wait for, or repeat, the hours that another begins with."""
        now_ns = self._means.clock.now_ns()
        since: dict[str, int] = {}
        for symbol, some in orders.items():
            starts = [one.start_ns for one in some if self._looks(one)]
            if starts and min(starts) < now_ns:
                since[symbol] = _unknown_from(seen[symbol], min(starts))
        lately = [symbol for symbol, at_ns in since.items() if at_ns >= now_ns - _LATELY_NS]
        before = [symbol for symbol in since if symbol not in lately]
        for symbols in (lately, before):
            if symbols:
                start_ns = min(since[symbol] for symbol in symbols)
                await self._bars(symbols, (start_ns, now_ns), seen)

    async def _bars(
        self, symbols: Sequence[str], span_ns: tuple[int, int], seen: Mapping[str, Seen]
    ) -> None:
        self._questions += 1
        start, end = (datetime_of(at_ns) for at_ns in span_ns)
        try:
            found = await self._means.broker.bars(symbols, start, end)
        except BrokerError as problem:
            self._fail(problem, (seen[symbol] for symbol in symbols))
            return
        for symbol in symbols:
            seen[symbol].asked_ns = span_ns[1]
            for bar in found.get(symbol, ()):
                seen[symbol].bars[bar.time_ns] = bar

    def _looks(self, order: ParentOrder) -> bool:
        """Whether volume counts: for the algorithm itself, or by how it was asked to work."""
        algorithm = self._catalog.get(order.algo)
        if algorithm is None:
            return False
        params = order.params
        is_bound = params.get("max_rate") is not None or params.get("follow") == "dynamic"
        return Need.VOLUME in algorithm.needs or is_bound


def _unknown_from(seen: Seen, start_ns: int) -> int:
    """From when on bars may be new. The last one may have grown; a symbol in which nothing was
    printed for hours need not be asked about for all of them."""
    return max(start_ns, max(seen.bars, default=0), seen.asked_ns - _LAG_NS)


def _parts(symbols: Sequence[str], count: int) -> Iterable[Sequence[str]]:
    return (symbols[first : first + count] for first in range(0, len(symbols), count))


def _asked(order: ParentOrder) -> OrderRequest:
    """Any order of the parent's, to be told what there is to know about it."""
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        ord_type=OrdType.MARKET,
        order_qty=order.qty,
        strategy=order.strategy,
    )
