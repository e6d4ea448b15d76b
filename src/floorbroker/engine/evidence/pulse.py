"""Notices that this process stood still while the world went on.

A process can be stopped, swapped out or starved at any instant, and finds when it goes on what it
knew before: a book that is old, and requests that were decided on it. So before each batch, and
while nothing happens at intervals, the clock is looked at. After a gap longer than `max_s` the
desk asks how everything stands before a new order leaves (`link.doubt`), and one that was decided
before the gap and has not left is decided anew.
"""

from collections.abc import Callable

from floorbroker.clock import Clock


class Pulse:
    """Beats while the desk runs; tells `tell_gap_s` how long it missed."""

    def __init__(self, clock: Clock, max_s: float, tell_gap_s: Callable[[float], None]) -> None:
        #: When it last beat; None while the desk does not take orders yet.
        self.last_s: float | None = None
        self._clock = clock
        self._max_s = max_s
        self._tell_gap_s = tell_gap_s

    def begin(self) -> None:
        self.last_s = self._clock.monotonic()

    def beat(self) -> None:
        last_s = self.last_s
        if last_s is None:
            return
        self.last_s = self._clock.monotonic()
        if self.last_s - last_s > self._max_s:
            self._tell_gap_s(self.last_s - last_s)

    def has_missed(self, since_s: float | None) -> bool:
        """Whether so much time has passed since then that it must be decided anew."""
        return since_s is not None and self._clock.monotonic() - since_s > self._max_s

    async def run(self) -> None:
        while True:
            await self._clock.sleep(self._max_s / 2)
            self.beat()
