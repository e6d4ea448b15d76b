"""When a request that surely did not arrive is made again: full jitter, and a budget.

Theory of operation
-------------------
A retry waits a random part of a time that doubles, so that many do not come back together. Then it
takes a token. Requests that are answered bring tokens: a retry brings its own back, any other a
share of one. So a broker that is out of reach is asked a few times at once and then once in
`trickle_s`, however many orders wait; one that answers again is soon asked as fast as it answers.

A cancel is charged and does not wait for a token: it takes risk away. What may have arrived is
never made again here; see `brokers.answers`.
"""

import asyncio
from random import Random

from msgspec import Struct

from floorbroker.clock import Clock


class RetryRules(Struct, frozen=True, kw_only=True):
    """How much may be asked again."""

    share: float = 0.2  #: Of a token, for each request that was answered at its first attempt.
    tokens_max: float = 10.0
    trickle_s: float = 1.0  #: Brings a token, too.


class Retries:
    """The retries of one account, one after the other in the order in which they are due."""

    def __init__(self, clock: Clock, random: Random, rules: RetryRules | None = None) -> None:
        self.rules = rules or RetryRules()
        self._clock = clock
        self._random = random
        self._tokens = self.rules.tokens_max
        self._filled_s = clock.monotonic()
        self._first_come = asyncio.Lock()
        self._has_more = asyncio.Event()

    def answered(self, *, is_retry: bool) -> None:
        """A request had an answer, good or bad."""
        self._add(1.0 if is_retry else self.rules.share)

    async def turn(self, ceiling_s: float, *, is_urgent: bool = False) -> None:
        """Return when the request may be made again; `ceiling_s` bounds the random part."""
        await self._clock.sleep(self._random.uniform(0.0, ceiling_s))
        if is_urgent:
            self._fill()
            self._tokens = max(self._tokens - 1.0, 0.0)
            return
        async with self._first_come:
            while self._fill() < 1.0:
                self._has_more.clear()
                wait_s = (1.0 - self._tokens) * self.rules.trickle_s
                try:
                    async with asyncio.timeout(max(wait_s, 0.001)):
                        await self._has_more.wait()
                except TimeoutError:
                    continue
            self._tokens -= 1.0

    def _add(self, tokens: float) -> None:
        self._tokens = min(self._tokens + tokens, self.rules.tokens_max)
        self._has_more.set()

    def _fill(self) -> float:
        """The tokens that there are now, with those that time has brought."""
        now_s = self._clock.monotonic()
        brought = (now_s - self._filled_s) / self.rules.trickle_s
        self._filled_s = now_s
        self._tokens = min(self._tokens + brought, self.rules.tokens_max)
        return self._tokens
