"""Today's part of what was realised: the journal is read up to New York's midnight, once a day."""

from datetime import UTC, datetime

from floorbroker.clock import ns_of
from floorbroker.domain.amounts import Money
from floorbroker.domain.messages import JournalMessage
from floorbroker.engine.recovery import replay
from floorbroker.journal.port import Snapshot
from floorbroker.journal.sqlite import SqliteJournal
from floorbroker.journal.store import MemoryDisk
from floorbroker.watch.today import RealizedBefore
from tests.unit.journal.samples import open_journal
from tests.unit.posttrade.scribe import TEN, Scribe

DAY_S = 86_400


class HandClock:
    """A clock that a test moves."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def now_ns(self) -> int:
        return ns_of(self.moment)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Others get their turn."""


def two_days() -> Scribe:
    """10 dollars yesterday, 3 today."""
    scribe = Scribe()
    scribe.open()
    scribe.trade("buy", "10", "AAPL", "100")
    scribe.trade("sell", "5", "AAPL", "102")
    scribe.wait(DAY_S)
    scribe.trade("sell", "1", "AAPL", "103")
    return scribe


async def written(messages: list[JournalMessage]) -> SqliteJournal:
    journal = open_journal(MemoryDisk())
    await journal.append(messages)
    return journal


async def test_what_was_realised_before_midnight_is_not_todays() -> None:
    scribe = two_days()
    journal = await written([record.message for record in scribe.records])
    assert replay(journal).state.book.positions["AAPL"].realized_pnl == Money("13")
    clock = HandClock(scribe.now)
    before = RealizedBefore(journal, clock)
    assert await before.by_symbol() == {"AAPL": Money("10")}
    clock.moment = datetime(TEN.year, TEN.month, TEN.day + 1, 3, 59, tzinfo=UTC)  # 23:59 there
    assert await before.by_symbol() == {}
    clock.moment = datetime(TEN.year, TEN.month, TEN.day + 2, 4, 1, tzinfo=UTC)
    assert await before.by_symbol() == {"AAPL": Money("13")}


async def test_a_snapshot_of_before_today_spares_the_reading_and_changes_nothing() -> None:
    scribe = two_days()
    first, rest = scribe.records[:1], scribe.records[1:]
    split = next(n for n, each in enumerate(rest) if each.message.transact_time > TEN)
    yesterday = [each.message for each in (*first, *rest[:split])]
    journal = await written(yesterday)
    head = journal.head()
    state = replay(journal).state
    journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=state.encode()))
    await journal.append([each.message for each in rest[split:]])
    assert journal.snapshot() is not None
    assert await RealizedBefore(journal, HandClock(scribe.now)).by_symbol() == {"AAPL": Money(10)}


async def test_a_snapshot_of_today_is_of_no_use() -> None:
    scribe = two_days()
    journal = await written([record.message for record in scribe.records])
    head = journal.head()
    state = replay(journal).state
    journal.save_snapshot(Snapshot(seq=head.seq, hash=head.hash, body=state.encode()))
    await journal.append([])
    assert await RealizedBefore(journal, HandClock(scribe.now)).by_symbol() == {"AAPL": Money(10)}
