"""kill -9 of a desk at random instants: no order twice, none lost, the books agree.

The kills are spread over the whole run: some fall while the desk starts and recovers, the others
after a share of the orders that are left, with some milliseconds of chance. What is claimed in the
end is read from the journal's records and from the exchange, not from the desk.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from floorbroker import app, venues
from tests.crash.desk_child import IN_FLIGHT, SPEED
from tests.e2e.ledger import (
    Ledger,
    exchange_fills,
    exchange_positions,
    exchange_rows,
    ledger_of,
)

SYMBOLS = ("AAPL", "MSFT", "SPY", "F")
#: A life that neither ends nor is killed for so long is stuck.
LIFE_S = 90.0
#: Every so manieth kill falls between the process's first act and the first order it takes.
EARLY_KILL = 4


class Kill(Struct, frozen=True):
    """When to kill: so long after the desk began to open, or after so many answers more."""

    after_s: float
    answers: int | None = None


class Ending(Struct, frozen=True):
    """How a life went: what it said, and whether it came to its end by itself."""

    said: tuple[str, ...]
    is_done: bool

    @property
    def answers(self) -> int:
        """Orders that it heard of, and those that were on their way when it died."""
        heard = sum(word.isdigit() for word in self.said)
        return heard + (IN_FLIGHT // 2 if heard and not self.is_done else 0)

    @property
    def was_open(self) -> bool:
        return "open" in self.said


class World(Struct, frozen=True):
    """What is left to judge when the last life has ended."""

    ledger: Ledger
    orders: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    positions: dict[str, Decimal]
    lives: tuple[Ending, ...]


async def live(words: list[str], kill: Kill | None) -> Ending:
    """Run one life of the desk."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.desk_child", *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(LIFE_S):
            if kill is not None:
                await hear(process.stdout, said, kill.answers)
                await asyncio.sleep(kill.after_s)
                _kill(process)
            said += (await process.stdout.read()).decode().split()
            code = await process.wait()
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()
    assert code in (0, -signal.SIGKILL), f"exit code {code} after {said[-3:]}"
    return Ending(tuple(said), is_done=code == 0)


def _kill(process: asyncio.subprocess.Process) -> None:
    """Not `process.kill()`: that may reap a child that has just ended before asyncio does."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


async def hear(
    stdout: asyncio.StreamReader,
    said: list[str],
    answers: int | None,
    on_word: Callable[[str], object] = str,
) -> None:
    """Listen until the desk begins to open, or has told of so many answers."""
    while line := (await stdout.readline()).decode().strip():
        said.append(line)
        on_word(line)
        is_answer = line.isdigit()
        if answers is None or (is_answer and sum(one.isdigit() for one in said) >= answers):
            return


def next_kill(random: Random, number: int, left: int, kills_left: int) -> Kill:
    """An early one now and then; the others divide the orders that are left evenly."""
    if number % EARLY_KILL == 1:
        return Kill(random.uniform(0.0, 0.25))
    share = left // kills_left - IN_FLIGHT
    if left <= 0:  # a life that has nothing to do is short
        return Kill(random.uniform(0.0, 0.3))
    return Kill(random.uniform(0.0, 0.004), answers=random.randint(1, max(share, 1)))


Live = Callable[[list[str], Kill | None], Awaitable[Ending]]


async def killed_again_and_again(
    home: Path, seed: int, kills: int, orders: int, live: Live = live
) -> World:
    random = Random(seed)
    market = venues.open_market(None, SYMBOLS, 5)
    async with venues.serve_exchange(market, speed=SPEED, seed=5, cash="10000000") as served:
        words = [str(home), served.url, str(orders)]
        lives: list[Ending] = []
        while (done := sum(not life.is_done for life in lives)) < kills:
            assert len(lives) < 8 * kills, f"seed {seed}: most lives end before they are killed"
            left = orders - sum(life.answers for life in lives)
            lives.append(await live(words, next_kill(random, len(lives), left, kills - done)))
        lives.append(await live(words, None))
        assert lives[-1].is_done, f"seed {seed}: the last life did not end well"
        async with app.open_broker(served.url) as broker:
            positions = {each.symbol: Decimal(each.qty) for each in await broker.positions()}
        return World(
            ledger=ledger_of(home / "desk.sqlite"),
            orders=await app.get_json(f"{served.url}/_exchange/orders"),
            fills=await app.get_json(f"{served.url}/_exchange/fills"),
            positions=positions,
            lives=tuple(lives),
        )


def judge(world: World, orders: int) -> None:
    """Every order has one end for which there is evidence, and both books are the same."""
    ledger = world.ledger
    names = Counter(f"kill-{number:04d}" for number in range(orders))
    assert ledger.asked == names, "each order is written down once, and none is missing"
    placed = Counter(order["client_order_id"] for order in world.orders)
    twice = {name: count for name, count in placed.items() if count > 1}
    assert not twice, "placed more than once"
    both, neither = set(placed) & ledger.absent, set(names) - set(placed) - ledger.absent
    assert not both, "closed as never placed, and yet the exchange has it"
    assert not neither, "neither at the exchange nor closed by evidence"
    assert not ledger.turned_down
    assert not ledger.unsent
    assert ledger.rows() == exchange_rows(world.orders)
    assert ledger.fills() == exchange_fills(world.fills)
    assert ledger.positions() == exchange_positions(world.fills) == world.positions


def told(world: World, seed: int) -> str:
    """One line on what the kills hit."""
    done = sum(life.is_done for life in world.lives)
    early = sum(not life.was_open and not life.is_done for life in world.lives)
    resent = sum(attempts > 1 for attempts in world.ledger.attempts.values())
    return (
        f"seed {seed}: {len(world.lives) - done} lives were killed, {early} of them before the"
        f" desk took orders; {len(world.orders)} orders placed, {len(world.ledger.absent)} proven"
        f" never placed, {resent} sent again, {len(world.fills)} fills"
    )


def say(text: str) -> None:
    """Shown where a test fails, so that the same kills can be had again: DESK_KILL_SEED."""
    sys.stdout.write(text + "\n")


def seed_of() -> int:
    return int(os.environ.get("DESK_KILL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


@pytest.mark.proves("C24", "I02", "I03", "I09")
async def test_a_desk_killed_at_random_instants_loses_and_doubles_nothing(tmp_path: Path) -> None:
    seed = seed_of()
    say(f"seed {seed}")
    world = await killed_again_and_again(tmp_path, seed, 3, 60)
    say(told(world, seed))
    judge(world, 60)
    assert sum(not life.is_done for life in world.lives) == 3


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_twenty_kills_in_two_hundred_orders_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = seed_of()
    say(f"seed {seed}")
    world = await killed_again_and_again(tmp_path, seed, 20, 200)
    say(told(world, seed))
    judge(world, 200)
    killed = [life for life in world.lives if not life.is_done]
    assert len(killed) == 20
    assert any(not life.was_open for life in killed), "none of the kills fell into a recovery"
