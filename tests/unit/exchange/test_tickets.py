"""What bracket, OCO and OTO tickets must say, and the legs that they make."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from floorbroker.exchange.model import OrderTicket, StopLoss, TakeProfit, VenueError
from floorbroker.exchange.tickets import check_class, check_leg_prices, leg_tickets

PROFIT, LOSS = TakeProfit(limit_price=Decimal(110)), StopLoss(stop_price=Decimal(90))


def ticket(order_class: str, **changes: Any) -> OrderTicket:
    plain = OrderTicket(
        symbol="AAPL",
        side="buy",
        type="limit",
        time_in_force="day",
        qty=Decimal(10),
        limit_price=Decimal(100),
        order_class=order_class,
        take_profit=PROFIT,
        stop_loss=LOSS,
    )
    return structs.replace(plain, **changes)


def test_a_bracket_has_a_limit_and_a_stop_on_the_other_side_in_this_order() -> None:
    profit, loss = leg_tickets(check_class(ticket("bracket")))
    assert (profit.type, profit.side, profit.limit_price) == ("limit", "sell", Decimal(110))
    assert (loss.type, loss.side, loss.stop_price, loss.limit_price) == (
        "stop",
        "sell",
        Decimal(90),
        None,
    )
    assert {leg.qty for leg in (profit, loss)} == {Decimal(10)}
    assert {leg.order_class for leg in (profit, loss)} == {"bracket"}


def test_a_stop_loss_with_a_limit_is_a_stop_limit_leg() -> None:
    loss = StopLoss(stop_price=Decimal(90), limit_price=Decimal(89))
    leg = leg_tickets(check_class(ticket("bracket", stop_loss=loss)))[1]
    assert (leg.type, leg.stop_price, leg.limit_price) == ("stop_limit", Decimal(90), Decimal(89))


def test_the_parent_of_an_oco_takes_the_profit_and_its_leg_is_on_the_same_side() -> None:
    parent = check_class(ticket("oco", side="sell", limit_price=None))
    assert parent.limit_price == Decimal(110)
    (leg,) = leg_tickets(parent)
    assert (leg.side, leg.type, leg.stop_price) == ("sell", "stop", Decimal(90))


@pytest.mark.parametrize(
    ("given", "kind"),
    [({"take_profit": None}, "stop"), ({"stop_loss": None}, "limit")],
)
def test_an_oto_has_one_leg(given: dict[str, Any], kind: str) -> None:
    (leg,) = leg_tickets(check_class(ticket("oto", **given)))
    assert leg.type == kind


def test_a_simple_ticket_is_left_alone() -> None:
    simple = ticket("", take_profit=None, stop_loss=None)
    assert check_class(simple) is simple
    assert leg_tickets(simple) == []


@pytest.mark.parametrize(
    ("order_class", "changes", "code", "says"),
    [
        ("", {}, 40010001, "require order_class"),
        ("simple", {}, 40010001, "require order_class"),
        ("bracket", {"take_profit": None}, 42210000, "require take_profit.limit_price"),
        ("bracket", {"take_profit": TakeProfit()}, 42210000, "require take_profit.limit_price"),
        ("bracket", {"stop_loss": None}, 42210000, "require stop_loss.stop_price"),
        ("bracket", {"stop_loss": StopLoss()}, 42210000, "require stop_loss.stop_price"),
        ("oto", {}, 42210000, "exactly one of"),
        ("oto", {"take_profit": None, "stop_loss": None}, 42210000, "exactly one of"),
        ("oco", {"stop_loss": None}, 42210000, "require stop_loss.stop_price"),
        ("oco", {"take_profit": None, "limit_price": None}, 42210000, "take_profit.limit_price"),
        ("oco", {"type": "market", "limit_price": None}, 40010001, "must be limit orders"),
        ("bracket", {"time_in_force": "ioc"}, 42210000, "must be DAY or GTC"),
        ("bracket", {"extended_hours": True}, 42210000, "extended hours"),
        ("bracket", {"qty": Decimal("1.5")}, 42210000, "must be simple"),
        ("bracket", {"qty": None, "notional": Decimal(100)}, 42210000, "must be simple"),
        ("oto", {"type": "trailing_stop", "stop_loss": None}, 42210000, "must be simple"),
    ],
)
def test_a_class_that_makes_no_sense_is_refused(
    order_class: str, changes: dict[str, Any], code: int, says: str
) -> None:
    with pytest.raises(VenueError, match=says) as refusal:
        check_class(ticket(order_class, **changes))
    assert (refusal.value.http_status, refusal.value.code) == (422, code)


@pytest.mark.parametrize(
    ("order_class", "side", "profit", "stop", "says"),
    [
        ("bracket", "buy", "100.00", "90", "take_profit.limit_price must be >= base_price + 0.01"),
        ("bracket", "buy", "110", "100", "stop_loss.stop_price must be <= base_price - 0.01"),
        ("bracket", "sell", "100", "110", "take_profit.limit_price must be <= base_price - 0.01"),
        ("bracket", "sell", "90", "100", "stop_loss.stop_price must be >= base_price + 0.01"),
        ("bracket", "buy", "90", "95", "take_profit.limit_price must be > stop_loss.stop_price"),
        ("bracket", "sell", "95", "90", "take_profit.limit_price must be < stop_loss.stop_price"),
        ("oco", "sell", "100", "100", "take_profit.limit_price must be > stop_loss.stop_price"),
        ("oco", "sell", "110", "100", "stop_loss.stop_price must be <= base_price - 0.01"),
        ("oco", "buy", "90", "100", "stop_loss.stop_price must be >= base_price + 0.01"),
    ],
)
def test_legs_too_near_or_the_wrong_way_round_are_refused(
    order_class: str, side: str, profit: str, stop: str, says: str
) -> None:
    asked = ticket(
        order_class,
        side=side,
        take_profit=TakeProfit(limit_price=Decimal(profit)),
        stop_loss=StopLoss(stop_price=Decimal(stop)),
    )
    with pytest.raises(VenueError) as refusal:
        check_leg_prices(check_class(asked), Decimal(100))
    assert refusal.value.message == says
    assert refusal.value.extra == ({"base_price": "100"} if "base_price" in says else {})


@pytest.mark.parametrize(("side", "stop"), [("sell", "105"), ("buy", "95")])
def test_the_loss_of_an_exit_lies_on_its_side_of_the_market(side: str, stop: str) -> None:
    profit = TakeProfit(limit_price=Decimal(110 if side == "sell" else 90))
    loss = StopLoss(stop_price=Decimal(stop))
    exit_ = check_class(ticket("oco", side=side, take_profit=profit, stop_loss=loss))
    check_leg_prices(exit_, exit_.limit_price)
    with pytest.raises(VenueError, match=r"stop_loss\.stop_price must be"):
        check_leg_prices(exit_, exit_.limit_price, Decimal(100))


@pytest.mark.parametrize(
    ("side", "profit", "stop"), [("buy", "100.01", "99.99"), ("sell", "99.99", "100.01")]
)
def test_a_cent_is_enough(side: str, profit: str, stop: str) -> None:
    asked = ticket(
        "bracket",
        side=side,
        take_profit=TakeProfit(limit_price=Decimal(profit)),
        stop_loss=StopLoss(stop_price=Decimal(stop)),
    )
    check_leg_prices(check_class(asked), Decimal(100))
