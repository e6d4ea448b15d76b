"""One owner of an order stream on this machine: a lock that the kernel lets go of with its holder.

Alpaca gives an account one order stream; a second desk would be refused it, or take it from the
first, which takes it back. The lock's file names the holder, so that the second hears at once whom
to ask. A holder that is only stopped keeps the lock: when it wakes it is still the owner.
"""

import json
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Self

from floorbroker.domain.errors import ConfigError, StreamTaken

try:
    import fcntl
except ImportError:  # pragma: no cover  (not on this platform: the broker alone refuses a second)
    CAN_OWN = False
else:
    CAN_OWN = True


class StreamOwner:
    """Holds the order stream of one key at one address until it is released, or dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path, *, url: str, command: str, started: datetime) -> Self:
        """Raises StreamTaken at once, naming the holder; ConfigError if there can be no file."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
        except OSError as problem:
            raise ConfigError(
                f"{path.parent}: {problem.strerror}; desks say there who owns an order stream: "
                "make it writable, or name another folder in FLOORBROKER_RUN"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StreamTaken(_refusal(path, url)) from None
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": started.isoformat(timespec="seconds"),
            "command": command,
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode() + b"\n", 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let go. Idempotent."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def _refusal(path: Path, url: str) -> str:
    try:
        holder = json.loads(path.read_bytes())
        pid = holder["pid"]
        who = f"process {pid} on {holder['host']} ({holder['command']}), since {holder['since']}"
        remedy = f"stop that process first (kill {pid})"
    except (OSError, ValueError, KeyError, TypeError):
        who, remedy = "another process, which has not said who it is", "stop it first"
    return (
        f"the order stream {url} of this key is followed by {who}; {remedy}, or give this desk a "
        "key of another account. An account has one order stream, and two desks would take it "
        "from each other"
    )
