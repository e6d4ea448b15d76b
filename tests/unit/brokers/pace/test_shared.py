"""Processes that share a key share its budget, and no death or damage of the file stops them."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from floorbroker.brokers.pace.budget import Told
from floorbroker.brokers.pace.shared import SharedBudget, file_of
from floorbroker.brokers.pacing import FLOORS, Lane, Pacer
from floorbroker.clock import MarketClock, SystemClock
from floorbroker.domain.errors import ConfigError

NOW_S = 1_790_000_000


class Wall:
    """A date that stands still until it is moved."""

    def __init__(self) -> None:
        self.clock = MarketClock(SystemClock(), NOW_S * 10**9, speed=0.0)

    def budget(self, path: Path) -> SharedBudget:
        return SharedBudget(path, self.clock)

    def told(self, limit: int, remaining: int, reset_in_s: float = 30.0) -> Told:
        return Told(limit, remaining, self.clock.now_ns() / 1e9 + reset_in_s)


@pytest.fixture
def wall() -> Wall:
    return Wall()


def drained(budget: SharedBudget, share: float = 0.0) -> int:
    """How many tokens there were beyond the share."""
    taken = 0
    while budget.take(share):
        budget.done(None)
        taken += 1
        assert taken < 10_000
    return taken


def test_what_one_process_learns_and_spends_counts_for_the_other(
    tmp_path: Path, wall: Wall
) -> None:
    one, two = wall.budget(tmp_path / "x"), wall.budget(tmp_path / "x")
    assert one.take(0.0)
    one.done(wall.told(200, 10))
    for _ in range(3):
        assert two.take(0.0)
        two.done(None)
    assert drained(one) == 7
    assert drained(two) == 0
    assert two.wait_s(0.0) == pytest.approx(30, abs=0.01)


@pytest.mark.proves("S27")
def test_cancels_keep_their_share_whatever_a_sibling_burns(tmp_path: Path, wall: Wall) -> None:
    one, two = wall.budget(tmp_path / "x"), wall.budget(tmp_path / "x")
    one.take(0.0)
    one.done(wall.told(200, 200))
    burnt = sum(drained(one, FLOORS[lane]) for lane in Lane if lane is not Lane.CANCEL)
    assert burnt == 190
    assert not two.take(FLOORS[Lane.SUBMIT])
    assert drained(two, FLOORS[Lane.CANCEL]) == 10


async def test_the_penalty_of_one_process_is_everybodys(tmp_path: Path, wall: Wall) -> None:
    pacers = [Pacer(wall.clock, Random(1), budget=wall.budget(tmp_path / "x")) for _ in range(2)]
    assert pacers[1].try_take(Lane.SUBMIT)
    pacers[0].penalise(20.0)
    assert not pacers[1].try_take(Lane.SUBMIT)
    assert pacers[1].try_take(Lane.CANCEL)
    assert not pacers[1].try_take(Lane.CANCEL), "cancels are spaced"
    assert 20 <= pacers[1].wait_time_s(Lane.SUBMIT) <= 22
    wall.clock.advance(23)
    assert pacers[1].try_take(Lane.SUBMIT)
    for pacer in pacers:
        await pacer.aclose()


def test_a_window_that_is_over_is_over_for_everybody(tmp_path: Path, wall: Wall) -> None:
    one = wall.budget(tmp_path / "x")
    one.take(0.0)
    one.done(wall.told(20, 0))
    assert drained(one) == 0
    wall.clock.advance(31)
    assert drained(wall.budget(tmp_path / "x")) == 20
    assert drained(one) == 0


def test_what_others_have_on_their_way_is_taken_off(tmp_path: Path, wall: Wall) -> None:
    one, two = wall.budget(tmp_path / "x"), wall.budget(tmp_path / "x")
    for _ in range(4):
        assert two.take(0.0)
    one.take(0.0)
    one.done(wall.told(20, 10))
    assert drained(one) == 6


def test_what_a_dead_process_had_on_its_way_is_forgotten(tmp_path: Path, wall: Wall) -> None:
    dead, one = wall.budget(tmp_path / "x"), wall.budget(tmp_path / "x")
    for _ in range(4):
        assert dead.take(0.0)
    dead.close()
    wall.clock.advance(61)
    one.take(0.0)
    one.done(wall.told(20, 10))
    assert drained(one) == 10


def test_more_processes_than_there_are_places_still_share(tmp_path: Path, wall: Wall) -> None:
    many = [wall.budget(tmp_path / "x") for _ in range(20)]
    for each in many:
        assert each.take(0.0)
    many[-1].done(wall.told(200, 100))
    assert all(each.take(0.0) for each in many[:-1])
    for each in many:
        each.close()


@pytest.mark.parametrize("keep", [0, 10, 100])
@pytest.mark.parametrize("tail", [b"", b"\xff" * 500])
def test_a_torn_record_counts_as_nothing_known(
    tmp_path: Path, wall: Wall, keep: int, tail: bytes
) -> None:
    path = tmp_path / "x"
    one, two = wall.budget(path), wall.budget(path)
    one.take(0.0)
    one.done(wall.told(20, 0))
    assert not two.take(0.0)
    whole = path.read_bytes()
    path.write_bytes(whole[:keep] + tail)
    assert two.take(0.0)
    two.done(wall.told(20, 3))
    assert drained(one) == 3


def test_every_changed_bit_is_found(tmp_path: Path, wall: Wall) -> None:
    path = tmp_path / "x"
    one, two = wall.budget(path), wall.budget(path)
    one.take(0.0)
    one.done(wall.told(20, 0))
    whole = path.read_bytes()
    for place in range(0, len(whole) * 8, 37):
        torn = bytearray(whole)
        torn[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(torn))
        assert two.wait_s(0.0) == 0.0, f"bit {place} went unseen"


def test_a_sibling_that_is_stopped_with_the_lock_stops_nobody(tmp_path: Path, wall: Wall) -> None:
    path = tmp_path / "x"
    one = wall.budget(path)
    one.take(0.0)
    one.done(wall.told(20, 5))
    stopped = os.open(path, os.O_RDWR)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    assert [one.take(0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    os.close(stopped)
    assert not one.take(0.0)
    assert not wall.budget(path).take(0.0), "what was taken without the lock was not told"


def test_a_file_that_was_removed_is_made_anew_with_the_next_window(
    tmp_path: Path, wall: Wall
) -> None:
    path = tmp_path / "x"
    one = wall.budget(path)
    one.take(0.0)
    one.done(wall.told(20, 20))
    path.unlink()
    wall.clock.advance(31)
    assert one.take(0.0)
    one.done(wall.told(20, 4))
    assert drained(wall.budget(path)) == 4


def test_a_clock_that_was_set_back_ends_the_window(tmp_path: Path, wall: Wall) -> None:
    path = tmp_path / "x"
    one = wall.budget(path)
    one.take(0.0)
    one.done(wall.told(20, 0))
    wall.clock.advance(-3600)
    assert one.take(0.0)
    one.done(wall.told(20, 2))
    assert drained(one) == 2


class Interrupted:
    """A clock whose reader is held up once, just after he read it."""

    def __init__(self, wall: Wall, meanwhile: Callable[[], object]) -> None:
        self._wall = wall
        self._meanwhile = [meanwhile]

    def now_ns(self) -> int:
        now_ns = self._wall.clock.now_ns()
        if self._meanwhile:
            self._wall.clock.advance(0.1)
            self._meanwhile.pop()()
        return now_ns


@pytest.mark.proves("S27")
def test_whoever_is_held_up_does_not_take_the_window_of_a_faster_one_for_over(
    tmp_path: Path, wall: Wall
) -> None:
    one = wall.budget(tmp_path / "x")
    one.take(0.0)
    one.done(wall.told(20, 0))
    wall.clock.advance(31)
    slow: Any = Interrupted(wall, lambda: drained(one))
    two = SharedBudget(tmp_path / "x", slow)
    assert not two.take(0.0)
    assert drained(two) == 0
    assert drained(one) == 0


def test_the_files_name_and_bytes_do_not_tell_the_key(tmp_path: Path, wall: Wall) -> None:
    path = file_of(tmp_path, "https://paper-api.alpaca.markets", "PKSECRET", "budget")
    other = file_of(tmp_path, "https://api.alpaca.markets", "PKSECRET", "budget")
    assert path != other
    one = wall.budget(path)
    one.take(0.0)
    one.done(wall.told(20, 0))
    assert "SECRET" not in str(path)
    assert b"SECRET" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_used_is_said_at_once(tmp_path: Path, wall: Wall) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="FLOORBROKER_RUN"):
        wall.budget(tmp_path / "file" / "x")


async def test_what_ends_after_the_budget_was_closed_does_no_harm(
    tmp_path: Path, wall: Wall
) -> None:
    pacer = Pacer(wall.clock, Random(1), budget=wall.budget(tmp_path / "x"))
    assert pacer.try_take(Lane.SUBMIT)
    assert pacer.claim(Lane.SUBMIT)
    await pacer.aclose()
    pacer.done(Lane.SUBMIT, {"x-ratelimit-limit": "1"})
    assert pacer.in_flight == 0
