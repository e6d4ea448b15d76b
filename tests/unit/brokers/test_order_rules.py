"""What a broker takes, stated: a refusal names field, value and what would be right."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.brokers import order_rules
from floorbroker.brokers.alpaca.words import ORDER_RULES
from floorbroker.brokers.freshness import Fresh
from floorbroker.brokers.order_rules import Known
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.order import OrderClass, OrderRequest, OrdType, TimeInForce
from tests.unit.engine.scripted import START

HALTED = Instrument(symbol="AAPL", is_tradable=False)
UNLENT = Instrument(symbol="AAPL", is_shortable=False)


def limit(qty: str = "10", **options: Any) -> OrderRequest:
    return OrderRequest.limit("buy", qty, "AAPL", limit_price="10.00", **options)


def told(found: Any, *, is_old: bool = False) -> Fresh[Any]:
    until = START - timedelta(seconds=1) if is_old else START
    return Fresh(found, START, 0.0, until)


def test_a_narrow_broker_says_which_field_is_wrong_and_what_is_right() -> None:
    day = (TimeInForce.DAY,)
    narrow = replace(ORDER_RULES, whole={OrdType.LIMIT: day}, fractional={}, classes={})
    order_rules.check(limit(), narrow)
    with pytest.raises(
        InvalidOrder, match=r"time_in_force: gtc .*an order of type limit takes day"
    ):
        order_rules.check(limit(time_in_force="gtc"), narrow)
    with pytest.raises(InvalidOrder, match=r"ord_type: market .*an order takes limit"):
        order_rules.check(OrderRequest.market("buy", 10, "AAPL"), narrow)
    with pytest.raises(InvalidOrder, match=r"order_class: simple .*fractional .* is not taken"):
        order_rules.check(limit("1.5"), narrow)
    bracket = OrderRequest.bracket("buy", 10, "AAPL", take_profit=12, stop_loss=9)
    with pytest.raises(InvalidOrder, match=r"order_class: bracket .*not taken"):
        order_rules.check(bracket, narrow)


def test_finer_sizes_and_prices_than_the_broker_takes_are_named() -> None:
    coarse = replace(ORDER_RULES, qty_places=2, px_places=((Px("0"), 1),))
    with pytest.raises(InvalidOrder, match=r"order_qty: 1.125 .*at most 2 decimals"):
        order_rules.check(limit("1.125"), coarse)
    odd = OrderRequest.limit("buy", 10, "AAPL", limit_price="10.05")
    with pytest.raises(InvalidOrder, match=r"price: 10.05 .*at most 1 decimals"):
        order_rules.check(odd, coarse)


def test_legs_are_held_to_the_same_prices() -> None:
    bracket = OrderRequest.bracket("buy", 10, "AAPL", take_profit=12, stop_loss=9)
    profit, loss = bracket.legs
    fine = replace(bracket, legs=(replace(profit, price=Px("12.001")), loss))
    assert fine.order_class is OrderClass.BRACKET
    with pytest.raises(InvalidOrder, match=r"price: 12.001"):
        order_rules.check(fine, ORDER_RULES)


def test_extended_hours_say_with_what_they_go() -> None:
    late = replace(limit(), extended_hours=True, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    with pytest.raises(InvalidOrder, match=r"extended_hours: true .*limit day, gtc"):
        order_rules.check(late, ORDER_RULES)


def test_a_replace_takes_whole_shares_and_any_size_of_a_coin() -> None:
    order_rules.check_change(None, "AAPL", ORDER_RULES)
    order_rules.check_change(Qty("2"), "AAPL", ORDER_RULES)
    order_rules.check_change(Qty("0.5"), "BTC/USD", ORDER_RULES)
    with pytest.raises(InvalidOrder, match=r"order_qty: 1.5 .*whole shares"):
        order_rules.check_change(Qty("1.5"), "AAPL", ORDER_RULES)


def test_an_instrument_that_is_halted_or_unknown_takes_nothing() -> None:
    for instrument, hint in ((HALTED, "does not trade it"), (None, "lists no such")):
        known = Known(instrument=told(instrument))
        with pytest.raises(InvalidOrder, match=f"symbol: AAPL .*{hint}"):
            order_rules.check_known(limit(), ORDER_RULES, known, START)


def test_nothing_is_decided_by_an_answer_that_is_past_its_time() -> None:
    order_rules.check_known(
        limit(), ORDER_RULES, Known(instrument=told(HALTED, is_old=True)), START
    )
    sale = OrderRequest.market("sell", 10, "AAPL")
    old_none = Known(instrument=told(UNLENT), held=told(Qty("0"), is_old=True))
    order_rules.check_known(sale, ORDER_RULES, old_none, START)
    nobody_asked = Known(instrument=told(UNLENT))
    order_rules.check_known(sale, ORDER_RULES, nobody_asked, START)


def test_a_sale_of_what_is_held_is_no_short_sale() -> None:
    sale = OrderRequest.market("sell", 10, "AAPL")
    order_rules.check_known(
        sale, ORDER_RULES, Known(instrument=told(UNLENT), held=told(Qty("10"))), START
    )
    with pytest.raises(InvalidOrder, match=r"side: sell .*0 AAPL are held, and the broker lends"):
        order_rules.check_known(
            sale, ORDER_RULES, Known(instrument=told(UNLENT), held=told(Qty("0"))), START
        )


def test_only_what_may_be_a_short_sale_needs_the_position() -> None:
    plain = Instrument(symbol="AAPL")
    half = OrderRequest.market("sell", "0.5", "AAPL")
    whole = OrderRequest.market("sell", 1, "AAPL")
    assert order_rules.may_need_position(half, ORDER_RULES, plain)
    assert order_rules.may_need_position(whole, ORDER_RULES, UNLENT)
    assert not order_rules.may_need_position(whole, ORDER_RULES, plain)
    assert not order_rules.may_need_position(limit("0.5"), ORDER_RULES, plain)
