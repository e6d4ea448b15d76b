"""Cash dividends and spin-offs: who is entitled, when it is paid, and what orders make of it."""

from decimal import Decimal
from typing import Any

import pytest

from floorbroker.exchange.actions.diary import Diary
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, Floor
from tests.unit.exchange_actions.kit import EX_NS, action

D = Decimal
DAY_NS = 24 * 60 * MINUTE
DIVIDEND = action("cash_dividend", rate="0.37", ex_date="2026-10-09", payable_date="2026-10-14")


def a_floor(*actions: CorporateAction, **rules: Any) -> Floor:
    floor = Floor(rules=VenueRules(**rules))
    Diary(floor.venue, actions)
    floor.quote("100", 5000, "100", 5000)
    floor.quote("20", 5000, "20", 5000, symbol="INTC")
    return floor


def test_a_dividend_reaches_the_cash_of_its_holder_on_the_day_it_is_payable() -> None:
    floor = a_floor(DIVIDEND)
    floor.send("buy", 7)
    cash, equity = floor.account.cash, floor.account.equity
    floor.venue.advance(EX_NS + 5 * DAY_NS - 1)
    assert floor.account.cash == cash
    floor.venue.advance(EX_NS + 5 * DAY_NS)
    assert floor.account.cash == cash + D("2.59")
    assert floor.account.equity == equity + D("2.59")
    entry = floor.account.entries[-1]
    assert (entry.kind, entry.sub_kind, entry.date) == ("DIV", "CDIV", "2026-10-14")
    assert (entry.qty, entry.per_share, entry.net_amount) == (D(7), D("0.37"), D("2.59"))
    floor.venue.advance(EX_NS + 60 * DAY_NS)
    assert floor.account.cash == cash + D("2.59")  # and not once more


def test_each_dividend_waits_for_its_own_day() -> None:
    later = action("cash_dividend", rate="1", ex_date="2026-10-09", payable_date="2026-10-20")
    floor = a_floor(DIVIDEND, later)
    floor.send("buy", 10)
    floor.venue.advance(EX_NS + 6 * DAY_NS)
    assert [each.per_share for each in floor.account.entries[1:]] == [D("0.37")]
    floor.venue.advance(EX_NS + 11 * DAY_NS)
    assert [each.date for each in floor.account.entries[1:]] == ["2026-10-14", "2026-10-20"]
    assert floor.account.entitlements == []


def test_whoever_sold_after_the_ex_date_is_paid_and_whoever_bought_is_not() -> None:
    floor = a_floor(DIVIDEND)
    floor.send("buy", 10)
    floor.venue.advance(EX_NS + 10 * 60 * MINUTE)
    floor.send("sell", 10)
    other = floor.venue.account("PKOTHER")
    assert floor.account.positions == {}
    floor.venue.advance(EX_NS + 5 * DAY_NS)
    assert floor.account.entries[-1].net_amount == D("3.70")
    assert [each.kind for each in other.entries] == ["JNLC"]


def test_a_short_pays_the_dividend() -> None:
    floor = a_floor(DIVIDEND)
    floor.send("sell", 10)
    floor.venue.advance(EX_NS + 5 * DAY_NS)
    entry = floor.account.entries[-1]
    assert (entry.qty, entry.net_amount) == (D(-10), D("-3.70"))
    assert floor.account.cash == 101_000 - D("3.70")


@pytest.mark.parametrize(("when", "entries"), [("payable_date", 1), ("ex_date", 2)])
def test_when_dividends_are_paid_is_a_switch(when: str, entries: int) -> None:
    floor = a_floor(DIVIDEND, dividends_paid=when)
    floor.send("buy", 10)
    floor.venue.advance(EX_NS)
    assert len(floor.account.entries) == entries
    assert len(floor.account.entitlements) == 2 - entries
    floor.venue.advance(EX_NS + 5 * DAY_NS)
    assert len(floor.account.entries) == 2
    assert VenueRules().dividends_paid == "payable_date"


