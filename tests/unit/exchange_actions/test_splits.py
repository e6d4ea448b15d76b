"""Splits and dividends in shares: positions, marks, open orders, and both ways of each switch."""

from decimal import Decimal
from typing import Any

import pytest

from floorbroker.exchange.actions.diary import Diary
from floorbroker.exchange.actions.reading import parse_action
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, Floor
from tests.unit.exchange_actions.kit import EVE_NS, EX_NS, action, split

D = Decimal


def a_floor(*actions: CorporateAction, **rules: Any) -> Floor:
    floor = Floor(rules=VenueRules(**rules))
    Diary(floor.venue, actions)
    floor.quote("100", 5000, "100", 5000)
    floor.quote("12", 5000, "12", 5000, symbol="WHOLE")
    return floor


def old_and_new(floor: Floor, order: VenueOrder) -> tuple[VenueOrder, VenueOrder | None]:
    """An order that was open at the split, and its successor if it has one."""
    old = floor.now(order)
    return old, floor.venue.orders[old.replaced_by] if old.replaced_by else None


@pytest.mark.parametrize(("old", "new", "shares"), [(1, 4, "400"), (2, 3, "150"), (5, 1, "20")])
def test_a_split_changes_shares_and_their_average_and_not_what_they_cost_or_are_worth(
    old: int, new: int, shares: str
) -> None:
    floor = a_floor(split(old, new))
    floor.send("buy", 100)
    floor.quote("110", 5000, "110", 5000)
    floor.venue.advance(EVE_NS - 1)
    equity, cash = floor.account.equity, floor.account.cash
    assert floor.account.positions["AAPL"].qty == 100
    floor.venue.advance(EX_NS)
    holding = floor.account.positions["AAPL"]
    assert (holding.qty, holding.cost, holding.lastday_qty) == (D(shares), D(10_000), D(shares))
    assert holding.avg_entry_price == D(10_000) / D(shares)
    assert abs(floor.account.equity - equity) < D("0.000001")
    assert floor.account.cash == cash
    assert floor.account.mark("AAPL") == round(D(110) * old / new, 9)


def test_a_short_owes_the_new_shares() -> None:
    floor = a_floor(split(1, 2))
    floor.send("sell", 10)
    equity = floor.account.equity
    floor.venue.advance(EX_NS)
    assert floor.account.positions["AAPL"].qty == -20
    assert floor.account.equity == equity


def test_a_fraction_stays_where_it_can_be_traded_and_is_paid_out_elsewhere() -> None:
    floor = a_floor(split(8, 1), split(8, 1, "WHOLE"))
    floor.send("buy", 20)
    floor.send("buy", 20, symbol="WHOLE")
    equity = floor.account.equity
    floor.venue.advance(EX_NS)
    assert floor.account.positions["AAPL"].qty == D("2.5")
    whole = floor.account.positions["WHOLE"]
    assert (whole.qty, whole.cost) == (D(2), D(192))  # 20 at 12 cost 240, a fifth of it is gone
    (entry,) = (each for each in floor.account.entries if each.symbol == "WHOLE")
    assert (entry.symbol, entry.qty, entry.net_amount) == ("WHOLE", D(-18), D(48))  # half of 96
    assert floor.account.equity == equity


def test_a_position_that_is_less_than_a_share_is_paid_out_whole() -> None:
    floor = a_floor(split(8, 1, "WHOLE"))
    floor.send("buy", 3, symbol="WHOLE")
    floor.venue.advance(EX_NS)
    assert floor.account.positions == {}
    assert floor.account.cash == 100_000


def test_a_dividend_in_shares_is_a_split_by_another_name() -> None:
    floor = a_floor(action("stock_dividend", rate="0.05", ex_date="2026-10-09"))
    floor.send("buy", 100)
    order = floor.limit("buy", 10, "84", tif="gtc")
    floor.venue.advance(EX_NS)
    assert floor.account.positions["AAPL"].qty == 105
    entry = floor.account.entries[-1]
    assert (entry.kind, entry.sub_kind, entry.qty_change) == ("DIV", "SDIV", D(5))
    _, successor = old_and_new(floor, order)
    assert successor is not None
    assert (successor.limit_price, successor.qty) == (D(80), D(10))  # 10.5, in whole shares


