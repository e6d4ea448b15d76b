"""Ticks follow Rule 612: a cent from one dollar on, a hundredth of a cent below."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import Px
from floorbroker.domain.instrument import AssetClass, Instrument, is_on_tick, tick_of


@pytest.mark.parametrize(
    ("px", "tick"),
    [
        ("0.0001", "0.0001"),
        ("0.9999", "0.0001"),
        ("1", "0.01"),
        ("1.00", "0.01"),
        ("187.20", "0.01"),
        ("100000", "0.01"),
    ],
)
def test_the_tick_changes_at_one_dollar(px: str, tick: str) -> None:
    assert tick_of(Px(px)) == Decimal(tick)


@pytest.mark.parametrize(
    ("px", "is_right"),
    [
        ("187.20", True),
        ("187.2", True),
        ("187.200", True),
        ("187.205", False),
        ("1.001", False),
        ("0.9999", True),
        ("0.99995", False),
        ("0.0001", True),
        ("0.00001", False),
    ],
)
def test_prices_off_the_tick_are_found(px: str, is_right: bool) -> None:
    assert is_on_tick(Px(px)) is is_right


@given(st.integers(min_value=100, max_value=10**9))
def test_every_whole_cent_from_a_dollar_on_is_on_tick(cents: int) -> None:
    assert is_on_tick(Px(Decimal(cents).scaleb(-2)))
    assert not is_on_tick(Px(Decimal(cents).scaleb(-2) + Decimal("0.001")))


def test_an_instrument_has_the_lot_of_its_kind() -> None:
    assert Instrument(symbol="AAPL").lot == Decimal("0.000000001")
    assert Instrument(symbol="BRK.A", is_fractionable=False).lot == Decimal(1)


def test_an_instrument_is_a_us_stock_unless_it_says_otherwise() -> None:
    plain = Instrument(symbol="AAPL")
    assert (plain.asset_class, plain.currency) == (AssetClass.US_EQUITY, "USD")
    assert plain.is_tradable
    assert plain.is_shortable
    assert Instrument(symbol="BTC/USD", asset_class=AssetClass.CRYPTO).asset_class == "crypto"
