"""The Alpaca order stream: connects, authorises, follows, and notices when it has gone silent.

Theory of operation
-------------------
The stream has no sequence numbers and replays nothing, so what happens while we are not connected
is lost to it. After every authorisation `on_connected` lets the engine ask for what it missed;
the state is CATCHING_UP until that is done and READY from then on. Reports that arrive meanwhile
are delivered at once.

Silence is normal in a quiet market and also what a dead connection looks like; pings do not tell
them apart, because any proxy answers them. After `silence_s` without a frame two questions are
put. The subscription is said again on the socket: that changes nothing and must be answered, so a
socket on which nothing comes back within `answer_s` is dead. And the broker's list is asked for
its newest execution: if the stream should have told us of it and has not, then it has stopped
telling. Either way the connection is given up, and connecting again catches up.

Reconnecting waits longer each time and by a random part, up to half a minute; where the broker
says that there are too many connections (429, 406), up to a minute and a half, which is how long
it remembers a connection that died. A refused key pair is asked about rarely and says so: no
amount of knocking mends it.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from floorbroker.brokers.alpaca.codec import Authorization, Listening, Notice, decode_frame
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.transport import (
    DeliveryUnknown,
    Frames,
    FramesClosed,
    NotDelivered,
)
from floorbroker.brokers.alpaca.words import LISTEN_FRAME, authorize_frame
from floorbroker.brokers.port import StreamHealth, StreamItem, StreamState
from floorbroker.clock import Clock
from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.ids import ExecID, OrderID
from floorbroker.domain.messages import ExecutionReport, MessageQuarantined

_REFUSED_KEYS = frozenset({401, 403})
_TOO_MANY = frozenset({406, 429})
_RECENT_EXECUTIONS = 4096


#: A clock that is read twice within less than this may not have moved.
_TICK_S = 0.001
#: An execution: its id, its order, and the order's total after it.
_Execution = tuple[ExecID, OrderID, Qty]
_Answer = TypeVar("_Answer", Authorization, Listening)


class StreamRules(Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    silence_s: float = 30.0  #: Without a frame for this long, questions are asked.
    answer_s: float = 10.0  #: How long the other side may take for any answer.
    grace_s: float = 5.0  #: The broker's list may be ahead of the stream by this much.
    wait_s: float = 0.25  #: Before the first reconnect; doubles with each.
    wait_max_s: float = 30.0
    crowded_wait_s: float = 1.0  #: The same where there are too many connections.
    crowded_wait_max_s: float = 90.0
    refused_wait_s: float = 60.0  #: The same where the key pair is refused.
    refused_wait_max_s: float = 600.0
    settled_s: float = 10.0  #: A connection that held for this long was a good one.


class _Lost(Exception):
    """This connection is over; `code` says why as an HTTP status or WebSocket close code."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


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
        self._random = random
        self._newest_execution = newest_execution
        self._state = StreamState.DOWN
        self._text = ""
        self._connections = 0
        self._frames = 0
        self._quarantined = 0
        self._last_frame_at: float | None = None
        self._on_item: Callable[[StreamItem], None] = _nobody
        self._on_state: Callable[[StreamState], None] = _nobody
        self._failures = 0
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
        )

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
                lost = await self._follow(on_connected)
                wait_s = self._wait_s(lost.code)
                self._enter(StreamState.DOWN, f"{lost}; next try in {wait_s:.1f} s")
                await self._clock.sleep(wait_s)
        finally:
            self._enter(StreamState.DOWN, self._text)

    def _wait_s(self, code: int) -> float:
        rules = self.rules
        first_s, most_s = rules.wait_s, rules.wait_max_s
        if code in _TOO_MANY:
            first_s, most_s = rules.crowded_wait_s, rules.crowded_wait_max_s
        elif code in _REFUSED_KEYS:
            first_s, most_s = rules.refused_wait_s, rules.refused_wait_max_s
        wait_s = min(first_s * 2.0 ** min(self._failures, 32), most_s)
        self._failures += 1
        return wait_s * self._random.uniform(0.5, 1.0)

    async def _follow(self, on_connected: Callable[[], Awaitable[None]]) -> _Lost:
        """One connection from its handshake to its end; raises only what a listener raised."""
        authorised_at = math.inf
        frames: Frames | None = None
        try:
            frames = await self._open()
            await self._authorise(frames)
            authorised_at = self._clock.monotonic()
            self._connections += 1
            self._enter(StreamState.CATCHING_UP, "")
            await _first_failure(
                self._deliver(frames), self._catch_up(on_connected), self._watch(frames)
            )
        except _Lost as lost:
            return lost
        except FramesClosed as closed:
            return _Lost(f"the order stream was {closed}", closed.code)
        finally:
            if self._clock.monotonic() - authorised_at >= self.rules.settled_s:
                self._failures = 0
            if frames is not None:
                await frames.aclose()
        raise AssertionError("following a stream never ends well")

    async def _open(self) -> Frames:
        try:
            async with asyncio.timeout(self.rules.answer_s):
                return await self._connect()
        except (NotDelivered, DeliveryUnknown) as problem:
            raise _Lost(f"no connection to the order stream: {problem}") from None
        except FramesClosed as closed:
            if closed.code in _REFUSED_KEYS:
                raise _refused_keys(f"HTTP {closed.code}") from None
            if closed.code in _TOO_MANY:
                text = f"somebody else is connected to this account's order stream ({closed.code})"
                raise _Lost(text, closed.code) from None
            raise _Lost(f"the order stream was {closed} at its handshake", closed.code) from None
        except TimeoutError:
            raise _Lost(f"no handshake within {self.rules.answer_s} s") from None

    async def _authorise(self, frames: Frames) -> None:
        """Authorise and subscribe. Reports that come in between are delivered."""
        await frames.send(authorize_frame(self._credentials))
        try:
            async with asyncio.timeout(self.rules.answer_s):
                answer = await self._next_answer(frames, Authorization)
                if not answer.is_granted:
                    raise _refused_keys(answer.text)
                await frames.send(LISTEN_FRAME)
                listening = await self._next_answer(frames, Listening)
                if not listening.is_following:
                    raise _Lost("the order stream does not offer trade_updates")
        except TimeoutError:
            text = f"the order stream gave no answer within {self.rules.answer_s} s"
            raise _Lost(text) from None

    async def _next_answer(self, frames: Frames, kind: type[_Answer]) -> _Answer:
        while True:
            control = self._take(await frames.receive())
            if isinstance(control, kind):
                return control
            if isinstance(control, Authorization) and not control.is_granted:
                raise _refused_keys(control.text)

    async def _deliver(self, frames: Frames) -> None:
        while True:
            self._take(await frames.receive())

    def _take(self, frame: bytes | str) -> Authorization | Listening | Notice | None:
        """Deliver one frame, or return it if it is about the stream itself."""
        self._frames += 1
        self._last_frame_at = self._clock.monotonic()
        found = decode_frame(frame, self._clock.now())
        if isinstance(found, ExecutionReport):
            if found.last_qty is not None:
                self._told.append(_key(found))
        elif isinstance(found, MessageQuarantined):
            self._quarantined += 1
        else:
            if isinstance(found, Notice) and found.is_error:
                raise _Lost(f"the order stream says: {found.text}")
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
            wait_s = min(self.rules.wait_s * 2.0**failures, self.rules.wait_max_s)
            failures = min(failures + 1, 32)
            await self._clock.sleep(wait_s * self._random.uniform(0.5, 1.0))
        self._enter(StreamState.READY, "")

    async def _watch(self, frames: Frames) -> None:
        while True:
            last = self._last_frame_at or 0.0
            quiet_s = self._clock.monotonic() - last
            if quiet_s < self.rules.silence_s:
                await self._clock.sleep(max(self.rules.silence_s - quiet_s, _TICK_S))
            else:
                await self._question(frames)

    async def _question(self, frames: Frames) -> None:
        """Nothing was heard for a while: is anybody there, and is there news?"""
        seen = self._frames
        try:
            async with asyncio.timeout(self.rules.answer_s):
                await frames.send(LISTEN_FRAME)
                while self._frames == seen:
                    await self._clock.sleep(self.rules.answer_s / 20)
        except TimeoutError:
            raise _Lost(f"the order stream was silent for {self.rules.silence_s} s") from None
        if self._state is StreamState.READY and await self._has_missed():
            raise _Lost("the order stream has not told of an execution that the broker lists")

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


def _refused_keys(text: str) -> _Lost:
    return _Lost(
        f"the order stream refuses the key pair ({text}); check APCA_API_KEY_ID and "
        "APCA_API_SECRET_KEY, and that they belong to this address (paper or live)",
        401,
    )


def _nobody(_: object) -> None:
    """Nobody listens yet."""


async def _first_failure(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts together until one fails; end the others and raise that failure.

    A failure of whoever listens outranks the loss of the connection.
    """
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [
        outcome
        for outcome in outcomes
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError)
    ]
    failures.sort(key=lambda failure: isinstance(failure, _Lost | FramesClosed))
    if failures:
        raise failures[0]
