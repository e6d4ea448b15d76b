"""Checks a journal and its anchors with nothing but Python itself.

    python verify_alone.py desk.sqlite [--anchors FILE] [--key FILE]

It shares no code with the desk: it follows docs/journal.md, and is short enough to be read. Exit
0: everything holds. 1: something does not, and the first bad record is named. 2: it cannot tell.
"""

import argparse
import hashlib
import hmac
import json
import re
import sqlite3
import sys
from datetime import datetime, timedelta
from pathlib import Path
from struct import error, pack
from typing import Any

Row = tuple[Any, ...]
ANCHOR = re.compile(
    r"1 ([0-9a-f]{32}) ([0-9]{1,18}) ([0-9]{1,18}) ([0-9a-f]{64}) ([0-9a-f]{64})"
    r" [0-9T:.Z-]{20,27} (?:open|regular|close) ([0-9a-f]{64})"
)
Mark = tuple[int, bytes, bytes]  # a record's number, its hash, and the root up to it, or b""


class Bad(Exception):
    """What does not hold: the number of the record, 0 if it is about none, and why."""


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def add(peaks: list[bytes], size: int, node: bytes) -> None:
    """One more leaf, a record's hash, for the RFC 6962 tree of so many of which peaks are kept."""
    while size & 1:
        node, size = sha(b"\1", peaks.pop(), node), size >> 1
    peaks.append(node)


def root_of(peaks: list[bytes]) -> bytes:
    root, *others = peaks[::-1] or [sha()]
    for peak in others:
        root = sha(b"\1", peak, root)
    return root


def read_anchors(path: Path, key: bytes | None, journal_id: str) -> list[Mark]:
    """Every line must follow from the one before; what a crash cut short at the end is no line."""
    marks: list[Mark] = []
    before, epoch_before, seq_before = "0" * 64, 0, 0
    for number, raw in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        found = ANCHOR.fullmatch(line := raw.decode(errors="replace"))
        if found is None:
            raise Bad(0, f"anchors, line {number}: is no anchor")
        name, epoch, seq, digest, root, mac = found.groups()
        signed = f"{before}\n{line[:-65]}".encode()
        if key and hmac.digest(key, signed, "sha256").hex() != mac:
            raise Bad(0, f"anchors, line {number}: it, the line before or the key is wrong")
        if name != journal_id or int(epoch) < epoch_before or int(seq) < seq_before:
            raise Bad(0, f"anchors, line {number}: is of another journal, or goes back")
        before, epoch_before, seq_before = mac, int(epoch), int(seq)
        marks.append((int(seq), bytes.fromhex(digest), bytes.fromhex(root)))
    return marks


def check_batch(row: Row, seq: int, previous: bytes, epochs: tuple[int, int]) -> list[bytes]:
    """The hashes of the batch that follows record `seq`, each of them checked."""
    first, count, epoch, version, records, hashes = row
    if [type(each) for each in row] != [int, int, int, int, bytes, bytes] or version != 1:
        raise Bad(seq + 1, "its batch has columns of wrong types, or another format")
    if first != seq + 1 or count < 1:
        raise Bad(seq + 1, f"the batch that begins with record {first} stands in its place")
    if not epochs[0] <= epoch <= epochs[1]:
        raise Bad(seq + 1, f"its epoch {epoch} falls, or is one that was never reached")
    bodies, good = records.split(b"\n"), list[bytes]()
    for body in bodies[:count]:
        seq += 1
        previous = sha(pack(">BQQ32s", 0, seq, epoch, previous), body)
        if previous != hashes[32 * len(good) : 32 * len(good) + 32]:
            raise Bad(seq, "its hash does not match")
        good.append(previous)
    if len(bodies) != count or len(hashes) != 32 * count:
        raise Bad(seq + 1, "its batch is cut")
    return good


def check_chain(db: sqlite3.Connection, marks: list[Mark], epoch_max: int) -> int:
    """Walk from the first record to the last, whose number it is, through every mark."""
    peaks, head, epoch, seq = list[bytes](), bytes(32), 1, 0
    due = sorted(marks, reverse=True)

    def check_marks() -> None:
        while due and due[-1][0] <= seq:
            _, digest, root = due.pop()
            if digest != head or (root and root != root_of(peaks)):
                raise Bad(max(seq, 1), "who remembers it remembers another one")

    check_marks()
    try:
        for row in db.execute("SELECT * FROM batches ORDER BY first_seq"):
            for digest in check_batch(row, seq, head, (epoch, epoch_max)):
                add(peaks, seq, digest)
                head, seq = digest, seq + 1
                check_marks()
            epoch = row[2]
    except (sqlite3.Error, UnicodeDecodeError) as problem:
        raise Bad(seq + 1, f"SQLite: {problem}") from None
    if due:
        raise Bad(seq + 1, f"the end was cut off: record {due[0][0]} is remembered")
    return seq


