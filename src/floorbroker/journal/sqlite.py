"""The journal in one SQLite file: one transaction a batch, durable when `append` returns."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Self

from msgspec import structs

from floorbroker.domain.errors import JournalDamaged, JournalError
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import JournalMessage
from floorbroker.domain.order import Order
from floorbroker.journal.chain import START, anchor_of, walk
from floorbroker.journal.codec import (
    Batch,
    Cover,
    batch_of,
    cover_of,
    encode_batch,
    ended_rows,
    hash_at,
    seal_cover,
    seal_snapshot,
)
from floorbroker.journal.lock import WriterLock
from floorbroker.journal.port import (
    Check,
    Head,
    Mark,
    OrderFilter,
    Record,
    Snapshot,
    StoredRecord,
    Verification,
)
from floorbroker.journal.reader import SqliteJournalReader
from floorbroker.journal.store import (
    SQL,
    SQLITE_ERRORS,
    MemoryDisk,
    MemoryLock,
    check_ours,
    connect_writer,
    create_layout,
    explain,
    has_layout,
    prepare_folder,
)


class SqliteJournal:
    """A Journal in a SQLite file, or on a MemoryDisk.

    Writing happens inline, in the calling thread: a commit costs about 100 us of CPU whatever is
    in it, so the engine gathers batches instead of this class hiding a thread.

    Reading goes through a second connection. It outlives the writing one when an append fails,
    and while it is open SQLite does not checkpoint on closing: so nothing syncs the log again
    after a sync that failed.
    """

    def __init__(
        self,
        *,
        path: Path | MemoryDisk,
        connection: sqlite3.Connection,
        lock: WriterLock | MemoryLock,
        birth: tuple[str, str],
    ) -> None:
        """Use `open`; `birth` is the id and the time that a new journal gets."""
        self._path = path
        self._db = connection
        self._lock = lock
        self._end: str | None = None
        self._reopened: list[ClOrdID] = []
        try:
            self._cover, self._head = self._recover(birth)
        except SQLITE_ERRORS as problem:
            raise explain(problem, path, "open it for writing") from problem
        self._reader = SqliteJournalReader.open(path)
        self.journal_id = self._cover.journal_id
        self.epoch = self._cover.epoch

    @classmethod
    def open(
        cls,
        path: Path | str | MemoryDisk,
        *,
        command: str,
        started: datetime,
        journal_id_maker: Random,
    ) -> Self:
        """Open for writing, making folder (0700), file (0600) and journal if they are not there.

        `command` and `started` tell a second writer who holds the lock. `":memory:"` is a journal
        that ends with this object; give a MemoryDisk to open it again. Raises JournalLocked at
        once if there is a writer, JournalDamaged if the file is not ours or its end does not
        verify, ConfigError if its folder cannot be used, JournalError if it cannot be opened.
        """
        birth = (f"{journal_id_maker.getrandbits(128):032x}", started.isoformat())
        place = MemoryDisk() if path == ":memory:" else path
        if isinstance(place, MemoryDisk):
            held = place.take_lock(command)
            try:
                return cls(path=place, connection=place.connection, lock=held, birth=birth)
            except BaseException:
                held.release()
                raise
        file = Path(os.path.realpath(place))
        prepare_folder(file)
        lock = WriterLock.take(file, command=command, started=started)
        try:
            connection = connect_writer(file)
            try:
                return cls(path=file, connection=connection, lock=lock, birth=birth)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise

    async def append(
        self, messages: Sequence[JournalMessage], ended: Sequence[Order] = ()
    ) -> Head:
        """Make a batch durable; on return it survives a power cut. Never yields to the loop.

        After any failure this journal is dead: every later append raises JournalError.
        """
        self._refuse_if_ended()
        if not messages and not ended and not self._reopened:
            return self._head
        try:
            batch, head = None, self._head
            if messages:
                batch, head = encode_batch(messages, head, self.epoch)
            if batch is not None and not ended and not self._reopened:
                self._insert(batch)
            else:
                self._insert_with_orders(batch, ended, head.seq)
        except (OSError, *SQLITE_ERRORS) as problem:
            raise self._failure(problem, f"append record {self._head.seq + 1}") from problem
        except BaseException as problem:
            self._finish(f"appending failed: {problem!r}")
            raise
        self._reopened.clear()
        self._head = head
        return head

    def reopen(self, cl_ord_ids: Sequence[ClOrdID]) -> None:
        """Forget these ended orders with the next append."""
        self._reopened.extend(cl_ord_ids)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep this snapshot instead of the one before.

        It must be of a record of this chain (ValueError). On a full disk raises JournalError and
        the journal lives on: appends are small, and the old snapshot is still there. Any other
        failure ends the journal.
        """
        self._refuse_if_ended()
        if self._reader.hash_of(snapshot.seq) != snapshot.hash:
            raise ValueError(
                f"a snapshot after record {snapshot.seq} does not belong to this chain"
            )
        row = (snapshot.seq, snapshot.hash, snapshot.body, seal_snapshot(snapshot))
        try:
            self._db.execute(SQL["begin"])
            self._check_fence()
            self._db.execute(SQL["replace_snapshot"], row)
            self._remember(self._head)
            self._db.execute(SQL["commit"])
        except SQLITE_ERRORS as problem:
            if getattr(problem, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise self._failure(problem, "save a snapshot") from problem
            self._undo()
            raise explain(problem, self._path, "save a snapshot") from problem
        except BaseException as problem:
            self._finish(f"saving a snapshot failed: {problem!r}")
            raise

    def head(self) -> Head:
        return self._head

    def records(self, after: int = 0) -> Iterator[Record]:
        return self._reader.records(after)

    def stored_records(self, after: int = 0) -> Iterator[StoredRecord]:
        return self._reader.stored_records(after)

    def hashes(self, after: int = 0) -> Iterator[bytes]:
        return self._reader.hashes(after)

    def hash_of(self, seq: int) -> bytes | None:
        return self._reader.hash_of(seq)

    def verify(self, marks: Sequence[Mark] = (), also: Check | None = None) -> Verification:
        return self._reader.verify(marks, also)

    def ended_count(self) -> int:
        return self._reader.ended_count()

    def snapshot(self) -> Snapshot | None:
        return self._reader.snapshot()

    def ended_order(self, cl_ord_id: ClOrdID) -> Order | None:
        return self._reader.ended_order(cl_ord_id)

    def ended_orders(self, wanted: OrderFilter) -> list[Order]:
        return self._reader.ended_orders(wanted)

    def ended_lately(self, page: int) -> Iterator[list[Order]]:
        return self._reader.ended_lately(page)

    def close(self) -> None:
        """Remember the head as the anchor, let go of files and lock. Idempotent."""
        if self._end is None:
            try:
                self._remember(self._head)
            except SQLITE_ERRORS as problem:
                raise self._failure(problem, "close it") from problem
            finally:
                self._end = self._end or "it was closed"
                self._reader.close()  # first: the last connection to go tidies up the log
                self._close_db()
        self._reader.close()
        self._lock.release()

    def _recover(self, birth: tuple[str, str]) -> tuple[Cover, Head]:
        """Check the end of the chain and take the next epoch."""
        if not has_layout(self._db):
            create_layout(self._db, Cover(*birth, START.seq, START.seq, START.hash))
        check_ours(self._db, self._path)
        try:
            cover = cover_of(self._db.execute(SQL["select_cover"]).fetchone())
            outcome = self._check_tail(cover)
        except JournalDamaged as damage:
            raise self._damaged(str(damage)) from None
        if outcome.damage is not None:
            raise self._damaged(f"record {outcome.damage.seq}: {outcome.damage.reason}")
        self._db.execute(SQL["index_by_seq"])
        taken = structs.replace(cover, epoch=cover.epoch + 1)
        self._write_cover(taken, outcome.head, cover.epoch)
        return taken, outcome.head

    def _check_tail(self, cover: Cover) -> Verification:
        """The last batch must follow the one before it and reach the anchor."""
        tail = [batch_of(found) for found in self._db.execute(SQL["select_last_batches"])]
        last, before = tail[:1], tail[1:]
        start = START
        if before:
            start = Head(before[0].last_seq, hash_at(before[0], before[0].last_seq))
        return walk(last, start=start, marks=[anchor_of(cover)], epoch_max=cover.epoch)

    def _damaged(self, what: str) -> JournalDamaged:
        return JournalDamaged(
            f"journal {self._path}: {what}; nothing was changed. Keep a copy, restore the last"
            " backup and reconcile"
        )

    def _remember(self, head: Head) -> None:
        """Make `head` the anchor."""
        self._write_cover(self._cover, head, self.epoch)

    def _write_cover(self, cover: Cover, head: Head, epoch: int) -> None:
        new = structs.replace(cover, anchor_seq=head.seq, anchor_hash=head.hash)
        row = (new.epoch, new.anchor_seq, new.anchor_hash, seal_cover(new), epoch)
        self._db.execute(SQL["update_cover"], row)

    def _insert(self, batch: Batch) -> None:
        """The usual append: one statement, which is its own transaction."""
        row = (
            batch.first_seq,
            batch.count,
            batch.epoch,
            batch.format,
            batch.records,
            batch.hashes,
            self.epoch,
        )
        if self._db.execute(SQL["insert_batch"], row).rowcount != 1:
            raise self._fenced()

    def _insert_with_orders(self, batch: Batch | None, ended: Sequence[Order], seq: int) -> None:
        self._db.execute(SQL["begin"])
        if batch is None:
            self._check_fence()
        else:
            self._insert(batch)
        if self._reopened:
            self._db.executemany(SQL["delete_ended"], [(name,) for name in self._reopened])
        if ended:
            self._db.executemany(SQL["insert_ended"], ended_rows(ended, seq))
        self._db.execute(SQL["commit"])

    def _check_fence(self) -> None:
        (epoch,) = self._db.execute(SQL["select_epoch"]).fetchone()
        if epoch != self.epoch:
            raise self._fenced()

    def _fenced(self) -> JournalError:
        return JournalError(
            f"journal {self._path}: another desk has opened it since (this one has epoch"
            f" {self.epoch}); this desk must stop, and nothing of the batch was written"
        )

    def _refuse_if_ended(self) -> None:
        if self._lock.is_lost:
            self._end = self._end or "its lock is gone"
        if self._end is not None:
            raise JournalError(
                f"journal {self._path} takes no more records: {self._end}; start again to recover"
            )

    def _failure(self, problem: Exception, doing: str) -> JournalError:
        """End this journal, for a reason that is put in words."""
        told = explain(problem, self._path, doing)
        self._finish(f"it could not {doing} ({problem})")
        return told

    def _finish(self, why: str) -> None:
        """Write no more. The reading connection stays, so closing this one syncs nothing."""
        self._end = why
        self._undo()
        self._close_db()

    def _undo(self) -> None:
        with suppress(*SQLITE_ERRORS):
            if self._db.in_transaction:
                self._db.execute(SQL["rollback"])

    def _close_db(self) -> None:
        if not isinstance(self._path, MemoryDisk):
            with suppress(*SQLITE_ERRORS):
                self._db.close()
