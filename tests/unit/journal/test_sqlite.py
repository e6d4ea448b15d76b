"""The SQLite journal as a file: who may read it, what makes it durable, what ends it."""

import os
import resource
import shutil
import signal
import sqlite3
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.errors import ConfigError, JournalDamaged, JournalError
from floorbroker.domain.messages import Alarm
from floorbroker.journal.port import Head, Snapshot
from floorbroker.journal.queries import named, script
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import APPLICATION_ID, LAYOUT, SQL, MemoryDisk, make_durable
from tests.unit.journal.samples import NOON, open_journal, order, timers


def opened(path: Path | str) -> SqliteJournal:
    return SqliteJournal.open(path, command="a test", started=NOON, journal_id_maker=Random(1))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond this: a disk that fills."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_folder_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "desk" / "journal.sqlite"
    umask = os.umask(0)
    try:
        journal = opened(path)
        await journal.append(timers(1))
    finally:
        os.umask(umask)
    names = {file.name.removeprefix(path.name): mode_of(file) for file in path.parent.iterdir()}
    assert names == {"": 0o600, "-shm": 0o600, "-wal": 0o600, ".lock": 0o600}
    assert mode_of(path.parent) == mode_of(path.parent.parent) == 0o700
    journal.close()


async def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    opened(tmp_path / "journal.sqlite").close()
    header = (tmp_path / "journal.sqlite").read_bytes()
    assert header[68:72] == b"flbr" == APPLICATION_ID.to_bytes(4, "big")
    assert header[60:64] == LAYOUT.to_bytes(4, "big")


def test_a_weaker_synchronous_setting_is_overruled_and_a_deaf_sqlite_refused(
    tmp_path: Path,
) -> None:
    connection = sqlite3.connect(tmp_path / "j", isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    make_durable(connection, tmp_path / "j")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.set_authorizer(_without("synchronous"))
    connection.execute("PRAGMA synchronous = NORMAL")
    with pytest.raises(JournalError, match="ignores synchronous=FULL"):
        make_durable(connection, tmp_path / "j")
    connection.close()


def _without(pragma: str) -> Callable[..., int]:
    """An SQLite that lets this pragma be asked for, but never set to FULL."""

    def answer(action: int, name: str | None, value: str | None, *_: object) -> int:
        refused = action == sqlite3.SQLITE_PRAGMA and name == pragma and value == "FULL"
        return sqlite3.SQLITE_IGNORE if refused else sqlite3.SQLITE_OK

    return answer


def test_a_file_system_without_write_ahead_log_is_refused() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(JournalError, match="local disk"):
        make_durable(connection, Path("/shares/j"))
    connection.close()


async def test_a_full_disk_ends_the_journal_and_keeps_what_was_acknowledged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    journal = opened(path)
    head = await journal.append(timers(3))
    long = Alarm(transact_time=NOON, name="long", text="x" * 300_000)
    with files_no_larger_than(200_000):
        with pytest.raises(JournalError, match=str(path)) as refusal:
            await journal.append([long])
        assert "start again" in str(refusal.value)
    with pytest.raises(JournalError, match="takes no more records"):
        await journal.append(timers(1))
    with pytest.raises(JournalError, match="takes no more records"):
        journal.save_snapshot(Snapshot(seq=3, hash=head.hash, body=b""))
    assert [record.seq for record in journal.records()] == [1, 2, 3]
    journal.close()
    again = opened(path)
    assert again.head() == head
    assert again.verify().damage is None
    await again.append([long])
    again.close()


async def fill_up(journal: SqliteJournal) -> None:
    while True:
        await journal.append(timers(100), [order(number) for number in range(10)])


async def test_a_full_memory_disk_ends_the_journal_and_says_so() -> None:
    disk = MemoryDisk()
    journal = open_journal(disk)
    head = await journal.append(timers(3))
    disk.fill()
    with pytest.raises(JournalError, match=r"disk is full: free some space"):
        await fill_up(journal)
    last = journal.head()
    assert last.seq >= head.seq
    with pytest.raises(JournalError, match="takes no more records"):
        await journal.append(timers(1))
    disk.free()
    disk.crash()
    again = open_journal(disk)
    assert again.head() == last
    assert again.verify().damage is None
    disk.close()


async def test_a_snapshot_too_large_for_the_disk_leaves_the_journal_alive() -> None:
    disk = MemoryDisk()
    journal = open_journal(disk)
    head = await journal.append(timers(3))
    kept = Snapshot(seq=head.seq, hash=head.hash, body=b"small")
    journal.save_snapshot(kept)
    disk.fill()
    with pytest.raises(JournalError, match="disk is full"):
        journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=b"x" * 1_000_000))
    disk.free()
    await journal.append(timers(1))
    assert journal.snapshot() == kept
    disk.close()


async def test_after_a_failure_nothing_is_synced_again(tmp_path: Path) -> None:
    """Closing an SQLite file copies its log into it and syncs both; after a failed sync that
    would be the retry that proves nothing."""
    path = tmp_path / "journal.sqlite"
    journal = opened(path)
    await journal.append(timers(50))
    before = path.read_bytes()
    with files_no_larger_than(200_000), pytest.raises(JournalError):
        await journal.append([Alarm(transact_time=NOON, name="long", text="x" * 300_000)])
    journal.close()
    assert path.read_bytes() == before
    assert path.with_name("journal.sqlite-wal").stat().st_size > 0


