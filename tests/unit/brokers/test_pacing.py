"""Cancels come first, the broker's own limits are kept, and a 429 is obeyed."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from floorbroker.brokers.pace.budget import FIRST_MAX
from floorbroker.brokers.pacing import (
    Lane,
    Pacer,
    PacingRules,
    retry_after_s,
)
from floorbroker.clock import LoopClock, ns_of, run_virtual
from tests.unit.brokers.tiny import START

Test = Callable[[Pacer, LoopClock], Coroutine[Any, Any, None]]


def paced(test: Test, **rules: Any) -> None:
    async def main() -> None:
        clock = LoopClock(ns_of(START))
        pacer = Pacer(clock, Random(7), PacingRules(**rules))
        try:
            await test(pacer, clock)
        finally:
            await pacer.aclose()

    for seed in range(5):
        run_virtual(main, seed=seed)


def limits(limit: int, remaining: int, reset_in_s: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(START.timestamp() + reset_in_s),
    }


def spend(pacer: Pacer, lane: Lane, headers: dict[str, str] | None = None) -> None:
    assert pacer.try_take(lane)
    assert pacer.claim(lane)
    pacer.done(lane, headers)


def test_without_headers_only_the_number_in_flight_is_limited() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        assert all(pacer.try_take(Lane.CANCEL) for _ in range(20))
        assert not pacer.try_take(Lane.CANCEL)
        assert pacer.wait_time_s(Lane.CANCEL) == 0
        for _ in range(10_000):
            pacer.done(Lane.CANCEL, {})
            assert pacer.try_take(Lane.CANCEL)

    paced(test, max_in_flight=20)


def test_places_in_flight_are_kept_for_cancels_and_look_ups() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.QUERY, {})  # this broker tells of no limit
        taken = 0
        while pacer.try_take(Lane.SUBMIT):
            taken += 1
        assert taken == 85
        assert not pacer.try_take(Lane.QUERY)
        assert pacer.try_take(Lane.RECONCILE)
        assert pacer.try_take(Lane.CANCEL)

    paced(test, max_in_flight=100)


def test_one_place_is_enough_for_every_lane() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        for lane in Lane:
            spend(pacer, lane)

    paced(test, max_in_flight=1)


def test_submits_leave_the_last_tokens_to_cancels_and_look_ups() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.QUERY, limits(100, 40, 30))
        taken = 0
        while pacer.try_take(Lane.SUBMIT):
            taken += 1
            pacer.claim(Lane.SUBMIT)
            pacer.done(Lane.SUBMIT, None)
        assert taken == 40 - 15
        assert not pacer.try_take(Lane.QUERY)
        assert pacer.wait_time_s(Lane.SUBMIT) == pytest.approx(30, abs=1e-3)
        for _ in range(10):
            spend(pacer, Lane.RECONCILE)
        assert not pacer.try_take(Lane.RECONCILE)
        for _ in range(5):
            spend(pacer, Lane.CANCEL)
        assert not pacer.try_take(Lane.CANCEL)

    paced(test)


def test_requests_on_their_way_do_not_eat_what_is_kept_for_cancels() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.QUERY, limits(100, 99, 30))
        sent = 0
        while pacer.try_take(Lane.SUBMIT):
            sent += 1
        assert sent == 99 - 15
        for answered in range(sent):  # the broker had counted all of them when it answered
            pacer.done(Lane.SUBMIT, limits(100, max(99 - sent, 15) if answered else 98, 30))
        for _ in range(15):
            spend(pacer, Lane.CANCEL)
        assert not pacer.try_take(Lane.CANCEL)

    paced(test)


def test_what_others_ask_with_the_same_key_is_learned_from_the_answers() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.QUERY, limits(100, 99, 30))
        spend(pacer, Lane.QUERY, limits(100, 16, 30))
        spend(pacer, Lane.SUBMIT)
        assert not pacer.try_take(Lane.SUBMIT)

    paced(test)


def test_a_new_window_brings_a_new_budget() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.CANCEL, limits(10, 0, 5))
        assert not pacer.try_take(Lane.SUBMIT)
        started = clock.monotonic()
        await pacer.take(Lane.SUBMIT)
        assert clock.monotonic() - started == pytest.approx(5, abs=0.01)
        pacer.done(Lane.SUBMIT, None)
        taken = 0
        while pacer.try_take(Lane.CANCEL):
            taken += 1
        assert taken == 9

    paced(test)


def test_answers_that_overtake_each_other_do_not_refill_the_budget() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        for _ in range(3):
            assert pacer.try_take(Lane.CANCEL)
        pacer.done(Lane.CANCEL, limits(100, 3, 30))  # two more may not be counted in yet
        pacer.done(Lane.CANCEL, limits(100, 50, 30))
        pacer.done(Lane.CANCEL, limits(100, 90, -30))  # of a window that is long over
        assert pacer.try_take(Lane.CANCEL)
        assert not pacer.try_take(Lane.CANCEL)

    paced(test)


def test_a_reset_that_makes_no_sense_costs_at_most_a_window() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.CANCEL, limits(10, 0, 86_400))
        assert pacer.wait_time_s(Lane.CANCEL) == 60
        pacer.forgive()

    paced(test)


@pytest.mark.parametrize(
    "broken",
    [
        {"x-ratelimit-limit": "many"},
        {"x-ratelimit-limit": "10"},
        {**limits(10, 0, 1), "x-ratelimit-reset": "NaN"},
        {**limits(0, 0, 1)},
    ],
    ids=range(4),
)
def test_headers_without_sense_limit_nothing(broken: dict[str, str]) -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.QUERY, broken)
        spend(pacer, Lane.QUERY)

    paced(test)


def test_who_waits_is_let_through_by_lane_and_then_in_order() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        passed: list[str] = []

        async def ask(lane: Lane, name: str) -> None:
            await pacer.take(lane)
            passed.append(name)

        assert pacer.try_take(Lane.CANCEL)
        tasks = []
        for lane, name in [
            (Lane.QUERY, "query"),
            (Lane.SUBMIT, "first"),
            (Lane.SUBMIT, "second"),
            (Lane.RECONCILE, "look-up"),
            (Lane.REPLACE, "replace"),
            (Lane.CANCEL, "cancel"),
        ]:
            tasks.append(asyncio.create_task(ask(lane, name)))
            await asyncio.sleep(0.01)
        for _ in tasks:
            pacer.done(Lane.CANCEL, None)
            await asyncio.sleep(0.01)
        assert passed == ["cancel", "replace", "first", "second", "look-up", "query"]

    paced(test, max_in_flight=1)


def test_nobody_overtakes_who_waits_in_the_same_lane() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        assert pacer.try_take(Lane.SUBMIT)
        waiting = asyncio.create_task(pacer.take(Lane.SUBMIT))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not pacer.try_take(Lane.SUBMIT)
        pacer.done(Lane.SUBMIT, None)
        assert not pacer.try_take(Lane.SUBMIT)
        await waiting

    paced(test, max_in_flight=1)


class HandClock(LoopClock):
    """A clock whose time a test moves before any timer can fire."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def test_nobody_overtakes_even_when_time_has_passed_and_no_timer_has_fired() -> None:
    async def main() -> None:
        clock = HandClock(ns_of(START))
        pacer = Pacer(clock, Random(7))
        pacer.penalise(5)
        waiting = asyncio.create_task(pacer.take(Lane.SUBMIT))
        await clock.sleep(0.01)
        clock.ahead_s = 10.0
        assert pacer.wait_time_s(Lane.SUBMIT) == 0
        assert not pacer.try_take(Lane.SUBMIT)
        assert not pacer.try_take(Lane.QUERY)
        assert pacer.try_take(Lane.CANCEL)
        await waiting
        await pacer.aclose()

    run_virtual(main, seed=1)


