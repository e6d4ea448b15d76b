"""Boxes: orders that left memory together, in one row of the archive, written once.

A box holds orders of one account as they were accepted, in columns, and all of them come after
those of the boxes before it. So a number leads to the one box that can hold it. Which names a box
holds is told by a row beside it. Boxes of earlier versions hold a JSON line an order, and got that
row when they were opened.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.records.columns import Columns, Form
from floorbroker.exchange.records.identifiers import Identifiers

TABLES = """
CREATE TABLE IF NOT EXISTS archive_boxes (
    place INTEGER PRIMARY KEY, first_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS archive_box_names (place INTEGER PRIMARY KEY, names BLOB NOT NULL);
DROP TABLE IF EXISTS archive_digests;
"""
_PUT_BOX = "INSERT INTO archive_boxes VALUES (?, ?, ?)"
_PUT_NAMES = "INSERT INTO archive_box_names VALUES (?, ?)"
_NAMELESS = (
    "SELECT place, body FROM archive_boxes WHERE place > ? "
    "AND place NOT IN (SELECT place FROM archive_box_names) ORDER BY place LIMIT 1"
)
_NAMES = "SELECT names FROM archive_box_names"
_BOX_AT = (
    "SELECT place, body FROM archive_boxes WHERE place BETWEEN ? AND ? ORDER BY place LIMIT 1"
)
_BOX_BEFORE = (
    "SELECT place, body FROM archive_boxes WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1"
)
_BOX_BEGUN = (
    "SELECT body FROM archive_boxes WHERE place BETWEEN ? AND ? AND first_ns <= ? "
    "ORDER BY place DESC LIMIT 1"
)
_NAMES_OF = (
    "SELECT place, names FROM archive_box_names WHERE place BETWEEN ? AND ? ORDER BY place DESC"
)
_BOX = "SELECT body FROM archive_boxes WHERE place = ?"
#: Numbers of identifiers are below; above them in a place stands the account's shelf.
SHELF_BITS = 32
LAST_NUMBER = (1 << SHELF_BITS) - 1
_TIME_MAX = (1 << 63) - 1  # that SQLite can compare with

ORDERS = Form(VenueOrder)
_encode, _decode_names = msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[str]).decode
decode_order = msgspec.json.Decoder(VenueOrder).decode
number_of = Identifiers.number_of


def place_of(shelf: int, number: int) -> int:
    return shelf << SHELF_BITS | number


def span_of(shelf: int) -> tuple[int, int]:
    """The first and the last place on a shelf."""
    return place_of(shelf, 0), place_of(shelf, LAST_NUMBER)


class Boxes:
    """The boxes of one archive; whoever puts in minds the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._last: dict[int, int] = {}  # the highest number by shelf, as far as asked for
        place = -1
        while (row := db.execute(_NAMELESS, (place,)).fetchone()) is not None:
            place, body = row
            db.execute(_PUT_NAMES, (place, _encode(_opened(body)["client_order_id"])))

    def names(self) -> Iterator[str]:
        """The names in all boxes."""
        for (names,) in self._db.execute(_NAMES):
            yield from _decode_names(names)

    def put(self, shelf: int, orders: Columns[VenueOrder]) -> None:
        """One more box, of orders as they were accepted, the first above `last_number`."""
        ids = orders["id"]
        place = place_of(shelf, number_of(ids[0]))
        self._db.execute(_PUT_BOX, (place, orders.values("submitted_ns")[0], orders.body()))
        self._db.execute(_PUT_NAMES, (place, _encode(orders["client_order_id"])))
        self._last[shelf] = number_of(ids[-1])

    def last_number(self, shelf: int) -> int:
        """The highest number in a box of the shelf; -1 without a box."""
        last = self._last.get(shelf)
        if last is None:
            row = self._db.execute(_BOX_BEFORE, span_of(shelf)).fetchone()
            last = self._last[shelf] = -1 if row is None else number_of(_opened(row[1])["id"][-1])
        return last

    def forget(self) -> None:
        """What was put in may be gone."""
        self._last.clear()

    def order(self, shelf: int, order_id: str) -> VenueOrder | None:
        """`order_id` is an identifier."""
        last = place_of(shelf, number_of(order_id))
        row = self._db.execute(_BOX_BEFORE, (place_of(shelf, 0), last)).fetchone()
        return None if row is None else _opened(row[1]).find("id", order_id)

    def named(self, shelf: int, name: str) -> VenueOrder | None:
        """By its client order id; all names are looked through."""
        text = _encode(name)
        for place, names in self._db.execute(_NAMES_OF, span_of(shelf)):
            if text in names:  # SQLite's own search takes several times as long
                (body,) = self._db.execute(_BOX, (place,)).fetchone()
                order = _opened(body).find("client_order_id", name)
                if order is not None:
                    return order
        return None

    def orders(
        self, shelf: int, first: int, last: int, *, is_ascending: bool
    ) -> Iterator[VenueOrder]:
        """Those with numbers from `first` to `last`; nothing is held open between two boxes."""
        low, high = place_of(shelf, first), place_of(shelf, last)
        begin = self._db.execute(_BOX_BEFORE, (place_of(shelf, 0), low)).fetchone()
        low = low if begin is None else begin[0]
        query = _BOX_AT if is_ascending else _BOX_BEFORE
        while (row := self._db.execute(query, (low, high)).fetchone()) is not None:
            place, body = row
            box = _opened(body)
            start = bisect_left(box["id"], first, key=number_of)
            stop = bisect_right(box["id"], last, key=number_of)
            yield from box.things(start, stop, is_ascending=is_ascending)
            if is_ascending:
                low = place + 1
            else:
                high = place - 1

    def number_after(self, shelf: int, time_ns: int) -> int:
        """One more than the number of the last order that was submitted until then; or 0."""
        bound = max(min(time_ns, _TIME_MAX), -_TIME_MAX)
        row = self._db.execute(_BOX_BEGUN, (*span_of(shelf), bound)).fetchone()
        if row is None:
            return 0
        box = _opened(row[0])
        return number_of(box["id"][bisect_right(box["submitted_ns"], time_ns) - 1]) + 1


def _opened(body: bytes) -> Columns[VenueOrder]:
    """A box, also of a version that had lines."""
    if body.startswith(b'{"id":"'):
        return ORDERS.fold([decode_order(line) for line in body.splitlines()])
    return ORDERS.read(body)
