"""One writer at a time: an exclusive lock that the kernel lets go of when its holder dies."""

import fcntl
import json
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Self

from floorbroker.domain.errors import JournalError, JournalLocked

_TRIES = 5


class WriterLock:
    """Holds `<journal>.lock` for as long as it lives.

    The file stays when the lock is let go of: removing it would let two writers each lock a file
    of that name. It says who holds the lock; the lock itself is the kernel's and dies with the
    process, however it dies.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, journal: Path, *, command: str, started: datetime) -> Self:
        """Take the lock or raise JournalLocked at once, naming the holder; JournalError if the
        lock file cannot be opened."""
        path = journal.with_name(journal.name + ".lock")
        descriptor = _locked_descriptor(path, journal)
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": started.isoformat(),
            "command": command,
            "journal": str(journal),
        }
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode() + b"\n", 0)
        except OSError:
            # Who we are is a courtesy to the second writer; the lock is held without it, and a
            # full disk is reported by whoever needs the space.
            return cls(descriptor)
        return cls(descriptor)

    @property
    def is_lost(self) -> bool:
        """Whether the lock slipped away; a kernel's lock never does."""
        return False

    def release(self) -> None:
        """Let go. Idempotent."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def holder_of(journal: Path) -> str | None:
    """Who writes the journal now, in words; None where nobody does."""
    path = journal.with_name(journal.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _holder(path)[0]
    finally:
        os.close(descriptor)
    return None


def _locked_descriptor(path: Path, journal: Path) -> int:
    """An open, locked descriptor of the file that bears the name now."""
    for _ in range(_TRIES):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise JournalError(
                f"cannot open the lock file {path}: {problem.strerror}; the journal's folder must"
                " be writable for the user who runs the desk"
            ) from problem
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise JournalLocked(_refusal(path, journal)) from None
        except OSError as problem:
            os.close(descriptor)
            raise JournalError(
                f"{path} cannot be locked: {problem.strerror}; keep the journal on a local disk"
            ) from problem
        if _bears_name(descriptor, path):
            return descriptor
        os.close(descriptor)  # somebody removed the file in between: lock its successor
    raise JournalError(
        f"{path} is removed again and again; something tidies up the journal's lock"
    )


def _bears_name(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> tuple[str, str]:
    """Who holds the lock, and what to do about it."""
    try:
        holder = json.loads(path.read_bytes())
        who = (
            f"process {holder['pid']} on {holder['host']} ({holder['command']}), since"
            f" {holder['since']}"
        )
        return who, f"stop that process first (kill {holder['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process, which has not said who it is", "stop it first"


def _refusal(path: Path, journal: Path) -> str:
    who, remedy = _holder(path)
    return (
        f"journal {journal} is being written by {who}; {remedy}, or give this desk a journal of"
        " its own. The lock goes when its holder ends, so the lock file never needs removing"
    )
