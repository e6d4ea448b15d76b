"""The inbox and the coroutine that empties it: decide, apply, record, act."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from floorbroker.clock import Clock
from floorbroker.domain.errors import JournalError
from floorbroker.domain.messages import JournalMessage
from floorbroker.engine.decide import Record
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.timing.stopwatch import Stopwatch
from floorbroker.engine.views import Views
from floorbroker.engine.writer import Writer
from floorbroker.journal.port import Journal, Snapshot


class Inbox:
    """Where everything enters, in one order. See `loop` for the theory.

    `failed` completes with the reason when nothing more can be written.
    """

    def __init__(
        self, journal: Journal, clock: Clock, settings: EngineSettings, times: Stopwatch
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[BaseException] = self._loop.create_future()
        self.head = journal.head()
        self.snapshot_seq = 0
        #: Called before each batch is decided.
        self.on_turn: Callable[[], None] = _nothing
        self.journal = journal
        self.clock = clock
        self.settings = settings
        self._times = times
        #: Called before each batch; what it puts in goes first.
        self.fence: Callable[[], None] | None = None
        self._items: deque[tuple[Any, asyncio.Future[Any] | None]] = deque()
        self._wake, self._room = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def post(self, item: Any) -> None:
        """Put an item in; facts never wait."""
        self._items.append((item, None))
        self._wake.set()

    def post_first(self, item: Any) -> None:
        """Put an item in before all others."""
        self._items.appendleft((item, None))
        self._wake.set()

    def ask(self, item: Any) -> asyncio.Future[Any]:
        """Put a command in; what it answers is durable."""
        self.check_alive()
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._items.append((item, reply))
        self._wake.set()
        return reply

    async def record(self, messages: tuple[JournalMessage, ...]) -> None:
        """Write messages that are decided; everything posted before them is durable, too."""
        await self.ask(Record(messages))

    async def room(self) -> None:
        """Wait until a command may be put in."""
        while len(self._items) >= self.settings.inbox_max:
            self._room.clear()
            await self._room.wait()
            self.check_alive()

    def check_alive(self) -> None:
        """Raises what ended the engine, if it has ended."""
        if self.failed.done():
            raise self.failed.result()

    async def run(self, writer: Writer, views: Views) -> None:
        """Empty the inbox for ever, a batch at a time."""
        items, batch_max = self._items, self.settings.max_batch
        while True:
            if not items:
                self._wake.clear()
                await self._wake.wait()
            self.on_turn()
            if self.fence is not None:
                self.fence()
            begun_s = self._times.now_s()
            writer.begin(self.clock.now())
            try:
                for _ in range(min(len(items), batch_max)):
                    item, reply = items.popleft()
                    writer.take(item, reply)
                await self._commit(writer, views, begun_s)
            except BaseException as problem:
                writer.fail(problem)
                raise
            if not self._room.is_set() and len(items) < self.settings.inbox_max:
                self._room.set()

    async def _commit(self, writer: Writer, views: Views, begun_s: float) -> None:
        book = writer.state.book
        if writer.batch:
            messages = [message for message, _ in writer.batch]
            ended = list(book.ended.values())
            if writer.has_sends or self._times.is_short:
                decided_s = self._times.now_s()
                self.head = await self.journal.append(messages, ended)
                self._times.committed(begun_s, decided_s, self._times.now_s())
            else:
                self.head = await self.journal.append(messages, ended)
        views.publish(book, writer.batch)
        for effect in writer.effects:
            effect()
        for reply, refusal in writer.replies:
            if reply.done():
                continue  # the caller has gone
            if refusal is None:
                reply.set_result(None)
            else:
                reply.set_exception(refusal)
        if self.head.seq - self.snapshot_seq >= self.settings.snapshot_every:
            self.save_snapshot(writer)

    def save_snapshot(self, writer: Writer) -> None:
        """Between two batches. On a full disk there is none: it only costs time at the start."""
        writer.state.book.clear_batch()
        body = writer.state.encode()
        self.snapshot_seq = self.head.seq
        with suppress(JournalError):
            self.journal.save_snapshot(Snapshot(seq=self.head.seq, hash=self.head.hash, body=body))

    def fail(self, problem: BaseException) -> None:
        """Nothing more will be written: whoever waits hears why."""
        if not self.failed.done():
            self.failed.set_result(problem)
            self.answer_nobody(problem)

    def answer_nobody(self, problem: BaseException) -> None:
        while self._items:
            _, reply = self._items.popleft()
            if reply is not None and not reply.done():
                reply.set_exception(problem)
        self._room.set()


def _nothing() -> None:
    """Nobody minds."""
