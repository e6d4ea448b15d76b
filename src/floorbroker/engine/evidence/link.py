"""The order stream's link: what it brings, where it has gaps, and when they are filled."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import chain, repeat

from floorbroker.brokers.port import StreamItem, StreamState
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.messages import Alarm
from floorbroker.engine.decide import Record
from floorbroker.engine.settings import Means
from floorbroker.engine.state import State

#: One alarm is enough for a stream that is deaf again and again.
_ALARM_EVERY_S = 300.0


class Link:
    """Follows the stream. `is_whole` says that nothing can have been missed: it is connected, and
    what happened while it was not has been asked for. After a `doubt` it is asked for again, on
    the same connection."""

    def __init__(
        self,
        means: Means,
        state: State,
        *,
        deliver: Callable[[StreamItem | Record], None],
        on_change: Callable[[], None],
    ) -> None:
        self.is_whole = False
        self.whole = asyncio.Event()
        self._stream = means.broker.stream
        self._clock = means.clock
        self._deaf = 0
        self._alarmed_s = -math.inf
        self._state = state
        self._overlap = timedelta(seconds=means.settings.overlap_s)
        self._deliver = deliver
        self._on_change = on_change
        self._whole_until = state.safe_time
        self._means = means
        self._is_ready = False
        self._doubted = asyncio.Event()
        self._doubts = self._settled = 0

    def since(self) -> datetime | None:
        """From when on the broker must be asked for what may have been missed, on its own clock.

        None before the first comparison: what was earlier is taken over, not replayed.
        """
        state = self._state
        known = (state.seen_time or self._whole_until) if self.is_whole else self._whole_until
        return self._not_before_adoption(known)

    def long_since(self) -> datetime | None:
        """The same with a wide margin, for differences that nothing else explains."""
        return self._not_before_adoption(self._state.safe_time)

    def whole_until(self) -> datetime | None:
        """Up to here nothing was missed; None while there is a gap."""
        if not self.is_whole:
            return None
        return self._state.seen_time or self._state.safe_time

    def _not_before_adoption(self, known: datetime | None) -> datetime | None:
        adopted = self._state.adopted_time
        if known is None or adopted is None:
            return None
        return max(known - self._overlap, adopted)

    async def run(self, catch_up: Callable[[], Awaitable[None]]) -> None:
        """Follow the stream until cancelled; raises what a wrong engine raises."""
        await self._stream.run(self._deliver, catch_up, self._entered)

    def _look_for_deafness(self) -> None:
        """Somebody should know that the stream stood and did not tell."""
        health, now_s = self._stream.health(), self._clock.monotonic()
        if health.deaf == self._deaf:
            return
        self._deaf = health.deaf
        if now_s - self._alarmed_s >= _ALARM_EVERY_S:
            self._alarmed_s = now_s
            now = self._clock.now()
            alarm = Alarm(name="stream_deaf", text=health.last_loss, transact_time=now)
            self._deliver(Record((alarm,)))

    def doubt(self) -> None:
        """What is known may be old, whatever the stream says: ask before it is whole again."""
        self._doubts += 1
        self._doubted.set()
        self._lose()

    async def settle(self, catch_up: Callable[[], Awaitable[None]]) -> None:
        """Ask after each doubt, until cancelled."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            doubts = self._doubts
            await self._ask(catch_up)
            self._settled = doubts
            self._become_whole()

    async def _ask(self, catch_up: Callable[[], Awaitable[None]]) -> None:
        delays = self._means.settings.retry_delays_s
        for delay_s in chain(delays, repeat(delays[-1])):
            try:
                await catch_up()
                break
            except BrokerError as problem:
                self._means.errors.append(problem)
            await self._means.clock.sleep(delay_s)

    def _entered(self, state: StreamState) -> None:
        if state is StreamState.DOWN:
            self._look_for_deafness()
        self._is_ready = state is StreamState.READY
        if self._is_ready:
            self._become_whole()
        else:
            self._lose()

    def _become_whole(self) -> None:
        if self._is_ready and self._settled == self._doubts:
            self.is_whole = True
            self.whole.set()
            self._on_change()

    def _lose(self) -> None:
        if self.is_whole:
            self._whole_until = self.whole_until()
            self.is_whole = False
            self.whole.clear()
            self._on_change()
