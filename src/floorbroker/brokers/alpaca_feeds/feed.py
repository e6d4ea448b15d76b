"""An Alpaca market data stream: subscribes, fills gaps, and notices when it has gone silent.

Theory of operation
-------------------
What is wanted is kept apart from what the other side has confirmed. One task of each connection
says everything: first the whole wanted set, then the callers' changes one by one, each answered
before the next is said, because answers carry no name. Every answer is held against what was
asked.

After a connection, and for symbols that are new, the newest quote and trade are asked of the
broker's list. The same question is put after `silence_s` without a frame, behind the present
subscription said once more: that changes nothing and must be answered. A socket on which nothing
comes back is dead, and a stream that has not told a quote that the list shows for `grace_s` has
stopped telling. Either way the connection is given up.

What an error means
-------------------
| code               | what is done                                                              |
| ------------------ | ------------------------------------------------------------------------- |
| 402, 408, 411      | final: keys or scope are refused, and asking again mends nothing          |
| 409                | final for this path; the next one, if the settings name one, is tried     |
| 405, 410, 412, 413 | the subscription changes nothing; whoever asked is told                   |
| 403                | we are in already                                                         |
| 406                | somebody else has the place: back off, up to a minute and a half          |
| 407                | we were too slow: connect again, which fills the gap                      |
| any other          | connect again                                                             |
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from random import Random

from floorbroker.brokers.alpaca.transport import (
    Connection,
    Frames,
    Lost,
    first_failure,
)
from floorbroker.brokers.alpaca_feeds import wire
from floorbroker.brokers.alpaca_feeds.source import FeedRules, Source
from floorbroker.brokers.alpaca_feeds.tickets import Subscriptions, Ticket
from floorbroker.brokers.feed import (
    Channel,
    Fact,
    FeedHealth,
    FeedState,
    Item,
    QuarantinedFrame,
)
from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.quotes import Quote

_FINAL = frozenset({402, 408, 411})
_NO_PLAN = 409
_REFUSED = frozenset({405, 410, 412, 413})
_ALREADY, _CROWDED = 403, 406
_QUARANTINE_MAX = 64
_TICK_S = 0.001  #: A clock that is read twice within less than this may not have moved.


class _Final(Exception):
    """Trying again is of no use."""


class AlpacaFeed:
    """See `MarketFeed` for the promises."""

    def __init__(
        self, source: Source, *, clock: Clock, random: Random, rules: FeedRules | None = None
    ) -> None:
        self.rules = rules or FeedRules()
        self._places = deque(source.places)
        self._source = source
        self._clock = clock
        self._random = random
        self._subscriptions = Subscriptions()
        self._quarantine: deque[QuarantinedFrame] = deque(maxlen=_QUARANTINE_MAX)
        self._state, self._text, self._is_final = FeedState.DOWN, "", False
        self._connections = self._frames = self._messages = 0
        self._quarantined = self._gaps = 0
        self._last_frame_at: float | None = None
        self._answer: asyncio.Future[wire.Control] | None = None
        self._told_ns: dict[str, int] = {}  # symbol -> time of the newest quote
        self._on_fact: Callable[[Fact], None] = _nobody
        self._on_state: Callable[[FeedState], None] = _nobody
        self._connection = self._new_connection()

    @property
    def name(self) -> str:
        """Its path, such as `/v2/iex`."""
        return self._places[0].path

    def health(self) -> FeedHealth:
        last = self._last_frame_at
        text = "; ".join(part for part in (self._text, self._subscriptions.refused_text()) if part)
        return FeedHealth(
            name=self.name,
            state=self._state,
            items=len(self._subscriptions.present),
            connections=self._connections,
            reconnects=max(0, self._connections - 1),
            frames=self._frames,
            messages=self._messages,
            quarantined=self._quarantined,
            gaps=self._gaps,
            is_final=self._is_final,
            last_frame_age_s=None if last is None else self._clock.monotonic() - last,
            text=text,
        )

    def quarantine(self) -> list[QuarantinedFrame]:
        return list(self._quarantine)

    async def subscribe(self, items: Iterable[Item]) -> None:
        await self._subscriptions.want(items)

    async def unsubscribe(self, items: Iterable[Item]) -> None:
        gone = set(items)
        await self._subscriptions.want_no_more(gone)
        for channel, symbol in gone:
            if channel is Channel.QUOTES:
                self._told_ns.pop(symbol, None)

    async def run(
        self, on_fact: Callable[[Fact], None], on_state: Callable[[FeedState], None]
    ) -> None:
        self._on_fact, self._on_state = on_fact, on_state
        try:
            while True:
                self._enter(FeedState.CONNECTING, self._text)
                lost = await self._connection.hold(
                    lambda: self._source.connect(self.name), self._converse
                )
                self._lose()
                wait_s = self._connection.wait_s(lost.code)
                self._enter(FeedState.DOWN, f"{lost}; next try in {wait_s:.1f} s")
                await self._clock.sleep(wait_s)
        except _Final as final:
            self._is_final = True
            self._text = f"{final}; not tried again"
        finally:
            self._lose()
            self._enter(FeedState.DOWN, self._text)

    def _new_connection(self) -> Connection:
        name = f"market data stream {self.name}"
        return Connection(name, self.rules, clock=self._clock, random=self._random)

    def _lose(self) -> None:
        if self._state is FeedState.READY:
            self._gaps += 1
        subscriptions = self._subscriptions
        subscriptions.lose()
        # Stragglers of what is not wanted any more have left their times behind.
        self._told_ns = {
            symbol: told_ns
            for symbol, told_ns in self._told_ns.items()
            if (Channel.QUOTES, symbol) in subscriptions.wanted
        }

    async def _converse(self, frames: Frames) -> None:
        """One connection after its handshake; raises Lost, or _Final."""
        self._answer = None
        await self._authenticate(frames)
        self._connection.stands()
        self._connections += 1
        await first_failure(self._deliver(frames), self._steer(frames), self._watch(frames))

    async def _authenticate(self, frames: Frames) -> None:
        """The first word is the other side's; then the keys, and its answer."""
        try:
            async with asyncio.timeout(self.rules.answer_s):
                await self._awaited(frames, "connected")
                await frames.send(wire.auth_frame(self._source.credentials))
                await self._awaited(frames, "authenticated")
        except TimeoutError:
            text = f"the {self._connection.name} gave no answer within {self.rules.answer_s} s"
            raise Lost(text) from None

    async def _awaited(self, frames: Frames, word: str) -> None:
        while True:
            for control in self._take(await frames.receive()):
                if isinstance(control, wire.Success) and control.msg == word:
                    return
                if isinstance(control, wire.Failure):
                    if control.code == _ALREADY:
                        return
                    self._check(control)

    async def _deliver(self, frames: Frames) -> None:
        while True:
            for control in self._take(await frames.receive()):
                waiting = self._answer
                if isinstance(control, wire.Success):
                    continue
                if isinstance(control, wire.Failure) and control.code not in _REFUSED:
                    self._check(control)
                elif waiting is not None and not waiting.done():
                    waiting.set_result(control)

    def _take(self, raw: bytes | str) -> list[wire.Control]:
        """Deliver a frame's facts; what it says about the stream itself is returned."""
        self._frames += 1
        self._last_frame_at = self._clock.monotonic()
        frame = wire.decode_frame(raw)
        self._messages += frame.messages
        if frame.unreadable:
            self._quarantined += len(frame.unreadable)
            self._quarantine.extend(frame.unreadable)
        for fact in frame.facts:
            self._tell(fact)
        return frame.control

    def _tell(self, fact: Fact) -> None:
        if type(fact) is Quote:
            told_ns = self._told_ns
            if fact.time_ns > told_ns.get(fact.symbol, -1):
                told_ns[fact.symbol] = fact.time_ns
        self._on_fact(fact)

    def _check(self, error: wire.Failure) -> None:
        """What an error that is no answer to a subscription means; raises Lost or _Final."""
        said = f"{self._connection.name} says: {error.msg} ({error.code})"
        if error.code == _ALREADY:
            return
        if error.code == _NO_PLAN and len(self._places) > 1:
            self._places.popleft()
            self._connection = self._new_connection()
            raise Lost(f"{said}; falling back to {self.name}")
        if error.code in _FINAL or error.code == _NO_PLAN:
            hint = {
                402: "; check APCA_API_KEY_ID and APCA_API_SECRET_KEY",
                409: "; this plan does not include the feed, set FLOORBROKER_DATA_FEED",
            }.get(error.code, "")
            raise _Final(said + hint)
        if error.code == _CROWDED:
            raise self._connection.crowded(error.code)
        raise Lost(said, error.code if error.code != 401 else 0)

    async def _steer(self, frames: Frames) -> None:
        """Say what is wanted: all of it at first, then each change as it comes."""
        subscriptions = self._subscriptions
        first = subscriptions.first()
        await self._ask_in_parts(frames, first)
        await self._fill_gap(sorted({symbol for _, symbol in subscriptions.present}))
        self._enter(FeedState.READY, "")
        while True:
            ticket = await subscriptions.next()
            refusal = await self._ask(frames, ticket)
            if refusal is None and ticket.is_new:
                await self._fill_once(ticket.symbols)
            subscriptions.settle(ticket, refusal)

    async def _ask_in_parts(self, frames: Frames, ticket: Ticket) -> None:
        """Ask for everything; where that is too much, for halves of it, the oldest wish first."""
        if not ticket.items:
            return
        refusal = await self._ask(frames, ticket)
        if refusal is None or len(ticket.items) == 1:
            self._subscriptions.settle(ticket, refusal)
            return
        for half in ticket.halves():
            await self._ask_in_parts(frames, half)

    async def _ask(self, frames: Frames, ticket: Ticket) -> wire.Failure | None:
        """Say it and hold the answer against it; None if all of it holds now."""
        action = "subscribe" if ticket.is_wish else "unsubscribe"
        answer = await self._answered(frames, wire.subscribe_frame(action, ticket.items))
        if isinstance(answer, wire.Failure):
            return answer
        assert isinstance(answer, wire.Subscription)
        present = self._subscriptions.present = answer.items()
        if ticket.is_wish and not present.issuperset(ticket.items):
            return wire.Failure(0, "the answer does not confirm what was asked")
        return None

    async def _answered(self, frames: Frames, frame: bytes) -> wire.Control:
        self._answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.rules.answer_s):
                await frames.send(frame)
                return await self._answer
        except TimeoutError:
            name, answer_s = self._connection.name, self.rules.answer_s
            raise Lost(f"the {name} gave no answer within {answer_s} s") from None

    async def _fill_gap(self, symbols: Sequence[str]) -> None:
        """Deliver the newest facts from the broker's list, however often it takes."""
        failures = 0
        while not await self._fill_once(symbols):
            wait_s, most_s = self.rules.wait_s, self.rules.wait_max_s
            wait_s = self._connection.jittered_s(failures, wait_s, most_s)
            failures += 1
            await self._clock.sleep(wait_s)

    async def _fill_once(self, symbols: Sequence[str]) -> bool:
        """Where the list does not answer, the stream will tell, or the question after silence."""
        try:
            missed = await self._fill(symbols)
        except BrokerError as problem:
            self._text = f"the newest facts are not known: {problem}"
            return False
        self._told_ns.update({quote.symbol: quote.time_ns for quote in missed})
        return True

    async def _fill(self, symbols: Sequence[str]) -> list[Quote]:
        """Deliver what the list shows; returns the quotes that the stream had not told."""
        feed = self._places[0].feed
        if not feed or not symbols:
            return []
        missed = []
        for fact in await self._source.newest(feed, symbols):
            if isinstance(fact, Quote):
                told_ns = self._told_ns.get(fact.symbol, -1)
                if fact.time_ns < told_ns:
                    continue
                if fact.time_ns > told_ns:
                    missed.append(fact)
            self._on_fact(fact)
        return missed

    async def _watch(self, frames: Frames) -> None:
        while True:
            quiet_s = self._clock.monotonic() - (self._last_frame_at or 0.0)
            if quiet_s < self.rules.silence_s:
                await self._clock.sleep(max(self.rules.silence_s - quiet_s, _TICK_S))
            elif self._state is FeedState.READY:
                await self._question()
            else:
                await self._clock.sleep(self.rules.answer_s / 4)

    async def _question(self) -> None:
        """Nothing was heard for a while: is anybody there, and is there news?"""
        present = self._subscriptions.present
        quoted = {symbol for channel, symbol in present if channel is Channel.QUOTES}
        if not present:  # nothing is to be told, and nothing can be asked
            await self._clock.sleep(self.rules.silence_s)
            return
        await self._subscriptions.again()
        try:
            missed = await self._fill(sorted(quoted))
        except BrokerError:
            return  # it proves nothing
        if missed:
            await self._clock.sleep(self.rules.grace_s)
        told_ns = self._told_ns
        for quote in missed:
            if quote.symbol in told_ns and told_ns[quote.symbol] < quote.time_ns:
                raise Lost(f"the {self._connection.name} did not tell a quote of {quote.symbol}")
            told_ns.setdefault(quote.symbol, quote.time_ns)

    def _enter(self, state: FeedState, text: str) -> None:
        self._text = text
        if state is not self._state:
            self._state = state
            self._on_state(state)


def _nobody(_: object) -> None:
    """Nobody listens yet."""
