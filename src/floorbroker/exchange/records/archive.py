"""The archive: ended orders and old executions that have left memory, in SQLite tables.

Every row lies where its account and the number of its identifier put it, so that what is put away
goes to the end of a table, an identifier is found without an index, and an account is read in the
order in which things happened. Executions never change: they lie in blocks of columns, or of JSON
lists in files of earlier versions. Orders lie in boxes, and alone where they were overtaken: those
that ended after a later one had left, and those that came back because an old execution was
busted. Who lies alone is meant, whatever a box says.
"""

import heapq
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from floorbroker.exchange.model import Execution, VenueOrder
from floorbroker.exchange.records.boxes import (
    LAST_NUMBER,
    ORDERS,
    TABLES,
    Boxes,
    decode_order,
    number_of,
    place_of,
    span_of,
)
from floorbroker.exchange.records.columns import Columns, Form
from floorbroker.exchange.records.identifiers import digits_of

_TABLES = """
CREATE TABLE IF NOT EXISTS archive_accounts (
    shelf INTEGER PRIMARY KEY, key_id TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS archive_symbols (symbol TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS archive_orders (
    place INTEGER PRIMARY KEY, client_order_id TEXT, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS archive_names ON archive_orders (client_order_id)
    WHERE client_order_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS archive_executions (
    place INTEGER PRIMARY KEY, count INTEGER NOT NULL, last_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS archive_busts (execution_id TEXT PRIMARY KEY);
"""
_NAMES = ("accounts", "symbols", "orders", "boxes", "box_names", "executions", "busts")
_PUT_ORDER = "INSERT OR REPLACE INTO archive_orders VALUES (?, ?, ?)"
_PUT_BLOCK = "INSERT INTO archive_executions VALUES (?, ?, ?, ?)"
_ROWS, _BLOCKS = "archive_orders", "archive_executions"
_BLOCK_BEFORE = "SELECT max(place) FROM archive_executions WHERE place BETWEEN ? AND ?"
_BLOCK_AT = (
    "SELECT min(place) FROM archive_executions WHERE place BETWEEN ? AND ? AND last_ns >= ?"
)
_ORDER_FROM = "SELECT body FROM archive_orders WHERE place BETWEEN ? AND ? ORDER BY place LIMIT 1"
_ORDER_AT = "SELECT body FROM archive_orders WHERE place = ?"
_NAMED = "SELECT body FROM archive_orders WHERE client_order_id = ? AND place BETWEEN ? AND ?"
_NEVER = 1 << 80
_TIME_MAX = (1 << 63) - 1  # that SQLite can compare with
#: Rows read at a time: few at first, because most who read want few.
_PAGE, _PAGE_MAX = 50, 800
_LENGTH = 36  # of an identifier

_EXECUTIONS = Form(Execution)
_encode = msgspec.json.Encoder().encode
_decode_list = msgspec.json.Decoder(list[Execution]).decode
_number = attrgetter("number")
Kept = TypeVar("Kept", VenueOrder, Execution)


def order_number(order: VenueOrder) -> int:
    """Orders are accepted in the order of these numbers."""
    return number_of(order.id)


def execution_number(execution: Execution) -> int:
    return number_of(execution.execution_id)


def temporary() -> sqlite3.Connection:
    """A nameless file in the system's folder for temporary ones; it is gone with the process."""
    db = sqlite3.connect("", isolation_level=None)
    # A batch fills some pages with little to spare, and nobody opens it again.
    for setting in ("page_size = 8192", "journal_mode = OFF", "synchronous = OFF"):
        db.execute(f"PRAGMA {setting}")
    return db


