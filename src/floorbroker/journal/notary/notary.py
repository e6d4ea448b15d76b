"""Writes a journal's heads to its anchors: at the opening, now and then, and at the close.

It stands beside the journal and reads it as anybody may, so the path of an order does not know of
it. An anchor is written after its record is durable. What goes wrong in writing is kept in
`problem` and logged, and tried again at the next occasion; it does not end the desk, which goes on
with a chain whose newest part is a little less provable. What the anchors say against the journal
is another matter: then records are gone, and the desk does not open.

The root of the tree over all records grows with them. Its peaks are kept in a file beside the
anchors, so that an opening need not go through all hashes; the file is a cache, and is believed
only if its root is the one of the last anchor.
"""

import asyncio
import logging
import os
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from floorbroker.clock import Clock
from floorbroker.domain.errors import FloorbrokerError, JournalDamaged, JournalError
from floorbroker.journal.merkle import Tree
from floorbroker.journal.notary.anchors import NO_MAC, Anchor, line_of, mac_of, parsed
from floorbroker.journal.notary.keys import sync_folder
from floorbroker.journal.port import Head, Journal

_log = logging.getLogger(__name__)
#: Leaves at once: about half a millisecond in which nothing else runs.
_STEP = 500
#: Holds the last lines of any file.
_TAIL = 4096
_REMEDY = (
    "if this was meant, move the anchors away, keep them, and start again (docs/journal.md says"
    " when)"
)


class Notary:
    """The one writer of a journal's anchors; lives as long as the journal's own writer."""

    def __init__(self, journal: Journal, path: Path, key: bytes, clock: Clock) -> None:
        self.path = path
        self.last: Anchor | None = None
        self.problem = ""  #: Why the last try to write an anchor failed.
        self._journal = journal
        self._key = key
        self._clock = clock
        self._tree = Tree()
        self._is_read = False
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Hold the last anchor against the journal, and write one.

        Raises JournalDamaged if the journal does not reach the last anchor or differs from it.
        """
        try:
            self._read()
        except JournalDamaged:
            raise
        except (OSError, JournalError) as problem:
            self._fail(problem)
        else:
            await self.anchor("open")

    async def watch(self, every_s: float) -> None:
        """Write an anchor now and then, while records come; never returns.

        Cancelling it does not stop a line that is being written: the next one waits for that.
        """
        while True:
            await self._clock.sleep(every_s)
            if self.problem or self.last is None or self._journal.head().seq != self.last.seq:
                await asyncio.shield(self.anchor("regular"))

    async def anchor(self, occasion: str) -> None:
        """Write the head down; what fails is kept in `problem`, never raised."""
        async with self._writing:
            try:
                if not self._is_read:
                    self._read()
                head = await self._grow()
                await asyncio.to_thread(self._write, head, occasion, self._clock.now())
                self.problem = ""
            except (OSError, FloorbrokerError) as problem:
                self._fail(problem)

    def _fail(self, problem: Exception) -> None:
        self._is_read = False  # what stands at the end of the file now, nobody knows
        self.problem = f"no anchor was written: {problem}"
        _log.warning("%s; the desk goes on", self.problem)

    async def _grow(self) -> Head:
        """Take the leaves up to the journal's head into the tree, a few at a time."""
        tree = self._tree
        while tree.size < self._journal.head().seq:
            hashes = self._journal.hashes(tree.size)
            while some := list(islice(hashes, _STEP)):
                tree.extend(some)
                await self._clock.sleep(0)
        return self._journal.head()

    def _read(self) -> None:
        """Find out where the file ends, and whether the journal agrees."""
        last = self.last = self._last_line()
        if last is not None:
            self._compare(last)
        if last is None or self._tree.size < last.seq:
            self._tree = self._kept_tree(last)
        self._is_read = True

    def _compare(self, last: Anchor) -> None:
        if last.journal_id != self._journal.journal_id:
            raise JournalDamaged(
                f"the anchors {self.path} are about another journal, {last.journal_id}, not about"
                f" {self._journal.journal_id}; {_REMEDY}"
            )
        found = self._journal.hash_of(last.seq)
        if found != last.hash:
            what = "is not there" if found is None else "is another one"
            raise JournalDamaged(
                f"the anchors {self.path} remember record {last.seq} of this journal as of"
                f" {last.time}, and it {what}: its end was cut off, or an older copy put back;"
                f" {_REMEDY}"
            )

    def _last_line(self) -> Anchor | None:
        """The last whole line; one that a crash cut short is taken away."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            size = os.fstat(descriptor).st_size
            raw = os.pread(descriptor, _TAIL, max(size - _TAIL, 0))
            *whole, rest = raw.decode(errors="replace").split("\n")
            if rest:
                os.ftruncate(descriptor, size - len(raw) + raw.rfind(b"\n") + 1)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not whole:
            return None
        last = parsed(whole[-1])
        before = parsed(whole[-2]) if len(whole) > 1 else None
        mac = NO_MAC if before is None else before.mac
        if last is None or last.mac != mac_of(self._key, mac, line_of(last)):
            raise JournalError(
                f"the last line of the anchors {self.path} was changed, or signed with another"
                " key; see `floorbroker journal verify`, then move them away and keep them"
            )
        return last

    def _kept_tree(self, last: Anchor | None) -> Tree:
        """The tree as of the last anchor, if its peaks were kept and are right."""
        if last is not None:
            with suppress(OSError, ValueError):
                raw = self._peaks_path.read_bytes()
                peaks = [raw[place : place + 32] for place in range(0, len(raw), 32)]
                tree = Tree(last.seq, peaks)
                if tree.root == last.root:
                    return tree
        return Tree()

    @property
    def _peaks_path(self) -> Path:
        return self.path.with_name(self.path.name + ".peaks")

    def _write(self, head: Head, occasion: str, now: datetime) -> None:
        """One line, on the disk on return."""
        anchor = Anchor(
            journal_id=self._journal.journal_id,
            epoch=self._journal.epoch,
            seq=head.seq,
            hash=head.hash,
            root=self._tree.root,
            time=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            occasion=occasion,
            mac="",
        )
        said = line_of(anchor)
        mac = mac_of(self._key, NO_MAC if self.last is None else self.last.mac, said)
        is_new = not self.path.exists()
        _append(self.path, f"{said} {mac}\n".encode())
        if is_new:
            sync_folder(self.path.parent)
        self.last = replace(anchor, mac=mac)
        with suppress(OSError):  # a cache
            self._peaks_path.write_bytes(b"".join(self._tree.peaks))


def _append(path: Path, line: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(f"{path}: no space left for a line")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
