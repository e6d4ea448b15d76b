"""A file that says "I live", for a watchdog in another process."""

import os
from contextlib import suppress
from pathlib import Path

BEAT = "desk.beat"


class Heartbeat:
    """The heartbeat of one home folder. A desk that closes in good order takes it away, so one
    that is there and old is a desk that hangs or was killed."""

    def __init__(self, home: Path) -> None:
        self.path = home / BEAT

    def beat(self) -> None:
        """A disk that does not take it is another control's to tell of."""
        with suppress(OSError):
            self.path.touch(mode=0o600)
            os.utime(self.path)

    def stop(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def age_s(self, now_s: float) -> float | None:
        """By the machine's clock; None where no desk was opened, or it was closed."""
        try:
            return max(now_s - self.path.stat().st_mtime, 0)
        except FileNotFoundError:
            return None
