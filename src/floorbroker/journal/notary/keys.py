"""The key that signs anchors: a file that is its owner's alone, made at first use."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from floorbroker.domain.errors import ConfigError

_KEY = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def key_of(text: str, origin: object) -> bytes:
    """The key from its 64 hexadecimal digits; raises ConfigError naming where they stand."""
    if not _KEY.fullmatch(text.strip()):
        raise ConfigError(f"{origin}: a key for anchors is 64 hexadecimal digits")
    return bytes.fromhex(text.strip())


def read_key(path: Path) -> bytes | None:
    """The key in this file, None if there is no such file. Raises ConfigError if it is no key, or
    if others may read it: whoever has it can make anchors."""
    try:
        text, mode = path.read_text("ascii"), path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise ConfigError(f"the key {path} cannot be read: {problem.strerror}") from None
    except ValueError:
        text, mode = "", 0
    if mode & 0o077:
        raise ConfigError(f"others may read the key {path}; make it yours alone: chmod 600 {path}")
    return key_of(text, path)


def make_key(path: Path) -> bytes:
    """The key in this file; if there is none, a new one is made and is on the disk on return."""
    found = read_key(path)
    if found is not None:
        return found
    key = secrets.token_bytes(32)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, key.hex().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with suppress(FileExistsError):  # another desk was faster: its key is the key
            os.link(part, path)
        os.unlink(part)
        sync_folder(path.parent)
    except OSError as problem:
        raise ConfigError(f"the key {path} cannot be made: {problem.strerror}") from None
    found = read_key(path)
    assert found is not None, f"{path} was removed at once"
    return found


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
