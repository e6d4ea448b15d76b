"""The Alpaca order stream: connects, authorises, follows, and notices when it has gone silent.

Theory of operation
-------------------
The stream has no sequence numbers and replays nothing, so what happens while we are not connected
is lost to it. After every authorisation `on_connected` lets the engine ask for what it missed;
the state is CATCHING_UP until that is done and READY from then on. Reports that arrive meanwhile
are delivered at once.

Silence is normal in a quiet market and also what a dead connection looks like; pings do not tell
them apart, because any proxy answers them, and other frames do not prove that reports come. So
every `silence_s` two questions are put. The subscription is said again on the socket: that changes
nothing and must be answered, so a socket on which no such answer comes back within `answer_s` is
mute. And the broker's list is asked for its newest execution: if the stream should have told us of
it and has not, then it is deaf. So it is if the broker's books show that an order ended and the
stream does not say so within `grace_s` (see `guard.canary`). Either way the connection is given
up, connecting again catches up, and `StreamHealth.deaf` counts it.

How the connection is kept stands in `transport`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from floorbroker.brokers.alpaca.codec import Authorization, Listening, Notice, decode_frame
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.transport import (
    Connection,
    ConnectionRules,
    Frames,
    Lost,
    first_failure,
)
from floorbroker.brokers.alpaca.words import LISTEN_FRAME, authorize_frame
from floorbroker.brokers.guard.canary import Canary
from floorbroker.brokers.port import StreamHealth, StreamItem, StreamState
from floorbroker.clock import Clock
from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.ids import ExecID, OrderID
from floorbroker.domain.messages import ExecutionReport, MessageQuarantined

_RECENT_EXECUTIONS = 4096


#: A clock that is read twice within less than this may not have moved.
_TICK_S = 0.001
#: An execution: its id, its order, and the order's total after it.
_Execution = tuple[ExecID, OrderID, Qty]
_Answer = TypeVar("_Answer", Authorization, Listening)


class Deaf(Lost):
    """The connection stood, and did not tell what it should have."""


class StreamRules(ConnectionRules, frozen=True, kw_only=True):
    """The order stream's times, in seconds."""


