"""What every journal promises, whatever it is kept in."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Protocol

import pytest

from floorbroker.domain.errors import JournalError, JournalLocked
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ENCODER, JournalMessage
from floorbroker.domain.order import Order
from floorbroker.journal.port import (
    GENESIS,
    Head,
    Journal,
    JournalReader,
    OrderFilter,
    Snapshot,
)
from floorbroker.journal.reader import SqliteJournalReader
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from tests.unit.journal.samples import NOON, fill, one_of_each, order, timers


class Medium(Protocol):
    """What a journal is kept in; each implementation brings one of these to join the suite."""

    async def open(self) -> Journal:
        """Open for writing; makes the journal the first time."""
        ...

    async def reader(self) -> JournalReader:
        """Open for reading."""
        ...

    async def crash(self) -> None:
        """The process is gone without a word; only what is in the medium stays."""
        ...

    async def remove(self) -> None:
        """The test is over."""
        ...


class FileMedium:
    """SQLite in a file. A crash moves on to a copy of the files as they lie there at that
    instant: the journal that had them open can no longer reach what comes after."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "0"
        self._crashes = 0
        self._opened: list[SqliteJournal | SqliteJournalReader] = []

    async def open(self) -> Journal:
        journal = SqliteJournal.open(
            self._folder / "journal.sqlite",
            command="a test",
            started=NOON,
            journal_id_maker=Random(self._crashes),
        )
        self._opened.append(journal)
        return journal

    async def reader(self) -> JournalReader:
        reader = SqliteJournalReader.open(self._folder / "journal.sqlite")
        self._opened.append(reader)
        return reader

    async def crash(self) -> None:
        self._crashes += 1
        copy = self._folder.with_name(str(self._crashes))
        shutil.copytree(self._folder, copy)
        self._folder = copy

    async def remove(self) -> None:
        for opened in self._opened:
            with suppress(JournalError):
                opened.close()


class MemoryMedium:
    """SQLite on a disk of memory, as simulations use it."""

    def __init__(self) -> None:
        self._disk = MemoryDisk()
        self._openings = 0

    async def open(self) -> Journal:
        self._openings += 1
        return SqliteJournal.open(
            self._disk,
            command="a test",
            started=NOON,
            journal_id_maker=Random(self._openings),
        )

    async def reader(self) -> JournalReader:
        return SqliteJournalReader.open(self._disk)

    async def crash(self) -> None:
        self._disk.crash()

    async def remove(self) -> None:
        self._disk.close()


@pytest.fixture(params=["sqlite file", "sqlite memory"])
async def medium(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Medium]:
    made: Medium = FileMedium(tmp_path) if request.param == "sqlite file" else MemoryMedium()
    yield made
    await made.remove()


def messages_of(reader: JournalReader, after: int = 0) -> list[JournalMessage]:
    return [record.message for record in reader.records(after)]


def found(reader: JournalReader, orders: Sequence[Order]) -> list[Order | None]:
    return [reader.ended_order(one.cl_ord_id) for one in orders]


async def test_messages_of_every_kind_come_back_as_they_were(medium: Medium) -> None:
    journal = await medium.open()
    written = one_of_each()
    await journal.append(written)
    assert messages_of(journal) == written


async def test_records_are_numbered_from_one_across_batches_and_openings(medium: Medium) -> None:
    journal = await medium.open()
    assert journal.head() == Head(0, GENESIS)
    await journal.append(timers(3))
    head = await journal.append(timers(2))
    assert head.seq == 5
    assert head == journal.head()
    journal.close()
    again = await medium.open()
    assert again.head() == head
    await again.append(timers(1))
    assert [record.seq for record in again.records()] == [1, 2, 3, 4, 5, 6]


