"""A block given back to its accounts: one price, exact shares, exact cents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.ids import Account
from floorbroker.pretrade.allocation.block import AccountFill, BlockFill, allocate_block


def block(ordered: list[int], filled: int, px: str, commission: str) -> tuple[AccountFill, ...]:
    accounts = {Account(f"acct-{place}"): Qty(qty) for place, qty in enumerate(ordered)}
    fill = BlockFill(filled_qty=Qty(filled), avg_px=Px(px), commission=Money(commission))
    return allocate_block(accounts, fill, seed="block-1")


def test_a_partly_filled_block_goes_pro_rata_at_its_average_price() -> None:
    found = block([500, 300, 200], 333, "10.2", "3.33")
    assert [one.qty for one in found] == [166, 100, 67]
    assert {one.avg_px for one in found} == {Px("10.2")}
    assert [str(one.gross) for one in found] == ["1693.2", "1020", "683.4"]
    assert [one.commission for one in found] == [Decimal(c) for c in ("1.66", "1", "0.67")]


def test_a_cent_that_is_left_over_goes_to_one_account() -> None:
    found = block([100, 100, 100], 300, "33.33", "1.00")
    assert sorted(one.commission for one in found) == [Decimal(c) for c in (".33", ".33", ".34")]


def test_the_fee_of_a_block_that_did_not_fill_is_shared_by_what_was_ordered() -> None:
    assert [one.commission for one in block([300, 100], 0, "10", "0.40")] == [
        Decimal("0.3"),
        Decimal("0.1"),
    ]


def test_the_block_draws_who_gets_the_cents_that_are_left_over() -> None:
    accounts = {Account(name): Qty(1) for name in "abc"}
    fill = BlockFill(filled_qty=Qty(3), avg_px=Px("0.3333"), commission=Money("0.01"))
    drawn = [allocate_block(accounts, fill, seed=f"block-{number}") for number in range(40)]
    assert {max(found, key=lambda one: one.commission).account for found in drawn} == {*accounts}
    assert {max(found, key=lambda one: one.gross).account for found in drawn} == {*accounts}


@given(
    ordered=st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
    part=st.integers(0, 1000),
    px=st.decimals("0.0001", 5000, places=4),
    commission=st.decimals(-50, 500, places=2),
)
def test_nothing_is_lost_and_nobody_gets_more_than_was_ordered(
    ordered: list[int], part: int, px: Decimal, commission: Decimal
) -> None:
    filled = sum(ordered) * part // 1000
    found = block(ordered, filled, str(px), str(commission))
    assert sum(one.qty for one in found) == filled
    assert sum(one.commission for one in found) == commission
    assert sum(one.gross for one in found) == Money(filled * px).rounded_to_cent()
    for one in found:
        assert 0 <= one.qty <= one.ordered_qty
        assert one.commission.rounded_to_cent() == one.commission


@pytest.mark.parametrize(
    ("ordered", "filled", "text"),
    [
        ([100], 101, "filled_qty: 101 is not between 0 and 100"),
        ([100, 0], 50, "ordered: each account must have ordered a multiple of 1, over 0"),
    ],
)
def test_a_block_that_does_not_add_up_is_refused(
    ordered: list[int], filled: int, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        block(ordered, filled, "10", "1")
