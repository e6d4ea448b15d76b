"""Damages done to the file of a journal: to its bytes, and, as somebody who knows SQLite or even
our own seals would, to its rows."""

import hashlib
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

#: Does one damage to the file; False if it cannot be done to this one.
Damage = Callable[[Path, Random], bool]


def flip_a_bit(path: Path, random: Random) -> bool:
    raw = bytearray(path.read_bytes())
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    path.write_bytes(raw)
    return True


def write_another_byte(path: Path, random: Random) -> bool:
    raw = bytearray(path.read_bytes())
    raw[random.randrange(len(raw))] = random.randrange(256)
    path.write_bytes(raw)
    return True


def blank_a_stretch(path: Path, random: Random) -> bool:
    raw = bytearray(path.read_bytes())
    start, size = random.randrange(len(raw)), random.choice((2, 16, 512, 4096))
    raw[start : start + size] = bytes(len(raw[start : start + size]))
    path.write_bytes(raw)
    return True


def cut_the_file(path: Path, random: Random) -> bool:
    raw = path.read_bytes()
    path.write_bytes(raw[: random.randrange(len(raw))])
    return True


def take_out_bytes(path: Path, random: Random) -> bool:
    raw = path.read_bytes()
    start = random.randrange(len(raw))
    path.write_bytes(raw[:start] + raw[start + random.choice((1, 2, 64)) :])
    return True


def put_in_bytes(path: Path, random: Random) -> bool:
    raw = path.read_bytes()
    start = random.randrange(len(raw))
    path.write_bytes(raw[:start] + random.randbytes(random.choice((1, 2, 64))) + raw[start:])
    return True


def swap_two_pages(path: Path, random: Random) -> bool:
    raw = path.read_bytes()
    pages = [raw[start : start + 4096] for start in range(0, len(raw), 4096)]
    one, other = random.sample(range(len(pages)), 2)
    pages[one], pages[other] = pages[other], pages[one]
    path.write_bytes(b"".join(pages))
    return True


def copy_a_page_over_another(path: Path, random: Random) -> bool:
    raw = path.read_bytes()
    pages = [raw[start : start + 4096] for start in range(0, len(raw), 4096)]
    one, other = random.sample(range(len(pages)), 2)
    pages[one] = pages[other]
    path.write_bytes(b"".join(pages))
    return True


Edit = Callable[[sqlite3.Connection, Random], bool]


def by_sql(edit: Edit) -> Damage:
    def damage(path: Path, random: Random) -> bool:
        with closing(sqlite3.connect(path)) as db:
            is_done = edit(db, random)
            db.commit()
        return is_done

    damage.__name__ = edit.__name__
    return damage


def _batch(db: sqlite3.Connection, random: Random) -> tuple[int, int, bytes, bytes]:
    rows = db.execute("SELECT first_seq, count, records, hashes FROM batches").fetchall()
    first, count, records, hashes = random.choice(rows)
    return first, count, records, hashes


def _put(db: sqlite3.Connection, first: int, count: int, records: bytes, hashes: bytes) -> None:
    db.execute(
        "UPDATE batches SET count = ?, records = ?, hashes = ? WHERE first_seq = ?",
        (count, records, hashes, first),
    )


