"""The only reader of time: real, scaled for a replayed market, or virtual for simulation."""

import asyncio
import selectors
import time
from asyncio import events
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from random import Random
from typing import Any, NoReturn, Protocol, TypeVar

NS_PER_S = 1_000_000_000
Result = TypeVar("Result")


class Clock(Protocol):
    """What the rest of the program may know about time.

    `now` and `now_ns` are dates, always UTC, and may be of a replayed day. `monotonic` and `sleep`
    are for waiting and measuring: seconds that pass for us, never scaled, never jumping.
    """

    def now(self) -> datetime: ...

    def now_ns(self) -> int: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


def datetime_of(time_ns: int) -> datetime:
    """UTC datetime of nanoseconds since 1970, cut to the microsecond."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).replace(
        microsecond=time_ns % NS_PER_S // 1000
    )


def ns_of(moment: datetime) -> int:
    """Nanoseconds since 1970 of an aware datetime, exactly."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)  # read several times for each order

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LoopClock:
    """Dates that follow the running event loop's time: under `VirtualLoop`, virtual dates."""

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns

    def now(self) -> datetime:
        return datetime_of(self.now_ns())

    def now_ns(self) -> int:
        return self._origin_ns + round(self.monotonic() * NS_PER_S)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class MarketClock:
    """The date of a market that runs at `speed` times real time from a chosen instant.

    Waiting stays real: a time-out of one second is one second, whatever the market's speed.
    """

    def __init__(self, base: Clock, origin_ns: int, speed: float = 1.0) -> None:
        self._base = base
        self._origin_ns = origin_ns
        self._started = base.monotonic()
        self._fast_until_ns: int | None = None
        self.speed = speed

    def now(self) -> datetime:
        return datetime_of(self.now_ns())

    def now_ns(self) -> int:
        elapsed_s = self._base.monotonic() - self._started
        now_ns = self._origin_ns + round(elapsed_s * self.speed * NS_PER_S)
        knee_ns = self._fast_until_ns
        if knee_ns is None or now_ns <= knee_ns:
            return now_ns
        fast_ns = max(0, knee_ns - self._origin_ns)
        return self._origin_ns + fast_ns + round(elapsed_s * NS_PER_S - fast_ns / self.speed)

    @property
    def is_slowed(self) -> bool:
        """Whether it has come to where `fast_until` ends."""
        return self._fast_until_ns is not None and self.now_ns() >= self._fast_until_ns

    def fast_until(self, time_ns: int) -> None:
        """Run at `speed` up to this instant and in real time from there on, until told anew."""
        self.set(self.now_ns())
        self._fast_until_ns = time_ns

    def set(self, time_ns: int) -> None:
        """Make it `time_ns` now and run on from there."""
        self._origin_ns = time_ns
        self._started = self._base.monotonic()

    def advance(self, seconds: float) -> None:
        self._origin_ns += round(seconds * NS_PER_S)

    def monotonic(self) -> float:
        return self._base.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


class VirtualTimeUp(RuntimeError):
    """The simulation passed its limit of virtual time, or nothing is left that could wake it."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time jumps to the next timer, and whose ready queue a seed shuffles.

    One seed gives one schedule, so a run can be repeated exactly. No sockets, no threads: either
    raises at once, because they would act behind the loop's back.
    """

    def __init__(self, seed: int, limit_s: float = 3600.0) -> None:
        super().__init__()
        self._virtual_s = 0.0
        self._limit_s = limit_s
        self._shuffle = Random(seed).shuffle  # noqa: S311  (schedules, not secrets)
        self._selector = _TimeLeap(self)

    def time(self) -> float:
        return self._virtual_s

    def leap(self, seconds: float | None) -> None:
        """Called where a real loop would wait for I/O."""
        if seconds is None:
            raise VirtualTimeUp("every task waits and no timer is set: a deadlock")
        if seconds > 0:
            self._virtual_s += seconds
            if self._virtual_s > self._limit_s:
                raise VirtualTimeUp(f"{self._limit_s} s of virtual time have passed")
        ready = self._ready  # type: ignore[attr-defined]  # asyncio's own, unnamed in typeshed
        if len(ready) > 1:
            handles = list(ready)
            self._shuffle(handles)
            ready.clear()
            ready.extend(handles)

    def _process_events(self, event_list: object) -> None:
        """There is no I/O to process."""

    def _write_to_self(self) -> None:
        """Nobody but this thread may wake the loop, and it is awake."""

    def run_in_executor(self, *args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError("threads do not exist in virtual time")

    def _no_sockets(self, *args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError("sockets do not exist in virtual time")

    create_connection = create_server = _no_sockets
    sock_connect = sock_accept = _no_sockets
    sock_recv = sock_sendall = _no_sockets


class _TimeLeap(selectors.BaseSelector):
    """Stands where a selector would be; waiting is a leap of virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        self._loop.leap(timeout)
        return []

    def register(self, fileobj: object, events: int, data: object = None) -> NoReturn:
        raise RuntimeError("sockets do not exist in virtual time")

    def unregister(self, fileobj: object) -> NoReturn:
        raise RuntimeError("sockets do not exist in virtual time")

    def get_map(self) -> dict[Any, Any]:
        return {}


def run_virtual(
    main: Callable[[], Coroutine[Any, Any, Result]], *, seed: int, limit_s: float = 3600.0
) -> Result:
    """Run a coroutine to its end in virtual time; raises VirtualTimeUp past `limit_s`.

    May be called inside a running loop, which then stands still until the end.
    """
    loop = VirtualLoop(seed, limit_s)
    outer = events._get_running_loop()
    events._set_running_loop(None)
    try:
        return loop.run_until_complete(main())
    finally:
        _finish(loop)
        loop.close()
        events._set_running_loop(outer)


def _finish(loop: VirtualLoop) -> None:
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
