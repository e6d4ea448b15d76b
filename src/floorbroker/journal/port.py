"""The journal's promises to the engine.

Theory of operation
-------------------
The journal is the only memory that counts. The engine appends a batch of messages and, when
`append` returns, every one of them survives a power cut; if it cannot, it raises JournalError and
the process must stop, because recovery is the tested path and guessing is not. A failed fsync is
never tried again.

Records are numbered from 1 without gaps. Each carries a SHA-256 of its number, its epoch, the hash
of the record before it and its own canonical bytes (JSON, fields in declaration order), so that a
change, a cut or an insertion before a known head is found. A crash half-way through an append
leaves either the whole batch or nothing of it: a batch is one transaction.

There is one writer. Opening a journal for writing takes a lock for as long as the process lives
and raises the epoch; a second writer is refused within a second with the name of the first.
Readers are always welcome and see whole batches only.

Orders that ended leave the engine's memory. `append` takes them along in the same transaction and
`ended_order` finds them again, so an order is at every instant in exactly one of the two places.

A snapshot is a cache of the state after record `seq`; losing it costs time, never truth. It is
written after the records that it covers are durable, and replaces the one before atomically.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import JournalMessage
from floorbroker.domain.order import Order

GENESIS = b"\x00" * 32


class Head(Struct, frozen=True):
    """The end of the chain: the last record's number and hash."""

    seq: int
    hash: bytes


class Mark(Struct, frozen=True, kw_only=True):
    """A head that somebody remembers: the chain must pass through it."""

    seq: int
    hash: bytes
    origin: str  #: Who remembers it, as the subject of a sentence: "the snapshot".
    root: bytes = b""  #: Of the Merkle tree over the records up to it, where that is known too.


class Record(Struct, frozen=True, kw_only=True, gc=False):  # a value: cycles cannot arise
    """One message as it stands in the journal."""

    seq: int
    epoch: int
    message: JournalMessage
    hash: bytes


class StoredRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One record with the exact bytes that its hash covers."""

    seq: int
    epoch: int
    body: bytes
    hash: bytes


class Snapshot(Struct, frozen=True, kw_only=True):
    """The engine's state, as the engine encoded it, after record `seq`."""

    seq: int
    hash: bytes
    body: bytes


class Damage(Struct, frozen=True, kw_only=True):
    """The first record that does not verify, and why.

    Damage beside the chain is told with the record that it belongs to: an ended order's with the
    one that it was filed with, the snapshot's with the one that it was taken after.
    """

    seq: int  #: 0 if it belongs to none: the cover, or the file itself, is damaged.
    reason: str


#: A further look at a journal whose chain holds.
Check = Callable[[], Damage | None]


class Verification(Struct, frozen=True, kw_only=True):
    """The outcome of walking the whole chain."""

    records: int
    head: Head
    damage: Damage | None = None


class OrderFilter(Struct, frozen=True, kw_only=True):
    """Which ended orders to list; None means any. Bounds on the creation time are exclusive."""

    after: datetime | None = None
    until: datetime | None = None
    symbols: tuple[str, ...] = ()
    side: str | None = None
    limit: int = 500


class JournalReader(Protocol):
    """Reading, while somebody else may be writing."""

    journal_id: str  #: Names this journal for ever; made when it was created.

    def head(self) -> Head:
        """The end of the chain as of the last whole batch."""
        ...

    def records(self, after: int = 0) -> Iterator[Record]:
        """Every record with a number above `after`, in order; raises JournalDamaged where the
        bytes do not decode. Does not check the chain: see `verify`."""
        ...

    def stored_records(self, after: int = 0) -> Iterator[StoredRecord]:
        """Like `records`, with the bytes as they are stored and hashed, undecoded."""
        ...

    def hashes(self, after: int = 0) -> Iterator[bytes]:
        """The stored hash of every record with a number above `after`, in order; raises
        JournalDamaged where a batch is cut or missing."""
        ...

    def hash_of(self, seq: int) -> bytes | None:
        """The stored hash of a record, GENESIS for 0, None beyond the head."""
        ...

    def verify(self, marks: Sequence[Mark] = (), also: Check | None = None) -> Verification:
        """Walk the chain from the first record, which must pass through these heads too; never
        raises for damage, reports it. If all is well, `also` looks further, at the same instant.
        """
        ...

    def snapshot(self) -> Snapshot | None:
        """The newest snapshot that belongs to this chain, or None."""
        ...

    def ended_order(self, cl_ord_id: ClOrdID) -> Order | None:
        """The ended order of this id, or None."""
        ...

    def ended_orders(self, wanted: OrderFilter) -> list[Order]:
        """Ended orders, newest first, at most `wanted.limit`."""
        ...

    def ended_lately(self, page: int) -> Iterator[list[Order]]:
        """All ended orders, what was filed last first, so many at a time; a page is as of when
        it is asked for."""
        ...

    def ended_count(self) -> int:
        """How many ended orders there are."""
        ...

    def close(self) -> None:
        """Let go of the files. Idempotent."""
        ...


class Journal(JournalReader, Protocol):
    """Reading and the only writing."""

    epoch: int  #: Counts the openings for writing; this one's number.

    async def append(
        self, messages: Sequence[JournalMessage], ended: Sequence[Order] = ()
    ) -> Head:
        """Make a batch durable and return the new head.

        On return the batch survives a power cut. On JournalError nothing of it is promised and
        the caller must stop sending and exit. After a crash inside, either all of the batch is
        there or none of it. `ended` orders become findable in the same transaction.
        """
        ...

    def reopen(self, cl_ord_ids: Sequence[ClOrdID]) -> None:
        """Forget these ended orders with the next append: they came back to life."""
        ...

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep this snapshot instead of the one before. Losing it in a crash is harmless."""
        ...
