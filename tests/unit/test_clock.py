"""Time comes from a clock: real, scaled, or virtual with one schedule for each seed."""

import asyncio
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.clock import (
    NS_PER_S,
    Clock,
    LoopClock,
    MarketClock,
    SystemClock,
    VirtualLoop,
    VirtualTimeUp,
    datetime_of,
    ns_of,
    run_virtual,
)

OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
OPEN_NS = ns_of(OPEN)

moments = st.datetimes(
    min_value=datetime(1700, 1, 1),  # noqa: DTZ001  (the zone comes with the strategy)
    max_value=datetime(2262, 1, 1),  # noqa: DTZ001  (the zone comes with the strategy)
    timezones=st.just(UTC),
)


class HandClock:
    """A clock that moves only by hand."""

    def __init__(self) -> None:
        self.elapsed_s = 1000.0
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        raise AssertionError("only what passes is asked of it")

    def now_ns(self) -> int:
        raise AssertionError("only what passes is asked of it")

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


@given(moments)
def test_nanoseconds_and_datetimes_are_exact_inverses(moment: datetime) -> None:
    assert datetime_of(ns_of(moment)) == moment


@given(st.integers(min_value=-(10**18), max_value=9 * 10**18))
def test_a_datetime_is_the_instant_cut_to_the_microsecond(time_ns: int) -> None:
    assert ns_of(datetime_of(time_ns)) == time_ns // 1000 * 1000


@pytest.mark.parametrize(
    ("moment", "time_ns"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), 1000),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1000),
        (datetime(2026, 3, 2, 14, 30, tzinfo=UTC), 1_772_461_800_000_000_000),
        (datetime(2012, 6, 21, 13, 30, 0, 4, tzinfo=UTC), 1_340_285_400_000_004_000),
    ],
)
def test_known_instants_have_their_nanoseconds(moment: datetime, time_ns: int) -> None:
    assert ns_of(moment) == time_ns
    assert datetime_of(time_ns) == moment


def test_a_datetime_without_a_zone_has_no_nanoseconds() -> None:
    with pytest.raises(TypeError):
        ns_of(datetime(2026, 3, 2))  # noqa: DTZ001  (the mistake that is tested)


async def test_the_system_clock_is_utc_and_moves_on() -> None:
    clock: Clock = SystemClock()
    before, started = clock.now(), clock.monotonic()
    await clock.sleep(0.002)
    assert clock.now().tzinfo is UTC
    assert clock.now() > before
    assert clock.monotonic() - started >= 0.002
    assert abs(clock.now_ns() - ns_of(clock.now())) < NS_PER_S


def test_a_market_clock_starts_at_its_origin() -> None:
    clock = MarketClock(HandClock(), OPEN_NS)
    assert clock.now_ns() == OPEN_NS
    assert clock.now() == OPEN


@pytest.mark.parametrize(("speed", "passed_s"), [(1.0, 2), (60.0, 120), (0.5, 1), (0.0, 0)])
def test_a_market_clock_runs_at_its_speed(speed: float, passed_s: int) -> None:
    base = HandClock()
    clock = MarketClock(base, OPEN_NS, speed)
    base.elapsed_s += 2
    assert clock.now() == OPEN + timedelta(seconds=passed_s)


def test_a_market_clock_advances_at_once_and_runs_on() -> None:
    base = HandClock()
    clock = MarketClock(base, OPEN_NS, 10.0)
    base.elapsed_s += 1
    clock.advance(3600)
    assert clock.now() == OPEN + timedelta(seconds=3610)
    base.elapsed_s += 1
    assert clock.now() == OPEN + timedelta(seconds=3620)


def test_a_market_clock_can_be_set_and_runs_on_from_there() -> None:
    base = HandClock()
    clock = MarketClock(base, OPEN_NS, 10.0)
    base.elapsed_s += 5
    clock.set(OPEN_NS + 7)
    assert clock.now_ns() == OPEN_NS + 7
    base.elapsed_s += 1
    assert clock.now_ns() == OPEN_NS + 7 + 10 * NS_PER_S


@pytest.mark.parametrize(
    ("passed_s", "market_s"), [(0.0, 0), (1.0, 60), (2.0, 120), (3.0, 121), (12.0, 130)]
)
def test_a_market_clock_slows_to_real_time_where_it_was_told_to(
    passed_s: float, market_s: int
) -> None:
    base = HandClock()
    clock = MarketClock(base, OPEN_NS, 60.0)
    clock.fast_until(OPEN_NS + 120 * NS_PER_S)
    base.elapsed_s += passed_s
    assert clock.now() == OPEN + timedelta(seconds=market_s)
    assert clock.is_slowed == (market_s >= 120)


def test_a_slowed_market_clock_goes_on_fast_when_told_anew() -> None:
    base = HandClock()
    clock = MarketClock(base, OPEN_NS, 60.0)
    clock.fast_until(OPEN_NS)
    base.elapsed_s += 5
    assert clock.now() == OPEN + timedelta(seconds=5)
    clock.fast_until(OPEN_NS + 3600 * NS_PER_S)
    base.elapsed_s += 1
    assert clock.now() == OPEN + timedelta(seconds=65)


async def test_waiting_is_never_scaled() -> None:
    base = HandClock()
    clock = MarketClock(base, OPEN_NS, 60.0)
    await clock.sleep(1.5)
    base.elapsed_s += 3
    assert base.slept_s == [1.5]
    assert clock.monotonic() == 1003.0


