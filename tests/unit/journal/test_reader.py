"""Reading a journal: beside its writer, when nobody writes, and after somebody changed it."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from floorbroker.domain.errors import JournalDamaged, JournalError
from floorbroker.journal.port import OrderFilter, Snapshot
from floorbroker.journal.reader import SqliteJournalReader
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from tests.unit.journal.samples import NOON, order, timers


def opened(path: Path) -> SqliteJournal:
    return SqliteJournal.open(path, command="a test", started=NOON, journal_id_maker=Random(1))


async def _write(path: Path) -> None:
    journal = opened(path)
    for number in range(4):
        head = await journal.append(timers(3, 3 * number), [order(number)])
        if number == 1:
            journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=b"state" * 9))
    journal.close()


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed journal: 12 records in 4 batches, 4 ended orders, a snapshot after record 6."""
    path = tmp_path_factory.mktemp("pattern") / "journal.sqlite"
    asyncio.run(_write(path))
    return path


@pytest.fixture
def copy(pattern: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(pattern, tmp_path / "journal.sqlite"))


def edit(path: Path, statement: str, *parameters: object) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute(statement, parameters).rowcount > 0
    connection.commit()
    connection.close()


def test_a_file_from_before_its_orders_could_be_looked_back_on_is_made_so_when_it_is_written(
    copy: Path,
) -> None:
    index = "SELECT count(*) FROM sqlite_schema WHERE name = 'ended_orders_by_seq'"
    connection = sqlite3.connect(copy)
    connection.execute("DROP INDEX ended_orders_by_seq")
    connection.commit()
    reader = SqliteJournalReader.open(copy)
    assert reader.verify().damage is None
    reader.close()
    assert connection.execute(index).fetchone() == (0,)
    journal = opened(copy)
    assert [one for page in journal.ended_lately(3) for one in page] == [
        order(number) for number in (3, 2, 1, 0)
    ]
    assert journal.verify().damage is None
    journal.close()
    assert connection.execute(index).fetchone() == (1,)
    connection.close()


def damage_of(path: Path) -> tuple[int, str]:
    reader = SqliteJournalReader.open(path)
    damage = reader.verify().damage
    reader.close()
    assert damage is not None
    return damage.seq, damage.reason


def contents(path: Path) -> tuple[object, ...]:
    """Everything that a journal can be asked for."""
    reader = SqliteJournalReader.open(path)
    try:
        return (
            reader.journal_id,
            reader.verify(),
            list(reader.records()),
            reader.snapshot(),
            reader.ended_orders(OrderFilter()),
            [reader.ended_order(order(number).cl_ord_id) for number in range(4)],
        )
    finally:
        reader.close()