async def test_a_message_that_cannot_be_encoded_ends_the_journal(tmp_path: Path) -> None:
    """State has moved on without the record, so nothing may follow it."""
    journal = opened(tmp_path / "journal.sqlite")
    with pytest.raises(NotImplementedError):
        await journal.append([Alarm(transact_time=NOON, name="a", text=object())])  # type: ignore[arg-type]  # on purpose
    with pytest.raises(JournalError, match="takes no more records"):
        await journal.append(timers(1))
    journal.close()


async def test_a_writer_whose_lock_was_taken_away_is_fenced_off(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    stale = opened(path)
    await stale.append(timers(1))
    path.with_name("journal.sqlite.lock").unlink()  # somebody tidied up
    fresh = opened(path)
    with pytest.raises(JournalError, match="another desk has opened it since"):
        await stale.append(timers(1))
    await fresh.append(timers(2))
    assert [record.epoch for record in fresh.records()] == [1, 2, 2]
    stale.close()
    fresh.close()
    again = opened(path)
    assert again.verify().damage is None
    again.close()


async def append_with_orders(journal: SqliteJournal) -> None:
    await journal.append(timers(1), [order(1)])


async def append_orders_alone(journal: SqliteJournal) -> None:
    await journal.append([], [order(1)])


async def save_snapshot(journal: SqliteJournal) -> None:
    journal.save_snapshot(Snapshot(seq=1, hash=journal.head().hash, body=b""))


@pytest.mark.parametrize("write", [append_with_orders, append_orders_alone, save_snapshot])
async def test_the_fence_holds_for_every_kind_of_writing(
    tmp_path: Path, write: Callable[[SqliteJournal], Awaitable[None]]
) -> None:
    path = tmp_path / "journal.sqlite"
    stale = opened(path)
    await stale.append(timers(1))
    path.with_name("journal.sqlite.lock").unlink()
    fresh = opened(path)
    with pytest.raises(JournalError, match="another desk"):
        await write(stale)
    stale.close()
    assert fresh.ended_order(order(1).cl_ord_id) is None
    assert fresh.snapshot() is None
    fresh.close()


async def test_a_crash_before_the_commit_leaves_nothing_of_the_batch() -> None:
    disk = MemoryDisk()
    journal = open_journal(disk)
    await journal.append(timers(1))
    disk.connection.execute("BEGIN")
    disk.connection.execute("DELETE FROM batches")
    disk.crash()
    with pytest.raises(JournalError, match="lock is gone"):
        await journal.append(timers(1))
    again = open_journal(disk)
    assert again.head().seq == 1
    disk.close()


async def test_a_private_memory_journal_needs_no_disk() -> None:
    journal = opened(":memory:")
    assert (await journal.append(timers(2))).seq == 2
    journal.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"folder .*/file/desk: .*FLOORBROKER_HOME"):
        opened(tmp_path / "file" / "desk" / "journal.sqlite")
    with pytest.raises(ConfigError, match="is not a folder"):
        opened(tmp_path / "file" / "journal.sqlite")
    with pytest.raises(ConfigError, match="File name too long"):
        opened(tmp_path / ("x" * 300) / "journal.sqlite")


def test_a_folder_that_leads_back_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match=r"folder .*/loop: .*FLOORBROKER_HOME"):
        opened(tmp_path / "loop" / "journal.sqlite")


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(ConfigError, match=f"{tmp_path} must be writable .*FLOORBROKER_HOME"):
        opened(tmp_path / "journal.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        opened(tmp_path / "journal.sqlite")


def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, stranger = tmp_path / "text", tmp_path / "stranger"
    text.write_text("These are notes.\n" * 100)
    connection = sqlite3.connect(stranger)
    connection.execute("CREATE TABLE notes (a)")
    connection.close()
    before = text.read_bytes(), stranger.read_bytes()
    with pytest.raises(JournalDamaged, match=r"text.*no SQLite file"):
        opened(text)
    with pytest.raises(JournalDamaged, match=r"stranger.*application id is 0"):
        opened(stranger)
    assert (text.read_bytes(), stranger.read_bytes()) == before


def test_a_layout_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(JournalDamaged, match="layout 7"):
        opened(path)


def test_a_file_whose_making_was_cut_short_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.touch()
    opened(path).close()
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    journal = opened(path)
    assert journal.head() == Head(0, bytes(32))
    journal.close()


async def test_a_damaged_end_is_refused_at_the_opening(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = opened(path)
    await journal.append(timers(2))
    await journal.append(timers(2))
    journal.close()
    shutil.copy(path, tmp_path / "copy")
    changed = "records = CAST(replace(records, 't-1', 't-7') AS BLOB)"
    _edit(path, f"UPDATE batches SET {changed} WHERE first_seq = 3")
    with pytest.raises(JournalDamaged, match="record 4: its hash does not match"):
        opened(path)
    shutil.copy(tmp_path / "copy", path)
    _edit(path, "DELETE FROM batches WHERE first_seq = 3")
    with pytest.raises(JournalDamaged, match=r"ends at record 2.*the end was cut off"):
        opened(path)


def _edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute(statement).rowcount == 1
    connection.commit()
    connection.close()


def test_every_statement_has_a_name_a_comment_and_a_use() -> None:
    statements = named("sqlite_queries.sql")
    source = "".join(
        file.read_text() for file in (Path(make_durable.__code__.co_filename).parent).glob("*.py")
    )
    assert statements == SQL
    for name, statement in statements.items():
        assert f'"{name}"' in source, f"nothing uses {name}"
        assert "--" not in statement
        assert sqlite3.complete_statement(f"{statement};")
    assert "CREATE TABLE batches" in script("sqlite_schema.sql")
