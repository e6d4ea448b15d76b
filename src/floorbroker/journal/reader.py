"""Reading a journal in a SQLite file, while somebody else may be writing it."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from msgspec import structs

from floorbroker.domain.errors import JournalDamaged, JournalError
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order
from floorbroker.journal.chain import START, anchor_of, walk
from floorbroker.journal.codec import (
    HASH_SIZE,
    Batch,
    batch_of,
    cover_of,
    decode_batch,
    decode_ended,
    hash_at,
    microseconds,
    seal_snapshot,
    split_batch,
)
from floorbroker.journal.port import (
    GENESIS,
    Check,
    Damage,
    Head,
    Mark,
    OrderFilter,
    Record,
    Snapshot,
    StoredRecord,
    Verification,
)
from floorbroker.journal.store import (
    SQL,
    SQLITE_ERRORS,
    MemoryDisk,
    check_ours,
    connect_reader,
    explain,
    log_of,
)

#: Batches fetched at once: no statement stays open while a caller works on what it got.
_PAGE = 128
_FEW = 16
_LAST = (1 << 63) - 1
Row = Sequence[Any]


class SqliteJournalReader:
    """A JournalReader over one SQLite file; never writes and never makes a file.

    While no writer has the journal open, the file is read as it lies there; when one comes, the
    next question goes through the write-ahead log like everybody's.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path | MemoryDisk, *, is_idle: bool = False
    ) -> None:
        connection.text_factory = _lenient_text
        self._db = connection
        self._path = path
        self._is_idle = is_idle
        covers = self._rows("select_cover")
        if len(covers) != 1:
            raise JournalDamaged(f"journal {path}: its cover is missing, so it has no name")
        self.journal_id: str = covers[0][0]

    @classmethod
    def open(cls, path: Path | str | MemoryDisk) -> Self:
        """Open for reading; raises JournalError if there is no such journal or it cannot be read,
        JournalDamaged if the file is not a journal of ours."""
        if isinstance(path, MemoryDisk):
            check_ours(path.connection, path)
            return cls(path.connection, path)
        place = Path(os.path.realpath(path))
        connection, is_idle = connect_reader(place)
        try:
            return cls(connection, place, is_idle=is_idle)
        except BaseException:
            connection.close()
            raise

    def head(self) -> Head:
        """The end of the chain as of the last whole batch."""
        for first_seq, count, digest in self._rows("select_head"):
            return Head(first_seq + count - 1, digest)
        return Head(0, GENESIS)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Every record with a number above `after`, up to the head as it is now."""
        upto = self.head().seq
        return self._decoded(after, upto)

    def _decoded(self, after: int, upto: int) -> Iterator[Record]:
        for batch in self._covering(after, upto):
            try:
                yield from decode_batch(batch, after)
            except JournalDamaged as damage:
                raise self._damaged(damage) from None

    def stored_records(self, after: int = 0) -> Iterator[StoredRecord]:
        """Like `records`, with the bytes as they are stored and hashed, undecoded."""
        for batch in self._covering(after, self.head().seq):
            try:
                yield from split_batch(batch, after)
            except JournalDamaged as damage:
                raise self._damaged(damage) from None

    def hashes(self, after: int = 0) -> Iterator[bytes]:
        """The stored hash of every record above `after`, up to the head as it is now."""
        due, upto = after + 1, self.head().seq
        while due <= upto:
            rows = self._rows("select_hashes_from", (due, _FEW))
            for first, count, hashes in rows or [(due, 0, b"")]:
                if not first <= due < first + count or len(hashes) != count * HASH_SIZE:
                    raise JournalDamaged(f"journal {self._path}: record {due} has no hash")
                for place in range((due - first) * HASH_SIZE, len(hashes), HASH_SIZE):
                    yield hashes[place : place + HASH_SIZE]
                due = first + count

    def verify(self, marks: Sequence[Mark] = (), also: Check | None = None) -> Verification:
        """Walk the chain; then the ended orders, the snapshot and the file's own structure.

        Everything is read as of one instant.
        """
        self._rows("begin_reading")
        try:
            outcome = self._verify(marks)
            if also is None or outcome.damage is not None:
                return outcome
            return structs.replace(outcome, damage=also())
        except JournalError as problem:
            return Verification(records=0, head=START, damage=Damage(seq=0, reason=str(problem)))
        finally:
            with suppress(*SQLITE_ERRORS):  # a damaged file may have ended the transaction itself
                self._db.execute(SQL["rollback"])

    def snapshot(self) -> Snapshot | None:
        """The snapshot, if it is as it was written and belongs to this chain."""
        for seq, digest, body, seal in self._rows("select_snapshot"):
            found = _intact_snapshot(seq, digest, body, seal)
            if found is not None and self.hash_of(found.seq) == found.hash:
                return found
        return None

    def ended_order(self, cl_ord_id: ClOrdID) -> Order | None:
        """The ended order of this id, or None; raises JournalDamaged if its row was changed."""
        for row in self._rows("select_ended", (cl_ord_id,)):
            return self._order(row)
        return None

    def ended_orders(self, wanted: OrderFilter) -> list[Order]:
        """Ended orders, newest first, at most `wanted.limit`."""
        bounds = {
            "after_us": None if wanted.after is None else microseconds(wanted.after),
            "until_us": None if wanted.until is None else microseconds(wanted.until),
            "symbols": json.dumps(wanted.symbols) if wanted.symbols else None,
            "side": None if wanted.side is None else str(wanted.side),
            "limit": max(wanted.limit, 0),
        }
        return [self._order(row) for row in self._rows("list_ended", bounds)]

    def ended_lately(self, page: int) -> Iterator[list[Order]]:
        """All ended orders, what was filed last first, so many at a time; a page is as of when
        it is asked for."""
        seq, name = _LAST, ""
        while rows := self._rows("list_lately_ended", (seq, name, page)):
            yield [self._order(row) for row in rows]
            name, seq = rows[-1][:2]

    def ended_count(self) -> int:
        """How many ended orders there are."""
        return int(self._rows("count_ended")[0][0])

    def close(self) -> None:
        """Let go of the file. Idempotent. A MemoryDisk stays as it is."""
        if not isinstance(self._path, MemoryDisk):
            self._db.close()

    def _connection(self) -> sqlite3.Connection:
        """The connection; a fresh one if a writer has come since we took the file for idle."""
        path = self._path
        if not self._is_idle or isinstance(path, MemoryDisk) or self._db.in_transaction:
            return self._db
        if log_of(path).exists():
            self._db.close()
            self._db, self._is_idle = connect_reader(path)
            self._db.text_factory = _lenient_text
        return self._db

    def _rows(self, name: str, parameters: Row | dict[str, Any] = ()) -> list[Row]:
        try:
            return self._connection().execute(SQL[name], parameters).fetchall()
        except SQLITE_ERRORS as problem:
            raise explain(problem, self._path, f"read it ({name})") from problem

    def _covering(self, after: int, upto: int) -> Iterator[Batch]:
        """The batches that hold the records above `after`, without a gap; pages of them."""
        due = after + 1
        for row in self._rows("select_batch_with", (due,)):
            due = min(due, row[0])
        while due <= upto:
            for batch in self._page(due):
                if batch.first_seq != due:
                    if batch.last_seq <= after:  # the gap, if any, is before what was asked for
                        continue
                    raise JournalDamaged(
                        f"journal {self._path}: record {due} is missing; the next batch begins"
                        f" with record {batch.first_seq}"
                    )
                if batch.count < 1:
                    raise JournalDamaged(f"journal {self._path}: record {due} has an empty batch")
                yield batch
                due = batch.last_seq + 1

    def _page(self, first: int) -> list[Batch]:
        try:
            return [batch_of(row) for row in self._rows("select_batches_from", (first, _PAGE))]
        except JournalDamaged as damage:
            raise self._damaged(damage) from None

    def hash_of(self, seq: int) -> bytes | None:
        """The stored hash of a record, GENESIS for 0, None beyond the head."""
        if seq == 0:
            return GENESIS
        for row in self._rows("select_batch_with", (seq,)):
            batch = batch_of(row)
            return hash_at(batch, seq) if batch.first_seq <= seq <= batch.last_seq else None
        return None

    def _order(self, row: Row) -> Order:
        try:
            return decode_ended(row[0], row[1], row[2], row[3])
        except JournalDamaged as damage:
            raise self._damaged(damage) from None

    def _damaged(self, damage: JournalDamaged) -> JournalDamaged:
        return JournalDamaged(f"journal {self._path}: {damage}")

    def _verify(self, known: Sequence[Mark]) -> Verification:
        try:
            cover = cover_of(self._rows("select_cover")[0])
            snapshots = self._rows("select_snapshot")
        except JournalDamaged as damage:
            outcome = walk(self._raw_batches(), marks=known)
            beside: Damage | None = Damage(seq=0, reason=str(damage))
        else:
            outcome = walk(
                self._raw_batches(),
                marks=[anchor_of(cover), *_marks(snapshots), *known],
                epoch_max=cover.epoch,
            )
            beside = _damaged_snapshot(snapshots)
        if outcome.damage is None:
            found = self._damaged_order(outcome.head) or beside or self._damaged_file()
            return structs.replace(outcome, damage=found)
        return outcome

    def _raw_batches(self) -> Iterator[Batch]:
        """Every batch in its stored order, gaps and all; they are the walker's to find."""
        first, size = -(1 << 63), _PAGE
        while True:
            try:
                rows = self._rows("select_batches_from", (first, size))
            except JournalError as problem:
                if size > 1:  # one by one, up to the bad one
                    size = 1
                    continue
                raise JournalDamaged(str(problem)) from None
            for row in rows:
                batch = batch_of(row)
                if batch.first_seq < first:
                    raise JournalDamaged(f"batch {batch.first_seq} stands behind {first - 1}")
                first = batch.first_seq + 1
                yield batch
            if len(rows) < size:
                return

    def _damaged_order(self, head: Head) -> Damage | None:
        """The first ended order that is not as it was filed, found row by row: all of them
        together may be more than the memory holds."""
        try:
            rows = self._connection().execute(SQL["select_all_ended"])
            found = (_damage_of(row, head) for row in rows)
            return min(filter(None, found), key=lambda damage: damage.seq, default=None)
        except SQLITE_ERRORS as problem:
            told = explain(problem, self._path, "read it (select_all_ended)")
            return Damage(seq=0, reason=str(told))

    def _damaged_file(self) -> Damage | None:
        try:
            (complaint,) = self._rows("integrity_check")[0]
        except JournalError as problem:
            complaint = str(problem)
        if complaint == "ok":
            return None
        return Damage(
            seq=0, reason=f"the records verify, but SQLite finds its file damaged: {complaint}"
        )


