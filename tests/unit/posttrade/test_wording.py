"""How amounts, times and ages are written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.order import OrderRequest
from floorbroker.posttrade import wording
from floorbroker.posttrade.wording import View


@pytest.mark.parametrize(
    ("qty", "text"),
    [
        ("1250", "1,250"),
        ("0.500", "0.5"),
        ("-1234.5", "-1,234.5"),
        ("-0.5", "-0.5"),
        ("1E+3", "1,000"),
        ("0", "0"),
    ],
)
def test_quantities_are_grouped_and_lose_trailing_zeros(qty: str, text: str) -> None:
    assert wording.qty_text(Qty(qty)) == text


def test_prices_have_two_decimals_or_as_many_as_they_need() -> None:
    assert wording.px_text(Px("187.2")) == "187.20"
    assert wording.px_text(Px("0.1234")) == "0.1234"
    assert wording.px_text(Px("65000")) == "65,000.00"
    assert wording.average_text(Px(Decimal(2) / 3)) == "0.6667"
    assert wording.average_text(Px("187.185")) == "187.185"


@pytest.mark.parametrize(
    ("money", "text", "direction"),
    [
        ("412.2", "▲ +412.20", "up"),
        ("-1234.567", "▼ -1,234.57", "down"),
        ("0.004", "0.00", "flat"),
        ("-0.004", "0.00", "flat"),
        ("0.025", "▲ +0.02", "up"),
    ],
)
def test_profit_has_arrow_and_sign_and_is_judged_to_the_cent(
    money: str, text: str, direction: str
) -> None:
    assert wording.pnl_text(Money(money)) == text
    assert wording.pnl_direction(Money(money)) == direction


def test_what_is_not_known_is_a_dash() -> None:
    assert wording.px_text(None) == wording.pnl_text(None) == wording.bps_text(None) == "-"


def test_times_follow_daylight_saving_in_new_york() -> None:
    winter = datetime(2026, 1, 15, 14, 30, 0, 5000, tzinfo=UTC)
    summer = datetime(2026, 7, 15, 14, 30, tzinfo=UTC)
    assert wording.time_text(winter) == "09:30:00.005"
    assert wording.time_text(summer) == "10:30:00.000"
    assert wording.moment_text(winter, View(utc=True)) == "2026-01-15 14:30:00.005"


def test_a_late_evening_in_new_york_has_its_own_date() -> None:
    assert wording.date_text(datetime(2026, 3, 13, 1, tzinfo=UTC)) == "2026-03-12"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0.45, "450 ms"),
        (3.9, "3 s"),
        (125, "2 min"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (3 * 86_400, "3 d"),
    ],
)
def test_ages_are_in_human_units(seconds: float, text: str) -> None:
    assert wording.age_text(timedelta(seconds=seconds)) == text


def test_bps_have_one_decimal_and_a_sign() -> None:
    assert wording.bps_text(Decimal("1.25")) == "+1.2"
    assert wording.bps_text(Decimal("-0.04")) == "0.0"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (OrderRequest.market("buy", 1, "A"), "market day"),
        (OrderRequest.limit("buy", 1, "A", limit_price="187.2"), "limit 187.20 day"),
        (
            OrderRequest.stop_limit("sell", 1, "A", stop_price="9", limit_price="8.5"),
            "stop limit 9.00 8.50 day",
        ),
        (
            OrderRequest.trailing_stop("sell", 1, "A", trail_percent="1.5", time_in_force="gtc"),
            "trailing stop 1.5% gtc",
        ),
        (OrderRequest.trailing_stop("sell", 1, "A", trail_price="2"), "trailing stop 2.00 day"),
    ],
)
def test_terms_are_type_prices_and_time_in_force(request_: OrderRequest, text: str) -> None:
    assert wording.terms_text(request_) == text


def test_an_order_for_an_amount_shows_dollars() -> None:
    assert wording.size_text(OrderRequest.market("buy", None, "SPY", notional="500")) == "$500.00"
