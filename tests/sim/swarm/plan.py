"""A fault plan that tells the census what struck, and how the order stood that it struck."""

from collections.abc import Mapping
from typing import Any

from floorbroker.exchange.faults import MARKET, REQUEST, STREAM, VENUE, FaultPlan, FaultRule
from tests.sim.swarm.census import Census
from tests.sim.swarm.points import of_fault
from tests.sim.swarm.story import Story
from tests.sim.swarm.truth import SUBJECT, Truth

#: Kinds of fault that have an effect after they struck, and how much later it may begin.
_LATE = {"delay": 6, "late_visibility": 0, "stream_delay": 0, "bust": 0, "correct": 0}


class CountedPlan(FaultPlan):
    """The faults of a story."""

    def __init__(self, story: Story, census: Census, truth: Truth) -> None:
        self._census = census
        self._truth = truth
        self.last_effect_s = 0.0  #: Monotonic; nothing that struck has an effect after it.
        super().__init__(story.faults, story.seed)

    def _strike(
        self, armed: Any, seen: Mapping[str, str], where: str, now_ns: int
    ) -> tuple[FaultRule, ...]:
        struck = super()._strike(armed, seen, where, now_ns)
        # A request may be held up and what it did hidden: one after the other.
        late_s = sum(one.wait_s + _LATE[one.kind] for one in struck if one.kind in _LATE)
        if late_s:
            now_s = self._truth.world.clock.monotonic()
            self.last_effect_s = max(self.last_effect_s, now_s + late_s)
        for rule in struck:
            self._census.faults[rule.kind] += 1
            self._note(rule, seen)
        return struck

    def _note(self, rule: FaultRule, seen: Mapping[str, str]) -> None:
        self._census.came_to(of_fault(rule.kind, seen.get("method", "")))
        cells = self._census.cells
        if rule.layer == REQUEST:
            subject = SUBJECT.get()
            cells[f"{rule.kind} | {subject}"] += 1
        elif rule.layer == STREAM:
            cells[f"{rule.kind} | {seen['event']}"] += 1
        elif rule.layer in (MARKET, VENUE):
            for status in self._truth.statuses(seen["symbol"]):
                cells[f"{rule.kind} | {status}"] += 1
