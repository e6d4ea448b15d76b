"""A world for stories: its desk may die at any boundary, and whatever happens is counted."""

from datetime import datetime
from typing import Any

from floorbroker.brokers.alpaca.stream import StreamRules
from floorbroker.clock import NS_PER_S, Clock, datetime_of
from floorbroker.engine.settings import EngineSettings
from floorbroker.exchange.rules import VenueRules
from floorbroker.journal.store import MemoryDisk
from tests.boundaries import watch_journal, watch_transport
from tests.sim.swarm.census import Census
from tests.sim.swarm.fate import Fate
from tests.sim.swarm.plan import CountedPlan
from tests.sim.swarm.points import died
from tests.sim.swarm.ports import HeardJournal, HeardWay
from tests.sim.swarm.story import Death, Story
from tests.sim.swarm.truth import Truth
from tests.sim.world import World

#: Shorter than the defaults, so that a story is over soon; what is proved is the same.
GRACE_S = 8.0
_STREAM = StreamRules(
    silence_s=10,
    answer_s=4,
    grace_s=2,
    wait_max_s=4,
    crowded_wait_s=0.5,
    crowded_wait_max_s=6,
    refused_wait_s=2,
    refused_wait_max_s=10,
    settled_s=4,
)
#: Kinds of fault after which an order may show later than it is waited for.
_LATE = ("late_visibility", "delay", "stale_answer")


class SkewedClock:
    """The desk's clock: its dates may jump, and its seconds do not."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self.offset_ns = 0
        self.monotonic, self.sleep = base.monotonic, base.sleep

    def now(self) -> datetime:
        return datetime_of(self.now_ns())

    def now_ns(self) -> int:
        return self._base.now_ns() + self.offset_ns

    def jump(self, seconds: int) -> None:
        self.offset_ns += seconds * NS_PER_S


class SwarmWorld(World):
    """An exchange that lives on, and one life after the other of a desk."""

    def __init__(self, story: Story) -> None:
        settings = EngineSettings(
            ghost_grace_s=GRACE_S,
            lookup_delays_s=(0.25, 0.5, 1, 2, 4),
            retry_delays_s=(0.25, 0.5, 1, 2, 4),
            poll_orders_s=5,
            poll_positions_s=10,
            start_timeout_s=20,
            snapshot_every=story.snapshot_every,
        )
        latency_ns = round(story.latency_s * NS_PER_S)
        super().__init__(
            story.seed,
            settings=settings,
            rules=VenueRules(
                ack_latency_ns=latency_ns,
                cancel_latency_ns=latency_ns,
                replace_latency_ns=latency_ns,
            ),
            start_ns=story.start_ns,
            has_one_stream=story.has_one_stream,
        )
        self.skewed = SkewedClock(self.clock)
        self.desk_clock = self.skewed
        self.stream_rules = _STREAM
        self.census = Census.empty()
        busts, late = story.has_busts, _latest(story)
        self.truth = Truth(self, has_busts=busts, is_restored=story.is_restored)
        self.plan = CountedPlan(story, self.census, self.truth)
        self.front.server.faults = self.plan
        self.fate = Fate(self.disk, None, self._came_to)
        self.is_canceling = False
        self.backup: bytes | None = None
        self._crew: Any = None
        if any(change.what != "cancel" for one in story.callers for change in one.changes):
            # A successor may show after the predecessor was heard to have ended by itself.
            self.expected_alarms |= {"end_revised"}
        #: Whether an order may be found that was proven never placed.
        self.may_find_late = late >= GRACE_S
        if self.may_find_late:
            self.expected_alarms |= {"late_order", "fill_after_end"}
        if story.is_restored:
            self.expected_alarms |= {"stale_journal", "late_order", "fill_after_end"}
            surprises = {"missing_executions", "unexpected_report", "second_order"}
            self.expected_alarms |= surprises  # of predecessors and successors unknown here
        if busts:
            kinds = ("trade_cancel", "trade_correct")
            # A count from before a bust is not reached any more, or reached by another execution.
            surprises = {"missing_executions", "fill_after_end", "execution_differs"}
            self.expected_alarms |= {*surprises, *kinds}
            self.expected_alarms |= {*(f"{kind}_of_unknown" for kind in kinds)}

    def begin(self, death: Death | None) -> Fate:
        """Another life, which ends so."""
        self.fate = Fate(self.disk, death, self._came_to)
        self.truth.is_blind = False
        return self.fate

    def ports(self) -> tuple[Any, Any]:
        journal, way = super().ports()
        fate = self.fate
        heard = HeardJournal(journal, fate, self.truth)
        return (
            watch_journal(heard, fate.reached),
            watch_transport(HeardWay(way, self.truth), fate.reached),
        )

    def _came_to(self, place: str, what: frozenset[str]) -> None:
        self._crew = self.engine._crew or self._crew
        for kind in what or ("",):
            self.census.boundaries[f"{place} {kind}" if kind else place] += 1

    def died(self, death: Death) -> None:
        """Count it, while what was on the wire still is."""
        died(
            self.fate,
            death,
            self.census,
            posts=self.truth.in_flight["POST"],
            is_canceling=self.is_canceling,
        )

    async def crash(self) -> None:
        """As ever, and also in the middle of a stop."""
        self.truth.is_blind = True
        crew, self._crew = self._crew, None
        if crew is not None:
            self._mine += [*crew.outbox._live.values(), *crew.resolver._inquiries.values()]
        await super().crash()
        await self.engine.cache.aclose()
        for socket in self.truth.sockets:
            await socket.aclose()
        self.truth.sockets.clear()

    # The disk

    def back_up(self) -> None:
        self.backup = self.disk.connection.serialize()

    def restore(self) -> bool:
        """Whether the disk is now as it was when it was backed up; the desk must be down."""
        if self.backup is None:
            return False
        disk = MemoryDisk()
        disk.connection.deserialize(self.backup)
        self.disk = disk
        self.truth.forget()
        return True

    def lose_snapshot(self) -> None:
        self.disk.connection.execute("DELETE FROM snapshot")


def _latest(story: Story) -> float:
    waits = [rule.wait_s for rule in story.faults if rule.kind in _LATE]
    return max(waits, default=0.0)
