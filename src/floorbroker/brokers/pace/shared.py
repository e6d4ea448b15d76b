"""One budget for all processes of this machine that use one key: a small file, locked for moments.

Theory of operation
-------------------
The file is one record: the window (limit, what remains, when it ends), until when a 429 makes
everybody wait, and for each process how many of its requests are on their way. Whoever sends a
request takes its token under an exclusive lock of the file, which is held for some microseconds;
whoever has an answer writes what it tells. So a cancel finds the tokens that are kept for cancels,
however much another process asks.

Nothing of it needs to be mended after a death. The kernel lets go of a dead process's lock. A
record that was half written has a wrong checksum and counts as nothing known. What a dead process
had on its way is forgotten a minute after it last wrote, longer than any request lives. A window
that is over is over for everybody, whoever wrote it.

A process that is stopped while it holds the lock would stop the others, so nobody waits for the
lock: after some tries a request goes by what was last read, and its token is taken off later.

Times in the file are the machine's date, which all processes share. Where it is set back, a window
that would last longer than windows do is over.
"""

import hashlib
import os
import struct
import zlib
from pathlib import Path

from floorbroker.brokers.pace.budget import Left, Told, Window, seconds_left
from floorbroker.clock import Clock
from floorbroker.domain.errors import ConfigError

try:
    import fcntl
except ImportError:  # pragma: no cover  (not on this platform: budgets stay the processes' own)
    CAN_SHARE = False
else:
    CAN_SHARE = True

_MAGIC = b"FBB1"
_SLOTS = 16
#: The window, the penalty's end, then for each process who it is, what it has on its way, and when
#: it last wrote; the checksum of all that stands behind it.
_RECORD = struct.Struct("<4sqq?ddd" + "IId" * _SLOTS)
_SUM = struct.Struct("<I")
_SIZE = _RECORD.size + _SUM.size
_EMPTY: tuple[int | float, ...] = (0, 0, 0.0) * _SLOTS
#: A process that has not written for so long has nothing on its way any more.
_FORGET_S = 60.0
_PENALTY_MAX_S = 3600.0
#: Dates are floats here.
_ROUNDED_S = 1e-3
#: Some milliseconds: whoever holds the lock and was only interrupted goes on within them. Once
#: that was not enough, fewer are made, until the lock is there again.
_TRIES, _TRIES_WHEN_STUCK = 3000, 100


def file_of(folder: Path, url: str, key_id: str, kind: str) -> Path:
    """Where what concerns this key at this address is kept; the name does not tell the key."""
    digest = hashlib.sha256(f"{url}\n{key_id}".encode()).hexdigest()
    return folder / f"{digest[:32]}.{kind}"