def test_submits_that_wait_for_the_budget_do_not_hold_up_look_ups() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.CANCEL, limits(100, 12, 30))
        waiting = asyncio.create_task(pacer.take(Lane.SUBMIT))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        spend(pacer, Lane.RECONCILE)
        await waiting

    paced(test)


def test_a_waiter_that_gives_up_leaves_no_trace() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        assert pacer.try_take(Lane.SUBMIT)
        waiting = asyncio.create_task(pacer.take(Lane.SUBMIT))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        pacer.done(Lane.SUBMIT, None)
        assert pacer.in_flight == 0
        late = asyncio.create_task(pacer.take(Lane.SUBMIT))
        assert pacer.try_take(Lane.SUBMIT)
        await asyncio.sleep(0.01)
        pacer.done(Lane.SUBMIT, None)  # let through, and cancelled in the same moment
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)
        assert pacer.in_flight == 0

    paced(test, max_in_flight=1)


def test_a_place_that_is_given_back_costs_nothing() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        spend(pacer, Lane.CANCEL, limits(10, 1, 30))
        assert pacer.try_take(Lane.CANCEL)
        assert not pacer.try_take(Lane.CANCEL)
        pacer.give_back(Lane.CANCEL)
        assert pacer.in_flight == 0
        assert pacer.try_take(Lane.CANCEL)

    paced(test)


