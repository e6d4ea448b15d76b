"""The bytes between the Alpaca client and whatever speaks its protocol: network or memory.

`Connection` is the skeleton of a stream that is followed for ever: connect, converse, lose, wait,
connect. Reconnecting waits longer each time and by a random part. Where the other side says that
there are too many connections (429, 406) it waits up to a minute and a half, which is how long
Alpaca remembers a connection that died. A refused key pair is asked about rarely and says so: no
amount of knocking mends it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from random import Random
from typing import Any, Protocol

from msgspec import Struct

from floorbroker.clock import Clock

REFUSED_KEYS = frozenset({401, 403})
TOO_MANY = frozenset({406, 429})


class Response(Struct, frozen=True):
    """One HTTP answer: status, headers to be looked up by lower-case name, body as it came.

    `request` names what was asked where the answer is a bad one.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: str = ""


class NotDelivered(ConnectionError):
    """The request surely did not reach the other side: refused, no name, no TLS."""


class DeliveryUnknown(ConnectionError):
    """The request may have reached the other side: reset, time-out, broken answer."""


class FramesClosed(ConnectionError):
    """The frame stream ended; `code` is the WebSocket close code, 1006 for a plain loss."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(f"closed with code {code} {text}".rstrip())
        self.code = code


class Frames(Protocol):
    """A WebSocket: messages in, messages out."""

    async def send(self, payload: bytes | str) -> None:
        """Raises FramesClosed once the other side is gone."""
        ...

    async def receive(self) -> bytes | str:
        """The next message; raises FramesClosed at the end."""
        ...

    async def aclose(self) -> None: ...


class Transport(Protocol):
    """Carries one request, or opens one stream of frames."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request and its answer, within the transport's time-out.

        Raises NotDelivered when no byte of the request can have been acted upon, DeliveryUnknown
        for everything else that goes wrong. Never retries, follows no redirect.
        """
        ...

    async def connect(self, path: str, *, headers: Mapping[str, str] | None = None) -> Frames:
        """Open a WebSocket; raises NotDelivered, or FramesClosed with the HTTP status as code."""
        ...

    async def aclose(self) -> None: ...


class ConnectionRules(Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    silence_s: float = 30.0  #: After so long questions are asked: is anybody there, any news?
    answer_s: float = 10.0  #: How long the other side may take for any answer.
    grace_s: float = 5.0  #: The broker's lists may be ahead of the stream by this much.
    wait_s: float = 0.25  #: Before the first reconnect; doubles with each.
    wait_max_s: float = 30.0
    crowded_wait_s: float = 1.0  #: The same where there are too many connections.
    crowded_wait_max_s: float = 90.0
    refused_wait_s: float = 60.0  #: The same where the key pair is refused.
    refused_wait_max_s: float = 600.0
    settled_s: float = 10.0  #: A connection that held for this long was a good one.


class Lost(Exception):
    """This connection is over; `code` says why as an HTTP status or WebSocket close code."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class Connection:
    """One stream's connections, one after the other; `name` is how texts call it."""

    def __init__(self, name: str, rules: ConnectionRules, *, clock: Clock, random: Random) -> None:
        self.name = name
        self._rules = rules
        self._clock = clock
        self._random = random
        self._failures = 0
        self._good_since = math.inf

    async def hold(
        self,
        connect: Callable[[], Awaitable[Frames]],
        converse: Callable[[Frames], Awaitable[None]],
    ) -> Lost:
        """One connection from its handshake to its end; raises only what is no loss of it."""
        self._good_since = math.inf
        frames: Frames | None = None
        try:
            frames = await self._open(connect)
            await converse(frames)
        except Lost as lost:
            return lost
        except FramesClosed as closed:
            return Lost(f"the {self.name} was {closed}", closed.code)
        finally:
            if self._clock.monotonic() - self._good_since >= self._rules.settled_s:
                self._failures = 0
            if frames is not None:
                await frames.aclose()
        raise AssertionError("following a stream never ends well")

    def stands(self) -> None:
        """The other side has let us in; if this holds for a while, old failures are forgotten."""
        self._good_since = self._clock.monotonic()

    def wait_s(self, code: int) -> float:
        """How long to wait after a loss with this code."""
        rules = self._rules
        first_s, most_s = rules.wait_s, rules.wait_max_s
        if code in TOO_MANY:
            first_s, most_s = rules.crowded_wait_s, rules.crowded_wait_max_s
        elif code in REFUSED_KEYS:
            first_s, most_s = rules.refused_wait_s, rules.refused_wait_max_s
        self._failures += 1
        return self.jittered_s(self._failures - 1, first_s, most_s)

    def jittered_s(self, failures: int, first_s: float, most_s: float) -> float:
        """Twice as long with each failure up to the most, less a random part."""
        wait_s = min(first_s * 2.0 ** min(failures, 32), most_s)
        return wait_s * self._random.uniform(0.5, 1.0)

    def refused_keys(self, text: str) -> Lost:
        return Lost(
            f"the {self.name} refuses the key pair ({text}); check APCA_API_KEY_ID and "
            "APCA_API_SECRET_KEY, and that they belong to this address (paper or live)",
            401,
        )

    async def _open(self, connect: Callable[[], Awaitable[Frames]]) -> Frames:
        answer_s = self._rules.answer_s
        try:
            async with asyncio.timeout(answer_s):
                return await connect()
        except (NotDelivered, DeliveryUnknown) as problem:
            raise Lost(f"no connection to the {self.name}: {problem}") from None
        except FramesClosed as closed:
            if closed.code in REFUSED_KEYS:
                raise self.refused_keys(f"HTTP {closed.code}") from None
            if closed.code in TOO_MANY:
                raise self.crowded(closed.code) from None
            raise Lost(f"the {self.name} was {closed} at its handshake", closed.code) from None
        except TimeoutError:
            raise Lost(f"no handshake within {answer_s} s") from None

    def crowded(self, code: int) -> Lost:
        text = f"somebody else is connected to this account's {self.name} ({code})"
        return Lost(text, code)


async def first_failure(*parts: Coroutine[Any, Any, None]) -> None:
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
    failures.sort(key=lambda failure: isinstance(failure, Lost | FramesClosed))
    if failures:
        raise failures[0]
