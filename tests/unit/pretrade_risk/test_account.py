"""The account's day: P22 with its dates, P23, P24."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.terms import OrdType, Side
from tests.unit.pretrade_risk.around import MONEY, D, ask, denies, limits, said, view

FOURTH: dict[str, Any] = {"equity": D(24_999), "day_trades": 3, "would_day_trade": True}


@pytest.mark.parametrize(("today", "holds"), [("2026-06-03", True), ("2026-06-04", False)])
def test_the_rule_of_day_trades_ended(today: str, holds: bool) -> None:
    assert denies("P22", ask(), view(today=today, **FOURTH)) is holds


def test_a_rule_with_an_end_is_not_asked_where_nobody_knows_the_date() -> None:
    assert not denies("P22", ask(), view(today="", **FOURTH))


def test_a_cash_account_buys_with_settled_money() -> None:
    poor = {"settled_cash": D(999), "bid_px": D(100), "ask_px": D(100)}
    assert "$999.00 are settled" in said("P22", ask(), view(multiplier=1, **poor))
    assert not denies("P22", ask(), view(multiplier=2, **poor))
    assert not denies("P22", ask(), view(multiplier=1, **poor), limits(regulatory=frozenset()))


def test_under_the_circuit_breaker_a_short_sale_stays_above_the_bid() -> None:
    short = {"side": Side.SELL, "price": D("99.95")}
    assert "above the bid" in said("P22", ask(**short), view(is_short_restricted=True))
    assert not denies("P22", ask(**short), view(is_short_restricted=True, pos=D(10)))
    above = ask(side=Side.SELL, price=D("99.96"))
    assert not denies("P22", above, view(is_short_restricted=True))


def test_nothing_goes_to_a_halted_market() -> None:
    assert denies("P22", ask(ord_type=OrdType.MARKET), view(is_halted=True))


@given(st.dates().map(str), st.integers(0, 50_000).map(D), st.integers(0, 6), st.booleans())
def test_day_trades_are_counted_below_a_line_before_a_date(
    today: str, equity: D, trades: int, another: bool
) -> None:
    around = view(today=today, equity=equity, day_trades=trades, would_day_trade=another)
    holds = today < "2026-06-04" and equity < 25_000 and trades >= 3 and another
    assert denies("P22", ask(), around) is holds


def test_a_bad_day_ends_early() -> None:
    assert not denies("P23", ask(), view(equity=D(98_000)))
    assert "smaller passes" in said("P23", ask(), view(equity=D(97_999)))
    assert not denies("P23", ask(), view(equity=D(97_999), is_reducing=True))
    assert "no order passes" in said("P23", ask(), view(equity=D(96_999), is_reducing=True))
    assert denies("P23", ask(), view(first_equity=None))


@given(MONEY, st.booleans())
def test_loss_has_two_lines(equity: D, reducing: bool) -> None:
    lost = (D(100_000) - equity) / 100_000
    found = denies("P23", ask(), view(equity=equity, is_reducing=reducing))
    assert found is (lost > D("0.03") or (lost > D("0.02") and not reducing))


def test_a_good_day_that_turns_ends_too() -> None:
    assert "below the day's peak" in said("P24", ask(), view(peak_equity=D(103_001)))
    assert not denies("P24", ask(), view(peak_equity=D(103_000)))


@given(MONEY, MONEY, st.booleans())
def test_a_fall_from_the_peak_is_bounded(equity: D, more: D, reducing: bool) -> None:
    around = view(equity=equity, peak_equity=equity + more, is_reducing=reducing)
    assert denies("P24", ask(), around) is (more > 3000 and not reducing)
