"""Regulatory fees."""

from datetime import date
from decimal import Decimal

import pytest

from floorbroker.exchange.reference.fees import FeeTrade, day_fees, rates_on

D = Decimal


def sold(qty: int, price: str) -> FeeTrade:
    return FeeTrade(side="sell", qty=D(qty), price=D(price))


def test_fees_are_summed_over_the_day_and_then_rounded_up() -> None:
    """Each sale alone would cost a whole cent of the SEC's fee; together they cost one."""
    trades = [sold(1, "100"), sold(1, "100")]
    assert day_fees(trades, date(2024, 12, 2)) == {
        "REG": D("0.01"),
        "TAF": D("0.01"),
        "CAT": D("0.01"),
    }
    assert day_fees([sold(10_000, "100")], date(2024, 12, 2)) == {
        "REG": D("27.80"),
        "TAF": D("1.66"),
        "CAT": D("0.48"),
    }


def test_buys_pay_the_audit_trail_alone() -> None:
    trades = [FeeTrade(side="buy", qty=D(10_000), price=D(100))]
    assert set(day_fees(trades, date(2024, 12, 2))) == {"CAT"}


def test_trading_activity_fee_has_a_most_per_trade() -> None:
    assert day_fees([sold(100_000, "1")] * 2, date(2024, 12, 2))["TAF"] == D("16.60")
    assert day_fees([sold(100_000, "1")], date(2026, 12, 2))["TAF"] == D("9.79")


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(2012, 6, 21), "0.0000278"),
        (date(2025, 5, 13), "0.0000278"),
        (date(2025, 5, 14), "0"),
        (date(2026, 4, 3), "0"),
        (date(2026, 4, 4), "0.0000206"),
    ],
)
def test_a_rate_is_in_force_from_its_day_on(day: date, rate: str) -> None:
    assert rates_on(day)["REG"].rate == D(rate)


def test_a_fee_of_zero_is_not_charged() -> None:
    assert "REG" not in day_fees([sold(1000, "100")], date(2025, 6, 2))
