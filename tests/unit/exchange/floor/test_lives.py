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
        qty = dice.choice(["1", "5", "60", "0.5", "10.0", "0"])
        tif = dice.choice(["day", "day", "gtc", "ioc", "fok"])
        px = f"{bid + dice.randrange(-1, 2)}{dice.choice(['', '', '.50', '.025'])}"
        more = {"cid": f"own-{dice.randrange(200)}"} if dice.random() < 0.5 else {}
        try:
            if dice.random() < 0.4:
                floor.send(side, qty, tif="day", **more)
            else:
                floor.limit(side, qty, px, tif=tif, **more)
            told.append("taken")
        except VenueError as refusal:
            told.append(refusal.message)
        if dice.random() < 0.1:
            floor.trade(f"{bid}.01", dice.choice([5, 300]))
        if dice.random() < 0.2:
            floor.venue.cancel_all(KEY)
        floor.venue.advance(floor.venue.now_ns + dice.choice([0, 1, 3 * MINUTE // 7]))
    return told


class Thorough(Acceptance):
    """Judges every order, however ordinary it is."""

    def finds_nothing(self, order: VenueOrder, account: VenueAccount) -> bool:
        return False


def without_short_cuts(rules: VenueRules) -> Floor:
    floor = Floor(rules=rules)
    floor.venue.short_road.is_open = floor.venue.routing.is_prompt = False
    floor.venue.acceptance = Thorough(rules)
    return floor


def lives(floor: Floor) -> list[VenueEvent]:
    """What the floor will tell of lives in one go."""
    told: list[VenueEvent] = []
    floor.venue.listeners.append(lambda event: told.append(event) if event.new_id else None)
    return told


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
    quick, slow = lives(floor), lives(other)
    assert played(floor, seed) == played(other, seed)
    assert len(quick) > 10
    assert not slow
    assert floor.events == other.events
    assert floor.venue.export_state() == other.venue.export_state()
    assert floor.account.equity == other.account.equity
    assert floor.account.buying_power == other.account.buying_power


def test_most_orders_to_buy_below_a_limit_take_the_short_road() -> None:
    floor = Floor()
    floor.venue.account(KEY)  # an account's first order opens it
    told = lives(floor)
    floor.quote("100", 500, "100.02", 500)
    for qty, px, tif in (("1", "100.02", "day"), ("20", "100.5", "gtc"), ("300", "101", "day")):
        floor.limit("buy", qty, px, tif=tif)
    assert [event.begun for event in told] == [None] * 3
    assert floor.names == ["pending_new", "new", "fill"] * 3
    floor.send("buy", 1)
    assert told[-1].begun is not None, "what it ties up was judged on the long road"


def test_who_was_told_of_a_life_keeps_it_when_its_fill_is_busted() -> None:
    floor = Floor()
    floor.quote("100", 500, "100.02", 500)
    (told, order) = lives(floor), floor.limit("buy", 10, "100.02")
    before = floor.venue.order(KEY, order.id)
    floor.venue.bust(told[0].execution_id or "")
    assert told[0].order == before
    assert floor.now(order).filled_qty == 0
    assert floor.events[-1].order == floor.now(order)
    assert floor.account.orders == [floor.now(order)]
    assert floor.venue.order_by_client_id(KEY, order.client_order_id) == floor.now(order)
    assert list(floor.venue.orders.ended) == [floor.now(order)]


def test_the_frames_of_a_life_are_those_of_its_events_one_by_one() -> None:
    floor = Floor()
    told = lives(floor)
    played(floor, 3)
    writer, slow = OrderWriter(), OrderWriter()
    assert len(told) > 5
    for event in told:
        assert not writer.frames([event], "nobody")
        assert writer.frames([event], KEY) == [
            frame for step in event.steps() for frame in slow.frames([step], KEY)
        ]
