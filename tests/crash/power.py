"""A disk that can lose power: records what SQLite does to its files, and deals out the states
that a power cut could leave.

SQLite reaches its files through a table of C functions (a VFS). `Recorder` puts itself in front
of the usual one for as long as it is entered: writes, truncations, deletions and syncs go on a
list and through to the real files. A sync makes everything before it durable for its file; of what
was not synced, a cut keeps some, tears some and drops the rest, in any combination. A deleted file
may come back, until its folder is synced.
"""

import _sqlite3
import ctypes
import os
import stat
from collections.abc import Iterator, Mapping
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import pytest
from msgspec import Struct

IOERR_FSYNC = 10 | 4 << 8
SECTOR = 512
_FSYNC = os.fsync
#: A main database, a write-ahead log, or the rollback journal under which a new database is made.
_OPEN_KINDS = 0x00000100 | 0x00080000 | 0x00000800


class Write(Struct, frozen=True):
    """Bytes put at a place of a file; `parts` of them, a sector each, can be torn apart."""

    file: str
    offset: int
    content: bytes


class Truncate(Struct, frozen=True):
    file: str
    size: int


class Delete(Struct, frozen=True):
    file: str


class Sync(Struct, frozen=True):
    file: str


class SyncFolder(Struct, frozen=True):
    """Files that were deleted stay so."""


class Promise(Struct, frozen=True):
    """Here the program was told that everything up to this number is durable."""

    number: int


Step = Write | Truncate | Delete | Sync | SyncFolder | Promise

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("path_max", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app", c_void_p),
        ("open", _OPEN),
        ("delete", _DELETE),
        ("others", c_void_p * 14),
    )


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("others", c_void_p * 14),
    )


class Recorder:
    """Records what SQLite does to databases and logs while it is entered."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.sync_fails = False
        self._names: dict[int, str] = {}
        self._methods: dict[int, _Methods] = {}
        self._library = _library()
        self._usual = ctypes.cast(self._library.sqlite3_vfs_find(None), POINTER(_Vfs))
        self._ours = _Vfs.from_buffer_copy(self._usual.contents)
        self._ours.name = b"recorder"
        self._ours.open = self._open = _OPEN(self._on_open)
        self._ours.delete = self._delete = _DELETE(self._on_delete)
        self._write = _WRITE(self._on_write)
        self._truncate = _TRUNCATE(self._on_truncate)
        self._sync = _SYNC(self._on_sync)

    def promise(self, number: int) -> None:
        self.steps.append(Promise(number))

    def __enter__(self) -> Self:
        self._library.sqlite3_vfs_register(ctypes.byref(self._ours), 1)
        setattr(os, "fsync", self._on_folder_sync)  # noqa: B010  (Python's own, watched)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        setattr(os, "fsync", _FSYNC)  # noqa: B010  (as it was)
        self._library.sqlite3_vfs_unregister(ctypes.byref(self._ours))
        self._library.sqlite3_vfs_register(self._usual, 1)

    def _on_open(self, _vfs: Any, path: Any, file: Any, flags: int, given: Any) -> int:
        usual = self._usual.contents
        result = int(usual.open(ctypes.addressof(usual), path, file, flags, given))
        if result == 0 and flags & _OPEN_KINDS and path:
            name = ctypes.cast(path, c_char_p).value or b""
            self._names[file] = Path(name.decode()).name
            slot = ctypes.cast(file, POINTER(c_void_p))
            slot.contents.value = ctypes.addressof(self._recording(slot.contents.value or 0))
        return result

    def _recording(self, address: int) -> _Methods:
        """The file's own functions, the writing ones replaced by ours."""
        if address not in self._methods:
            usual = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(usual)
            ours.write, ours.truncate, ours.sync = self._write, self._truncate, self._sync
            self._methods[address] = ours
            self._usual_methods = usual  # one set serves databases and logs alike
        return self._methods[address]

    def _on_write(self, file: Any, content: Any, size: int, offset: int) -> int:
        self.steps.append(Write(self._names[file], offset, ctypes.string_at(content, size)))
        return int(self._usual_methods.write(file, content, size, offset))

    def _on_truncate(self, file: Any, size: int) -> int:
        self.steps.append(Truncate(self._names[file], size))
        return int(self._usual_methods.truncate(file, size))

    def _on_sync(self, file: Any, flags: int) -> int:
        self.steps.append(Sync(self._names[file]))
        if self.sync_fails:
            return IOERR_FSYNC
        return int(self._usual_methods.sync(file, flags))

    def _on_delete(self, _vfs: Any, path: bytes, sync_folder: int) -> int:
        self.steps.append(Delete(Path(path.decode()).name))
        if sync_folder:
            self.steps.append(SyncFolder())
        usual = self._usual.contents
        return int(usual.delete(ctypes.addressof(usual), path, sync_folder))

    def _on_folder_sync(self, descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self.steps.append(SyncFolder())
        _FSYNC(descriptor)


def _library() -> Any:
    """The SQLite that the interpreter itself uses."""
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        library.sqlite3_vfs_find.restype = c_void_p
    except AttributeError:
        pytest.skip("this interpreter hides SQLite's own functions, so its disk cannot be watched")
    return library


def promised(steps: list[Step]) -> int:
    """The last number that was promised within these steps."""
    return max((step.number for step in steps if isinstance(step, Promise)), default=0)


def after_a_cut(
    steps: list[Step], random: Random, before: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """One state in which a power cut after these steps can leave the files that were there."""
    files = {name: bytearray(content) for name, content in (before or {}).items()}
    waiting: dict[str, list[Step]] = {}
    for step in steps:
        _take(step, files, waiting)
    for queue in waiting.values():
        for step in queue:
            for part in _kept(step, random):
                _do(files, part)
    return {name: bytes(content) for name, content in files.items()}


def _take(step: Step, files: dict[str, bytearray], waiting: dict[str, list[Step]]) -> None:
    """Let a step wait for its sync; a sync carries out what waits for it."""
    if isinstance(step, SyncFolder):
        for queue in waiting.values():
            while any(isinstance(each, Delete) for each in queue):
                _do(files, queue.pop(0))
    elif isinstance(step, Sync):
        for done in waiting.pop(step.file, ()):
            _do(files, done)
        files.setdefault(step.file, bytearray())
    elif not isinstance(step, Promise):
        waiting.setdefault(step.file, []).append(step)


def _kept(step: Step, random: Random) -> Iterator[Step]:
    """What a cut leaves of a step that was never synced: 45 % all, 15 % some of it, 40 % none."""
    chance = random.random()
    if chance < 0.45:
        yield step
    elif chance < 0.6 and isinstance(step, Write):
        for start in range(0, len(step.content), SECTOR):
            if random.random() < 0.5:
                yield Write(step.file, step.offset + start, step.content[start : start + SECTOR])


def _do(files: dict[str, bytearray], step: Step) -> None:
    if isinstance(step, Delete):
        files.pop(step.file, None)
    elif isinstance(step, Truncate):
        content = files.setdefault(step.file, bytearray())
        del content[step.size :]
    elif isinstance(step, Write):
        content = files.setdefault(step.file, bytearray())
        end = step.offset + len(step.content)
        content.extend(bytes(max(end - len(content), 0)))
        content[step.offset : end] = step.content
