"""Stopping and starting trading: by whoever holds the desk, and by its home folder's latch."""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from floorbroker.domain.errors import Refused
from floorbroker.domain.messages import KillLevel, RiskState
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.gates import gate, risk
from floorbroker.engine.gates.halted import Halt, Lift
from floorbroker.engine.gates.laying import Command, Lay
from floorbroker.engine.gates.risk import Around, Sight
from floorbroker.engine.halting.enforcer import Enforcer
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.settings import Means
from floorbroker.engine.standing.guards import Guards
from floorbroker.engine.standing.kill import Kill
from floorbroker.engine.state import State
from floorbroker.journal.latch import LatchFile, Mark
from floorbroker.pretrade.risk.layers import LimitBook
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView

#: A latch is seen within this time while the desk runs.
LOOK_S = 0.025
#: Nothing is decided on a look that is older: a desk that stood still looks before it goes on.
STALE_S = 0.05


class Switch:
    """Kills and resumes; what they do to orders is the writer's, and the enforcer's."""

    def __init__(
        self,
        inbox: Inbox,
        state: State,
        enforcer: Enforcer,
        *,
        means: Means,
        latch: LatchFile | None,
    ) -> None:
        self.enforcer = enforcer
        self._inbox = inbox
        self._state = state
        self._clock, self._settings = means.clock, means.settings
        self._latch = latch
        self._seen: Mark | None = None
        self._looked_at = -math.inf

    @property
    def stands(self) -> Kill | None:
        """The kill that stands; None while trading is active."""
        return self._state.kill

    async def kill(
        self, level: KillLevel, *, reason: str, by: str, may_reduce: bool = False
    ) -> None:
        """Durable when this returns, and no order that was not sent by then will be. The cancels
        and closes that follow from it are `enforcer`'s to see through."""
        halt = Halt(level=level, reason=reason, by=by, may_reduce=may_reduce)
        await self._inbox.ask(halt)

    async def resume(
        self, *, reason: str, by: str, symbol: str = "", strategy: str | None = None
    ) -> None:
        """Take orders again: of a paused symbol, of a disabled strategy, or else lift the kill and
        the state that stand over the desk. The latch goes first, so that a crash in between leaves
        a halt.

        Raises Refused if nothing is halted, no reason is given, or another kill has just come.
        """
        if not reason.strip():
            raise Refused("reason: say why trading is resumed; it stands in the journal")
        if symbol or strategy is not None:
            active = RiskState.ACTIVE
            await self._inbox.ask(
                Lay(state=active, cause=reason, by=by, symbol=symbol, strategy=strategy)
            )
            return
        self._look()
        kill, guards = self._state.kill, self._state.guards
        if kill is None and self._seen is None and guards.desk is None:
            raise Refused(f"trading is active; there is nothing to resume{_besides(guards)}")
        if self._latch is not None:
            latched = self._latch.read()
            if latched is not None and not self._latch.remove(latched.latch_id):
                raise Refused("another kill has just come; look at it, and resume again")
            self._seen = None
        await self._inbox.ask(Lift(reason=reason.strip(), by=by))

    def guard(self, spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]) -> None:
        """From now on the latch counts."""
        if self._latch is not None:
            self._latch.taken_request()  # it was for a desk that is gone
            self._inbox.fence = self.fence
            self.fence()
            spawn(self.watch)

    def fence(self) -> None:
        """Look at the latch if the last look is too old to decide anything by."""
        if self._clock.monotonic() - self._looked_at > STALE_S:
            self._look()

    async def watch(self) -> None:
        """Look for ever."""
        assert self._latch is not None
        while True:
            await self._clock.sleep(LOOK_S)
            self._look()
            request = self._latch.taken_request() if self._state.kill is not None else None
            if request is not None:
                try:
                    await self.resume(reason=request.reason, by=request.by)
                except Refused:
                    continue  # whoever asked sees that nothing came of it

    @property
    def guards(self) -> Guards:
        """What else was laid over the desk."""
        return self._state.guards

    def limits(self) -> LimitBook:
        """The limits that hold now."""
        return self._state.limits.at(self._settings.limits, self._clock.now())

    async def lay(self, command: Command) -> None:
        """Durable when this returns; raises Refused kinds."""
        await self._inbox.ask(command)

    def seen(self, request: OrderRequest, around: Around) -> tuple[Ask, RiskView, Limits]:
        """What the pre-trade controls would judge this order by, now."""
        return risk.seen(Sight(self._state, self._settings, around, self._clock.now()), request)

    def passes_gates(self, request: OrderRequest) -> None:
        """Raises what the first closed gate would raise."""
        gate.check(self._state, request, self._settings)

    def _look(self) -> None:
        if self._latch is None:
            return
        self._looked_at = self._clock.monotonic()
        mark = self._latch.mark()
        if mark == self._seen:
            return
        self._seen = mark
        latched = self._latch.read()
        kill = self._state.kill
        if latched is None or (kill is not None and kill.latch_id == latched.latch_id):
            return
        self._inbox.post_first(
            Halt(
                level=latched.level,
                reason=latched.reason,
                by=latched.by,
                may_reduce=latched.may_reduce,
                latch_id=latched.latch_id,
            )
        )


def _besides(guards: Guards) -> str:
    """What is not resumed by a resume of the desk."""
    told = [f"--symbol {symbol}" for symbol in guards.symbols]
    told += [f"--strategy {strategy or '-'}" for strategy in guards.strategies]
    return f" but with {', '.join(told)}" if told else ""