def test_a_missing_journal_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"no journal at .*/nothing\.sqlite"):
        SqliteJournalReader.open(tmp_path / "nothing.sqlite")
    with pytest.raises(JournalError, match="no journal at"):
        SqliteJournalReader.open(Path(__file__) / "journal.sqlite")
    with pytest.raises(JournalError, match="File name too long"):
        SqliteJournalReader.open(tmp_path / ("x" * 300) / "journal.sqlite")
    with pytest.raises(JournalError, match="not a floorbroker journal"):
        SqliteJournalReader.open(MemoryDisk("empty"))
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_is_refused_with_what_was_found(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("These are notes.\n" * 100)
    with pytest.raises(JournalDamaged, match=r"text.*no SQLite file"):
        SqliteJournalReader.open(text)
    sqlite3.connect(tmp_path / "stranger").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(JournalDamaged, match="application id is 0"):
        SqliteJournalReader.open(tmp_path / "stranger")


def test_reading_a_closed_journal_leaves_no_trace(copy: Path) -> None:
    before = copy.read_bytes(), sorted(os.listdir(copy.parent))
    reader = SqliteJournalReader.open(copy)
    assert len(list(reader.records())) == 12
    assert reader.verify().damage is None
    assert sorted(os.listdir(copy.parent)) == before[1]
    reader.close()
    assert (copy.read_bytes(), sorted(os.listdir(copy.parent))) == before


async def test_a_reader_notices_the_writer_that_comes_later(copy: Path) -> None:
    reader = SqliteJournalReader.open(copy)
    assert reader.head().seq == 12
    journal = opened(copy)
    for number in range(300):
        await journal.append(timers(1, number), [order(100 + number)])
        assert reader.head() == journal.head()
    assert reader.verify().records == 312
    journal.close()
    assert reader.head().seq == 312
    again = opened(copy)
    await again.append(timers(1))
    assert reader.head().seq == 313
    again.close()
    reader.close()


async def test_a_reader_sees_what_a_crashed_writer_left(copy: Path, tmp_path: Path) -> None:
    journal = opened(copy)
    await journal.append(timers(5), [order(9)])
    (tmp_path / "left").mkdir()
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(f"{copy}{suffix}", tmp_path / "left")
    journal.close()
    reader = SqliteJournalReader.open(tmp_path / "left" / copy.name)
    assert reader.head().seq == 17
    assert reader.ended_order(order(9).cl_ord_id) == order(9)
    assert reader.verify().damage is None
    reader.close()


def test_a_closed_reader_says_so_and_closes_twice(copy: Path) -> None:
    reader = SqliteJournalReader.open(copy)
    reader.close()
    reader.close()
    with pytest.raises(JournalError, match="closed"):
        reader.head()


@pytest.mark.parametrize(
    ("statement", "seq", "words"),
    [
        ("UPDATE batches SET records = CAST(replace(records, 't-4', 't-9') AS BLOB)", 5, "hash"),
        ("UPDATE batches SET epoch = 2 WHERE first_seq = 7", 7, "epoch is 2"),
        ("UPDATE batches SET epoch = 1, count = 2 WHERE first_seq = 4", 6, "cut"),
        ("UPDATE batches SET first_seq = 14 WHERE first_seq = 10", 10, "records 10 to 13"),
        ("DELETE FROM batches WHERE first_seq = 4", 4, "records 4 to 6 are missing"),
        ("DELETE FROM batches WHERE first_seq = 10", 10, "the end was cut off"),
        ("DELETE FROM batches", 1, "the end was cut off"),
        ("UPDATE batches SET hashes = zeroblob(64) WHERE first_seq = 1", 1, "does not match"),
        ("UPDATE batches SET hashes = substr(hashes, 1, 64) WHERE first_seq = 1", 3, "no hash"),
        ("UPDATE batches SET records = CAST(records AS TEXT) WHERE first_seq = 7", 7, "bytes"),
        ("UPDATE batches SET format = 0 WHERE first_seq = 7", 7, "format 0"),
        ("INSERT INTO batches SELECT 13, count, epoch, format, records, hashes FROM batches"
         " WHERE first_seq = 10", 13, "does not match"),
        ("INSERT INTO batches SELECT -5, count, epoch, format, records, hashes FROM batches"
         " WHERE first_seq = 10", 1, "begins with -5"),
        ("UPDATE cover SET journal_id = 'mine'", 0, "cover"),
        ("UPDATE cover SET anchor_seq = 11", 0, "cover"),
        ("UPDATE cover SET epoch = 9", 0, "cover"),
        ("UPDATE ended_orders SET body = CAST(body || ' ' AS BLOB) WHERE seq = 6", 6, "seal"),
        ("UPDATE ended_orders SET cl_ord_id = 'other' WHERE seq = 9", 9, "filed under other"),
        ("UPDATE ended_orders SET symbol = 'MSFT' WHERE seq = 9", 9, "wrong time, symbol or side"),
        ("UPDATE ended_orders SET created_us = 1 WHERE seq = 9", 9, "wrong time"),
        ("UPDATE ended_orders SET seq = 8 WHERE seq = 9", 8, "seal"),
        ("UPDATE snapshot SET body = 'other'", 6, "snapshot"),
        ("UPDATE snapshot SET seq = 7", 7, "snapshot"),
    ],
)  # fmt: skip
def test_verify_names_the_first_bad_record(
    copy: Path, statement: str, seq: int, words: str
) -> None:
    edit(copy, statement)
    found, reason = damage_of(copy)
    assert (found, words in reason) == (seq, True), reason


def test_of_several_bad_orders_the_one_that_ended_first_is_named(copy: Path) -> None:
    """They are read by their ids, which may run against the order in which they ended."""
    edit(copy, "UPDATE ended_orders SET cl_ord_id = 'a' WHERE seq = 12")
    edit(copy, "UPDATE ended_orders SET cl_ord_id = 'z' WHERE seq = 3")
    seq, reason = damage_of(copy)
    assert (seq, reason.endswith("is filed under z")) == (3, True), reason


def test_a_chain_made_anew_does_not_pass_the_anchor_or_the_snapshot(
    copy: Path, tmp_path: Path
) -> None:
    """Somebody replaces all records by a flawless chain of other ones."""
    other = opened(tmp_path / "other.sqlite")
    asyncio.run(other.append(timers(12, 50)))
    other.close()
    edit(copy, "DELETE FROM batches")
    connection = sqlite3.connect(copy)
    connection.execute("ATTACH ? AS other", (str(tmp_path / "other.sqlite"),))
    connection.execute("INSERT INTO batches SELECT * FROM other.batches")
    connection.commit()
    connection.close()
    assert damage_of(copy) == (
        6,
        "the snapshot remembers another hash for it: history was written anew",
    )
    reader = SqliteJournalReader.open(copy)
    assert reader.snapshot() is None
    reader.close()
    edit(copy, "DELETE FROM snapshot")
    seq, reason = damage_of(copy)
    assert seq == 12
    assert "cover remembers" in reason


def test_a_snapshot_that_does_not_belong_is_ignored(copy: Path) -> None:
    edit(copy, "UPDATE snapshot SET body = 'other'")
    reader = SqliteJournalReader.open(copy)
    assert reader.snapshot() is None
    reader.close()


def test_a_changed_ended_order_is_never_handed_out(copy: Path) -> None:
    dearer = "CAST(replace(body, '187.20', '187.21') AS BLOB)"
    edit(copy, f"UPDATE ended_orders SET body = {dearer} WHERE seq = 6")
    reader = SqliteJournalReader.open(copy)
    with pytest.raises(JournalDamaged, match=order(1).cl_ord_id):
        reader.ended_order(order(1).cl_ord_id)
    with pytest.raises(JournalDamaged, match="seal"):
        reader.ended_orders(OrderFilter())
    assert reader.ended_order(order(2).cl_ord_id) == order(2)
    reader.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM batches WHERE first_seq = 4", "record 4 is missing"),
        ("DELETE FROM batches WHERE first_seq = 1", "record 1 is missing"),
        ("UPDATE batches SET records = substr(records, 1, 100) WHERE first_seq = 7", "record"),
        ("UPDATE batches SET count = 0 WHERE first_seq = 7", "record"),
        ("UPDATE batches SET records = 5 WHERE first_seq = 7", "must hold bytes"),
    ],
)
def test_replaying_a_broken_journal_stops_with_an_explanation(
    copy: Path, statement: str, words: str
) -> None:
    edit(copy, statement)
    reader = SqliteJournalReader.open(copy)
    with pytest.raises(JournalDamaged, match=words):
        list(reader.records())
    with pytest.raises(JournalDamaged, match=words):
        list(reader.stored_records())
    reader.close()


def test_any_flipped_bit_of_the_file_is_found_or_changes_nothing(
    pattern: Path, tmp_path: Path
) -> None:
    """Bits of unused space mean nothing; any other must be noticed, and nothing may crash."""
    raw, truth = pattern.read_bytes(), contents(pattern)
    random, found, path = Random(20261122), 0, tmp_path / "journal.sqlite"
    for _ in range(400):
        place = random.randrange(len(raw) * 8)
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            reader = SqliteJournalReader.open(path)
        except JournalError:
            found += 1
            continue
        is_damaged = reader.verify().damage is not None
        reader.close()
        found += is_damaged
        if not is_damaged:
            assert contents(path) == truth, f"bit {place} changed something unnoticed"
    assert found > 40