class Archive:
    """Takes orders and executions and finds them again; opened when the first ones come.

    `leave` is called within the transaction that puts something away, with the orders and how
    many executions were put away until then.
    """

    def __init__(
        self,
        db: sqlite3.Connection | None = None,
        leave: Callable[[Sequence[VenueOrder], int], None] | None = None,
    ) -> None:
        self.executions_count = 0
        self.symbols: set[str] = set()  #: Of all that was put away.
        self.has_other_names = False
        self._shelves: dict[str, int] = {}  # by key id
        self._db = db
        self._leave = leave
        if db is not None:
            self._open(db)

    def _open(self, db: sqlite3.Connection) -> sqlite3.Connection:
        self._db = db
        db.executescript(_TABLES + TABLES)
        self._boxes = Boxes(db)
        #: Whether an order lies alone, and whether its name may be none of `names`.
        self._has_rows = self.has_other_names = bool(
            db.execute("SELECT EXISTS (SELECT 1 FROM archive_orders)").fetchone()[0]
        )
        shelves = db.execute("SELECT key_id, shelf FROM archive_accounts ORDER BY shelf")
        self._shelves = dict(shelves.fetchall())
        self.symbols = {symbol for (symbol,) in db.execute("SELECT symbol FROM archive_symbols")}
        counted = db.execute("SELECT total(count) FROM archive_executions")
        self.executions_count = int(counted.fetchone()[0])
        return db

    @property
    def is_empty(self) -> bool:
        return not self._shelves

    @property
    def accounts(self) -> list[str]:
        """Key ids of those who have something here."""
        return list(self._shelves)

    def put(self, orders: Sequence[VenueOrder], executions: Sequence[Execution]) -> None:
        """Put away, all or nothing; raises sqlite3.Error if it cannot be written.

        Executions come oldest first, and behind all that are here.
        """
        db = self._db or self._open(temporary())
        count, shelves, symbols = self.executions_count, dict(self._shelves), set(self.symbols)
        db.execute("BEGIN IMMEDIATE")
        try:
            for ended in ORDERS.fold_by("account", orders):
                self._put_orders(db, self._shelf_for(db, ended), ended)
            for block in _EXECUTIONS.fold_by("account", executions):
                self._put_block(db, self._shelf_for(db, block), block)
            self.executions_count = count + len(executions)
            if self._leave is not None:
                self._leave(orders, self.executions_count)
            db.execute("COMMIT")
        except BaseException:
            self.executions_count, self._shelves, self.symbols = count, shelves, symbols
            self._boxes.forget()
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    # Orders.

    def order(self, order_id: str) -> VenueOrder | None:
        """A copy of the order as it was put away."""
        number = _number_of(order_id)
        if number is None:
            return None
        for shelf in self._shelves.values():
            order = self._order_at(place_of(shelf, number)) if self._has_rows else None
            if order is None or order.id != order_id:
                order = self._boxes.order(shelf, order_id)
            if order is not None:
                return order
        return None

    def order_named(
        self, key_id: str, client_order_id: str, *, is_boxed: bool = True
    ) -> VenueOrder | None:
        """The same by the name that the account gave it, or that it got for want of one.

        `is_boxed` is false if no order in a box has it.
        """
        shelf, order = self._shelves.get(key_id), None
        if shelf is None:
            return None
        if self._has_rows:
            order = self._row_named(shelf, client_order_id)
        if order is None and is_boxed:
            order = self._boxes.named(shelf, client_order_id)
        return order

    def names(self) -> Iterator[str]:
        """What orders in boxes are named."""
        return iter(()) if self._db is None else self._boxes.names()

    def orders(
        self, key_id: str, first: int = 0, last: int = LAST_NUMBER, *, is_ascending: bool = True
    ) -> Iterator[VenueOrder]:
        """The account's orders with numbers from `first` to `last`; read as they are wanted."""
        shelf = self._shelves.get(key_id)
        if shelf is None:
            return
        read = self._read(_ROWS, key_id, (first, last), is_ascending=is_ascending)
        alone = (decode_order(body) for body in read)
        boxed = self._boxes.orders(shelf, first, last, is_ascending=is_ascending)
        told = -1
        for order in heapq.merge(alone, boxed, key=_number, reverse=not is_ascending):
            if order.number != told:
                told = order.number
                yield order

    def orders_from(self, key_id: str, time_ns: int) -> int:
        """The number from which on the account's orders were submitted after that time."""
        shelf = self._shelves.get(key_id)
        if shelf is None:
            return 0

        def submitted_ns(number: int) -> int:
            body = self._one(_ORDER_FROM, place_of(shelf, number), place_of(shelf, LAST_NUMBER))
            return _NEVER if body is None else decode_order(body).submitted_ns

        alone = bisect_right(range(LAST_NUMBER), time_ns, key=submitted_ns)
        return max(alone, self._boxes.number_after(shelf, time_ns))

    # Executions.

    def execution(self, execution_id: str) -> Execution | None:
        number = _number_of(execution_id)
        if number is None:
            return None
        for key_id in self._shelves:
            for each in self.executions(key_id, number, number):
                if each.execution_id == execution_id:
                    return each
        return None

    def is_undone(self, execution_id: str) -> bool:
        """Whether a bust of the execution is here."""
        found = "SELECT 1 FROM archive_busts WHERE execution_id = ?"
        return self._one(found, execution_id) is not None

    def executions(
        self, key_id: str, first: int = 0, last: int = LAST_NUMBER, *, is_ascending: bool = True
    ) -> Iterator[Execution]:
        """The account's executions with numbers from `first` to `last`; read as wanted."""
        shelf = self._shelves.get(key_id)
        if shelf is None:
            return
        begin = self._one(_BLOCK_BEFORE, place_of(shelf, 0), place_of(shelf, first))
        start = first if begin is None else begin - place_of(shelf, 0)
        for body in self._read(_BLOCKS, key_id, (start, last), is_ascending=is_ascending):
            block = _opened(body)
            low = bisect_left(block["execution_id"], first, key=number_of)
            high = bisect_right(block["execution_id"], last, key=number_of)
            yield from block.things(low, high, is_ascending=is_ascending)

    def executions_from(self, key_id: str, time_ns: int) -> int | None:
        """The number of the account's first execution at that time or later; None without one."""
        shelf = self._shelves.get(key_id)
        begin = None
        if shelf is not None and time_ns <= _TIME_MAX:
            begin = self._one(_BLOCK_AT, *span_of(shelf), time_ns)
        if shelf is None or begin is None:
            return None
        block = self.executions(key_id, begin - place_of(shelf, 0))
        return next(execution_number(each) for each in block if each.time_ns >= time_ns)

    def clear(self) -> None:
        """Forget everything."""
        if self._db is not None:
            for name in _NAMES:
                self._db.execute(f"DELETE FROM archive_{name}")  # noqa: S608  (names of ours)
            self._open(self._db)

    def close(self) -> None:
        """Nothing is found any more; a temporary file is gone."""
        db, self._db = self._db, None
        self._shelves = {}
        if db is not None:
            db.close()

    # The tables.

    def _shelf_for(self, db: sqlite3.Connection, things: Columns[Kept]) -> int:
        """Of the account that they are all of; their symbols are noted."""
        new = set(things.values("symbol")) - self.symbols
        if new:
            self.symbols |= new
            db.executemany("INSERT INTO archive_symbols VALUES (?)", [(each,) for each in new])
        (key_id,) = things.values("account")
        shelf = self._shelves.get(key_id)
        if shelf is None:
            self._shelves[key_id] = shelf = len(self._shelves)
            db.execute("INSERT INTO archive_accounts VALUES (?, ?)", (shelf, key_id))
        return shelf

    def _put_orders(self, db: sqlite3.Connection, shelf: int, ended: Columns[VenueOrder]) -> None:
        """Into a box all that come after the boxes of before, the others alone."""
        if (numbers := ended.values("number")) != sorted(numbers):
            ended = ORDERS.fold(sorted(ended.things(), key=_number))
        place = bisect_right(ended["id"], self._boxes.last_number(shelf), key=number_of)
        if not place:
            self._boxes.put(shelf, ended)
            return
        alone = list(ended.things(0, place))
        self._has_rows = True
        db.executemany(_PUT_ORDER, (_row(shelf, order) for order in alone))
        if place < len(ended):
            self._boxes.put(shelf, ORDERS.fold(list(ended.things(place))))

    def _put_block(self, db: sqlite3.Connection, shelf: int, block: Columns[Execution]) -> None:
        """Executions of an account, and which others they undo."""
        place = place_of(shelf, number_of(block["execution_id"][0]))
        db.execute(_PUT_BLOCK, (place, len(block), block["time_ns"][-1], block.body()))
        undone = [each for each in block.values("previous_execution_id") if each is not None]
        if undone:
            busts = [(execution_id,) for execution_id in undone]
            db.executemany("INSERT OR IGNORE INTO archive_busts VALUES (?)", busts)

    def _row_named(self, shelf: int, name: str) -> VenueOrder | None:
        """Of those that lie alone."""
        body = self._one(_NAMED, name, *span_of(shelf))
        if body is not None:
            return decode_order(body)
        number = _number_of(name)
        order = self._order_at(place_of(shelf, number - 1)) if number else None
        return order if order and order.client_order_id == name else None

    def _order_at(self, place: int) -> VenueOrder | None:
        body = self._one(_ORDER_AT, place)
        return None if body is None else decode_order(body)

    def _one(self, query: str, *values: int | str) -> Any:
        """The only column of the only row; None if there is none."""
        row = None if self._db is None else self._db.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _read(
        self, table: str, key_id: str, numbers: tuple[int, int], *, is_ascending: bool
    ) -> Iterator[bytes]:
        """Bodies of an account, page by page: nothing is held open between two of them."""
        shelf = self._shelves.get(key_id)
        first, last = (place_of(shelf or 0, number) for number in numbers)
        order = "" if is_ascending else " DESC"
        query = (
            f"SELECT place, body FROM {table} WHERE place BETWEEN ? AND ? "  # noqa: S608  (ours)
            f"ORDER BY place{order} LIMIT ?"
        )
        page = _PAGE
        while shelf is not None and self._db is not None:
            rows = self._db.execute(query, (first, last, page)).fetchall()
            for _, body in rows:
                yield body
            if len(rows) < page:
                return
            if is_ascending:
                first = rows[-1][0] + 1
            else:
                last = rows[-1][0] - 1
            page = min(page * 2, _PAGE_MAX)


def _opened(body: bytes) -> Columns[Execution]:
    """A block, also of a version that had lists."""
    return _EXECUTIONS.fold(_decode_list(body)) if body[:1] == b"[" else _EXECUTIONS.read(body)


def _row(shelf: int, order: VenueOrder) -> tuple[int, str | None, bytes]:
    number = number_of(order.id)
    is_own = order.client_order_id == _name_after(order.id, number)
    # The venue's own names are found by the order's number.
    return place_of(shelf, number), None if is_own else order.client_order_id, _encode(order)


def _number_of(identifier: str) -> int | None:
    """The number of what may be an identifier."""
    if len(identifier) != _LENGTH:
        return None
    try:
        return number_of(identifier)
    except ValueError:
        return None


def _name_after(order_id: str, number: int) -> str:
    """The client order id that an order gets for want of one: the identifier made next."""
    return f"{digits_of(number + 1)}{order_id[8:]}"
