"""All controls together: complete, in order, and closed where one of them fails."""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.pretrade.risk.layers import NAMES, LimitBook, is_looser
from floorbroker.pretrade.risk.limits import ABOUT, LIVE, PAPER
from floorbroker.pretrade.risk.register import BY_ID, CONTROLS, check, check_all
from tests.unit.pretrade_risk.around import D, ask, limits, view


def test_there_are_thirty_one_controls_each_under_its_own_id() -> None:
    assert [control.id for control in CONTROLS] == [f"P{number:02}" for number in range(1, 32)]


def test_every_limit_says_what_it_is_and_belongs_to_a_control() -> None:
    assert set(ABOUT) == set(NAMES)
    assert {about.control for about in ABOUT.values()} <= set(BY_ID)


def test_a_quiet_order_passes_everything() -> None:
    assert check(ask(), view(), limits()) is None
    assert check_all(ask(), view(), limits()) == ()


def test_the_first_no_is_told_and_all_of_them_to_who_asks() -> None:
    around = view(is_armed=False, state="halted", open_here=10)
    first = check(ask(), around, limits())
    assert first is not None
    assert first.control == "P01"
    assert [no.control for no in check_all(ask(), around, limits())] == ["P01", "P02", "P16"]


def test_a_control_that_fails_says_no() -> None:
    broken = cast(Decimal, "a text")
    found = check(ask(), view(equity=broken), limits())
    assert found is not None
    assert "it failed: TypeError" in found.value


def test_what_only_reduces_is_not_held_up_by_size() -> None:
    large = {"qty": D(499)}
    assert [no.control for no in check_all(ask(**large), view(is_reducing=True), limits())] == []
    assert "P07" in [no.control for no in check_all(ask(**large), view(), limits())]


def test_the_paper_profile_lets_ten_thousand_orders_pass_that_know_nothing() -> None:
    busy = view(
        is_armed=False,
        instrument=None,
        equity=None,
        first_equity=None,
        bid_px=None,
        ask_px=None,
        ref_age_ns=None,
        broker_bp=None,
        model_bp=None,
        orders_today=10_000,
        open_all=10_000,
        open_here=10_000,
        mine_second=10_000,
        messages_minute=10_000,
        repeats=64,
        reentries=64,
        pos=D(10_000),
    )
    assert check(ask(is_keyed=False, qty=D(10_000)), busy, PAPER) is None


def test_layers_go_from_the_desk_to_the_symbol() -> None:
    book = LimitBook(
        base=LIVE,
        accounts={"a": {"orders_per_s": 5, "order_qty_max": D(1)}},
        strategies={"s": {"order_qty_max": D(2)}},
        symbols={"AAPL": {"order_qty_max": D(3)}},
    )
    assert book.limits_for("", "", "MSFT") is LIVE
    assert book.limits_for("a", "", "MSFT").order_qty_max == 1
    assert book.limits_for("a", "s", "MSFT").order_qty_max == 2
    found = book.limits_for("a", "s", "AAPL")
    assert found.order_qty_max == 3
    assert found.orders_per_s == 5
    changed = book.changed("symbol", "AAPL", "order_qty_max", D(4))
    assert changed.limits_for("a", "s", "AAPL").order_qty_max == 4
    assert changed.changed("desk", "", "may_short", value := True).base.may_short is value


@pytest.mark.parametrize(
    ("name", "tight", "loose"),
    [
        ("order_qty_max", D(1), D(2)),
        ("repeat_window_s", 2, 1),
        ("must_arm", True, False),
        ("may_short", False, True),
        ("allow", frozenset({"A"}), frozenset({"A", "B"})),
        ("allow", frozenset({"A"}), None),
        ("restricted", frozenset({"A"}), frozenset()),
        ("position_value_max", D(5), None),
    ],
)
def test_a_field_knows_which_way_is_looser(name: str, tight: Any, loose: Any) -> None:
    assert is_looser(name, tight, loose)
    assert not is_looser(name, loose, tight)
    assert not is_looser(name, tight, tight)


@given(st.integers(0, 200), st.integers(0, 50), st.booleans(), st.integers(90_000, 110_000))
def test_a_replace_and_a_reduction_meet_fewer_controls_never_others(
    open_here: int, repeats: int, reducing: bool, equity: int
) -> None:
    around = {"open_here": open_here, "repeats": repeats, "equity": D(equity)}
    new = {no.control for no in check_all(ask(), view(**around), limits())}
    again = check_all(ask(is_replace=True), view(**around, is_reducing=reducing), limits())
    assert {no.control for no in again} <= new
