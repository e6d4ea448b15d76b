"""What happened in stories, counted: that nothing broke proves nothing of what never happened."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from floorbroker.exchange.faults import MARKET, REQUEST, STREAM, VENUE, FaultRule
from tests.sim.swarm.story import ANY, FAULTS, LOSES, ORDER, POST

#: The crash points that stories come to.
REACHED = tuple(f"C{number:02}" for number in range(1, 34) if number not in (26, 32))
UNREACHED = {
    "C26": "two writers are two processes: lock and fence are tested with real ones",
    "C32": "corporate actions are days apart: they have stories of their own",
}
_PLACED = ("place sent",)
_CHANGES = tuple(
    f"{what} {status}"
    for what in ("cancel", "replace")
    for status in ("accepted", "held", "new", "partially_filled")
)
_ASKED = tuple(f"question {status}" for status in ("held", "new", "partially_filled"))
_LISTED = ("look-up unknown", "list orders", "list FILL", "list positions", "list clock")
_SUBJECTS = {
    POST: _PLACED,
    ORDER: _CHANGES + _ASKED,
    ANY: _PLACED + _CHANGES + _ASKED + _LISTED,
}
_EVENTS = (
    "pending_new",
    "new",
    "partial_fill",
    "fill",
    "canceled",
    "rejected",
    "expired",
    "replaced",
    "trade_bust",
    "trade_correct",
)
#: How orders stand in the symbol, where a fault of the market or the venue strikes.
_STATUSES = {
    "async_reject": ("pending_new",),
    "fill_during_cancel": ("new", "partially_filled"),
}
_ANY_STATUS = ("accepted", "held", "new", "partially_filled")


class Census(Struct, frozen=True):
    """How often each thing happened; deaths and boundaries by place and kind."""

    stories: Counter[str]  #: "stories", and how orders ended.
    points: Counter[str]
    faults: Counter[str]
    cells: Counter[str]  #: A fault, and how the order stood that it struck.
    boundaries: Counter[str]
    deaths: Counter[str]

    @classmethod
    def empty(cls) -> "Census":
        return cls(*(Counter() for _ in cls.__struct_fields__))

    def came_to(self, point: str) -> None:
        if point:
            self.points[point] += 1

    def add(self, other: "Census") -> None:
        for name in self.__struct_fields__:
            getattr(self, name).update(getattr(other, name))

    def unhit_points(self) -> list[str]:
        return [point for point in REACHED if not self.points[point]]

    def unhit_faults(self) -> list[str]:
        return sorted({rule.kind for rule in FAULTS if not self.faults[rule.kind]})

    def unhit_cells(self) -> list[str]:
        return [cell for cell in CELLS if not self.cells[cell]]

    def never_died_at(self) -> list[str]:
        """Boundaries that desks came to and were never killed at."""
        died = {
            f"{place} {kind}"
            for where in self.deaths
            for place, _, about in [where.partition(" ")]
            for kind in (about, *self._kinds(about))
        }
        return sorted(one for one in self.boundaries if one not in died and one.partition(" ")[2])

    def _kinds(self, about: str) -> Iterator[str]:
        kinds = (boundary.partition(" ")[2] for boundary in self.boundaries)
        yield from (kind for kind in kinds if kind and kind in about)

    def told(self) -> str:
        """In lines: what was hit how often, and what never was."""
        struck = len({rule.kind for rule in FAULTS}) - len(self.unhit_faults())
        cells = len(CELLS) - len(self.unhit_cells())
        lines = [
            _counts("how they went", self.stories),
            _counts(f"{len(REACHED) - len(self.unhit_points())}/33 crash points", self.points),
            *(f"  never {point}: {why}" for point, why in UNREACHED.items()),
            _counts(f"{struck} kinds of fault", self.faults),
            f"{cells} of {len(CELLS)} cells (fault | what it struck) were hit",
            f"{sum(self.deaths.values())} deaths at {len(self.deaths)} kinds of place",
        ]
        for what, names in (
            ("crash points", self.unhit_points()),
            ("faults", self.unhit_faults()),
            ("cells", self.unhit_cells()),
            ("places to die at", self.never_died_at()),
        ):
            lines += [f"never hit, {what}: {', '.join(names)}"] if names else []
        return "\n".join(lines)


def _counts(what: str, counter: "Counter[str]") -> str:
    told = ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
    return f"{what}: {told}"


def _cells(rule: FaultRule) -> Iterator[str]:
    kind = rule.kind
    if rule.layer == REQUEST:
        subjects = _SUBJECTS[rule.path]
        subjects = _ASKED + _LISTED if kind == "stale_answer" else subjects
        yield from (f"{kind} | {subject}" for subject in subjects)
    elif rule.layer == STREAM:
        is_never = kind in LOSES
        told = (one for one in _EVENTS if not (is_never and one == "trade_correct"))
        yield from (f"{kind} | {event}" for event in told)
    elif rule.layer in (MARKET, VENUE):
        statuses = _STATUSES.get(kind, _ANY_STATUS)
        yield from (f"{kind} | {status}" for status in statuses)


#: Each fault with everything that it can strike.
CELLS = tuple(dict.fromkeys(cell for rule in FAULTS for cell in _cells(rule)))