def test_virtual_time_jumps_to_the_next_timer() -> None:
    async def main() -> tuple[datetime, float]:
        clock: Clock = LoopClock(OPEN_NS)
        await clock.sleep(1800)
        return clock.now(), clock.monotonic()

    started = SystemClock().monotonic()
    assert run_virtual(main, seed=1) == (OPEN + timedelta(minutes=30), 1800.0)
    assert SystemClock().monotonic() - started < 5


def test_virtual_timers_wake_in_the_order_of_their_times() -> None:
    async def main() -> list[str]:
        woken: list[str] = []

        async def wait(name: str, seconds: float) -> None:
            await LoopClock(0).sleep(seconds)
            woken.append(name)

        await asyncio.gather(wait("late", 3.0), wait("soon", 1.0), wait("between", 2.0))
        return woken

    for seed in range(20):
        assert run_virtual(main, seed=seed) == ["soon", "between", "late"]


def schedule(seed: int) -> list[int]:
    """The order in which twenty equal tasks take three turns each."""

    async def main() -> list[int]:
        turns: list[int] = []

        async def work(number: int) -> None:
            for _ in range(3):
                turns.append(number)
                await LoopClock(0).sleep(0)

        await asyncio.gather(*(work(number) for number in range(20)))
        return turns

    return run_virtual(main, seed=seed)


@pytest.mark.parametrize("seed", [0, 1, 7, 123_456_789])
def test_one_seed_gives_one_schedule(seed: int) -> None:
    assert schedule(seed) == schedule(seed)


def test_different_seeds_give_different_schedules() -> None:
    assert len({tuple(schedule(seed)) for seed in range(10)}) == 10


def test_every_task_gets_its_turns_under_every_seed() -> None:
    for seed in range(10):
        assert sorted(schedule(seed)) == sorted([*range(20)] * 3)


def test_a_deadlock_is_an_error_and_not_a_hang() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(VirtualTimeUp, match="a deadlock"):
        run_virtual(main, seed=1)


def test_virtual_time_has_a_limit() -> None:
    async def main() -> None:
        while True:
            await LoopClock(0).sleep(1)

    with pytest.raises(VirtualTimeUp, match=r"60.0 s of virtual time have passed"):
        run_virtual(main, seed=1, limit_s=60.0)


def test_the_limit_itself_is_within_the_limit() -> None:
    async def main() -> float:
        await LoopClock(0).sleep(60)
        return LoopClock(0).monotonic()

    assert run_virtual(main, seed=1, limit_s=60.0) == 60.0


def test_a_time_out_is_virtual_too() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.get_running_loop().create_future()
        return LoopClock(0).monotonic()

    assert run_virtual(main, seed=1) == 30.0


def test_timers_that_were_cancelled_never_fire() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(number % 7, fired.append, number) for number in range(500)]
        for timer in timers:
            if timer is not timers[250]:
                timer.cancel()
        await LoopClock(0).sleep(10)
        return fired

    assert run_virtual(main, seed=1) == [250]


def test_a_sleeper_that_was_cancelled_does_not_stop_the_others() -> None:
    async def main() -> float:
        sleepers = [asyncio.create_task(LoopClock(0).sleep(1 + number)) for number in range(3)]
        await LoopClock(0).sleep(0.5)
        sleepers[0].cancel()
        await asyncio.gather(*sleepers, return_exceptions=True)
        return LoopClock(0).monotonic()

    assert run_virtual(main, seed=1) == 3.0


def test_a_callback_that_fails_is_told_of_and_the_run_goes_on() -> None:
    async def main() -> tuple[list[str], float]:
        told: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, what: told.append(repr(what["exception"])))
        loop.call_soon(int, "x")
        await LoopClock(0).sleep(1)
        return told, loop.time()

    told, now_s = run_virtual(main, seed=1)
    assert told == ["""ValueError("invalid literal for int() with base 10: 'x'")"""]
    assert now_s == 1.0


def test_threads_are_refused() -> None:
    async def main() -> None:
        await asyncio.to_thread(threading.get_ident)

    with pytest.raises(RuntimeError, match="threads do not exist in virtual time"):
        run_virtual(main, seed=1)


def test_sockets_are_refused() -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_recv(ours, 1)
        finally:
            ours.close()
            theirs.close()

    with pytest.raises(RuntimeError, match="sockets do not exist in virtual time"):
        run_virtual(main, seed=1)


def test_connections_and_servers_are_refused() -> None:
    async def connect() -> None:
        await asyncio.open_connection("127.0.0.1", 9)

    async def serve() -> None:
        await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)

    for main in (connect, serve):
        with pytest.raises(RuntimeError, match="sockets do not exist in virtual time"):
            run_virtual(main, seed=1)


def test_tasks_left_over_are_cancelled_at_the_end() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await LoopClock(0).sleep(1000)
        finally:
            ended.append("cancelled")

    async def main() -> str:
        task = asyncio.create_task(forever())
        await LoopClock(0).sleep(1)
        assert not task.done()
        return "done"

    assert run_virtual(main, seed=1) == "done"
    assert ended == ["cancelled"]


def test_an_error_in_the_main_task_comes_out() -> None:
    async def main() -> None:
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        run_virtual(main, seed=1)


def test_a_virtual_run_leaves_the_thread_without_a_running_loop() -> None:
    async def main() -> None:
        assert isinstance(asyncio.get_running_loop(), VirtualLoop)

    run_virtual(main, seed=1)
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


async def test_a_virtual_run_within_a_running_loop_does_not_harm_it() -> None:
    async def main() -> float:
        await LoopClock(0).sleep(10)
        return LoopClock(0).monotonic()

    outer = asyncio.get_running_loop()
    assert run_virtual(main, seed=1) == 10.0
    assert asyncio.get_running_loop() is outer
