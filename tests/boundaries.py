"""A desk's ports, watched: every instant at which its process may die and somebody would notice.

Whatever a desk does to the world goes through its journal or its transport. `watch_journal` and
`watch_transport` stand before them and tell of each step just before and just after it is taken;
who is told may never come back from it (a simulation), or send SIGKILL (a real process). The
product knows nothing of this.
"""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol

from floorbroker.brokers.alpaca.transport import Frames, Response, Transport
from floorbroker.domain.messages import ExecutionReport, JournalMessage
from floorbroker.domain.order import Order
from floorbroker.journal.port import Head, Journal, Snapshot


class Reached(Protocol):
    """Is told where the desk is: the place, and what it is about there.

    | place | just | what |
    | --- | --- | --- |
    | append, appended | before, after a batch is durable | the kinds of its messages |
    | snapshot, snapshotted | before, after a snapshot is kept | nothing |
    | request, answered | before, after a request | `POST /v2/orders`, and the status |
    | connect, connected | before, after a stream is opened | its path |
    | frame | after a frame came, before anybody sees it | nothing |

    Kinds are class names; of requests and reports with what they are about: `RequestSent new`,
    `ExecutionReport trade stream`.
    """

    def __call__(self, place: str, what: frozenset[str]) -> Coroutine[Any, Any, None]: ...


def kind_of(message: JournalMessage) -> str:
    name = type(message).__name__
    if isinstance(message, ExecutionReport):
        return f"{name} {message.exec_type} {message.source}"
    request = getattr(message, "request", None)
    return name if request is None else f"{name} {request}"


def watch_journal(journal: Any, reached: Reached) -> Any:
    """The same journal, watched."""
    return _Journal(journal, reached)


class _Journal:
    def __init__(self, journal: Journal, reached: Reached) -> None:
        self._journal = journal
        self._reached = reached

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(
        self, messages: Sequence[JournalMessage], ended: Sequence[Order] = ()
    ) -> Head:
        kinds = frozenset(map(kind_of, messages))
        await self._reached("append", kinds)
        head = await self._journal.append(messages, ended)
        await self._reached("appended", kinds)
        return head

    def save_snapshot(self, snapshot: Snapshot) -> None:
        _now(self._reached("snapshot", frozenset()))
        self._journal.save_snapshot(snapshot)
        _now(self._reached("snapshotted", frozenset()))


def _now(told: Coroutine[Any, Any, None]) -> None:
    """Run what must not wait: whoever is told of a snapshot goes on at once, raises, or kills."""
    try:
        told.send(None)
    except StopIteration:
        return
    raise AssertionError("a snapshot cannot wait")


def watch_transport(transport: Transport, reached: Reached) -> Transport:
    """The same transport, watched."""
    return _Transport(transport, reached)


class _Transport:
    def __init__(self, transport: Transport, reached: Reached) -> None:
        self._transport = transport
        self._reached = reached

    async def request(self, method: str, path: str, **words: Any) -> Response:
        asked = f"{method} {_shape(path)}"
        await self._reached("request", frozenset((asked,)))
        answer = await self._transport.request(method, path, **words)
        await self._reached("answered", frozenset((asked, str(answer.status))))
        return answer

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def connect(self, path: str, *, headers: Mapping[str, str] | None = None) -> Frames:
        await self._reached("connect", frozenset((path,)))
        frames = await self._transport.connect(path, headers=headers)
        await self._reached("connected", frozenset((path,)))
        return _Frames(frames, self._reached)


class _Frames:
    def __init__(self, frames: Frames, reached: Reached) -> None:
        self._frames = frames
        self._reached = reached

    async def send(self, payload: bytes | str) -> None:
        await self._frames.send(payload)

    async def aclose(self) -> None:
        await self._frames.aclose()

    async def receive(self) -> bytes | str:
        frame = await self._frames.receive()
        await self._reached("frame", frozenset())
        return frame


def _shape(path: str) -> str:
    """The path with the id of an order replaced by its name: `/v2/orders/{id}`."""
    head, slash, last = path.rpartition("/")
    return f"{head}/{{id}}" if slash and last.count("-") == 4 and len(last) == 36 else path
