"""Keeps an exchange in a SQLite file, so that its orders and positions survive a kill."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

from floorbroker.exchange.floor.blotter import Blotter, Changes
from floorbroker.exchange.floor.state import (
    STATE_VERSION,
    AccountState,
    Counters,
    State,
    account_state,
    counters_of,
    take_up,
)
from floorbroker.exchange.model import Execution, VenueOrder
from floorbroker.exchange.records.archive import Archive
from floorbroker.exchange.venue import Venue

_TABLES = """
CREATE TABLE IF NOT EXISTS counters (
    only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS marks (symbol TEXT PRIMARY KEY, px TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (key_id TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS executions (place INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""
_SAVE_COUNTERS = "INSERT OR REPLACE INTO counters VALUES (1, ?)"
_SAVE_MARK = "INSERT OR REPLACE INTO marks VALUES (?, ?)"
_SAVE_ACCOUNT = "INSERT OR REPLACE INTO accounts VALUES (?, ?)"
_SAVE_ORDER = (
    "INSERT INTO orders (id, body) VALUES (?, ?) "
    "ON CONFLICT (id) DO UPDATE SET body = excluded.body"
)
_FORGET_ORDER = "DELETE FROM orders WHERE id = ?"
_SAVE_EXECUTION = "INSERT INTO executions VALUES (?, ?)"

Kind = TypeVar("Kind")
_encode = msgspec.json.Encoder().encode


class ExchangeStore:
    """One venue's file. Each save is one transaction over what has changed since the last.

    The tables here hold what a start takes up into memory; what has left memory stays behind in
    the archive's tables of the same file.

    A save survives the end of the process at any moment. After a loss of power the last saves may
    be missing, but never part of one: the file stands for somebody else's machine.
    """

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)
        self._archive = Archive(self._db, self._leave)

    def saved_ns(self) -> int | None:
        """The market's time when it was saved last; None if nothing was saved yet."""
        row = self._db.execute("SELECT body FROM counters").fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Counters).now_ns

    def load(self, venue: Venue) -> bool:
        """Put what was saved into an unused venue, and keep track of its changes from now on.

        False if nothing was saved yet. Raises ValueError for a file that is not understood.
        """
        venue.blotter.keep_in(self._archive)
        state = self._read()
        if state is not None:
            take_up(venue.blotter, state)
            venue.settle_in()
        venue.blotter.changes = changes = Changes()
        changes.executions_saved = len(venue.executions)
        is_new = state is None or state.counters.version < STATE_VERSION
        for account in venue.accounts.values() if is_new else ():
            changes.accounts[account.key_id] = account
        return state is not None

    def save(self, venue: Venue) -> None:
        """Durable against a kill on return; raises sqlite3.Error if the file cannot be written."""
        blotter = venue.blotter
        changes = blotter.changes
        assert changes is not None, "load comes before the first save"
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write(blotter, changes)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        changes.orders.clear()
        changes.accounts.clear()
        changes.marks.clear()
        changes.executions_saved = len(blotter.executions)

    def clear(self) -> None:
        """Forget everything."""
        for table in ("counters", "marks", "accounts", "orders", "executions"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608  (names from the line above)
        self._archive.clear()

    def close(self) -> None:
        self._db.close()

    def _leave(self, orders: Sequence[VenueOrder], executions: int) -> None:
        """What was put away, in the same transaction, is no longer among what a start takes up."""
        self._db.executemany(_FORGET_ORDER, [(order.id,) for order in orders])
        self._db.execute("DELETE FROM executions WHERE place < ?", (executions,))

    def _write(self, blotter: Blotter, changes: Changes) -> None:
        db = self._db
        db.execute(_SAVE_COUNTERS, (_encode(counters_of(blotter)),))
        accounts = changes.accounts.values()
        db.executemany(
            _SAVE_ACCOUNT, [(each.key_id, _encode(account_state(each))) for each in accounts]
        )
        orders = changes.orders.values()
        db.executemany(_SAVE_ORDER, [(order.id, _encode(order)) for order in orders])
        first = changes.executions_saved
        db.executemany(
            _SAVE_EXECUTION,
            [(first + n, _encode(each)) for n, each in enumerate(blotter.executions.since(first))],
        )
        marks = blotter.marks.px
        symbols = changes.marks | {order.symbol for order in orders if order.symbol in marks}
        db.executemany(_SAVE_MARK, [(symbol, str(marks[symbol])) for symbol in symbols])

    def _read(self) -> State | None:
        row = self._db.execute("SELECT body FROM counters").fetchone()
        if row is None:
            return None
        try:
            return State(
                counters=msgspec.json.decode(row[0], type=Counters),
                marks={
                    symbol: Decimal(px)
                    for symbol, px in self._db.execute("SELECT symbol, px FROM marks")
                },
                accounts=self._bodies("accounts", "rowid", AccountState),
                orders=self._bodies("orders", "place", VenueOrder),
                executions=self._bodies("executions", "place", Execution),
            )
        except msgspec.DecodeError as error:
            raise ValueError(f"the exchange's file is not understood: {error}") from None

    def _bodies(self, table: str, order: str, kind: type[Kind]) -> list[Kind]:
        decode = msgspec.json.Decoder(kind).decode
        query = f"SELECT body FROM {table} ORDER BY {order}"  # noqa: S608  (names of ours)
        return [decode(body) for (body,) in self._db.execute(query)]
