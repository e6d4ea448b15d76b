"""The SQLite file under a journal: opening it safely, and saying in words what went wrong."""

import os
import sqlite3
from pathlib import Path

from msgspec.structs import astuple

from floorbroker.domain.errors import ConfigError, JournalDamaged, JournalError, JournalLocked
from floorbroker.journal.codec import Cover, seal_cover
from floorbroker.journal.queries import named, script

#: "flbr": stands at a fixed place in the file and says that it is ours.
APPLICATION_ID = 0x666C6272
LAYOUT = 1
SQL = named("sqlite_queries.sql")

#: What SQLite raises; where the damaged file spoils even its complaint, that does not decode.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)

_FULL_SYNC = 2
_ANOTHER_HOME = "or set FLOORBROKER_HOME to another"
_BUSY_S = 1.0  # within this, whoever holds the file (a backup, a shell) must let go


class MemoryDisk:
    """A disk of memory, for simulations: what was appended stays when a journal is closed or its
    process "crashes", as long as the caller keeps the disk.

    `crash` is what `kill -9` does to a process: its lock is gone, what it had not committed never
    happened, and whatever still holds the old journal can write no more.
    """

    def __init__(self, name: str = ":memory:") -> None:
        self.name = name
        self.connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._lock: MemoryLock | None = None

    def __str__(self) -> str:
        return self.name

    def take_lock(self, holder: str) -> "MemoryLock":
        """Raises JournalLocked while another journal is open for writing on this disk."""
        if self._lock is not None and not self._lock.is_lost:
            raise JournalLocked(
                f"journal {self} is being written by {self._lock.holder}; close that journal first"
            )
        self._lock = MemoryLock(holder)
        return self._lock

    def crash(self) -> None:
        """The writer is gone, at once and without a word."""
        if self._lock is not None:
            self._lock.release()
        if self.connection.in_transaction:
            self.connection.rollback()

    def fill(self) -> None:
        """From now on the disk is full."""
        pages = self.connection.execute("PRAGMA page_count").fetchone()[0]
        self.connection.execute(f"PRAGMA max_page_count = {pages}")

    def free(self) -> None:
        """There is space again."""
        self.connection.execute("PRAGMA max_page_count = 1073741823")

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()


class MemoryLock:
    """The writer's lock on a MemoryDisk."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        self.is_lost = False

    def release(self) -> None:
        self.is_lost = True


def prepare_folder(path: Path) -> None:
    """Make the journal's folder, readable by its owner only; raises ConfigError naming it, because
    where a journal lies is a setting."""
    folder = path.parent
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(place.parent)
    except OSError as problem:
        raise ConfigError(
            f"cannot make the journal's folder {problem.filename or folder}: {problem.strerror};"
            f" make it yourself, writable for the user who runs the desk, {_ANOTHER_HOME}"
        ) from problem
    if not folder.is_dir():
        raise ConfigError(
            f"the journal's folder {folder} is not a folder; move that file, {_ANOTHER_HOME}"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"the journal's folder {folder} must be writable for the user who runs the desk;"
            f" change its owner or mode, {_ANOTHER_HOME}"
        )


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection that commits durably, to a file that is ours or new and now is; the caller
    holds the writer's lock. Raises JournalError and JournalDamaged."""
    try:
        is_new = _create_file(path)
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
    except (OSError, *SQLITE_ERRORS) as problem:
        raise explain(problem, path, "open it for writing") from problem
    try:
        if not is_new:
            is_new = _is_empty(connection)
        if not is_new:
            check_ours(connection, path)
        make_durable(connection, path)
        # A new file is made under a rollback journal, which SQLite deletes and leaves it at that:
        # if a power cut brought it back, it would undo the file and all that was written since.
        _sync_folder(path.parent)
    except (OSError, *SQLITE_ERRORS) as problem:
        connection.close()
        raise explain(problem, path, "open it for writing") from problem
    except JournalError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> tuple[sqlite3.Connection, bool]:
    """A connection that cannot write and makes no files, and whether it takes the file for
    unchanging: so it does while no writer has a write-ahead log beside it. Any thread may use it,
    one at a time: exports are pulled from a thread of the table library.

    Raises JournalError for a missing or unreadable file, JournalDamaged for a foreign one.
    """
    try:
        path.stat()
        is_idle = not log_of(path).exists()
    except (FileNotFoundError, NotADirectoryError):
        raise JournalError(
            f"there is no journal at {path}; check the path, or FLOORBROKER_JOURNAL"
        ) from None
    except OSError as problem:
        raise explain(problem, path, "open it for reading") from problem
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_idle else ''}"
    try:
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
        )
    except SQLITE_ERRORS as problem:
        raise explain(problem, path, "open it for reading") from problem
    try:
        check_ours(connection, path)
    except SQLITE_ERRORS as problem:
        connection.close()
        raise explain(problem, path, "open it for reading") from problem
    except JournalError:
        connection.close()
        raise
    return connection, is_idle


