"""How many requests a minute an account may make, and the headers that tell."""

from floorbroker.clock import Clock

#: What the headers tell where nothing is limited: so many that nobody has to wait.
UNLIMITED = 1_000_000


class RateLimit:
    """Requests a minute for each account, in windows that begin with the first request.

    With a limit of 0 every request is allowed, and counted for the headers alone.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit or UNLIMITED
        self._refuses = limit > 0
        self._now_ns = clock.now_ns
        self._windows: dict[str, _Window] = {}
        self._limit_header = (b"x-ratelimit-limit", b"%d" % self._limit)

    def windows(self) -> list[dict[str, str | int]]:
        """Each account's present window; an account that has none has all of its requests."""
        now_s = self._now_ns() // 1_000_000_000
        return [
            {
                "account": account,
                "limit": self._limit,
                "remaining": self._limit - window.spent,
                "resets_in_s": window.end_s - now_s,
            }
            for account, window in self._windows.items()
            if window.end_s > now_s
        ]

    def spend(self, account: str) -> tuple[bool, tuple[tuple[bytes, bytes], ...]]:
        """Whether one more request is allowed, and the headers that tell the state."""
        now_s = self._now_ns() // 1_000_000_000
        window = self._windows.get(account)
        if window is None or now_s >= window.end_s:
            window = self._windows[account] = _Window(now_s + 60)
        left = self._limit - window.spent
        is_allowed = left > 0 or not self._refuses
        if left > 0:
            window.spent += 1
            left -= 1
        remaining = b"x-ratelimit-remaining", f"{left}".encode()
        headers = (self._limit_header, remaining, window.reset_header)
        if is_allowed:
            return True, headers
        return False, (*headers, (b"retry-after", b"%d" % (window.end_s - now_s)))


class _Window:
    """An account's minute."""

    __slots__ = ("end_s", "reset_header", "spent")

    def __init__(self, end_s: int) -> None:
        self.end_s = end_s
        self.spent = 0
        self.reset_header = (b"x-ratelimit-reset", b"%d" % end_s)