@pytest.mark.parametrize("how", ["adjusted", "kept", "canceled"])
def test_buy_limits_and_sell_stops_follow_a_dividend_down(how: str) -> None:
    floor = a_floor(DIVIDEND, dividend_orders=how, checks_wash_trades=False)
    floor.send("buy", 50)
    orders = [
        floor.limit("buy", 1, "90", tif="gtc"),
        floor.send("sell", 1, type="stop", stop_price="80", tif="gtc"),
        floor.send("sell", 1, type="stop_limit", stop_price="80", limit_price="79", tif="gtc"),
        floor.limit("sell", 1, "130", tif="gtc"),
        floor.send("buy", 1, type="stop", stop_price="140", tif="gtc"),
    ]
    floor.venue.advance(EX_NS)
    now = [floor.now(order) for order in orders]
    if how == "kept":
        assert {order.status for order in now} == {"new"}
        return
    if how == "canceled":
        assert {order.status for order in now} == {"canceled"}
        return
    assert [order.status for order in now] == ["replaced"] * 3 + ["new"] * 2
    new = [floor.venue.orders[order.replaced_by or ""] for order in now[:3]]
    assert [(order.limit_price, order.stop_price, order.qty) for order in new] == [
        (D("89.63"), None, D(1)),
        (None, D("79.63"), D(1)),
        (D("78.63"), D("79.63"), D(1)),
    ]


def test_an_order_that_a_dividend_would_make_worthless_ends() -> None:
    floor = a_floor(action("cash_dividend", rate="95", ex_date="2026-10-09"))
    order = floor.limit("buy", 1, "90", tif="gtc")
    floor.venue.advance(EX_NS)
    assert floor.now(order).status == "canceled"


def test_legs_of_a_class_do_not_follow_a_dividend() -> None:
    floor = a_floor(DIVIDEND)
    floor.send("buy", 10)
    parent = floor.send(
        "sell", 10, type="limit", order_class="oco", profit="120", loss="90", tif="gtc"
    )
    floor.venue.advance(EX_NS)
    (leg,) = floor.now(parent).leg_ids
    assert (floor.now(parent).status, floor.venue.orders[leg].stop_price) == ("new", D(90))


def spin_off(new_symbol: str = "INTC") -> CorporateAction:
    return action(
        "spin_off", new_symbol=new_symbol, source_rate=4, new_rate=1, ex_date="2026-10-09"
    )


def test_a_spin_off_brings_shares_of_another_and_takes_their_worth_along() -> None:
    floor = a_floor(spin_off())
    floor.send("buy", 40)
    equity = floor.account.equity
    floor.venue.advance(EX_NS)
    held = floor.account.positions
    assert (held["AAPL"].qty, held["INTC"].qty) == (D(40), D(10))
    assert (held["AAPL"].cost, held["INTC"].cost) == (D(3800), D(200))
    assert (floor.account.mark("AAPL"), floor.account.equity) == (D(95), equity)
    entry = floor.account.entries[-1]
    assert (entry.kind, entry.symbol, entry.qty) == ("SPIN", "INTC", D(10))


def test_a_spin_off_adds_to_what_is_held_of_the_other() -> None:
    floor = a_floor(spin_off())
    floor.send("buy", 40)
    floor.send("sell", 4, symbol="INTC")
    floor.venue.advance(EX_NS)
    assert floor.account.positions["INTC"].qty == 6


def test_shares_without_a_price_come_at_nothing_and_unlisted_ones_not_at_all() -> None:
    floor = a_floor(spin_off("AMD"), spin_off("NOBODY"))
    floor.send("buy", 40)
    equity = floor.account.equity
    floor.venue.advance(EX_NS)
    assert set(floor.account.positions) == {"AAPL", "AMD"}
    assert floor.account.positions["AMD"].cost == 0
    assert floor.account.equity == equity
    assert floor.venue.account(KEY).cash == 96_000
