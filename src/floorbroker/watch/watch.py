"""Follows the live market for a desk, and tells whoever iterates over it.

The view is a pure fold; everything that waits is here. A feed is connected when something of its
kind is first followed. At a loss the view is told before anything else happens, so no reader can
take an old value for a live one.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from floorbroker.brokers.feed import (
    Channel,
    Fact,
    FeedHealth,
    FeedRefused,
    FeedState,
    Item,
    MarketFeed,
)
from floorbroker.clock import NS_PER_S, Clock, datetime_of, ns_of
from floorbroker.domain.errors import BrokerError, Refused
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.marketdata.live.view import MarketView
from floorbroker.watch.tellers import Teller
from floorbroker.watch.wishes import Wishes, is_coin, quoted

#: Clocks that differ by less agree: an answer's way takes time too.
_SKEW_MIN_NS = 2 * NS_PER_S
Told = TypeVar("Told", Quote, Bar)


class WatchSettings(Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    symbols_max: int = 30  #: Of quotes and trades together, of each feed; 30 on the Basic plan.
    look_s: float = 0.5  #: How often the book is looked at for what it needs.
    check_s: float = 5.0  #: How long a look at the health waits for a feed to come up.


class Lists(Struct, frozen=True, kw_only=True):
    """What the broker answers about the market when it is asked; each may raise BrokerError."""

    newest: Callable[[Sequence[str]], Awaitable[list[Fact]]]
    bars: Callable[[Sequence[str], datetime, datetime], Awaitable[dict[str, list[Bar]]]]
    now: Callable[[], Awaitable[datetime]]


class MarketWatch:
    """The desk's eyes: `view` is what they see. Without feeds it sees nothing and says so."""

    def __init__(
        self,
        feeds: Sequence[MarketFeed],
        lists: Lists,
        *,
        clock: Clock,
        settings: WatchSettings | None = None,
    ) -> None:
        """`feeds` are that of shares and that of coins, or none."""
        self.view = MarketView(clock, lambda: self.text)
        self.lists = lists
        self._feeds = tuple(feeds)
        self._clock = clock
        self._settings = settings or WatchSettings()
        self._wishes = Wishes(self._settings.symbols_max)
        self._followed: dict[Item, None] = {}
        self._lock = asyncio.Lock()
        self._running: dict[MarketFeed, asyncio.Task[None]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._quote_tellers: list[Teller[Quote]] = []
        self._bar_tellers: list[Teller[Bar]] = []
        self._trouble = ""

    async def follow(self, items: Iterable[Item]) -> None:
        """Follow these until `release`; returns once they are confirmed, or noted for the next
        connection. Raises Refused over the limit, FeedRefused where the broker says no."""
        wished = list(items)
        for _, symbol in wished:
            self._check_alive(self._feed_of(symbol))
        async with self._lock:
            self._wishes.ask(wished)
            try:
                await self._apply()
            except BaseException:
                self._wishes.give_up(wished)
                await self._apply_quietly()
                raise

    async def release(self, items: Iterable[Item]) -> None:
        """Follow them no more, unless others do, or the book needs them."""
        async with self._lock:
            self._wishes.give_up(items)
            await self._apply_quietly()

    async def mind(self, book: Callable[[], Sequence[str] | None]) -> None:
        """Follow what the book needs until cancelled. `book` gives its symbols, the most
        important first, or None where nothing has changed."""
        while True:
            symbols = book()
            if symbols is not None and self._feeds:
                async with self._lock:
                    if self._wishes.hold(symbols):
                        await self._apply_quietly()
            await self._clock.sleep(self._settings.look_s)

    def quotes(self, symbols: Sequence[str]) -> AsyncGenerator[Quote, None]:
        """Each new quote of these symbols; a slow reader gets the newest of each. Raises Refused
        where the market is not told, also when its feed gives up."""
        items = quoted(symbols)
        return self._told(self._quote_tellers, items, symbols, conflates=True)

    def bars(self, symbols: Sequence[str]) -> AsyncGenerator[Bar, None]:
        """Each finished minute of these symbols, once more if it changes; those of a gap come
        late, each with its time."""
        items: list[Item] = [(Channel.BARS, symbol) for symbol in symbols]
        return self._told(self._bar_tellers, items, symbols, conflates=False)

    def health(self) -> list[FeedHealth]:
        """Every feed that is in use."""
        return [feed.health() for feed in self._running]

    async def summary(self) -> tuple[bool, str]:
        """Whether the market is told, and how it is; where nothing is followed yet, the feed of
        shares is connected to see whether it can be."""
        if not self._feeds:
            return True, "switched off"
        if not self._running:
            self._start(self._feeds[0])
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.check_s):
                while not all(map(_is_settled, self._running)):
                    await self._clock.sleep(0.02)
        is_ok = all(health.state is FeedState.READY for health in self.health())
        return is_ok and not self._trouble, self.text

    @property
    def text(self) -> str:
        """How the feeds in use are, and what is not followed although the book needs it."""
        parts = [_feed_text(health) for health in self.health()]
        if left_out := self._wishes.left_out:
            parts.append(f"not followed for want of room: {', '.join(left_out)}")
        return "; ".join([*parts, *([self._trouble] if self._trouble else [])])

    async def aclose(self) -> None:
        tasks = [*self._running.values(), *self._chores]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._end_tellers("the desk is closed", lambda _: True)

    async def _told(
        self,
        tellers: list[Teller[Told]],
        items: list[Item],
        symbols: Sequence[str],
        *,
        conflates: bool,
    ) -> AsyncGenerator[Told, None]:
        teller: Teller[Told] = Teller(symbols, conflates=conflates)
        tellers.append(teller)
        has_followed = False
        try:
            await self.follow(items)
            has_followed = True
            while True:
                yield await teller.take()
        finally:
            tellers.remove(teller)
            if has_followed:
                await self.release(items)

    async def _apply(self) -> None:
        """Have the feeds tell what is wanted now, no more; raises what a feed refuses, and then
        follows as before."""
        wanted = self._wishes.wanted()
        gone = [item for item in self._followed if item not in wanted]
        new = [item for item in wanted if item not in self._followed]
        await self._drop(gone)
        for feed in self._feeds:
            asked = [item for item in new if self._feed_of(item[1]) is feed]
            if not asked:
                continue
            self._show(asked)
            self._start(feed)
            try:
                await feed.subscribe(asked)
            except BaseException:
                await self._drop(asked)
                raise

    async def _apply_quietly(self) -> None:
        """For the book, which nobody waits for."""
        self._trouble = ""
        try:
            await self._apply()
        except FeedRefused as problem:
            self._trouble = str(problem)

    def _show(self, items: Iterable[Item]) -> None:
        for channel, symbol in items:
            self._followed[channel, symbol] = None
            self.view.follow(
                symbol, quotes=channel is Channel.QUOTES, trades=channel is Channel.TRADES
            )

    async def _drop(self, items: list[Item]) -> None:
        for channel, symbol in items:
            self._followed.pop((channel, symbol), None)
            self.view.drop(
                symbol, quotes=channel is Channel.QUOTES, trades=channel is Channel.TRADES
            )
        for symbol in {symbol for _, symbol in items} - {symbol for _, symbol in self._followed}:
            self.view.drop_all(symbol)
        for feed in self._feeds:
            gone = [item for item in items if self._feed_of(item[1]) is feed]
            if gone:
                await feed.unsubscribe(gone)

    def _feed_of(self, symbol: str) -> MarketFeed:
        if not self._feeds:
            raise Refused("live market data is switched off; see FLOORBROKER_DATA_FEED")
        return self._feeds[1 if is_coin(symbol) else 0]

    def _check_alive(self, feed: MarketFeed) -> None:
        health = feed.health()
        if health.is_final:
            raise Refused(health.text)

    def _start(self, feed: MarketFeed) -> None:
        if feed in self._running:
            return
        coins = feed is self._feeds[1]
        task = asyncio.get_running_loop().create_task(
            feed.run(self._take, lambda state: self._turn(feed, state, coins=coins))
        )
        self._running[feed] = task
        task.add_done_callback(lambda task: self._end(feed, task))

    def _end(self, feed: MarketFeed, task: asyncio.Task[None]) -> None:
        """The feed has given up, or something of ours has failed: whoever waits is told."""
        if task.cancelled():
            return
        problem = task.exception()
        why = feed.health().text if problem is None else f"{type(problem).__name__}: {problem}"
        self._trouble = why
        coins = feed is self._feeds[1]
        self.view.lose(lambda symbol: is_coin(symbol) is coins)
        self._end_tellers(why, lambda symbol: is_coin(symbol) is coins)

    def _end_tellers(self, why: str, concerns: Callable[[str], bool]) -> None:
        for quote_teller in self._quote_tellers:
            if any(map(concerns, quote_teller.symbols)):
                quote_teller.end(why)
        for bar_teller in self._bar_tellers:
            if any(map(concerns, bar_teller.symbols)):
                bar_teller.end(why)

    def _take(self, fact: Fact) -> None:
        if not self.view.take(fact):
            return
        if isinstance(fact, Quote):
            for teller in self._quote_tellers:
                if fact.symbol in teller.symbols:
                    teller.put(fact)
        elif isinstance(fact, Bar):
            for bar_teller in self._bar_tellers:
                if fact.symbol in bar_teller.symbols:
                    bar_teller.put(fact)

    def _turn(self, feed: MarketFeed, state: FeedState, *, coins: bool) -> None:
        if state is FeedState.DOWN:
            self.view.lose(lambda symbol: is_coin(symbol) is coins)
        elif state is FeedState.READY:
            self._do(self._catch_up(coins=coins, is_again=feed.health().reconnects > 0))

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _catch_up(self, *, coins: bool, is_again: bool) -> None:
        await self._compare_clocks()
        if is_again:
            await self._fill_bars(coins=coins)

    async def _compare_clocks(self) -> None:
        """Ages by the market's time need its clock: that of a replayed market, or one that ours
        does not agree with."""
        try:
            theirs = await self.lists.now()
        except BrokerError:
            return
        skew_ns = ns_of(theirs) - self._clock.now_ns()
        self.view.skew_ns = skew_ns if abs(skew_ns) >= _SKEW_MIN_NS else 0

    async def _fill_bars(self, *, coins: bool) -> None:
        """The minutes that ended while nobody told us."""
        last_ns: dict[str, int] = {}
        for channel, symbol in self._followed:
            known = self.view.bars(symbol)
            if channel is Channel.BARS and is_coin(symbol) is coins and known:
                last_ns[symbol] = known[-1].time_ns
        if not last_ns:
            return
        now_ns = self.view.moment().now_ns
        minute_ns = now_ns - now_ns % (60 * NS_PER_S)
        span = datetime_of(min(last_ns.values())), datetime_of(minute_ns - 1)
        with suppress(BrokerError):
            for rows in (await self.lists.bars(sorted(last_ns), *span)).values():
                for bar in rows:
                    self._take(bar)


def _is_settled(feed: MarketFeed) -> bool:
    health = feed.health()
    return health.is_final or health.state is FeedState.READY


def _feed_text(health: FeedHealth) -> str:
    told = f"{health.name} {health.state}, {health.messages:,} messages"
    marks = [
        f"{count:,} {what}"
        for count, what in (
            (health.reconnects, "reconnects"),
            (health.gaps, "gaps"),
            (health.quarantined, "quarantined"),
        )
        if count
    ]
    return ", ".join([told, *marks, *([health.text] if health.text else [])])
