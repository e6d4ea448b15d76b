"""The only reader of time: real, scaled for a replayed market, or virtual for simulation."""

import asyncio
import time
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any, NoReturn, Protocol, TypeVar, TypeVarTuple

NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Result = TypeVar("Result")
_Words = TypeVarTuple("_Words")


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
    return _EPOCH + timedelta(0, 0, time_ns // 1000)


def ns_of(moment: datetime) -> int:
    """Nanoseconds since 1970 of an aware datetime, exactly."""
    delta = moment - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)  # read several times for each order
    now_ns = staticmethod(time.time_ns)  # likewise

    def now(self) -> datetime:
        return datetime.now(UTC)

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
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, woken)
        try:
            await woken
        finally:
            timer.cancel()


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class MarketClock:
    """The date of a market that runs at `speed` times real time from a chosen instant.

    Waiting stays real: a time-out of one second is one second, whatever the market's speed.
    """

    def __init__(self, base: Clock, origin_ns: int, speed: float = 1.0) -> None:
        self._base = base
        self._monotonic = base.monotonic
        self._origin_ns = origin_ns
        self._started = base.monotonic()
        self._fast_until_ns: int | None = None
        self.speed = speed

    def now(self) -> datetime:
        return datetime_of(self.now_ns())

    def now_ns(self) -> int:
        elapsed_s = self._monotonic() - self._started
        # As `round` would ask; each order asks for the time.
        now_ns = self._origin_ns + (elapsed_s * self.speed * 1e9).__round__()
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

    A simulation spends much of its time here, so the turn of the loop and what it is made of are
    asyncio's own without what sockets, signals, other threads and its debug mode need.
    """

    # asyncio's own, unnamed in typeshed
    _clock_resolution: float
    _closed: bool
    _ready: deque["_Call"]
    _scheduled: list[tuple[float, "_Timer"]]  # compares faster
    _stopping: bool
    _timer_cancelled_count: int

    get_debug = staticmethod(bool)  # asked for each task; False

    def __init__(self, seed: int, limit_s: float = 3600.0) -> None:
        super().__init__()
        self._virtual_s = 0.0
        self._limit_s = limit_s
        self._shuffle = Random(seed).shuffle  # noqa: S311  (schedules, not secrets)

    def time(self) -> float:
        return self._virtual_s

    def _run_once(self) -> None:
        """One turn: what is ready, shuffled, then what came due. Where a real loop would wait for
        I/O, time leaps."""
        self._forget_cancelled()
        ready, timers = self._ready, self._scheduled
        if len(ready) > 1:
            handles = list(ready)
            self._shuffle(handles)
            ready.clear()
            ready.extend(handles)
        elif not ready and not self._stopping:
            self._leap()
        due_s = self._virtual_s + self._clock_resolution
        while timers and timers[0][0] < due_s:
            timer = heappop(timers)[1]
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as problem:  # noqa: BLE001  (the loop goes on, as asyncio's)
                    told = {"message": f"exception in {handle!r}", "exception": problem}
                    self.call_exception_handler({**told, "handle": handle})
            del handle  # or what it holds lives longer

    def _leap(self) -> None:
        """Be at the next timer."""
        if not self._scheduled:
            raise VirtualTimeUp("every task waits and no timer is set: a deadlock")
        left_s = self._scheduled[0][0] - self._virtual_s
        if left_s > 0:
            self._virtual_s += left_s
            if self._virtual_s > self._limit_s:
                raise VirtualTimeUp(f"{self._limit_s} s of virtual time have passed")

    def _forget_cancelled(self) -> None:
        """Timers that were cancelled, once they are next or too many."""
        timers = self._scheduled
        if len(timers) > _TIMERS_MANY and self._timer_cancelled_count / len(timers) > _HALF:
            for _, timer in timers:
                timer._scheduled = not timer._cancelled
            timers[:] = [one for one in timers if not one[1]._cancelled]
            heapify(timers)
            self._timer_cancelled_count = 0
        while timers and timers[0][1]._cancelled:
            self._timer_cancelled_count -= 1
            heappop(timers)[1]._scheduled = False

    def call_soon(
        self,
        callback: Callable[[*_Words], object],
        *args: *_Words,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = _Call(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Words], object],
        *args: *_Words,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = _Timer(callback, args, self, context)
        timer._when, timer._scheduled = when, True
        heappush(self._scheduled, (when, timer))
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Words], object],
        *args: *_Words,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._virtual_s + delay, callback, *args, context=context)

    def _write_to_self(self) -> None:
        """Nobody but this thread may wake the loop, and it is awake."""

    def run_in_executor(self, *args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError("threads do not exist in virtual time")

    def _no_sockets(self, *args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError("sockets do not exist in virtual time")

    create_connection = create_server = _no_sockets
    sock_connect = sock_accept = _no_sockets
    sock_recv = sock_sendall = _no_sockets


#: As in asyncio, which keeps both to itself.
_TIMERS_MANY, _HALF = 100, 0.5


class _Call(asyncio.Handle):
    """A call to be made, without a trace of who asked for it."""

    __slots__ = ()
    _callback: Callable[..., object]
    _context: Context

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: VirtualLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class _Timer(_Call, asyncio.TimerHandle):
    """The same at a time. Two of one time are neither equal nor in an order."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__
    _loop: VirtualLoop
    _when: float
    _scheduled: bool

    def cancel(self) -> None:
        if not self._cancelled:
            self._loop._timer_cancelled_count += self._scheduled
        asyncio.Handle.cancel(self)


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