class SharedBudget:
    """See `Budget`, and above."""

    def __init__(self, path: Path, clock: Clock, window_s: float = 60.0) -> None:
        """Raises ConfigError where the file cannot be made."""
        self._path = path
        self._clock = clock
        self._window_s = window_s
        self._window = Window()
        self._penalty_until = 0.0
        self._slots: list[int | float] = list(_EMPTY)
        self._who = int.from_bytes(os.urandom(4), "little") | 1
        self._place = 0
        self._in_flight = 0
        self._debt = 0  # tokens taken while the file could not be locked
        self._raw = b""
        self._is_stuck = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _opened(path)
        except OSError as problem:
            raise ConfigError(
                f"{path.parent}: {problem.strerror}; desks share their request budget there: make "
                "it writable, or name another folder in FLOORBROKER_RUN"
            ) from None

    def take(self, share: float) -> bool:
        if self._now() >= self._window.ends_at:
            self._mind_removal()
        is_locked = self._lock()
        try:
            now, window = self._read(), self._window
            in_flight = self._all_in_flight(now) if now >= window.ends_at else 0
            is_allowed = window.allows(share, now, in_flight)
            if is_allowed:
                self._in_flight += 1
                if window.limit > 0:
                    window.spend(now, in_flight, self._window_s)
                    self._debt += not is_locked
            if is_locked and (is_allowed or self._debt):
                self._write(now)
            return is_allowed
        finally:
            self._unlock(is_locked)

    def give_back(self) -> None:
        self._ended(None, tokens=1)

    def done(self, told: Told | None) -> None:
        self._ended(told, tokens=0)

    def wait_s(self, share: float) -> float:
        now, window = self._read(), self._window
        if window.allows(share, now, self._all_in_flight(now)):
            return 0.0
        return window.wait_s(now)

    def left(self) -> Left | None:
        now = self._read()
        return self._window.left(now, self._all_in_flight(now))

    def penalise(self, wait_s: float) -> None:
        is_locked = self._lock()
        try:
            now = self._read()
            self._penalty_until = max(self._penalty_until, now + min(wait_s, _PENALTY_MAX_S))
            if is_locked:
                self._write(now)
        finally:
            self._unlock(is_locked)

    def penalty_s(self) -> float:
        now = self._read()
        left_s = self._penalty_until - now
        return left_s if 0 < left_s <= _PENALTY_MAX_S else 0.0

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _ended(self, told: Told | None, tokens: int) -> None:
        is_locked = self._lock()
        try:
            now = self._read()
            self._in_flight -= 1
            self._window.remaining += tokens
            if not is_locked:
                self._debt -= tokens
                return
            self._note(now)
            if told is None:
                self._window.answered()
            else:
                ends_at = now + seconds_left(told, now, self._window_s)
                self._window.learn(told, self._all_in_flight(now), ends_at)
            self._write(now)
        finally:
            self._unlock(is_locked)

    # The record

    def _read(self) -> float:
        """What the file says; what it cannot say is not known. The time is read after it: nobody
        who wrote it wrote later, unless a clock was set back since."""
        try:
            raw = os.pread(self._file, _SIZE, 0)
        except OSError:
            return self._now()
        if raw != self._raw or self._debt:
            self._raw = raw
            self._parse(raw)
        window, now = self._window, self._now()
        window.remaining -= self._debt
        if window.ends_at - now > self._window_s + _ROUNDED_S:
            window.ends_at, window.reset_s = 0.0, 0.0
        return now

    def _now(self) -> float:
        return self._clock.now_ns() / 1e9

    def _parse(self, raw: bytes) -> None:
        is_whole = len(raw) == _SIZE and _SUM.unpack_from(raw, _RECORD.size)[0] == zlib.crc32(
            raw[: _RECORD.size]
        )
        if not is_whole or not raw.startswith(_MAGIC):
            self._window, self._penalty_until, self._slots = Window(), 0.0, list(_EMPTY)
            return
        _, limit, remaining, is_assumed, reset_s, ends_at, penalty, *slots = _RECORD.unpack_from(
            raw
        )
        self._window = Window(limit, remaining, reset_s, ends_at)
        self._window.is_assumed = is_assumed
        self._penalty_until = penalty
        self._slots = slots

    def _write(self, now: float) -> None:
        self._note(now)
        window = self._window
        body = _RECORD.pack(
            _MAGIC,
            window.limit,
            window.remaining,
            window.is_assumed,
            window.reset_s,
            window.ends_at,
            self._penalty_until,
            *self._slots,
        )
        raw = body + _SUM.pack(zlib.crc32(body))
        try:
            os.pwrite(self._file, raw, 0)
        except OSError:
            return
        self._raw, self._debt = raw, 0

    def _note(self, now: float) -> None:
        """Put down what we have on our way."""
        slots = self._slots
        if slots[self._place] != self._who and not self._found_place(now):
            return  # more processes than anybody has; ours is counted by us alone
        slots[self._place + 1] = self._in_flight
        slots[self._place + 2] = now

    def _found_place(self, now: float) -> bool:
        """Whether there is room for us in the record."""
        slots = self._slots
        for at in range(0, 3 * _SLOTS, 3):
            if self._is_free(at, now):
                slots[at], self._place = self._who, at
                return True
        return False

    def _is_free(self, at: int, now: float) -> bool:
        return not self._slots[at + 1] or not 0 <= now - self._slots[at + 2] < _FORGET_S

    def _all_in_flight(self, now: float) -> int:
        """What all processes have on their way."""
        total, slots = self._in_flight, self._slots
        if not any(slots[1::3]):
            return total
        for at in range(0, 3 * _SLOTS, 3):
            if slots[at + 1] and slots[at] != self._who and not self._is_free(at, now):
                total += int(slots[at + 1])
        return total

    # The file

    def _mind_removal(self) -> None:
        """Somebody may have tidied up: who comes after us would make another file."""
        try:
            if os.fstat(self._file).st_nlink == 0:
                gone, self._file = self._file, _opened(self._path)
                os.close(gone)
        except OSError:
            return

    def _lock(self) -> bool:
        """Whether we have it; nobody waits for somebody who may be stopped."""
        if self._file < 0:
            return False
        for _ in range(_TRIES_WHEN_STUCK if self._is_stuck else _TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.sched_yield()
            except OSError:
                return False
            else:
                self._is_stuck = False
                return True
        self._is_stuck = True
        return False

    def _unlock(self, is_locked: bool) -> None:  # noqa: FBT001  (what `_lock` said)
        if is_locked:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
