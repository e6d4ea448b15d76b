"""How many requests a minute an account may make, and the headers that tell."""

from floorbroker.clock import NS_PER_S, Clock

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
        now_s = self._now_ns() // NS_PER_S
        return [
            {
                "account": account,
                "limit": self._limit,
                "remaining": window.left,
                "resets_in_s": window.end_s - now_s,
            }
            for account, window in self._windows.items()
            if window.end_s > now_s
        ]

    def spend(self, account: str) -> tuple[bool, tuple[tuple[bytes, bytes], ...]]:
        """Whether one more request is allowed, and the headers that tell the state."""
        now_ns, window = self._now_ns(), self._windows.get(account)
        if window is None or now_ns >= window.end_ns:
            end_s = now_ns // NS_PER_S + 60
            window = self._windows[account] = _Window(self._limit, end_s)
        if left := window.left:
            window.left = left = left - 1
            remaining = b"x-ratelimit-remaining", b"%d" % left
            return True, (self._limit_header, remaining, window.reset_header)
        headers = self._limit_header, (b"x-ratelimit-remaining", b"0"), window.reset_header
        if not self._refuses:
            return True, headers
        return False, (*headers, (b"retry-after", b"%d" % (window.end_s - now_ns // NS_PER_S)))


class _Window:
    """An account's minute."""

    __slots__ = ("end_ns", "end_s", "left", "reset_header")

    def __init__(self, left: int, end_s: int) -> None:
        self.left = left  #: Requests.
        self.end_s, self.end_ns = end_s, end_s * NS_PER_S
        self.reset_header = (b"x-ratelimit-reset", b"%d" % end_s)
