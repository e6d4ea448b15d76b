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
        self._windows: dict[str, list[int]] = {}  # account -> [end of window in s, spent]
        self._limit_header = (b"x-ratelimit-limit", b"%d" % self._limit)
        self._reset_header = (b"x-ratelimit-reset", b"")
        self._reset_s = 0  # that the header tells: requests in a row mostly share it

    def windows(self) -> list[dict[str, str | int]]:
        """Each account's present window; an account that has none has all of its requests."""
        now_s = self._now_ns() // 1_000_000_000
        return [
            {
                "account": account,
                "limit": self._limit,
                "remaining": self._limit - spent,
                "resets_in_s": end_s - now_s,
            }
            for account, (end_s, spent) in self._windows.items()
            if end_s > now_s
        ]

    def spend(self, account: str) -> tuple[bool, tuple[tuple[bytes, bytes], ...]]:
        """Whether one more request is allowed, and the headers that tell the state."""
        now_s = self._now_ns() // 1_000_000_000
        window = self._windows.get(account)
        if window is None or now_s >= window[0]:
            window = self._windows[account] = [now_s + 60, 0]
        end_s, spent = window
        has_left = spent < self._limit
        if has_left:
            window[1] = spent = spent + 1
        if end_s != self._reset_s:
            self._reset_s, self._reset_header = end_s, (b"x-ratelimit-reset", b"%d" % end_s)
        remaining = (b"x-ratelimit-remaining", b"%d" % (self._limit - spent))
        headers = (self._limit_header, remaining, self._reset_header)
        if has_left or not self._refuses:
            return True, headers
        return False, (*headers, (b"retry-after", b"%d" % (end_s - now_s)))
