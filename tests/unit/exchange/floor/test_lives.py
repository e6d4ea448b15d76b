"""A life in one go is the life that all others lead, told in fewer words."""

from random import Random

import pytest

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.floor.acceptance import Acceptance
from floorbroker.exchange.model import VenueError, VenueEvent, VenueOrder
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.wire.writer import OrderWriter
from tests.unit.exchange.venue_kit import KEY, MINUTE, Floor


def played(floor: Floor, seed: int) -> list[str]:
    """The same story on every floor: what filled, waited or was refused, at which prices."""
    dice = Random(seed)
    told: list[str] = []
    for _ in range(120):
        if not told or dice.random() < 0.5:  # else what was taken stays taken
            bid = 100 + dice.randrange(-3, 4)
            floor.quote(f"{bid}", dice.choice([1, 40, 99]), f"{bid}.02", dice.choice([1, 40, 99]))
        side = dice.choice(["buy", "sell"])
        qty = dice.choice(["1", "5", "60", "0.5"])
        tif = dice.choice(["day", "day", "gtc", "ioc", "fok"])
        try:
            if dice.random() < 0.5:
                floor.send(side, qty, tif="day")
            else:
                floor.limit(side, qty, f"{bid + dice.randrange(-1, 2)}", tif=tif)
            told.append("taken")
        except VenueError as refusal:
            told.append(refusal.message)
        if dice.random() < 0.1:
            floor.trade(f"{bid}.01", dice.choice([5, 300]))
        if dice.random() < 0.1:
            floor.venue.cancel_all(KEY)
        floor.venue.advance(floor.venue.now_ns + dice.choice([0, 1, 3 * MINUTE // 7]))
    return told


class Thorough(Acceptance):
    """Judges every order, however ordinary it is."""

    def finds_nothing(self, order: VenueOrder, account: VenueAccount) -> bool:
        return False


def without_short_cuts(rules: VenueRules) -> Floor:
    floor = Floor(rules=rules)
    floor.venue.routing.is_prompt = False
    floor.venue.acceptance = Thorough(rules)
    return floor


def bare(event: VenueEvent) -> tuple[object, ...]:
    """All but how it is told."""
    return (*(getattr(event, name) for name in event.__struct_fields__ if name != "ends_life"),)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "rules",
    [
        VenueRules(),
        VenueRules(checks_wash_trades=False),
        VenueRules(pdt="on", checks_wash_trades=False),
    ],
)
def test_a_life_in_one_go_is_the_life_of_one_step_after_the_other(
    seed: int, rules: VenueRules
) -> None:
    floor, other = Floor(rules=rules), without_short_cuts(rules)
    assert played(floor, seed) == played(other, seed)
    assert sum(event.ends_life for event in floor.events) > 5
    assert not any(event.ends_life for event in other.events)
    assert [bare(event) for event in floor.events] == [bare(event) for event in other.events]
    assert floor.venue.export_state() == other.venue.export_state()
    assert floor.account.equity == other.account.equity
    assert floor.account.buying_power == other.account.buying_power


def test_the_frames_of_a_life_are_those_of_its_events_one_by_one() -> None:
    floor, other = Floor(), without_short_cuts(VenueRules())
    for each in (floor, other):
        played(each, 3)
    writer, slow = OrderWriter(), OrderWriter()
    events = list(floor.events)
    lives = 0
    while events:
        count = 3 if len(events) > 2 and events[2].ends_life else 1
        lives += count == 3
        told, events = events[:count], events[count:]
        assert not writer.frames(told[:1], "nobody")
        assert writer.frames(told, KEY) == [
            frame for event in told for frame in slow.frames([event], KEY)
        ]
        assert not writer.frames(told, "nobody")
    assert lives > 5