def is_sealed(seal: object, numbers: Row, *rest: Any) -> bool:
    try:
        return seal == sha(pack(*numbers), *rest)
    except (TypeError, error):
        return False


def check_ended(row: Row, head: int) -> Bad | None:
    """An ended order must be as it was filed, where it was filed, with a record that is there."""
    name, created_us, symbol, side, seq, body, seal = row
    try:
        order = json.loads(body) if is_sealed(seal, (">Bq", 1, seq), body) else {}
        made = datetime.fromisoformat(order["created_time"])
        us = (made - datetime(1970, 1, 1, tzinfo=made.tzinfo)) // timedelta(microseconds=1)
        filed = (order["cl_ord_id"], us, order["request"]["symbol"], order["request"]["side"])
        if filed == (name, created_us, symbol, side) and seq <= head:
            return None
    except (KeyError, TypeError, ValueError):
        pass
    return Bad(seq if isinstance(seq, int) else 0, f"ended order {name} is not as it was filed")


def check_beside(db: sqlite3.Connection) -> tuple[str, list[Mark], int, Bad | None]:
    """The journal's id, what cover and snapshot remember, the last epoch, and what is bad."""
    names = ("application_id", "user_version")
    ids = [db.execute(f"PRAGMA {one}").fetchone()[0] for one in names]
    covers = db.execute("SELECT * FROM cover").fetchall()
    if ids != [0x666C6272, 1] or len(covers) != 1:
        raise Bad(0, "the file is not a journal, or in another layout, or has no cover")
    _, name, born, epoch, seq, digest, seal = covers[0]
    if not is_sealed(seal, (">BQQ32s", 3, epoch, seq, digest), f"{name}\n{born}".encode()):
        return name, [], 1 << 63, Bad(0, "the cover is not as it was written")
    marks = [(seq, digest, b"")]
    for _, seq, digest, body, seal in db.execute("SELECT * FROM snapshot").fetchall():
        if not is_sealed(seal, (">BQ32s", 2, seq, digest), body):
            place = seq if isinstance(seq, int) else 0
            return name, marks, epoch, Bad(place, "the snapshot is not as it was written")
        marks.append((seq, digest, b""))
    return name, marks, epoch, None


def check_journal(db: sqlite3.Connection, anchors: Path | None, key: bytes | None) -> str:
    """Everything that docs/journal.md tells of; what was found good, in words."""
    db.text_factory = lambda raw: raw.decode(errors="replace")
    db.execute("BEGIN")
    name, marks, epoch, beside = check_beside(db)
    told = [] if anchors is None else read_anchors(anchors, key, name)
    head = check_chain(db, [*marks, *told], epoch)
    ended = (check_ended(row, head) for row in db.execute("SELECT * FROM ended_orders"))
    if bad := min(filter(None, ended), key=lambda one: int(one.args[0]), default=beside):
        raise bad
    (complaint,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if complaint != "ok":
        raise Bad(0, f"SQLite finds its file damaged: {complaint}")
    signed = "their MACs too" if key else "no key was given, so their MACs were not checked"
    last = f", the last at record {told[-1][0]} ({signed})" if told else ""
    return f"{head} records and {len(told)} anchors hold{last}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Checks a journal of floorbroker.")
    parser.add_argument("journal", type=Path)
    parser.add_argument("--anchors", type=Path, help="the file of its anchors")
    parser.add_argument("--key", type=Path, help="the file of the key that signed them")
    given = parser.parse_args(arguments)
    try:
        key = bytes.fromhex(given.key.read_text().strip()) if given.key else None
        path = given.journal.resolve(strict=True)
        idle = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
        db = sqlite3.connect(f"{path.as_uri()}?mode=ro{idle}", uri=True, isolation_level=None)
        text, code = check_journal(db, given.anchors, key), 0
    except Bad as bad:
        text, code = f"DAMAGED at record {bad.args[0]}: {bad.args[1]}", 1
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        text, code = f"DAMAGED: SQLite cannot read it: {problem}", 1
    except (OSError, ValueError) as problem:
        text, code = f"cannot tell: {problem}", 2
    sys.stdout.write(text + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
