"""The kill latch: a file that says "stop", for a desk that hangs, is dead, or has yet to start.

Theory of operation
-------------------
Whoever kills writes the latch and has then stopped every desk of this home folder, whatever state
it is in: one that runs looks several times a second and before it decides anything, one that hangs
looks as soon as it goes on, one that starts looks before it opens. The desk writes into its
journal what the latch says; the latch stays until somebody resumes, so that a desk with another
journal, or none, finds it too.

The file is written beside its place, made durable and renamed, so it is there whole or not at all.
What cannot be read stops as well: a latch is never taken for absent because something is wrong
with it. Writing and removing take turns by a lock, so that a kill that comes while another one is
being lifted is not lifted with it; but a kill never waits for the lock for long.

Resuming asks a running desk by a second file, which that desk removes when it reads it. It is good
for the desk that runs now: a kill removes it, and so does the next start.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from floorbroker.clock import Clock
from floorbroker.domain.errors import JournalError, Refused
from floorbroker.domain.messages import KillLevel

LATCH = "kill.latch"
REQUEST = "resume.request"
_LOCK = "kill.lock"
_TRIES = 20
_PAUSE_S = 0.01


class Latched(Struct, frozen=True, kw_only=True):
    """What a latch says."""

    latch_id: str
    level: KillLevel
    reason: str
    by: str
    may_reduce: bool = False
    time: datetime | None = None


class ResumeRequest(Struct, frozen=True, kw_only=True):
    """Somebody asks the running desk to take orders again."""

    reason: str
    by: str


#: (inode, time of the last change, size): another file, or other contents.
Mark = tuple[int, int, int]


class LatchFile:
    """The latch of one home folder."""

    def __init__(self, home: Path) -> None:
        self.path = home / LATCH
        self._home = home
        self._request = home / REQUEST

    # Whoever kills or resumes

    async def write(self, latched: Latched, clock: Clock) -> None:
        """Durable when this returns; raises JournalError if it cannot be."""
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked() as try_again:
                for _ in range(_TRIES):
                    if try_again():
                        break
                    await clock.sleep(_PAUSE_S)
                with suppress(FileNotFoundError):
                    self._request.unlink()
                _replace(self.path, msgspec.json.encode(latched))
        except OSError as problem:
            raise JournalError(f"cannot write {self.path}: {problem.strerror}") from None

    def read(self) -> Latched | None:
        """What the latch says now; None where there is none."""
        try:
            body = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            return _unreadable(f"{self.path}: {problem.strerror}")
        try:
            return msgspec.json.decode(body, type=Latched)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _unreadable(f"{self.path} is damaged")

    def ask_to_resume(self, request: ResumeRequest) -> None:
        """Raises JournalError."""
        try:
            _replace(self._request, msgspec.json.encode(request))
        except OSError as problem:
            raise JournalError(f"cannot write {self._request}: {problem.strerror}") from None

    def withdraw(self) -> bool:
        """Take the request back; False if the desk has it already."""
        try:
            self._request.unlink()
        except FileNotFoundError:
            return False
        return True

    # The desk

    def mark(self) -> Mark | None:
        """Which latch is there; None without one. Cheap."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        except OSError:
            return (0, 0, 0)
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def taken_request(self) -> ResumeRequest | None:
        """The request to resume, which is hereby taken; one that cannot be read is none."""
        try:
            body = self._request.read_bytes()
            self._request.unlink()
            return msgspec.json.decode(body, type=ResumeRequest)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def remove(self, latch_id: str) -> bool:
        """Remove the latch, if it is still that one; False if another kill has come since, or
        is just being written. Raises Refused where it cannot be removed."""
        try:
            with self._locked() as try_again:
                if not try_again():
                    return False
                found = self.read()
                if found is not None and found.latch_id != latch_id:
                    return False
                with suppress(FileNotFoundError):
                    self.path.unlink()
                return True
        except OSError as problem:
            raise Refused(f"cannot remove {self.path}: {problem.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[Callable[[], bool]]:
        descriptor = os.open(self._home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

        def try_lock() -> bool:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            return True

        try:
            yield try_lock
        finally:
            os.close(descriptor)


def _unreadable(text: str) -> Latched:
    return Latched(
        latch_id="unreadable",
        level=KillLevel.BLOCK,
        reason=f"the latch cannot be read: {text}",
        by="the desk",
    )


def _replace(path: Path, body: bytes) -> None:
    """Whole and durable, or as it was before."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, body)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
