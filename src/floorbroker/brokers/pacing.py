"""One request budget for an account: lanes, the broker's own limit headers, and back-off.

Theory of operation
-------------------
A request goes at once when three things allow it: fewer than `max_in_flight` are on the wire, no
penalty is running, and the broker's budget has a token left. What the broker allows is known from
its answers alone (X-RateLimit-Limit, -Remaining, -Reset); without such headers only the number in
flight is limited.

Lanes have an order and a floor. When several wait, the first lane in `Lane` goes first. And a
lane may not take the last tokens: `FLOORS` says which share of the budget it must leave, so that
however many orders are submitted, a cancel and a look-up still get through.

A 429 starts a penalty, as long as the broker says or else growing from one second. Cancels go
through a penalty, spaced out, because the budget may be somebody else's and a cancel is worth the
try; all else waits.

The budget is this process's own, or that of all processes of the machine that use the key: then
the floors hold against all of them, and a penalty of one is everybody's (see `pace.shared`). The
order of lanes among those who wait is kept within each process.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from enum import IntEnum
from random import Random

from msgspec import Struct

from floorbroker.brokers.pace.budget import Budget, OwnBudget, told_by
from floorbroker.brokers.pace.spread import Spread
from floorbroker.clock import Clock


class Lane(IntEnum):
    """What a request is for; the lower goes first."""

    CANCEL = 0  #: Takes risk away.
    REPLACE = 1  #: Changes a live order.
    SUBMIT = 2  #: Places an order.
    RECONCILE = 3  #: Asks how orders, executions and positions stand.
    QUERY = 4  #: Anything else that is only read.


#: The share of the budget that a lane must leave to others.
FLOORS = {
    Lane.CANCEL: 0.0,
    Lane.RECONCILE: 0.05,
    Lane.REPLACE: 0.10,
    Lane.SUBMIT: 0.15,
    Lane.QUERY: 0.30,
}


#: A clock that is read twice within less than this may not have moved.
_TICK_S = 0.001


class PacingRules(Struct, frozen=True, kw_only=True):
    """What pacing assumes where the broker says nothing. Times in seconds."""

    max_in_flight: int = 256
    window_s: float = 60.0  #: The broker's budget is per this long.
    penalty_s: float = 1.0  #: After a first 429 that names no time; doubles with each.
    penalty_max_s: float = 60.0
    jitter: float = 0.1  #: A penalty is longer by a random part of up to this share.
    cancel_spacing_s: float = 0.5  #: Between cancels during a penalty.


class PacingStatus(Struct, frozen=True, kw_only=True):
    """The request budget at a glance; `limit` is None where the broker has told none."""

    in_flight: int
    waiting: int
    penalty_s: float
    limit: int | None = None
    remaining: int | None = None
    reset_in_s: float | None = None


class Pacer:
    """Says who may ask the broker now.

    `try_take` or `take` reserves a place; the request then ends with `done`, whatever became of
    it. Whoever took a place and does not ask gives it back with `give_back`. `on_capacity` is
    called when a lane that was refused by `try_take` may be let through.
    """

    def __init__(
        self,
        clock: Clock,
        random: Random,
        rules: PacingRules | None = None,
        *,
        budget: Budget | None = None,
    ) -> None:
        self.rules = rules or PacingRules()
        self.on_capacity: Callable[[], None] | None = None
        self.in_flight = 0
        self._clock = clock
        self._random = random
        self._budget = budget or OwnBudget(clock, self.rules.window_s)
        self._spread = Spread(self.rules.window_s)
        self._penalty_until = -math.inf
        self._penalties = 0
        self._next_cancel = -math.inf
        self._reserved = [0] * len(Lane)
        self._waiting: list[deque[asyncio.Future[None]]] = [deque() for _ in Lane]
        self._queued = 0
        self._refused: set[Lane] = set()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = math.inf
        most = self.rules.max_in_flight
        self._places = [most - math.floor(most * FLOORS[lane]) for lane in Lane]

    def try_take(self, lane: Lane) -> bool:
        """Reserve a place at once, or say no; after a no, `on_capacity` will be called."""
        if not self._is_behind(lane) and self._grab(lane):
            self._reserved[lane] += 1
            return True
        self._refused.add(lane)
        self._set_alarm()
        return False

    async def take(self, lane: Lane) -> None:
        """Wait for a place and use it."""
        if not self._is_behind(lane) and self._grab(lane):
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(turn)
        self._queued += 1
        self._set_alarm()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.in_flight -= 1
                self._budget.give_back()
                self._look_around()
            elif turn in self._waiting[lane]:
                self._waiting[lane].remove(turn)
                self._queued -= 1
            raise

    def claim(self, lane: Lane) -> bool:
        """Use a place that `try_take` reserved; False where there is none."""
        if not self._reserved[lane]:
            return False
        self._reserved[lane] -= 1
        return True

    def give_back(self, lane: Lane) -> None:
        """The place that `try_take` reserved is not needed."""
        if self.claim(lane):
            self.in_flight -= 1
            self._budget.give_back()
            self._look_around()

    def done(self, lane: Lane, headers: Mapping[str, str] | None) -> None:
        """A request has ended; `headers` (lower-case names) are its answer's, if there was one."""
        assert self.in_flight > 0, f"a request of lane {lane.name} ended that never began"
        self.in_flight -= 1
        self._budget.done(None if headers is None else told_by(headers))
        self._look_around()

    def penalise(self, retry_after_s: float | None = None) -> float:
        """The broker said "too many": returns for how many seconds requests now wait."""
        rules = self.rules
        asked = retry_after_s
        if asked is None:
            asked = min(rules.penalty_s * 2.0 ** min(self._penalties, 16), rules.penalty_max_s)
        self._penalties += 1
        wait_s = max(asked, 0.0) * (1 + self._random.uniform(0, rules.jitter))
        now = self._clock.monotonic()
        self._penalty_until = max(self._penalty_until, now + wait_s)
        self._next_cancel = now + min(rules.cancel_spacing_s, wait_s)
        self._budget.penalise(wait_s)
        self._set_alarm()
        return self._penalty_until - now

    def forgive(self) -> None:
        """A request was answered without complaint: the next penalty starts small again."""
        if self._penalties and self._clock.monotonic() >= self._penalty_until:
            self._penalties = 0
            self._penalty_until = -math.inf

    def wait_time_s(self, lane: Lane) -> float:
        """Seconds until time alone would let the lane through; 0 where only answers can."""
        return max(self._penalty_s(lane), self._budget.wait_s(FLOORS[lane]))

    def pace_s(self, lane: Lane, count: int) -> float:
        """In how many seconds somebody who just made so many requests may make as many again, and
        go on like this. 0 where no limit is known."""
        left = self._budget.left()
        if left is None:
            return 0.0
        kept = math.floor(left.limit * FLOORS[lane])
        return self._spread.pace_s(left, kept, count, self._clock.monotonic())

    def status(self) -> PacingStatus:
        """How much of the budget is left, by the broker's own word and what was spent since."""
        penalty_s = max(self._penalty_until - self._clock.monotonic(), self._budget.penalty_s(), 0)
        left, waiting = self._budget.left(), self._queued
        if left is None:
            return PacingStatus(in_flight=self.in_flight, waiting=waiting, penalty_s=penalty_s)
        return PacingStatus(
            in_flight=self.in_flight,
            waiting=waiting,
            penalty_s=penalty_s,
            limit=left.limit,
            remaining=left.remaining,
            reset_in_s=left.reset_in_s,
        )

    async def aclose(self) -> None:
        """Stop watching the time; whoever still waits is cancelled."""
        self._refused.clear()
        self._stop_alarm()
        for turns in self._waiting:
            for turn in turns:
                turn.cancel()
        self._budget.close()

    def _may(self, lane: Lane) -> bool:
        return self.in_flight < self._places[lane] and self.wait_time_s(lane) <= 0

    def _grab(self, lane: Lane) -> bool:
        """Take a place and a token, if there are both."""
        if self.in_flight >= self._places[lane] or self._penalty_s(lane) > 0:
            return False
        if not self._budget.take(FLOORS[lane]):
            return False
        self.in_flight += 1
        if lane is Lane.CANCEL and self._penalties_run():
            self._next_cancel = self._clock.monotonic() + self.rules.cancel_spacing_s
        return True

    def _penalty_s(self, lane: Lane) -> float:
        """Seconds that a 429, ours or of those who share the budget, makes this lane wait."""
        left_s = self._budget.penalty_s()
        if left_s <= 0 and not self._penalties:
            return 0.0
        now = self._clock.monotonic()
        left_s = max(left_s, self._penalty_until - now)
        if left_s > 0 and lane is Lane.CANCEL:
            return max(self._next_cancel - now, 0.0)
        return max(left_s, 0.0)

    def _penalties_run(self) -> bool:
        return self._clock.monotonic() < self._penalty_until or self._budget.penalty_s() > 0

    def _is_behind(self, lane: Lane) -> bool:
        """Whether others wait who go first: in the same lane, or in an earlier one that may go."""
        if not self._queued:
            return False
        return bool(self._waiting[lane]) or any(
            self._waiting[first] and self._may(first) for first in Lane if first < lane
        )

    def _look_around(self) -> None:
        if self._queued or self._refused:
            self._release()

    def _release(self) -> None:
        """Let through whoever may go, the first lane first."""
        for lane in Lane:
            turns = self._waiting[lane]
            while turns and (turns[0].done() or self._grab(lane)):
                turn = turns.popleft()
                self._queued -= 1
                if not turn.done():
                    turn.set_result(None)
        if any(self._may(lane) for lane in self._refused):
            self._refused.clear()
            if self.on_capacity is not None:
                self.on_capacity()
        self._set_alarm()

    def _set_alarm(self) -> None:
        """See to it that somebody looks again as soon as time will have helped."""
        if not (self._refused or self._queued):
            return
        lanes = self._refused | {lane for lane in Lane if self._waiting[lane]}
        waits_s = [self.wait_time_s(lane) for lane in lanes]
        wait_s = min((wait_s for wait_s in waits_s if wait_s > 0), default=math.inf)
        alarm_at = self._clock.monotonic() + wait_s
        if wait_s == math.inf or self._alarm_at <= alarm_at:
            return
        self._stop_alarm()
        self._alarm_at = alarm_at
        self._alarm = asyncio.get_running_loop().create_task(self._look_again(wait_s))

    def _stop_alarm(self) -> None:
        alarm, self._alarm, self._alarm_at = self._alarm, None, math.inf
        if alarm is not None:
            alarm.cancel()

    async def _look_again(self, wait_s: float) -> None:
        await self._clock.sleep(max(wait_s, _TICK_S))
        self._alarm, self._alarm_at = None, math.inf
        self._release()


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """How long an answer asks to wait: Retry-After (seconds or a date), else the limit's reset."""
    text = headers.get("retry-after", "").strip()
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    if text:
        try:
            return max(parsedate_to_datetime(text).timestamp() - now_s, 0.0)
        except (ValueError, TypeError, OverflowError):
            pass
    reset_s = _seconds(headers.get("x-ratelimit-reset", ""))
    if reset_s is None or not 0 < reset_s - now_s <= 3600:
        return None
    return reset_s - now_s


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
