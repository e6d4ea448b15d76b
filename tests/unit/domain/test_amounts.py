"""Amounts are exact, refuse to mix, and round only by name."""

import copy
import operator
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Amount, Money, Px, Qty, exact, plain

KINDS: list[type[Amount]] = [Qty, Px, Money]
numbers = st.decimals(
    min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=9
)
kinds = st.sampled_from(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("written", "number"),
    [
        (0, "0"),
        (-3, "-3"),
        ("187.20", "187.2"),
        ("1e3", "1000"),
        (Decimal("0.000000001"), "0.000000001"),
        (Qty("2.5"), "2.5"),
    ],
)
def test_ints_text_and_decimals_are_amounts(
    kind: type[Amount], written: Decimal | int | str, number: str
) -> None:
    amount = kind(written)
    assert type(amount) is kind
    assert amount == Decimal(number)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [1.0, 0.1, float("nan"), float("inf")])
def test_a_float_is_refused_and_the_right_way_is_named(kind: type[Amount], value: float) -> None:
    with pytest.raises(TypeError, match=r"is a float, not an exact number; write \".*\" instead"):
        kind(value)  # type: ignore[arg-type]  # what a caller without a type checker does


@pytest.mark.parametrize("value", [True, False, None, b"1", [], 1j])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="not an exact number"):
        exact(value)


@pytest.mark.parametrize("text", ["", "ten", "1,000", "0x10", "1.2.3"])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        exact(text)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-inf"])
@pytest.mark.parametrize("kind", [str, Decimal])
def test_numbers_that_are_not_finite_are_refused(text: str, kind: type) -> None:
    with pytest.raises(ValueError, match="is not a finite number"):
        exact(kind(text))


@pytest.mark.parametrize("sign", [operator.add, operator.sub])
@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", [*KINDS, int, Decimal, float])
def test_only_the_same_kind_adds_and_subtracts(
    sign: Callable[[Any, Any], Any], left: type[Amount], right: type
) -> None:
    if left is right:
        assert type(sign(left(3), left(2))) is left
        return
    with pytest.raises(TypeError, match="has no meaning"):
        sign(left(3), right(2))
    with pytest.raises(TypeError, match="has no meaning"):
        sign(right(3), left(2))


@pytest.mark.parametrize(
    ("left", "right", "product"),
    [(Qty, Px, Money), (Px, Qty, Money)],
)
def test_quantity_times_price_is_money(
    left: type[Amount], right: type[Amount], product: type[Amount]
) -> None:
    result = left(10) * right("187.20")
    assert type(result) is product
    assert result == Decimal("1872")


@pytest.mark.parametrize(
    ("left", "right"),
    [(Qty, Qty), (Px, Px), (Money, Money), (Money, Qty), (Qty, Money), (Money, Px), (Px, Money)],
)
def test_every_other_product_is_refused(left: type[Amount], right: type[Amount]) -> None:
    with pytest.raises(TypeError, match="has no meaning"):
        left(2) * right(3)


@pytest.mark.parametrize(
    ("top", "bottom", "quotient"),
    [
        (Money, Qty, Px),
        (Money, Px, Qty),
        (Qty, Qty, Decimal),
        (Px, Px, Decimal),
        (Money, Money, Decimal),
    ],
)
def test_quotients_have_the_unit_that_is_left(
    top: type[Amount], bottom: type[Amount], quotient: type
) -> None:
    result = top(6) / bottom(4)
    assert type(result) is quotient
    assert result == Decimal("1.5")