def test_a_refused_lane_is_called_back_when_it_may_go() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        called: list[float] = []
        pacer.on_capacity = lambda: called.append(clock.monotonic())
        started = clock.monotonic()
        spend(pacer, Lane.CANCEL, limits(10, 0, 5))
        assert not pacer.try_take(Lane.SUBMIT)
        await asyncio.sleep(20)
        assert [moment - started for moment in called] == [pytest.approx(5, abs=0.01)]
        assert pacer.try_take(Lane.SUBMIT)

    paced(test)


def test_a_refusal_for_want_of_places_is_called_back_by_the_next_answer() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        called: list[bool] = []
        pacer.on_capacity = lambda: called.append(pacer.try_take(Lane.SUBMIT))
        assert pacer.try_take(Lane.SUBMIT)
        assert not pacer.try_take(Lane.SUBMIT)
        assert called == []
        pacer.done(Lane.SUBMIT, None)
        assert called == [True]

    paced(test, max_in_flight=1)


def test_after_429_submits_wait_and_cancels_are_spaced() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        started = clock.monotonic()
        wait_s = pacer.penalise(10)
        assert 10 <= wait_s <= 11
        assert not pacer.try_take(Lane.SUBMIT)
        assert not pacer.try_take(Lane.RECONCILE)
        passed: list[float] = []
        for _ in range(3):
            await pacer.take(Lane.CANCEL)
            passed.append(clock.monotonic() - started)
        assert passed == pytest.approx([0.5, 1.0, 1.5], abs=0.01)
        await pacer.take(Lane.SUBMIT)
        assert clock.monotonic() - started == pytest.approx(wait_s, abs=0.01)

    paced(test, cancel_spacing_s=0.5)


def test_penalties_that_name_no_time_grow_until_an_answer_comes() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        grown = []
        for _ in range(9):
            grown.append(pacer.penalise())
            await clock.sleep(grown[-1])
        assert all(
            2.0**n <= wait_s <= 1.1 * 2.0**n for n, wait_s in zip(range(6), grown, strict=False)
        )
        assert 60 <= grown[-1] <= 66
        pacer.forgive()
        assert 1 <= pacer.penalise() <= 1.1

    paced(test)


def test_a_request_that_never_began_cannot_end() -> None:
    async def test(pacer: Pacer, clock: LoopClock) -> None:
        with pytest.raises(AssertionError, match="SUBMIT"):
            pacer.done(Lane.SUBMIT, None)

    paced(test)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Thu, 08 Oct 2026 13:00:00 GMT"}, 0.0),
        ({"retry-after": "x", "x-ratelimit-reset": str(START.timestamp() + 9)}, 9.0),
        ({"x-ratelimit-reset": str(START.timestamp() - 9)}, None),
        ({}, None),
    ],
)
def test_how_long_an_answer_asks_to_wait(headers: dict[str, str], wait_s: float | None) -> None:
    assert retry_after_s(headers, START.timestamp()) == wait_s


def test_many_submits_at_once_stay_within_the_brokers_limit() -> None:
    """Against a broker that allows 20 a window of 10 s, nobody is turned away, all get through."""

    async def test(pacer: Pacer, clock: LoopClock) -> None:
        window, used, refused, served = [clock.monotonic() + 10], [0], [0], [0]

        async def request(lane: Lane) -> None:
            await pacer.take(lane)
            await clock.sleep(0.2)
            now = clock.monotonic()
            if now >= window[0]:
                window[0], used[0] = now + 10, 0
            if used[0] >= 20:
                refused[0] += 1
            used[0] += 1
            served[0] += 1
            left = 20 - used[0]
            pacer.done(lane, limits(20, max(left, 0), window[0]))

        await request(Lane.QUERY)
        await asyncio.gather(*(request(Lane.SUBMIT) for _ in range(100)))
        assert served[0] == 101
        assert refused[0] == 0

    paced(test, window_s=10)


def test_before_the_first_answer_only_a_few_requests_leave() -> None:
    """What the limit is nobody knows yet; cancels do not wait for that."""

    async def test(pacer: Pacer, clock: LoopClock) -> None:
        taken = [pacer.try_take(Lane.SUBMIT) for _ in range(50)]
        assert sum(taken) == FIRST_MAX
        assert 0 < pacer.wait_time_s(Lane.SUBMIT) < 1, "others may have the answer"
        assert pacer.try_take(Lane.CANCEL)
        assert pacer.claim(Lane.SUBMIT)
        pacer.done(Lane.SUBMIT, {})  # and it tells of none
        assert all(pacer.try_take(Lane.SUBMIT) for _ in range(50))

    paced(test, max_in_flight=200)
