"""How often somebody may ask who asks on and on, where others ask of the same budget."""

import math

from floorbroker.brokers.pace.budget import Left

#: What others ask is judged by no shorter time than this.
_JUDGED_S = 5.0
#: Whatever others seem to need, this part of an even share is taken.
_LEAST = 0.25


class Spread:
    """Spreads what is left of a budget over what is left of its window, less what others are
    likely to ask until then: they are expected to go on as they did in this window, or else in
    the one before. It serves one asker."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._others = 0.0  #: Requests a second of theirs.
        self._ends_at = -math.inf
        self._began = (0.0, 0)  #: When this window was first looked at, and what was left then.
        self._own = 0  #: Ours since.

    def pace_s(self, left: Left, kept: int, count: int, now: float) -> float:
        """Seconds from one round of so many requests to the next; `kept` are not for this asker.
        He made such a round just before."""
        span_s = left.reset_in_s
        if span_s is None:
            return count * self._window_s / max(left.limit - kept, 1)
        self._judge(left, span_s, count, now)
        free = left.remaining - kept
        if free <= 0:
            return span_s
        even = free / span_s
        return min(count / max(even - self._others, even * _LEAST), span_s)

    def _judge(self, left: Left, span_s: float, count: int, now: float) -> None:
        if now + span_s > self._ends_at + 1:
            self._ends_at, self._began, self._own = now + span_s, (now, left.remaining), 0
            return
        self._own += count
        began, remaining = self._began
        if now - began >= _JUDGED_S:
            theirs = remaining - left.remaining - self._own
            self._others = max(theirs, 0) / (now - began)