class AlpacaOrderStream:
    """The broker's reports on our orders. See `OrderStream` for the promises.

    `newest_execution` asks the broker's list; it may raise BrokerError, which proves nothing.
    A catch-up that ends in a BrokerError is tried again on the same connection.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Frames]],
        credentials: Credentials,
        *,
        clock: Clock,
        random: Random,
        newest_execution: Callable[[], Awaitable[ExecutionReport | None]] | None = None,
        rules: StreamRules | None = None,
    ) -> None:
        self.rules = rules or StreamRules()
        self._connect = connect
        self._credentials = credentials
        self._clock = clock
        self._connection = Connection("order stream", self.rules, clock=clock, random=random)
        self._newest_execution = newest_execution
        self._state = StreamState.DOWN
        self._text = ""
        self._connections = 0
        self._frames = 0
        self._quarantined = 0
        self._answers = 0
        self._deaf = 0
        self._last_loss = ""
        self._canary = Canary()
        self._is_uneasy = asyncio.Event()
        self._last_frame_at: float | None = None
        self._on_item: Callable[[StreamItem], None] = _nobody
        self._on_state: Callable[[StreamState], None] = _nobody
        self._told: deque[_Execution] = deque(maxlen=_RECENT_EXECUTIONS)
        self._known: _Execution | None = None

    def health(self) -> StreamHealth:
        last = self._last_frame_at
        return StreamHealth(
            state=self._state,
            connections=self._connections,
            frames=self._frames,
            quarantined=self._quarantined,
            last_frame_age_s=None if last is None else self._clock.monotonic() - last,
            text=self._text,
            deaf=self._deaf,
            last_loss=self._last_loss,
        )

    def listed(self, report: ExecutionReport) -> None:
        """The broker's books say this of an order, asked over another way."""
        if self._canary.listed(report, self._clock.monotonic()):
            self._is_uneasy.set()

    async def run(
        self,
        on_item: Callable[[StreamItem], None],
        on_connected: Callable[[], Awaitable[None]],
        on_state: Callable[[StreamState], None],
    ) -> None:
        self._on_item, self._on_state = on_item, on_state
        try:
            while True:
                self._enter(StreamState.CONNECTING, self._text)
                lost = await self._connection.hold(
                    self._connect, lambda frames: self._follow(frames, on_connected)
                )
                wait_s = self._connection.wait_s(lost.code)
                self._deaf += isinstance(lost, Deaf)
                self._last_loss = str(lost)
                self._enter(StreamState.DOWN, f"{lost}; next try in {wait_s:.1f} s")
                await self._clock.sleep(wait_s)
        finally:
            self._enter(StreamState.DOWN, self._text)

    async def _follow(self, frames: Frames, on_connected: Callable[[], Awaitable[None]]) -> None:
        """One connection after its handshake; raises Lost, or what a listener raised."""
        await self._authorise(frames)
        self._connection.stands()
        self._connections += 1
        self._canary.connected(self._clock.monotonic())
        self._is_uneasy.clear()
        self._enter(StreamState.CATCHING_UP, "")
        await first_failure(
            self._deliver(frames),
            self._catch_up(on_connected),
            self._watch(frames),
            self._mind_canary(),
        )

    async def _authorise(self, frames: Frames) -> None:
        """Authorise and subscribe. Reports that come in between are delivered."""
        try:
            async with asyncio.timeout(self.rules.answer_s):
                await frames.send(authorize_frame(self._credentials))
                answer = await self._next_answer(frames, Authorization)
                if not answer.is_granted:
                    raise self._refused(answer)
                await frames.send(LISTEN_FRAME)
                listening = await self._next_answer(frames, Listening)
                if not listening.is_following:
                    raise Lost("the order stream does not offer trade_updates")
        except TimeoutError:
            text = f"the order stream gave no answer within {self.rules.answer_s} s"
            raise Lost(text) from None

    async def _next_answer(self, frames: Frames, kind: type[_Answer]) -> _Answer:
        while True:
            control = self._take(await frames.receive())
            if isinstance(control, kind):
                return control
            if isinstance(control, Authorization) and not control.is_granted:
                raise self._refused(control)

    def _refused(self, answer: Authorization) -> Lost:
        return self._connection.refused_keys(self._credentials.hidden_text(answer.text))

    async def _deliver(self, frames: Frames) -> None:
        while True:
            control = self._take(await frames.receive())
            if isinstance(control, Listening):
                if not control.is_following:
                    raise Deaf("the order stream does not tell of trade_updates any more")
                self._answers += 1
            elif isinstance(control, Authorization) and not control.is_granted:
                raise self._connection.refused_keys(control.text)

    def _take(self, frame: bytes | str) -> Authorization | Listening | Notice | None:
        """Deliver one frame, or return it if it is about the stream itself."""
        self._frames += 1
        self._last_frame_at = self._clock.monotonic()
        found = decode_frame(frame, self._clock.now())
        if isinstance(found, ExecutionReport):
            self._canary.told(found)
            if found.last_qty is not None:
                self._told.append(_key(found))
        elif isinstance(found, MessageQuarantined):
            self._quarantined += 1
            hidden = self._credentials.hidden_text
            found = replace(found, raw=hidden(found.raw), text=hidden(found.text))
        else:
            if isinstance(found, Notice) and found.is_error:
                text = self._credentials.hidden_text(found.text)
                raise Lost(f"the order stream says: {text}")
            return found
        self._on_item(found)
        return None

    async def _catch_up(self, on_connected: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            try:
                # Asked before, so that all that comes after it is the stream's to tell.
                self._known = await self._newest()
                await on_connected()
                break
            except BrokerError as problem:
                self._text = f"catching up failed: {problem}"
            wait_s = self._connection.jittered_s(
                failures, self.rules.wait_s, self.rules.wait_max_s
            )
            failures += 1
            await self._clock.sleep(wait_s)
        self._enter(StreamState.READY, "")

    async def _watch(self, frames: Frames) -> None:
        while True:
            await self._clock.sleep(self.rules.silence_s)
            await self._question(frames)

    async def _question(self, frames: Frames) -> None:
        """Is anybody there, and is there news?"""
        seen = self._answers
        try:
            async with asyncio.timeout(self.rules.answer_s):
                await frames.send(LISTEN_FRAME)
                while self._answers == seen:
                    await self._clock.sleep(self.rules.answer_s / 20)
        except TimeoutError:
            text = f"the order stream is mute: no answer within {self.rules.answer_s} s"
            raise Deaf(text) from None
        if self._state is StreamState.READY and await self._has_missed():
            raise Deaf("the order stream has not told of an execution that the broker lists")

    async def _mind_canary(self) -> None:
        """Give the stream up if it does not tell of an end that the broker's books show."""
        while True:
            await self._is_uneasy.wait()
            while self._canary.is_uneasy:
                await self._clock.sleep(self.rules.grace_s)
                now_s = self._clock.monotonic()
                order_id = self._canary.untold(now_s, self.rules.grace_s - _TICK_S)
                if order_id is not None:
                    raise Deaf(f"the order stream has not told that order {order_id} ended")
            self._is_uneasy.clear()

    async def _has_missed(self) -> bool:
        try:
            newest = await self._newest()
        except BrokerError:
            return False
        if newest is None or newest == self._known or self._has_told(newest):
            return False
        await self._clock.sleep(self.rules.grace_s)
        return not self._has_told(newest)

    def _has_told(self, newest: _Execution) -> bool:
        """By the execution's id, or by its order and total, should the ids not agree."""
        return any(told[0] == newest[0] or told[1:] == newest[1:] for told in reversed(self._told))

    async def _newest(self) -> _Execution | None:
        if self._newest_execution is None:
            return None
        newest = await self._newest_execution()
        return None if newest is None else _key(newest)

    def _enter(self, state: StreamState, text: str) -> None:
        self._text = text
        if state is not self._state:
            self._state = state
            self._on_state(state)


def _key(report: ExecutionReport) -> _Execution:
    return report.exec_id or ExecID(""), report.order_id, report.cum_qty


def _nobody(_: object) -> None:
    """Nobody listens yet."""
