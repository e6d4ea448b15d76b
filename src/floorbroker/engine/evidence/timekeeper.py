"""Durable timers: what must be looked at again at a certain time, restart or not."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from floorbroker.clock import Clock
from floorbroker.engine.decide import Due

#: Dates may jump under a timer, so it looks at the clock at least this often.
_LOOK_S = 30.0


class Timekeeper:
    """Delivers `Due` for each timer of the state when its time has come.

    The timers themselves are in the state, by TimerSet and TimerFired, but for `wakes`; this only
    waits.
    """

    def __init__(
        self,
        clock: Clock,
        timers: dict[str, datetime],
        deliver: Callable[[Due], None],
        *,
        speed: float = 1.0,
    ) -> None:
        self._clock = clock
        self._timers = timers
        self.wakes: dict[
            str, datetime
        ] = {}  #: Timers of this life alone, under names of their own.
        self._deliver = deliver
        self._speed = speed
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """A timer was set."""
        self._changed.set()

    async def run(self) -> None:
        told: dict[str, datetime] = {}
        while True:
            now = self._clock.now()
            timers = {**self._timers, **self.wakes}
            for timer_id, due in timers.items():
                if due <= now and told.get(timer_id) != due:
                    told[timer_id] = due
                    self._deliver(Due(timer_id))
            told = {name: due for name, due in told.items() if name in timers}
            self._changed.clear()
            await self._wait(now, told)

    async def _wait(self, now: datetime, told: dict[str, datetime]) -> None:
        timers = {**self._timers, **self.wakes}
        ahead = [due for name, due in timers.items() if told.get(name) != due]
        if not ahead:
            await self._changed.wait()
            return
        wait_s = min(max((min(ahead) - now).total_seconds() / self._speed, 0.001), _LOOK_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