def _damage_of(row: Row, head: Head) -> Damage | None:
    cl_ord_id, seq, body, seal, *columns = row
    try:
        order = decode_ended(cl_ord_id, seq, body, seal)
    except JournalDamaged as damage:
        return Damage(seq=seq if isinstance(seq, int) else 0, reason=str(damage))
    if seq > head.seq:
        reason = f"ended order {cl_ord_id} was filed with record {seq}, which is not there"
    elif columns != [microseconds(order.created_time), order.symbol, str(order.side)]:
        reason = f"ended order {cl_ord_id} is filed under a wrong time, symbol or side"
    else:
        return None
    return Damage(seq=seq, reason=reason)


def _marks(snapshots: list[Row]) -> Iterator[Mark]:
    for row in snapshots:
        found = _intact_snapshot(*row)
        if found is not None:
            yield Mark(seq=found.seq, hash=found.hash, origin="the snapshot")


def _intact_snapshot(seq: Any, digest: Any, body: Any, seal: Any) -> Snapshot | None:
    if not (isinstance(seq, int) and isinstance(digest, bytes) and isinstance(body, bytes)):
        return None
    snapshot = Snapshot(seq=seq, hash=digest, body=body)
    return snapshot if 0 <= seq < 1 << 63 and seal == seal_snapshot(snapshot) else None


def _damaged_snapshot(rows: list[Row]) -> Damage | None:
    for row in rows:
        if _intact_snapshot(*row) is None:
            return Damage(
                seq=row[0] if isinstance(row[0], int) else 0,
                reason="the snapshot after this record is not as it was written; it is ignored,"
                " and the next one replaces it",
            )
    return None


def _lenient_text(raw: bytes) -> str:
    """Text from the file; a flipped bit may have made it no UTF-8, which is the seals' to find."""
    return raw.decode(errors="replace")
