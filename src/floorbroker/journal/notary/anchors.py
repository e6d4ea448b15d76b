"""The lines of an anchor file, and whether they are as they were written.

A journal's chain proves that nothing before its head was changed, but not that this is the head
that there was: an end can be cut off, and a whole chain can be made anew. So heads are written to
a second file, one line each, signed with a key that is in neither. Fields stand between single
spaces:

    1 JOURNAL EPOCH SEQ HASH ROOT TIME OCCASION MAC

the version of this format, the journal's id, its epoch, the head's number and hash, the root of
the Merkle tree over the records up to it, the time in UTC, `open`, `regular` or `close`, and
HMAC-SHA-256, under the key, of the MAC of the line before (of the first line: 64 zeros), a line
feed, and this line up to its last space. Hashes, roots and MACs are 64 hexadecimal digits. The
lines are a chain too: one that is changed, taken out, put in or moved shows.

A line ends with a line feed. One at the very end without it was cut short by a crash while it was
being written; it counts for nothing, and the next opening for writing takes it away.
"""

import hmac
import re
from pathlib import Path

from msgspec import Struct

from floorbroker.domain.errors import JournalError
from floorbroker.journal.port import Mark

#: What stands for the MAC before the first.
NO_MAC = "0" * 64

_LINE = re.compile(
    r"1 ([0-9a-f]{32}) ([0-9]{1,18}) ([0-9]{1,18}) ([0-9a-f]{64}) ([0-9a-f]{64})"
    r" ([0-9T:.Z-]{20,27}) (open|regular|close) ([0-9a-f]{64})",
    re.ASCII,
)


class Anchor(Struct, frozen=True, kw_only=True):
    """One head, as it was written down."""

    journal_id: str
    epoch: int
    seq: int
    hash: bytes
    root: bytes
    time: str  #: UTC, RFC 3339.
    occasion: str  #: `open`, `regular` or `close`.
    mac: str


class Anchors(Struct, frozen=True, kw_only=True):
    """The anchors of a file, up to the first line that is not as it was written."""

    path: Path
    lines: tuple[Anchor, ...]
    damage: str = ""
    is_torn: bool = False  #: The last line was cut short by a crash.
    is_signed: bool = False  #: The key was there, and the MACs are right.

    def __str__(self) -> str:
        count = f"{len(self.lines):,} anchor{'' if len(self.lines) == 1 else 's'}"
        how = "signed with the key" if self.is_signed else "MACs NOT checked, for want of the key"
        said = f"{count} ({how})"
        if self.lines:
            said += f", the last of record {self.lines[-1].seq:,} at {self.lines[-1].time}"
        if self.is_torn:
            said += "; the line after it was cut short by a crash"
        return f"DAMAGED anchors: {self.damage}; good before it: {said}" if self.damage else said

    def summary(self) -> dict[str, object]:
        """For machines."""
        last = self.lines[-1] if self.lines else None
        return {
            "path": str(self.path),
            "count": len(self.lines),
            "last_seq": last and last.seq,
            "last_time": last and last.time,
            "is_signed": self.is_signed,
            "is_torn": self.is_torn,
            "damage": self.damage or None,
        }

    def line_of(self, seq: int) -> int | None:
        """The number of the first line that holds this record's head, if there is one."""
        places = (number for number, line in enumerate(self.lines, 1) if line.seq == seq)
        return next(places, None)

    def marks(self) -> list[Mark]:
        """What the journal must agree with."""
        return [
            Mark(
                seq=line.seq,
                hash=line.hash,
                root=line.root,
                origin=f"line {number} of {self.path}, of {line.time},",
            )
            for number, line in enumerate(self.lines, 1)
        ]


def mac_of(key: bytes, before: str, said: str) -> str:
    """The MAC of a line that says this, after a line with that MAC."""
    return hmac.digest(key, f"{before}\n{said}".encode(), "sha256").hex()


def line_of(anchor: Anchor) -> str:
    """Everything before the MAC."""
    return (
        f"1 {anchor.journal_id} {anchor.epoch} {anchor.seq} {anchor.hash.hex()}"
        f" {anchor.root.hex()} {anchor.time} {anchor.occasion}"
    )


def parsed(line: str) -> Anchor | None:
    """The anchor of a whole line, None if it is no such line."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    journal_id, epoch, seq, digest, root, time, occasion, mac = found.groups()
    return Anchor(
        journal_id=journal_id,
        epoch=int(epoch),
        seq=int(seq),
        hash=bytes.fromhex(digest),
        root=bytes.fromhex(root),
        time=time,
        occasion=occasion,
        mac=mac,
    )


def read_anchors(path: Path, key: bytes | None, journal_id: str) -> Anchors:
    """The anchors of this journal, checked as far as their own file goes; without a key the MACs
    are not. Raises JournalError if the file cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise JournalError(f"the anchors {path} cannot be read: {problem.strerror}") from None
    *whole, rest = raw.split(b"\n")
    lines: list[Anchor] = []
    before = None
    for number, line in enumerate(whole, 1):
        anchor = parsed(line.decode(errors="replace"))
        wrong = _wrong(anchor, before, key, journal_id)
        if wrong or anchor is None:
            damage = f"line {number} of {path} {wrong}"
            return Anchors(path=path, lines=tuple(lines), damage=damage, is_signed=key is not None)
        lines.append(anchor)
        before = anchor
    return Anchors(path=path, lines=tuple(lines), is_torn=bool(rest), is_signed=key is not None)


def _wrong(
    anchor: Anchor | None, before: Anchor | None, key: bytes | None, journal_id: str
) -> str:
    if anchor is None:
        return "is no anchor"
    if key is not None:
        mac = mac_of(key, NO_MAC if before is None else before.mac, line_of(anchor))
        if not hmac.compare_digest(mac, anchor.mac):
            return "is not as it was written, or the line before it, or the key: wrong MAC"
    if anchor.journal_id != journal_id:
        return f"is about another journal, {anchor.journal_id}; this one is {journal_id}"
    if before is not None and (anchor.seq < before.seq or anchor.epoch < before.epoch):
        return f"goes back, to record {anchor.seq} and epoch {anchor.epoch}"
    return ""
