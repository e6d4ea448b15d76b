"""A thousand times kill -9, at random instants: no order lost, none doubled.

The lives are those of `test_desk_kill`, forked from a process that has imported everything
already, in rounds: each round has an exchange and a journal of its own and is judged by itself;
some rounds go on at a time.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from msgspec import Struct

from tests.crash.test_desk_kill import (
    LIFE_S,
    Ending,
    Kill,
    World,
    hear,
    judge,
    killed_again_and_again,
    say,
    seed_of,
)

KILLS = int(os.environ.get("FLOORBROKER_DESK_KILLS", "1000"))
A_ROUND = 25
ORDERS_A_KILL = 10
LANES = 6


class Nursery:
    """Begins lives and ends them."""

    def __init__(self, wishes: socket.socket) -> None:
        self.opened_s: list[float] = []
        self._wishes = wishes

    async def live(self, words: list[str], kill: Kill | None) -> Ending:
        reader = asyncio.StreamReader()
        ours, theirs = os.pipe()
        began = time.monotonic()
        socket.send_fds(self._wishes, [json.dumps(words).encode()], [theirs])
        os.close(theirs)
        way, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb")
        )
        said: list[str] = []
        life = 0
        try:
            async with asyncio.timeout(LIFE_S):
                life = os.pidfd_open(int((await reader.readline()).decode().strip()[4:]))
                if kill is not None:
                    await hear(reader, said, kill.answers, self._heard(began))
                    await asyncio.sleep(kill.after_s)
                    with suppress(ProcessLookupError):
                        signal.pidfd_send_signal(life, signal.SIGKILL)
                said += (await reader.read()).decode().split()
        finally:
            way.close()
            if life:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(life, signal.SIGKILL)
                os.close(life)
        assert kill is not None or said[-1:] == ["done"], f"it ended by itself after {said[-3:]}"
        return Ending(tuple(said), is_done=said[-1:] == ["done"])

    def _heard(self, began: float) -> "Heard":
        return Heard(self.opened_s, began)


class Heard(Struct):
    """Notes when a desk said that it is open."""

    opened_s: list[float]
    began: float

    def __call__(self, word: str) -> None:
        if word == "open":
            self.opened_s.append(time.monotonic() - self.began)


@contextmanager
def nursery() -> Iterator[Nursery]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, "-m", "tests.crash.zygote", str(theirs.fileno())]
    with ours, theirs, subprocess.Popen(words, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            process.kill()


def told(worlds: list[World], opened_s: list[float], took_s: float) -> str:
    lives = [life for world in worlds for life in world.lives if not life.is_done]
    early = sum(not life.was_open for life in lives)
    resent = sum(n > 1 for world in worlds for n in world.ledger.attempts.values())
    times = sorted(opened_s)
    p50, p99 = (times[int(len(times) * share)] for share in (0.5, 0.99))
    return (
        f"{len(lives)} kills in {took_s:.0f} s ({len(lives) / took_s:.1f} a second), {early} of"
        f" them before the desk took orders; {sum(len(world.orders) for world in worlds)} orders"
        f" placed, {sum(len(world.ledger.absent) for world in worlds)} proven never placed,"
        f" {resent} sent again, {sum(len(world.fills) for world in worlds)} fills; 0 lost, 0"
        f" doubled; from fork to open p50 {p50:.2f} s, p99 {p99:.2f} s, max {times[-1]:.2f} s"
    )


async def many_kills(home: Path, kills: int, a_round: int) -> None:
    seed = seed_of()
    say(f"seed {seed}")
    random, began = Random(seed), time.monotonic()
    rounds = [(number, random.getrandbits(32)) for number in range(-(-kills // a_round))]
    waiting, worlds, orders = iter(rounds), [], a_round * ORDERS_A_KILL
    with nursery() as born:

        async def lane() -> None:
            for number, its_seed in waiting:
                place = home / str(number)
                place.mkdir()
                world = await killed_again_and_again(place, its_seed, a_round, orders, born.live)
                judge(world, orders)
                worlds.append(world)
                say(told(worlds, born.opened_s, time.monotonic() - began))

        async with asyncio.TaskGroup() as lanes:
            for _ in range(LANES):
                lanes.create_task(lane())
    killed = [life for world in worlds for life in world.lives if not life.is_done]
    assert len(killed) == len(rounds) * a_round
    assert any(not life.was_open for life in killed), "none of the kills fell into a recovery"


@pytest.mark.timeout(300)
@pytest.mark.proves("C24", "I02", "I03", "I09")
async def test_some_kills_at_random_instants_lose_and_double_nothing(tmp_path: Path) -> None:
    await many_kills(tmp_path, 24, 8)


@pytest.mark.soak
@pytest.mark.proves("C24", "I02", "I03", "I09")
@pytest.mark.timeout(3600)
async def test_a_thousand_kills_at_random_instants_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    await many_kills(tmp_path, KILLS, A_ROUND)
