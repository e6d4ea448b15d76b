"""Who watches parent orders at the exchange tells of each bound that one exceeds."""

from decimal import Decimal
from functools import cache

import pytest
from bench.days import Asked, Day, plan_of, shown, unkept
from bench.truth import Bounds, Truth
from msgspec import structs

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Trade
from floorbroker.domain.terms import Side
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.model import Execution, VenueEvent, VenueOrder
from floorbroker.marketdata.port import NS_PER_MINUTE
from floorbroker.simulation.results import OrderOutcome
from floorbroker.simulation.run import simulate
from floorbroker.venues import open_market
from tests.unit.simulation.test_tape_kit import MONDAY, OPEN_NS, walk

D = Decimal
START_NS = OPEN_NS + 60 * NS_PER_S
BOUNDS = Bounds(side=Side.BUY, qty=D(900), limit=D(101), cap=D("0.1"))
WISH = Asked(
    algo="twap",
    start_ns=START_NS,
    end_ns=OPEN_NS + 15 * NS_PER_MINUTE,
    bounds=BOUNDS,
    params={"max_rate": "0.1", "interval_s": "60"},
)


@cache
def day() -> Day:
    events = list(walk(3))
    market = shown(open_market(None, ("AAPL",), 0, is_quiet=True), events)
    return Day(symbol="AAPL", day=MONDAY, events=events, market=market, history=None, ticks=None)


@cache
def watched() -> tuple[OrderOutcome, Truth, Truth, Truth, Truth]:
    """One parent by the real engine, and four who watch it, three of them with bounds that it
    was never told of."""
    narrow = [{"qty": D(899)}, {"limit": D("99.90")}, {"cap": D("0.01")}]
    bounds = [BOUNDS, *(structs.replace(BOUNDS, **one) for one in narrow)]
    truths = [Truth(one, START_NS) for one in bounds]

    def meet(front: ExchangeFront) -> None:
        for truth in truths:
            truth.meet(front)

    (outcome,) = simulate(structs.replace(plan_of(day(), WISH), meet=meet)).orders
    first, second, third, fourth = truths
    return outcome, first, second, third, fourth


def test_a_parent_that_keeps_its_bounds_is_not_told_of() -> None:
    outcome, truth, *_ = watched()
    assert (outcome.ord_status, truth.filled) == ("done", D(900))
    assert truth.exceeded() == []
    assert list(unkept(WISH, truth, outcome, is_excused=False)) == []
    assert 0 < max(truth.parts()) <= D("0.1")
    assert truth.most_out == 900


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (2, "900 of 899 were filled or could fill"),
        (3, "prices beyond 99.90"),
        (4, "of the volume, at most 1.00% may be"),
    ],
)
def test_each_bound_that_is_exceeded_is_told(place: int, told: str) -> None:
    (_, *truths) = watched()
    (sentence,) = truths[place - 1].exceeded()
    assert told in sentence


def in_auction(own: int, printed: int, *, before: int = 0) -> Truth:
    """A parent that has so much in the auction of a day, after as much volume."""
    truth = Truth(structs.replace(BOUNDS, cap=D("0.2"), limit=None), START_NS)
    for place, (size, auction) in enumerate([(before, ""), (printed, "close")]):
        at_ns = START_NS + place
        truth.saw(Trade(symbol="AAPL", time_ns=at_ns, px=D(100), size=D(size), auction=auction))
    order = VenueOrder(
        id="1",
        client_order_id="c",
        account="a",
        created_ns=START_NS,
        submitted_ns=START_NS,
        asset_id="x",
        symbol="AAPL",
        asset_class="us_equity",
        type="market",
        side="buy",
        time_in_force="cls",
        qty=D(own),
        filled_qty=D(own),
        status="filled",
    )
    fill = Execution(
        execution_id="e",
        order_id="1",
        client_order_id="c",
        account="a",
        symbol="AAPL",
        side="buy",
        qty=D(own),
        price=D(100),
        time_ns=START_NS + 1,
        cum_qty=D(own),
        leaves_qty=D(0),
        position_qty=D(own),
        liquidity="auction",
    )
    truth.heard([VenueEvent(1, "a", "fill", order, START_NS + 1, fill)])
    return truth


def test_fills_in_an_auction_count_against_the_cap() -> None:
    assert in_auction(100, 400).exceeded() == []
    assert in_auction(101, 400).exceeded() == [
        "20.16% of the volume, at most 20.00% may be",
        "20.16% of the auction, at most 20.00% may be",
    ]
    assert in_auction(101, 400, before=1000).exceeded() == [
        "20.16% of the auction, at most 20.00% may be"
    ]


def test_what_should_have_been_done_and_was_not_is_told() -> None:
    outcome, truth, *_ = watched()
    more = structs.replace(WISH, bounds=structs.replace(BOUNDS, qty=D(1000)))
    assert list(unkept(more, truth, outcome, is_excused=True)) == []
    (sentence,) = unkept(more, truth, outcome, is_excused=False)
    assert sentence == "900 of 1000 are done, and nothing was in the way"
    fast = structs.replace(WISH, algo="pov", bounds=structs.replace(BOUNDS, cap=D("0.5")))
    (sentence,) = unkept(fast, truth, outcome, is_excused=True)
    assert "50.00% was asked" in sentence


def test_books_that_differ_from_the_exchange_are_told() -> None:
    outcome, truth, *_ = watched()
    wrong = structs.replace(outcome, filled="899", ord_status="working")
    told = list(unkept(WISH, truth, wrong, is_excused=False))
    assert told == [
        "the desk booked 899, the exchange filled 900",
        "it is working after its time",
    ]