def log_of(path: Path) -> Path:
    """Where SQLite keeps the write-ahead log of a file that is in use."""
    return path.with_name(path.name + "-wal")


def create_layout(connection: sqlite3.Connection, cover: Cover) -> None:
    """Make an empty database a journal, whole or not at all."""
    connection.executescript(f"{SQL['begin']};\n{script('sqlite_schema.sql')}")
    connection.execute(SQL["insert_cover"], (*astuple(cover), seal_cover(cover)))
    connection.execute(SQL["commit"])


def has_layout(connection: sqlite3.Connection) -> bool:
    return _pragma(connection, "application_id") == APPLICATION_ID


def check_ours(connection: sqlite3.Connection, path: Path | MemoryDisk) -> None:
    """Raises JournalDamaged unless the file is a journal in a layout that we know."""
    found = _pragma(connection, "application_id")
    if found != APPLICATION_ID:
        raise JournalDamaged(
            f"{path} is a SQLite file, but not a floorbroker journal: its application id is"
            f" {found}, a journal's is {APPLICATION_ID}; nothing was changed"
        )
    layout = _pragma(connection, "user_version")
    if layout != LAYOUT:
        raise JournalDamaged(
            f"{path} is a journal in layout {layout}, this version of floorbroker reads layout"
            f" {LAYOUT}; use the version that wrote it"
        )


def make_durable(connection: sqlite3.Connection, path: Path) -> None:
    """Write-ahead log, synchronous=FULL, checked: anything less loses acknowledged records at a
    power cut, so there is no setting for it. Raises JournalError where the file system refuses."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise JournalError(
            f"{path}: SQLite cannot keep a write-ahead log here (journal mode stays {mode!r});"
            " the journal needs a local disk, not a network share"
        )
    for pragma in (
        "synchronous = FULL",
        "fullfsync = ON",  # macOS: fsync alone leaves the data in the drive's cache
        "checkpoint_fullfsync = ON",
        "cell_size_check = ON",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    level = _pragma(connection, "synchronous")
    if level != _FULL_SYNC:
        raise JournalError(
            f"{path}: this SQLite ignores synchronous=FULL (it says {level}); a journal that may"
            " lose what it acknowledged is refused"
        )


def explain(problem: Exception, path: object, doing: str) -> JournalError:
    """A JournalError in words: the path, what failed, what was kept safe and what to do."""
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    hint = _HINTS.get(code)
    if isinstance(problem, OSError):
        hint = f"{problem.strerror}; the desk's user must own the file and its folder"
    text = f"journal {path}: cannot {doing}: {problem}"
    if hint is not None:
        text = f"{text}; {hint}"
    if code in _DAMAGED or isinstance(problem, UnicodeDecodeError):
        return JournalDamaged(text)
    return JournalError(text)


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DURABLE = "everything acknowledged before is durable"
_HINTS = {
    sqlite3.SQLITE_FULL: f"the disk is full: free some space and start again; {_DURABLE}",
    sqlite3.SQLITE_READONLY: "the file or its disk is read-only: check its mode, its owner and how"
    " the disk is mounted",
    sqlite3.SQLITE_CANTOPEN: "check that the file and its folder exist and belong to the desk's"
    " user",
    sqlite3.SQLITE_PERM: "the desk's user may not open it: check mode and owner",
    sqlite3.SQLITE_IOERR: "the disk refused: whether this batch is on it is unknown, and trying"
    " again would prove nothing. Check the disk, then start again: recovery finds out",
    sqlite3.SQLITE_BUSY: "another program has it locked, a backup or a SQLite shell: close that"
    " and start again",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: keep a copy of it and of its -wal file, run"
    " `floorbroker journal verify`, restore the last backup and reconcile",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file, so no journal; nothing was changed",
}


def _create_file(path: Path) -> bool:
    """Make the file, readable by its owner only; False if it is there."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    _sync_folder(path.parent)
    return True


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_empty(connection: sqlite3.Connection) -> bool:
    """A file whose making was cut short: nothing is in it, and nobody has signed it."""
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    signed = _pragma(connection, "application_id") or _pragma(connection, "user_version")
    return not tables and not signed


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
