"""Retries do not come back together, and a broker out of reach is not asked more and more."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from floorbroker.brokers.pace.retries import Retries, RetryRules
from floorbroker.clock import LoopClock, ns_of, run_virtual
from tests.unit.brokers.tiny import START


def retrying(
    test: Callable[[Retries, LoopClock], Coroutine[Any, Any, None]], **rules: float
) -> None:
    async def main() -> None:
        clock = LoopClock(ns_of(START))
        await test(Retries(clock, Random(3), RetryRules(**rules)), clock)

    for seed in range(3):
        run_virtual(main, seed=seed)


async def turns(
    retries: Retries, clock: LoopClock, count: int, ceiling_s: float, *, is_urgent: bool = False
) -> list[float]:
    """When each of so many retries, due at once, had its turn."""
    began, passed = clock.monotonic(), []

    async def one() -> None:
        await retries.turn(ceiling_s, is_urgent=is_urgent)
        passed.append(clock.monotonic() - began)

    await asyncio.gather(*(one() for _ in range(count)))
    return sorted(passed)


def test_retries_are_spread_over_the_whole_time_and_not_beyond() -> None:
    async def test(retries: Retries, clock: LoopClock) -> None:
        passed = await turns(retries, clock, 200, 8.0)
        assert passed[0] < 0.5
        assert 7.5 < passed[-1] <= 8.0
        assert 3.0 < sum(passed) / len(passed) < 5.0

    retrying(test, tokens_max=1000)


def test_without_an_answer_retries_come_to_a_trickle() -> None:
    async def test(retries: Retries, clock: LoopClock) -> None:
        passed = await turns(retries, clock, 40, 0.1)
        assert len([one for one in passed if one <= 0.2]) == 10
        assert 29 <= passed[-1] <= 30.5

    retrying(test)


def test_answers_let_retries_go_as_fast_as_the_broker_answers() -> None:
    async def test(retries: Retries, clock: LoopClock) -> None:
        async def answering() -> None:
            while True:
                await clock.sleep(0.05)
                retries.answered(is_retry=True)

        answers = asyncio.create_task(answering())
        passed = await turns(retries, clock, 200, 0.1)
        assert 8 <= passed[-1] <= 11
        answers.cancel()

    retrying(test)


def test_first_attempts_pay_for_a_share_of_retries() -> None:
    async def test(retries: Retries, clock: LoopClock) -> None:
        await turns(retries, clock, 10, 0.0)
        for _ in range(50):
            retries.answered(is_retry=False)
        assert (await turns(retries, clock, 10, 0.0))[-1] <= 0.01
        assert (await turns(retries, clock, 1, 0.0))[-1] >= 0.9

    retrying(test)


def test_a_cancel_does_not_wait_for_a_token() -> None:
    async def test(retries: Retries, clock: LoopClock) -> None:
        waiting = asyncio.create_task(turns(retries, clock, 30, 0.0))
        await clock.sleep(0.1)
        assert (await turns(retries, clock, 5, 0.2, is_urgent=True))[-1] <= 0.2
        assert not waiting.done()
        await waiting

    retrying(test)


def test_a_retry_that_is_given_up_holds_nobody_up() -> None:
    async def test(retries: Retries, clock: LoopClock) -> None:
        await turns(retries, clock, 10, 0.0)
        first = asyncio.create_task(retries.turn(0.0))
        await clock.sleep(0.1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await turns(retries, clock, 1, 0.0))[-1] <= 1.0

    retrying(test)
