"""What the broker lets an account ask in a window of time, less what was asked since.

Every request is taken off as it leaves. So within a window an answer can only tell of less than
we think: then others asked, too. Of a window that an answer is the first to tell of, the requests
that have left and are not answered may or may not be counted in; they are taken off, because
asking one time too few is cheaper. (Taken off with every answer, they would eat what is kept for
cancels.)

As long as no answer has said what the limit is, only a few requests are on their way at a time:
all processes of a machine that starts would otherwise ask at once. Cancels do not wait for that.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from floorbroker.clock import Clock

#: So many requests may be on their way before the first answer.
FIRST_MAX = 20
#: The limit of a broker that does not say what it is.
UNTOLD = -1
#: Without a limit no window ends: an answer to somebody else opens the way.
LOOK_AGAIN_S = 0.1


class Told(NamedTuple):
    """What an answer's headers say: the limit, what is left of it, and when it begins anew."""

    limit: int
    remaining: int
    reset_s: float  #: A date by the broker's clock; it names the window.


class Left(NamedTuple):
    """What is left of a window; `reset_in_s` is None once it is over."""

    limit: int
    remaining: int
    reset_in_s: float | None


class Budget(Protocol):
    """Tokens for requests. `share` is the part of the limit that must be left to others."""

    def take(self, share: float) -> bool:
        """Take a token for a request that leaves now, or say no."""
        ...

    def give_back(self) -> None:
        """The request did not leave."""
        ...

    def done(self, told: Told | None) -> None:
        """The request has ended; `told` is what its answer said, if it said so."""
        ...

    def wait_s(self, share: float) -> float:
        """Seconds until time alone brings a token; 0 where there is one."""
        ...

    def left(self) -> Left | None:
        """What is left now; None as long as no limit is known."""
        ...

    def penalise(self, wait_s: float) -> None:
        """The broker said "too many": let those who share this budget wait, too."""
        ...

    def penalty_s(self) -> float:
        """For how long one of those who share this budget said to wait."""
        ...

    def close(self) -> None: ...


class Window:
    """One window of a budget; times are seconds of one clock. A limit of 0 is not known yet, and
    UNTOLD is not told by this broker."""

    __slots__ = ("ends_at", "is_assumed", "limit", "remaining", "reset_s")

    def __init__(
        self, limit: int = 0, remaining: int = 0, reset_s: float = 0.0, ends_at: float = 0.0
    ) -> None:
        self.limit = limit
        self.remaining = remaining
        self.reset_s = reset_s  #: The broker's date: names the window.
        self.ends_at = ends_at
        self.is_assumed = False  #: We began it, and no answer has told of it yet.

    def allows(self, share: float, now: float, in_flight: int) -> bool:
        if self.limit <= 0:
            return self.limit == UNTOLD or in_flight < FIRST_MAX or not share
        left = self.limit - in_flight if now >= self.ends_at else self.remaining
        return left > math.floor(self.limit * share)

    def spend(self, now: float, in_flight: int, window_s: float) -> None:
        """One more leaves, while so many are on their way."""
        if now >= self.ends_at:  # a new window, of which nobody has told us yet
            self.remaining = self.limit - in_flight
            self.ends_at = now + window_s
            self.is_assumed = True
        self.remaining -= 1

    def left(self, now: float, in_flight: int) -> Left | None:
        if self.limit <= 0:
            return None
        if now >= self.ends_at:
            return Left(self.limit, self.limit - in_flight, None)
        return Left(self.limit, self.remaining, self.ends_at - now)

    def wait_s(self, now: float) -> float:
        """How long who may not ask now waits, if no answer comes before."""
        return max(self.ends_at - now, 0.0) if self.limit else LOOK_AGAIN_S

    def answered(self) -> None:
        """A request has ended whose answer told of no limit."""
        self.limit = self.limit or UNTOLD

    def learn(self, told: Told, in_flight: int, ends_at: float) -> None:
        """Answers overtake each other: within one window the lowest figure is the latest."""
        if told.reset_s < self.reset_s:
            return
        is_same = told.reset_s == self.reset_s and not self.is_assumed
        if is_same and told.limit == self.limit:
            self.remaining = min(self.remaining, told.remaining)
            return
        if self.is_assumed and told.limit == self.limit:
            if told.reset_s == self.reset_s:
                return  # of the window before
            self.remaining = min(self.remaining, told.remaining)
        else:
            self.remaining = told.remaining - in_flight
        self.limit, self.is_assumed = told.limit, False
        self.reset_s, self.ends_at = told.reset_s, ends_at


class OwnBudget:
    """A budget that this process has to itself."""

    def __init__(self, clock: Clock, window_s: float) -> None:
        self._clock = clock
        self._window_s = window_s
        self._window = Window()
        self._in_flight = 0

    def take(self, share: float) -> bool:
        window, now = self._window, self._clock.monotonic()
        if not window.allows(share, now, self._in_flight):
            return False
        if window.limit > 0:
            window.spend(now, self._in_flight, self._window_s)
        self._in_flight += 1
        return True

    def give_back(self) -> None:
        self._in_flight -= 1
        self._window.remaining += 1

    def done(self, told: Told | None) -> None:
        self._in_flight -= 1
        if told is None:
            self._window.answered()
        else:
            left_s = seconds_left(told, self._clock.now_ns() / 1e9, self._window_s)
            self._window.learn(told, self._in_flight, self._clock.monotonic() + left_s)

    def wait_s(self, share: float) -> float:
        window = self._window
        now = self._clock.monotonic()
        if window.allows(share, now, self._in_flight):
            return 0.0
        return window.wait_s(now)

    def left(self) -> Left | None:
        return self._window.left(self._clock.monotonic(), self._in_flight)

    def penalise(self, wait_s: float) -> None:
        """Nobody shares it."""

    def penalty_s(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is held."""


def seconds_left(told: Told, now_s: float, window_s: float) -> float:
    """How long the window goes on. The reset is a date by the broker's clock: where it makes no
    sense by ours, or the clocks differ, a whole window is assumed."""
    left_s = told.reset_s - now_s
    if not 0 < left_s <= window_s:
        return window_s if left_s > 0 else 1.0
    return left_s


def told_by(headers: Mapping[str, str]) -> Told | None:
    """What the headers (lower-case names) say; None where they are absent or no numbers."""
    if "x-ratelimit-limit" not in headers:
        return None
    try:
        limit, remaining = (
            int(headers["x-ratelimit-limit"]),
            int(headers["x-ratelimit-remaining"]),
        )
        reset_s = float(headers["x-ratelimit-reset"])
    except (KeyError, ValueError):
        return None
    return Told(limit, remaining, reset_s) if limit > 0 and math.isfinite(reset_s) else None