# Open orders.


def test_open_orders_of_a_forward_split_go_on_as_successors_on_new_terms() -> None:
    floor = a_floor(split(1, 3), checks_wash_trades=False)
    floor.send("buy", 30)
    bought = floor.limit("buy", 10, "80.01", tif="gtc")
    sold = floor.limit("sell", 10, "120.01", tif="gtc")
    stop = floor.send("sell", 5, type="stop", stop_price="70.01", tif="gtc")
    trailing = floor.send("sell", 5, type="trailing_stop", trail_price="9", tif="gtc")
    floor.venue.advance(EX_NS)
    terms = []
    for order in (bought, sold, stop, trailing):
        old, new = old_and_new(floor, order)
        assert new is not None
        assert (old.status, new.status, new.replaces) == ("replaced", "new", old.id)
        assert new.expires_ns == old.expires_ns
        terms.append((new.qty, new.limit_price, new.stop_price))
    assert terms == [
        (D(30), D("26.67"), None),  # not more than a third
        (D(30), D("40.01"), None),  # not less
        (D(15), None, D("23.33")),
        (D(15), None, D("30.33")),  # the mark of 100 and the trail of 9, by three
    ]
    holding = floor.account.positions["AAPL"]
    assert (holding.qty, holding.held_qty) == (D(90), D(60))
    assert floor.account.reserved == D(30) * D("26.67")


def test_what_was_filled_before_a_split_stays_filled() -> None:
    floor = a_floor(split(1, 2))
    order = floor.limit("buy", 100, "80", tif="gtc")
    floor.venue.force_fill(order.id, D(40))
    floor.venue.advance(EX_NS)
    _, new = old_and_new(floor, order)
    assert new is not None
    assert (new.qty, new.filled_qty, new.leaves_qty) == (D(160), D(40), D(120))
    assert floor.account.positions["AAPL"].qty == 80


@pytest.mark.parametrize(
    ("ratio", "switch", "how", "ends"),
    [
        ((1, 2), "split_orders", "adjusted", "replaced"),
        ((1, 2), "split_orders", "canceled", "canceled"),
        ((1, 2), "split_orders", "kept", "new"),
        ((2, 1), "reverse_split_orders", "canceled", "canceled"),
        ((2, 1), "reverse_split_orders", "adjusted", "replaced"),
        ((2, 1), "reverse_split_orders", "kept", "new"),
    ],
)
def test_what_becomes_of_open_orders_is_a_switch(
    ratio: tuple[int, int], switch: str, how: str, ends: str
) -> None:
    floor = a_floor(split(*ratio), **{switch: how})
    assert getattr(VenueRules(), switch) == (
        "adjusted" if switch == "split_orders" else "canceled"
    )
    order = floor.limit("buy", 10, "80", tif="gtc")
    floor.venue.advance(EX_NS)
    assert floor.now(order).status == ends
    if how == "canceled":
        assert floor.account.reserved == 0


@pytest.mark.parametrize(
    ("how", "ends"), [("kept", ["new", "held"]), ("canceled", ["canceled"] * 2)]
)
def test_legs_of_a_class_travel_do_not_cancel(how: str, ends: list[str]) -> None:
    floor = a_floor(split(10, 1), split_class_orders=how)
    floor.send("buy", 100)
    parent = floor.send(
        "sell", 100, type="limit", order_class="oco", profit="120", loss="90", tif="gtc"
    )
    floor.venue.advance(EX_NS)
    legs = [floor.venue.orders[each] for each in (parent.id, *floor.now(parent).leg_ids)]
    assert [leg.status for leg in legs] == ends
    assert {leg.qty for leg in legs} == {D(100)}
    holding = floor.account.positions["AAPL"]
    assert (holding.qty, holding.held_qty) == (D(10), D(10) if how == "kept" else D(0))


