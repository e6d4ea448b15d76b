"""The basket holds every kind of order, on the tick, and never trades with itself."""

from decimal import Decimal

import pytest

from floorbroker.demo.basket import Step, basket, near, request_of
from floorbroker.domain.instrument import is_on_tick
from floorbroker.domain.order import OrdType, Side, TimeInForce

SYMBOLS = ("AAPL", "MSFT", "NVDA", "SPY", "AMD", "INTC")


def placed(symbols: tuple[str, ...] = SYMBOLS) -> list[Step]:
    return [step for step in basket(symbols) if step.action == "place"]


def test_the_basket_has_at_least_twenty_orders_over_five_symbols_and_every_type() -> None:
    steps = placed()
    assert len(steps) >= 20
    assert len({step.symbol for step in steps}) >= 5
    assert {step.ord_type for step in steps} == set(OrdType)
    assert {step.time_in_force for step in steps} == set(TimeInForce)


@pytest.mark.parametrize("mid", ["187.205", "11.335", "569.44", "0.8415"])
def test_every_step_makes_a_valid_order_on_the_tick(mid: str) -> None:
    for step in placed():
        request = request_of(step, Decimal(mid), f"demo-{step.number}")
        for px in (request.price, request.stop_px):
            assert px is None or is_on_tick(px)


def test_prices_stand_where_their_distance_says() -> None:
    assert near(Decimal("100"), 50) == Decimal("100.50")
    assert near(Decimal("100"), -4) == Decimal("99.96")
    assert near(Decimal("100.005"), 0) == Decimal("100.01")


def test_changes_are_about_orders_that_were_placed_before_them() -> None:
    minutes = {step.number: step.minute for step in placed()}
    changes = [step for step in basket(SYMBOLS) if step.action != "place"]
    assert {step.action for step in changes} == {"replace", "cancel"}
    for step in changes:
        assert step.of is not None
        assert minutes[step.of] < step.minute


def test_sales_never_exceed_what_the_morning_bought() -> None:
    for symbols in (SYMBOLS, ("AMZN",)):
        for symbol in symbols:
            mine = [s for s in placed(symbols) if s.symbol == symbol and s.qty is not None]
            bought = sum(Decimal(s.qty or 0) for s in mine if s.side is Side.BUY)
            sold = sum(Decimal(s.qty or 0) for s in mine if s.side is Side.SELL)
            assert bought >= sold


def test_a_single_symbol_works_the_same_list() -> None:
    assert {step.symbol for step in basket(("AMZN",))} == {"AMZN"}
    assert len(basket(("AMZN",))) == len(basket(SYMBOLS))
