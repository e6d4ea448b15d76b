"""What stands between a desk and its world: the truth listens, and the disk may fail."""

from collections.abc import Sequence
from typing import Any

from floorbroker.brokers.alpaca.transport import Frames, Response
from floorbroker.domain.messages import JournalMessage
from floorbroker.domain.order import Order
from floorbroker.journal.port import Head
from floorbroker.journal.sqlite import SqliteJournal
from tests.boundaries import kind_of
from tests.sim.swarm.fate import BadDisk, Fate
from tests.sim.swarm.truth import Truth


class HeardJournal:
    """A journal whose durable batches the truth hears of."""

    def __init__(self, journal: SqliteJournal, fate: Fate, truth: Truth) -> None:
        self._journal = journal
        self._fate = fate
        self._truth = truth

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(
        self, messages: Sequence[JournalMessage], ended: Sequence[Order] = ()
    ) -> Head:
        trouble = self._fate.disk_trouble(" ".join(sorted(set(map(kind_of, messages)))))
        if trouble == "full":
            self._truth.world.disk.fill()
        elif trouble:
            self._journal._db = BadDisk(self._journal._db, trouble)  # type: ignore[assignment]  # as good
        if trouble == "sync_kept":
            self._truth.appended(messages)
        head = await self._journal.append(messages, ended)
        self._truth.appended(messages)
        return head


class HeardWay:
    """A way to the exchange on which the truth hears what is sent."""

    def __init__(self, way: Any, truth: Truth) -> None:
        self._way = way
        self._truth = truth
        self.aclose = way.aclose

    async def request(self, method: str, path: str, **words: Any) -> Response:
        asked = self._truth.asked(method, path, words.get("body"), words.get("query"))
        try:
            answer: Response = await self._way.request(method, path, **words)
        finally:
            self._truth.answered(asked)
        return answer

    async def connect(self, path: str, **words: Any) -> Frames:
        frames: Frames = await self._way.connect(path, **words)
        self._truth.sockets.append(frames)
        return frames
