"""What each symbol had realised before today, so that today's part of it can be told.

The day is New York's. What was booked since its midnight is today's, also where it tells of an
execution of the day before.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from floorbroker.clock import Clock
from floorbroker.domain.amounts import Money
from floorbroker.engine.state import State
from floorbroker.journal.port import JournalReader, Record

NEW_YORK = ZoneInfo("America/New_York")
#: Records that are read before others get a turn.
BATCH = 500


class RealizedBefore:
    """Reads the journal once a day, from its snapshot where that was taken before today."""

    def __init__(self, journal: JournalReader, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._day: date | None = None
        self._before: dict[str, Money] = {}

    async def by_symbol(self) -> dict[str, Money]:
        """Realised profit of each symbol as of this midnight, fees apart."""
        day = self._clock.now().astimezone(NEW_YORK).date()
        if day != self._day:
            self._before = await self._as_of(day)
            self._day = day
        return self._before

    async def _as_of(self, day: date) -> dict[str, Money]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).astimezone(UTC)
        state, seq = self._start(midnight)
        for count, record in enumerate(self._records(seq, midnight), 1):
            state.apply(record.message)
            state.book.clear_ended()
            state.book.clear_batch()
            if count % BATCH == 0:
                await self._clock.sleep(0)
        return {name: one.realized_pnl for name, one in state.book.positions.items()}

    def _start(self, midnight: datetime) -> tuple[State, int]:
        snapshot = self._journal.snapshot()
        if snapshot is not None:
            last = next(self._journal.records(after=snapshot.seq - 1), None)
            if last is not None and last.message.transact_time < midnight:
                try:
                    return State.decode(snapshot.body), snapshot.seq
                except ValueError:
                    pass  # of another version: the records are there
        return State(), 0

    def _records(self, after: int, midnight: datetime) -> Iterator[Record]:
        for record in self._journal.records(after=after):
            if record.message.transact_time >= midnight:
                return
            yield record