async def test_each_record_carries_the_hash_that_the_port_describes(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(one_of_each()[:4])
    await journal.append([fill()])
    previous = bytes(32)
    for number, record in enumerate(journal.records(), 1):
        place = number.to_bytes(8, "big") + record.epoch.to_bytes(8, "big")
        body = ENCODER.encode(record.message)
        previous = sha256(b"\x00" + place + previous + body).digest()
        assert record.hash == previous
    assert journal.head().hash == previous


async def test_stored_records_are_the_bytes_of_the_records(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(one_of_each())
    await journal.append(timers(3))
    for after in (0, 2, len(one_of_each()), 1000):
        pairs = zip(journal.stored_records(after), journal.records(after), strict=True)
        for stored, record in pairs:
            assert stored.body == ENCODER.encode(record.message)
            assert (stored.seq, stored.epoch) == (record.seq, record.epoch)
            assert stored.hash == record.hash


async def test_records_after_a_number_begin_behind_it(medium: Medium) -> None:
    journal = await medium.open()
    for start in range(0, 300, 3):
        await journal.append(timers(3, start))
    for after in (0, 1, 2, 3, 149, 298, 299):
        numbers = [record.seq for record in journal.records(after)]
        assert numbers == list(range(after + 1, 301))
    assert messages_of(journal, 298) == timers(2, 298)
    assert messages_of(journal, 300) == messages_of(journal, 1000) == []


async def test_every_opening_raises_the_epoch_and_records_carry_it(medium: Medium) -> None:
    for epoch in (1, 2, 3):
        journal = await medium.open()
        assert journal.epoch == epoch
        await journal.append(timers(1))
        await medium.crash()
    assert [record.epoch for record in (await medium.reader()).records()] == [1, 2, 3]


async def test_a_journal_keeps_its_name(medium: Medium) -> None:
    journal = await medium.open()
    name = journal.journal_id
    assert len(name) == 32
    journal.close()
    assert (await medium.open()).journal_id == name
    assert (await medium.reader()).journal_id == name


async def test_appending_nothing_changes_nothing(medium: Medium) -> None:
    journal = await medium.open()
    head = await journal.append(timers(1))
    assert await journal.append([]) == head
    assert len(messages_of(journal)) == 1


async def test_what_was_acknowledged_survives_a_crash(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(timers(5), [order(1)])
    head = await journal.append([fill()])
    await medium.crash()
    again = await medium.open()
    assert again.head() == head
    assert messages_of(again) == [*timers(5), fill()]
    assert again.ended_order(order(1).cl_ord_id) == order(1)
    assert again.verify().damage is None


async def test_a_second_writer_is_refused_and_may_come_when_the_first_is_gone(
    medium: Medium,
) -> None:
    journal = await medium.open()
    with pytest.raises(JournalLocked, match="a test"):
        await medium.open()
    await journal.append(timers(1))
    journal.close()
    again = await medium.open()
    await again.append(timers(1))


async def test_a_reader_sees_every_batch_of_a_busy_writer(medium: Medium) -> None:
    journal = await medium.open()
    reader = await medium.reader()
    assert reader.head() == Head(0, GENESIS)
    for count in (1, 4, 60):
        head = await journal.append(timers(count))
        assert reader.head() == head
    assert len(messages_of(reader)) == 65
    assert reader.verify().head == journal.head()


async def test_iterating_ends_at_the_head_of_its_beginning(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(timers(2))
    seen = []
    for record in journal.records():
        seen.append(record.seq)
        await journal.append(timers(1))
    assert seen == [1, 2]


async def test_verify_counts_what_it_walked(medium: Medium) -> None:
    journal = await medium.open()
    outcome = journal.verify()
    assert (outcome.records, outcome.head, outcome.damage) == (0, Head(0, GENESIS), None)
    for start in range(200):
        await journal.append(timers(2, start))
    outcome = journal.verify()
    assert (outcome.records, outcome.head, outcome.damage) == (400, journal.head(), None)


async def test_ended_orders_are_found_with_the_append_that_ended_them(medium: Medium) -> None:
    journal = await medium.open()
    ended = [order(1), order(2, symbol="MSFT", side="sell")]
    assert found(journal, ended) == [None, None]
    await journal.append(timers(1), ended)
    assert found(journal, ended) == ended
    assert found(await medium.reader(), ended) == ended


async def test_a_reopened_order_leaves_with_the_next_append_and_not_before(
    medium: Medium,
) -> None:
    journal = await medium.open()
    ended = [order(1), order(2), order(3)]
    await journal.append(timers(1), ended)
    journal.reopen([ended[0].cl_ord_id, ended[1].cl_ord_id])
    assert found(journal, ended) == ended
    await journal.append(timers(1), [ended[1]])  # this one ends again at once
    assert found(journal, ended) == [None, ended[1], ended[2]]
    await journal.append(timers(1))
    assert found(journal, ended) == [None, ended[1], ended[2]]


async def test_a_crash_forgets_a_reopening_that_was_not_appended(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(timers(1), [order(1)])
    journal.reopen([order(1).cl_ord_id])
    await medium.crash()
    again = await medium.open()
    await again.append(timers(1))
    assert found(again, [order(1)]) == [order(1)]


async def test_listings_are_newest_first_and_stop_at_the_limit(medium: Medium) -> None:
    journal = await medium.open()
    orders = [order(number) for number in range(1, 9)]
    mixed = orders.copy()
    Random(3).shuffle(mixed)
    await journal.append(timers(1), mixed[:4])
    await journal.append(timers(1), mixed[4:])
    assert journal.ended_orders(OrderFilter()) == orders[::-1]
    assert journal.ended_orders(OrderFilter(limit=3)) == orders[:-4:-1]
    assert journal.ended_orders(OrderFilter(limit=0)) == []


async def test_listings_take_bounds_symbols_and_side(medium: Medium) -> None:
    journal = await medium.open()
    orders = [
        order(1, symbol="AAPL"),
        order(2, symbol="MSFT", side="sell"),
        order(3, symbol="F"),
        order(4, symbol="MSFT"),
    ]
    await journal.append(timers(1), orders)

    def listed(**wanted: object) -> list[int]:
        wishes = OrderFilter(**wanted)  # type: ignore[arg-type]  # by name, as a caller would
        return [orders.index(one) + 1 for one in journal.ended_orders(wishes)]

    assert listed(symbols=("MSFT", "F")) == [4, 3, 2]
    assert listed(side="sell") == [2]
    assert listed(side="sell", symbols=("AAPL",)) == []
    second = timedelta(seconds=1)
    assert listed(after=NOON + 2 * second) == [4, 3]
    assert listed(until=NOON + 2 * second) == [1]
    almost = timedelta(microseconds=1)
    assert listed(after=NOON + 2 * second - almost, until=NOON + 2 * second + almost) == [2]


async def test_looking_back_shows_what_was_filed_last_first_page_by_page(medium: Medium) -> None:
    journal = await medium.open()
    assert list(journal.ended_lately(3)) == []
    orders = [order(number) for number in range(1, 9)]
    await journal.append(timers(1), orders[4:])  # those that were made first end last
    await journal.append(timers(1), orders[2:4])
    await journal.append(timers(1), orders[:2])
    oldest_last = [orders[i] for i in (1, 0, 3, 2, 7, 6, 5, 4)]
    for page in (1, 3, 8, 99):
        told = list(journal.ended_lately(page))
        assert [one for each in told for one in each] == oldest_last
        assert {len(each) for each in told[:-1]} <= {page}
    assert next((await medium.reader()).ended_lately(2)) == oldest_last[:2]


async def test_looking_back_misses_nothing_that_stays_while_orders_end_and_live_again(
    medium: Medium,
) -> None:
    journal = await medium.open()
    orders = [order(number) for number in range(1, 10)]
    await journal.append(timers(1), orders[:8])
    pages = journal.ended_lately(3)
    assert next(pages) == orders[7:4:-1]
    journal.reopen([orders[3].cl_ord_id])
    await journal.append(timers(1), [orders[8], orders[2]])  # one ends, one ends again
    assert next(pages) == [orders[4], orders[1], orders[0]]
    assert next(pages, None) is None
    assert next(journal.ended_lately(3)) == [orders[8], orders[2], orders[7]]


async def test_the_newest_snapshot_is_kept(medium: Medium) -> None:
    journal = await medium.open()
    assert journal.snapshot() is None
    head = await journal.append(timers(3))
    journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=b"one"))
    later = await journal.append(timers(2))
    newest = Snapshot(seq=later.seq, hash=later.hash, body=b"two" * 100_000)
    journal.save_snapshot(newest)
    await journal.append(timers(1))
    assert journal.snapshot() == newest
    await medium.crash()
    again = await medium.open()
    assert again.snapshot() == newest
    assert again.verify().damage is None


async def test_a_snapshot_of_another_chain_is_not_taken(medium: Medium) -> None:
    journal = await medium.open()
    head = await journal.append(timers(3))
    for stranger in (Head(3, bytes(32)), Head(2, head.hash), Head(4, head.hash)):
        with pytest.raises(ValueError, match="does not belong"):
            journal.save_snapshot(Snapshot(seq=stranger.seq, hash=stranger.hash, body=b""))
    assert journal.snapshot() is None


async def test_a_closed_journal_takes_no_more_and_closes_twice(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(timers(1))
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        await journal.append(timers(1))
    with pytest.raises(JournalError, match="closed"):
        journal.save_snapshot(Snapshot(seq=0, hash=GENESIS, body=b""))
    assert len(messages_of(await medium.reader())) == 1


async def test_an_unknown_id_is_no_ended_order(medium: Medium) -> None:
    journal = await medium.open()
    await journal.append(timers(1), [order(1)])
    assert journal.ended_order(ClOrdID("nobody's")) is None