def test_an_order_that_waits_for_the_morning_is_adjusted_too() -> None:
    floor = a_floor(split(1, 2))
    floor.venue.advance(EVE_NS - 3600 * 10**9)  # past the close
    order = floor.limit("buy", 10, "80")
    assert floor.now(order).status == "accepted"
    floor.venue.advance(EX_NS)
    _, new = old_and_new(floor, order)
    assert new is not None
    assert (new.qty, new.limit_price) == (D(20), D(40))
    floor.venue.advance(EX_NS + 10 * 3600 * 10**9)
    floor.quote("39", 100, "39.5", 100)
    assert new.status == "filled"


def test_quotes_of_the_old_shares_fill_nothing_of_the_new() -> None:
    floor = a_floor(split(1, 2))
    floor.send("buy", 10)
    floor.limit("sell", 10, "120", tif="gtc")
    floor.venue.advance(EX_NS + 12 * 3600 * 10**9)  # the market has opened, and nobody quoted
    assert len(floor.fills) == 1  # 100 was bid before; 60 is asked now
    floor.quote("61", 100, "62", 100)
    assert floor.fills[-1][0] == "20"


def test_several_days_in_one_jump_each_bring_their_own_in_order() -> None:
    actions = [
        split(1, 2),
        action("cash_dividend", rate="1", ex_date="2026-10-12", payable_date="2026-10-14"),
        split(1, 3, ex_date="2026-10-13"),
    ]
    floor = a_floor(*reversed(actions))
    floor.send("buy", 10)
    floor.venue.advance(EX_NS + 30 * 24 * 3600 * 10**9)
    told = [(each.kind, each.date, str(each.qty)) for each in floor.account.entries[1:]]
    assert told == [
        ("SPLIT", "2026-10-09", "10"),
        ("SPLIT", "2026-10-13", "40"),
        ("DIV", "2026-10-14", "20"),  # of the twenty shares of the twelfth
    ]
    assert floor.venue.account(KEY).positions["AAPL"].qty == 60


def test_shares_of_before_are_counted_in_those_of_now() -> None:
    floor = Floor()
    diary = Diary(floor.venue, [split(1, 4), split(2, 1, ex_date="2026-10-12")])
    floor.venue.advance(EVE_NS - 1)
    assert diary.factor_since("AAPL", 0) == 1  # both are ahead
    floor.venue.advance(EX_NS)
    assert diary.factor_since("AAPL", 0) == diary.factor_since("AAPL", EVE_NS - 1) == 4
    assert diary.factor_since("AAPL", EX_NS) == diary.factor_since("MSFT", 0) == 1
    floor.venue.advance(EX_NS + 30 * 24 * 3600 * 10**9)
    assert diary.factor_since("AAPL", 0) == 2


def test_an_action_whose_day_has_begun_is_told_and_does_nothing() -> None:
    floor = a_floor(split(1, 2, ex_date="2026-10-08"))
    floor.send("buy", 10)
    floor.venue.advance(EX_NS)
    assert floor.account.positions["AAPL"].qty == 10


def test_an_announcement_needs_a_day_ahead_and_an_id_of_its_own() -> None:
    floor = a_floor()
    diary = Diary(floor.venue)
    diary.announce(split(1, 2))
    with pytest.raises(ValueError, match="taken"):
        diary.announce(split(1, 2))
    with pytest.raises(ValueError, match="ex_date: 2026-10-08 has begun"):
        diary.announce(split(1, 2, ex_date="2026-10-08"))
    text = '{"kind": "partial_call", "symbol": "AAPL", "process_date": "2026-10-01"}'
    diary.announce(parse_action(text))  # nothing ever comes of it
    floor.send("buy", 10)
    floor.venue.advance(EX_NS)
    assert floor.account.positions["AAPL"].qty == 20