def change_a_byte_of_a_record(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    place = random.randrange(len(records))
    other = bytes([records[place] ^ random.randrange(1, 256)])
    _put(db, first, count, records[:place] + other + records[place + 1 :], hashes)
    return True


def take_a_byte_out_of_a_record(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    place = random.randrange(len(records))
    _put(db, first, count, records[:place] + records[place + 1 :], hashes)
    return True


def put_a_byte_into_a_record(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    place = random.randrange(len(records) + 1)
    _put(db, first, count, records[:place] + random.randbytes(1) + records[place:], hashes)
    return True


def change_a_byte_of_a_hash(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    place = random.randrange(len(hashes))
    other = bytes([hashes[place] ^ random.randrange(1, 256)])
    _put(db, first, count, records, hashes[:place] + other + hashes[place + 1 :])
    return True


def swap_two_records_of_a_batch(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    if count < 2:
        return False
    one, other = random.sample(range(count), 2)
    bodies = records.split(b"\n")
    bodies[one], bodies[other] = bodies[other], bodies[one]
    _put(db, first, count, b"\n".join(bodies), hashes)
    return True


def take_a_record_out_of_a_batch(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    if count < 2:
        return False
    place = random.randrange(count)
    bodies = records.split(b"\n")
    del bodies[place]
    rest = hashes[: 32 * place] + hashes[32 * place + 32 :]
    _put(db, first, count - 1, b"\n".join(bodies), rest)
    return True


def double_a_record_in_a_batch(db: sqlite3.Connection, random: Random) -> bool:
    first, count, records, hashes = _batch(db, random)
    place = random.randrange(count)
    bodies = records.split(b"\n")
    bodies.insert(place, bodies[place])
    more = hashes[: 32 * place + 32] + hashes[32 * place :]
    _put(db, first, count + 1, b"\n".join(bodies), more)
    return True


def change_an_epoch(db: sqlite3.Connection, random: Random) -> bool:
    first, *_ = _batch(db, random)
    by = random.choice((-1, 1))
    return (
        db.execute(
            "UPDATE batches SET epoch = epoch + ? WHERE first_seq = ?", (by, first)
        ).rowcount
        == 1
    )


def take_out_a_batch(db: sqlite3.Connection, random: Random) -> bool:
    first, *_ = _batch(db, random)
    return db.execute("DELETE FROM batches WHERE first_seq = ?", (first,)).rowcount == 1


def cut_the_tail(db: sqlite3.Connection, random: Random) -> bool:
    first, *_ = _batch(db, random)
    return db.execute("DELETE FROM batches WHERE first_seq >= ?", (first,)).rowcount > 0


def swap_two_batches(db: sqlite3.Connection, random: Random) -> bool:
    one, other = _batch(db, random), _batch(db, random)
    if one[0] == other[0]:
        return False
    _put(db, one[0], *other[1:])
    _put(db, other[0], *one[1:])
    return True


def put_in_a_copy_of_a_batch(db: sqlite3.Connection, random: Random) -> bool:
    first, *_ = _batch(db, random)
    place = random.choice((_head(db) + 1, first + 1, -first))
    if db.execute("SELECT 1 FROM batches WHERE first_seq = ?", (place,)).fetchone():
        return False
    columns = "count, epoch, format, records, hashes"
    return (
        db.execute(
            f"INSERT INTO batches SELECT ?, {columns} FROM batches WHERE first_seq = ?",
            (place, first),
        ).rowcount
        == 1
    )


def move_a_batch(db: sqlite3.Connection, random: Random) -> bool:
    first, *_ = _batch(db, random)
    place = _head(db) + random.randrange(1, 9)
    return (
        db.execute("UPDATE batches SET first_seq = ? WHERE first_seq = ?", (place, first)).rowcount
        == 1
    )


def take_out_an_ended_order(db: sqlite3.Connection, random: Random) -> bool:
    (name,) = random.choice(db.execute("SELECT cl_ord_id FROM ended_orders").fetchall())
    return db.execute("DELETE FROM ended_orders WHERE cl_ord_id = ?", (name,)).rowcount == 1


def change_a_byte_of_an_ended_order(db: sqlite3.Connection, random: Random) -> bool:
    rows = db.execute("SELECT cl_ord_id, body FROM ended_orders").fetchall()
    name, body = random.choice(rows)
    place = random.randrange(len(body))
    other = body[:place] + bytes([body[place] ^ random.randrange(1, 256)]) + body[place + 1 :]
    db.execute("UPDATE ended_orders SET body = ? WHERE cl_ord_id = ?", (other, name))
    return True


def forge_an_ended_order(db: sqlite3.Connection, random: Random) -> bool:
    """With the right seal: everything about it is public."""
    rows = db.execute("SELECT cl_ord_id, seq, body FROM ended_orders").fetchall()
    name, seq, body = random.choice(rows)
    other = body.replace(b'"cum_qty":"1', b'"cum_qty":"7').replace(b'"canceled"', b'"expired"')
    if other == body:
        return False
    seal = hashlib.sha256(struct.pack(">Bq", 1, seq) + other).digest()
    db.execute(
        "UPDATE ended_orders SET body = ?, seal = ? WHERE cl_ord_id = ?", (other, seal, name)
    )
    return True


def take_out_the_snapshot(db: sqlite3.Connection, _: Random) -> bool:
    """Only a cache is lost: the state that is replayed must be the same."""
    return db.execute("DELETE FROM snapshot").rowcount == 1


def change_the_snapshot(db: sqlite3.Connection, random: Random) -> bool:
    (body,) = db.execute("SELECT body FROM snapshot").fetchone()
    place = random.randrange(len(body))
    other = body[:place] + bytes([body[place] ^ random.randrange(1, 256)]) + body[place + 1 :]
    db.execute("UPDATE snapshot SET body = ?", (other,))
    return True


def change_the_cover(db: sqlite3.Connection, random: Random) -> bool:
    db.execute(
        random.choice(
            (
                "UPDATE cover SET epoch = epoch + 1",
                "UPDATE cover SET anchor_seq = anchor_seq - 1",
                "UPDATE cover SET created_time = '2020-01-01'",
                "UPDATE cover SET journal_id = replace(journal_id, 'a', 'b') || ' '",
            )
        )
    )
    return True


def forge_a_cut(db: sqlite3.Connection, random: Random) -> bool:
    """The end is cut off by somebody who makes everything beside the chain fit: only an anchor
    remembers what there was."""
    first, *_ = _batch(db, random)
    if first == 1:
        return False
    db.execute("DELETE FROM batches WHERE first_seq >= ?", (first,))
    db.execute("DELETE FROM snapshot WHERE seq >= ?", (first,))
    db.execute("DELETE FROM ended_orders WHERE seq >= ?", (first,))
    _seal_cover(db)
    return True


def forge_a_history(db: sqlite3.Connection, random: Random) -> bool:
    """A record is changed and the chain made anew from there on, flawlessly."""
    first, _, records, _ = _batch(db, random)
    digits = [place for place, sign in enumerate(records) if 48 <= sign <= 56]
    place = random.choice(digits)
    db.execute(
        "UPDATE batches SET records = ? WHERE first_seq = ?",
        (records[:place] + bytes([records[place] + 1]) + records[place + 1 :], first),
    )
    head = bytes(32)
    rows = db.execute("SELECT first_seq, epoch, records FROM batches ORDER BY first_seq")
    for seq, epoch, bodies in rows.fetchall():
        hashes = []
        for number, body in enumerate(bodies.split(b"\n"), seq):
            head = hashlib.sha256(struct.pack(">BQQ32s", 0, number, epoch, head) + body).digest()
            hashes.append(head)
        db.execute("UPDATE batches SET hashes = ? WHERE first_seq = ?", (b"".join(hashes), seq))
    db.execute("DELETE FROM snapshot")
    _seal_cover(db)
    return True


def _head(db: sqlite3.Connection) -> int:
    first, count = db.execute(
        "SELECT first_seq, count FROM batches ORDER BY first_seq DESC LIMIT 1"
    ).fetchone()
    return int(first + count - 1)


def _seal_cover(db: sqlite3.Connection) -> None:
    """The cover remembers the head that there is now."""
    seq = _head(db)
    (digest,) = db.execute(
        "SELECT substr(hashes, -32) FROM batches ORDER BY first_seq DESC LIMIT 1"
    ).fetchone()
    name, born, epoch = db.execute("SELECT journal_id, created_time, epoch FROM cover").fetchone()
    text = f"{name}\n{born}".encode()
    seal = hashlib.sha256(struct.pack(">BQQ32s", 3, epoch, seq, digest) + text).digest()
    db.execute("UPDATE cover SET anchor_seq = ?, anchor_hash = ?, seal = ?", (seq, digest, seal))


TO_BYTES: list[Damage] = [
    flip_a_bit,
    write_another_byte,
    blank_a_stretch,
    cut_the_file,
    take_out_bytes,
    put_in_bytes,
    swap_two_pages,
    copy_a_page_over_another,
]
TO_ROWS: list[Damage] = [
    by_sql(edit)
    for edit in (
        change_a_byte_of_a_record,
        take_a_byte_out_of_a_record,
        put_a_byte_into_a_record,
        change_a_byte_of_a_hash,
        swap_two_records_of_a_batch,
        take_a_record_out_of_a_batch,
        double_a_record_in_a_batch,
        change_an_epoch,
        take_out_a_batch,
        cut_the_tail,
        swap_two_batches,
        put_in_a_copy_of_a_batch,
        move_a_batch,
        take_out_an_ended_order,
        change_a_byte_of_an_ended_order,
        forge_an_ended_order,
        take_out_the_snapshot,
        change_the_snapshot,
        change_the_cover,
        forge_a_cut,
        forge_a_history,
    )
]
