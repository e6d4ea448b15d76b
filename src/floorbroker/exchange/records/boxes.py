"""Boxes: orders that left memory together, in one row of the archive, written once.

A box holds orders of one account as they were accepted, a JSON line each, and all of them come
after those of the boxes before it. So a number leads to the one box that can hold it, and within
that an order is found by its text. Which names a box holds is told by a row of digests beside it.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from struct import pack, unpack
from zlib import crc32

import msgspec

from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.records.identifiers import Identifiers

TABLES = """
CREATE TABLE IF NOT EXISTS archive_boxes (
    place INTEGER PRIMARY KEY, first_ns INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS archive_digests (place INTEGER PRIMARY KEY, digests BLOB NOT NULL);
"""
_PUT_BOX = "INSERT INTO archive_boxes VALUES (?, ?, ?)"
_PUT_DIGESTS = "INSERT INTO archive_digests VALUES (?, ?)"
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
_HOLDING = (
    "SELECT body FROM archive_digests CROSS JOIN archive_boxes USING (place) "
    "WHERE place BETWEEN ? AND ? AND instr(digests, ?) ORDER BY place DESC"
)
#: Numbers of identifiers are below; above them in a place stands the account's shelf.
SHELF_BITS = 32
LAST_NUMBER = (1 << SHELF_BITS) - 1
_TIME_MAX = (1 << 63) - 1  # that SQLite can compare with
#: Of a million names that are not there one in three hundred looks as if it were.
_FILTER_BITS = 25
_FILTER_MASK = (1 << _FILTER_BITS) - 1
#: A digest's second bit lies near its first, where the machine has looked already: within
#: so many bytes. The rest of the digest, and a little of what led to the first, says where.
_NEAR = 63
_REST = 23

_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines
decode_order = msgspec.json.Decoder(VenueOrder).decode
number_of = Identifiers.number_of


def place_of(shelf: int, number: int) -> int:
    return shelf << SHELF_BITS | number


def span_of(shelf: int) -> tuple[int, int]:
    """The first and the last place on a shelf."""
    return place_of(shelf, 0), place_of(shelf, LAST_NUMBER)


def digest_of(name: str) -> int:
    """The same in every process, because files keep it."""
    return crc32(name.encode())


class Names:
    """Tells of most names that they were never put in, in memory of a fixed size."""

    def __init__(self) -> None:
        self._bits = bytearray(1 << _FILTER_BITS - 3)

    def add(self, digests: Iterable[int]) -> None:
        bits = self._bits
        for digest in digests:
            place, other = (digest & _FILTER_MASK) >> 3, digest >> _REST
            bits[place] |= 1 << (digest & 7)
            bits[place ^ (other & _NEAR)] |= 1 << (other >> 6)

    def may_hold(self, digest: int) -> bool:
        """False if it surely was not put in."""
        bits, place = self._bits, (digest & _FILTER_MASK) >> 3
        if not bits[place] & 1 << (digest & 7):
            return False
        other = digest >> _REST
        return bits[place ^ (other & _NEAR)] & 1 << (other >> 6) != 0


class Boxes:
    """The boxes of one archive; whoever puts in minds the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._last: dict[int, int] = {}  # the highest number by shelf, as far as asked for

    @cached_property
    def names(self) -> Names:
        """Those in all boxes, and what else was added."""
        names = Names()
        for (digests,) in self._db.execute("SELECT digests FROM archive_digests"):
            names.add(unpack(f"<{len(digests) // 4}I", digests))
        return names

    def put(self, shelf: int, orders: Sequence[VenueOrder]) -> None:
        """One more box, of orders as they were accepted, the first above `last_number`."""
        place = place_of(shelf, number_of(orders[0].id))
        digests = [crc32(order.client_order_id.encode()) for order in orders]  # see `digest_of`
        self._db.execute(_PUT_BOX, (place, orders[0].submitted_ns, _encode_lines(orders)))
        self._db.execute(_PUT_DIGESTS, (place, pack(f"<{len(digests)}I", *digests)))
        self.names.add(digests)
        self._last[shelf] = number_of(orders[-1].id)

    def last_number(self, shelf: int) -> int:
        """The highest number in a box of the shelf; -1 without a box."""
        last = self._last.get(shelf)
        if last is None:
            row = self._db.execute(_BOX_BEFORE, span_of(shelf)).fetchone()
            last = self._last[shelf] = -1 if row is None else _line_number(_lines(row[1])[-1])
        return last

    def forget(self) -> None:
        """What was put in may be gone."""
        self._last.clear()

    def order(self, shelf: int, order_id: str) -> VenueOrder | None:
        """`order_id` is an identifier."""
        last = place_of(shelf, number_of(order_id))
        row = self._db.execute(_BOX_BEFORE, (place_of(shelf, 0), last)).fetchone()
        return None if row is None else _found(row[1], b'{"id":%b,' % _encode(order_id))

    def named(self, shelf: int, name: str) -> VenueOrder | None:
        """By its client order id; all rows of digests are looked through."""
        digest = digest_of(name).to_bytes(4, "little")
        text = b',"client_order_id":%b,' % _encode(name)
        for (body,) in self._db.execute(_HOLDING, (*span_of(shelf), digest)):
            order = _found(body, text)
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
            lines = _lines(body)
            start = bisect_left(lines, first, key=_line_number)
            wanted = lines[start : bisect_right(lines, last, key=_line_number)]
            for line in wanted if is_ascending else reversed(wanted):
                yield decode_order(line)
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
        lines = _lines(row[0])
        return _line_number(lines[bisect_right(lines, time_ns, key=_submitted_ns) - 1]) + 1


def _lines(body: bytes) -> list[bytes]:
    return body.splitlines()


def _line_number(line: bytes) -> int:
    """Every line begins with the order's identifier."""
    return number_of(line[7:15].decode())


def _submitted_ns(line: bytes) -> int:
    return decode_order(line).submitted_ns


def _found(body: bytes, text: bytes) -> VenueOrder | None:
    """The order in whose line the text stands; in JSON no quoted text looks like a field."""
    at = body.find(text)
    if at < 0:
        return None
    return decode_order(body[body.rfind(b"\n", 0, at) + 1 : body.index(b"\n", at)])