@pytest.mark.parametrize(("top", "bottom"), [(Qty, Px), (Px, Qty), (Qty, Money), (Px, Money)])
def test_quotients_without_a_unit_are_refused(top: type[Amount], bottom: type[Amount]) -> None:
    with pytest.raises(TypeError, match="has no meaning"):
        top(6) / bottom(4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_number_scales_and_keeps_the_unit(kind: type[Amount]) -> None:
    for result in (kind(6) * 2, 2 * kind(6), kind(6) * Decimal(2), kind(24) / 2):
        assert type(result) is kind
        assert result == 12
    with pytest.raises(TypeError, match="float"):
        kind(6) * 2.0
    with pytest.raises(TypeError, match="float"):
        kind(6) / 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_signs_and_sums_keep_the_unit(kind: type[Amount]) -> None:
    assert type(-kind(5)) is kind
    assert -kind(5) == kind(-5)
    assert type(abs(kind(-5))) is kind
    assert abs(kind(-5)) == kind(5)
    total = sum([kind(1), kind("2.5")])
    assert type(total) is kind
    assert total == kind("3.5")


def test_a_sum_does_not_start_from_another_amount() -> None:
    with pytest.raises(TypeError, match="has no meaning"):
        sum([Money(1)], ZERO_QTY)


def test_rounding_happens_only_by_name() -> None:
    assert Money("1.005") + Money(0) == Decimal("1.005")
    assert Money("1.005").rounded_to_cent() == Money("1.00")
    assert Money("1.015").rounded_to_cent() == Money("1.02")
    assert Money("-1.005").rounded_to_cent() == Money("-1.00")
    assert Money("1.001").rounded_up_to_cent() == Money("1.01")
    assert Money("-1.009").rounded_up_to_cent() == Money("-1.00")
    assert Qty("0.1234567899").rounded_down_to_share_step() == Qty("0.123456789")
    assert type(Money(1).rounded_to_cent()) is Money
    assert type(Money(1).rounded_up_to_cent()) is Money
    assert type(Qty(1).rounded_down_to_share_step()) is Qty


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("10.00", "10"),
        ("10.50", "10.5"),
        ("1E+3", "1000"),
        ("1E-9", "0.000000001"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("100", "100"),
        ("-2.50", "-2.5"),
    ],
)
def test_people_read_plain_numbers(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text
    assert str(Qty(number)) == f"{Qty(number)}" == text
    assert f"{Qty(number):.3f}" == f"{Decimal(number):.3f}"
    assert repr(Px(number)) == f"Px('{text}')"


def test_the_bare_number_leaves_the_unit_behind() -> None:
    assert type(Px("1.5").decimal) is Decimal
    assert Px("1.5").decimal == Decimal("1.5")


def test_zeros_are_of_their_kind() -> None:
    assert type(ZERO_QTY) is Qty
    assert type(ZERO_MONEY) is Money
    assert ZERO_QTY == ZERO_MONEY.decimal == 0


@given(kinds, numbers)
def test_text_brings_the_amount_back(kind: type[Amount], number: Decimal) -> None:
    amount = kind(number)
    assert kind(str(amount)) == amount
    assert kind(plain(number)) == amount


@given(kinds, numbers)
def test_copies_and_pickles_keep_value_and_kind(kind: type[Amount], number: Decimal) -> None:
    amount = kind(number)
    for twin in (pickle.loads(pickle.dumps(amount)), copy.deepcopy(amount)):
        assert twin == amount
        assert type(twin) is kind


@given(kinds, numbers, numbers)
def test_adding_and_taking_away_is_exact(
    kind: type[Amount], first: Decimal, second: Decimal
) -> None:
    assert kind(first) + kind(second) - kind(second) == kind(first)
    assert (kind(first) + kind(second)).decimal == first + second


@given(numbers, st.integers(min_value=1, max_value=10**6))
def test_a_price_times_whole_shares_is_exact(px: Decimal, shares: int) -> None:
    assert (Px(px) * Qty(shares)).decimal == px * shares
    assert Money.of(px * shares) / Qty(shares) == Px(px)


@given(numbers)
def test_rounded_cents_lie_within_one_cent(number: Decimal) -> None:
    money = Money(number)
    assert abs(money.rounded_to_cent() - money) <= Money("0.005")
    assert ZERO_MONEY <= money.rounded_up_to_cent() - money < Money("0.01")
