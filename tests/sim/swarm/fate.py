"""How a desk's life ends: at a boundary, by the clock, or with its disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

from floorbroker.journal.store import MemoryDisk
from tests.sim.swarm.story import Death

#: What a disk does instead of an append.
DISK = ("full", "sync_lost", "sync_kept")


class Died(BaseException):
    """Ends whoever cannot be made to wait for ever."""


class Fate:
    """One life of a desk. Once it is dead, nobody comes back from a boundary any more: whatever
    is still run of it until it is buried reaches neither the disk nor the exchange."""

    def __init__(
        self, disk: MemoryDisk, death: Death | None, told: Callable[[str, frozenset[str]], None]
    ) -> None:
        self.struck = asyncio.Event()
        self.is_open = False  #: Its start is done.
        self.died_at: str | None = None
        self.disk = disk
        self._death = death
        self._left = death.nth if death else 0
        self._told = told
        self._grave: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def reached(self, place: str, what: frozenset[str]) -> None:
        """The desk is there; see `tests.boundaries.Reached`."""
        is_sync = place in ("snapshot", "snapshotted")
        if self.struck.is_set():
            await self._rest(is_sync=is_sync)
        self._told(place, what)
        death = self._death
        if death is None or not _is_there(death, place, what):
            return
        self._left -= 1
        if self._left == 0:
            self.strike(f"{place} {' '.join(sorted(what))}".strip())
            await self._rest(is_sync=is_sync)

    def spare(self) -> None:
        """It will not die of this any more."""
        self._death = None

    async def _rest(self, *, is_sync: bool) -> None:
        if is_sync:
            raise Died
        await self._grave

    def strike(self, where: str) -> None:
        """It dies now."""
        if not self.struck.is_set():
            self.died_at = where
            self.disk.crash()
            self.struck.set()

    def disk_trouble(self, about: str) -> str:
        """What the disk does with this append; empty where it does it."""
        death = self._death
        if death is None or death.place not in DISK:
            return ""
        self._left -= 1
        if self._left:
            return ""
        self.died_at = f"{death.place} {about}"
        return death.place


def _is_there(death: Death, place: str, what: frozenset[str]) -> bool:
    if death.place != place or (death.lacks and death.lacks in what):
        return False
    return not death.about or death.about in what


class BadDisk:
    """A connection whose next commit fails: the sync was refused, or the disk is full."""

    def __init__(self, connection: sqlite3.Connection, trouble: str) -> None:
        self._connection = connection
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *row: Any) -> Any:
        is_commit = sql.startswith("COMMIT")
        is_insert = sql.startswith("INSERT") and not self._connection.in_transaction
        if not (is_commit or is_insert):
            return self._connection.execute(sql, *row)
        if self._trouble == "sync_kept":
            self._connection.execute(sql, *row)
        elif is_commit:
            self._connection.execute("ROLLBACK")
        raise _io_error()


def _io_error() -> sqlite3.OperationalError:
    problem = sqlite3.OperationalError("disk I/O error")
    problem.sqlite_errorcode = sqlite3.SQLITE_IOERR
    problem.sqlite_errorname = "SQLITE_IOERR"
    return problem
