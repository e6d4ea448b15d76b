"""Pegged: moves with the others' best prices, never with its own."""

from typing import Any

import pytest

from floorbroker.domain.amounts import Px
from floorbroker.domain.terms import Side
from floorbroker.execution.algos.port import ChildState, MarketView, ParentView
from tests.unit.execution.views import (
    SELL,
    S,
    answer,
    asked,
    cancels,
    child,
    market,
    news,
    parent,
    replaces,
)


@pytest.mark.parametrize(
    ("side", "to", "offset", "px"),
    [
        ("buy", "primary", "0", "99.99"),
        ("buy", "primary", "-0.02", "99.97"),
        ("buy", "primary", "0.01", "100"),
        ("buy", "primary", "0.50", "100.01"),  # it rests: a tick short of the ask
        ("buy", "midpoint", "0", "100"),
        ("buy", "midpoint", "-0.01", "99.99"),
        ("buy", "market", "0", "100.02"),
        ("buy", "market", "-0.01", "100.01"),
        ("sell", "primary", "0", "100.02"),
        ("sell", "primary", "0.50", "100"),
        ("sell", "midpoint", "0", "100.01"),
        ("sell", "market", "0", "99.99"),
    ],
)
def test_it_stands_at_its_distance(side: str, to: str, offset: str, px: str) -> None:
    request = asked("pegged", to=to, offset=offset, side=Side(side))
    assert news(answer(parent(request), market("99.99", "100.02"), 0)) == [("1000", px)]


def test_a_midpoint_of_half_a_cent_is_rounded_to_the_better_side() -> None:
    """The midpoint is 100.005: no price above a dollar has half a cent."""
    shown = market("99.99", "100.02")
    assert news(answer(parent(asked("pegged", to="midpoint")), shown, 0))[0][1] == "100"
    assert news(answer(parent(asked("pegged", to="midpoint", side=SELL)), shown, 0))[0][1] == (
        "100.01"
    )


def test_the_limit_caps_it() -> None:
    request = asked("pegged", to="market", limit="100.00")
    assert news(answer(parent(request), market(), 0)) == [("1000", "100")]


def moved(view: ParentView[Any], to: MarketView, now_s: int = 5) -> list[tuple[str, str]]:
    return replaces(answer(view, to, now_s))


def test_it_follows_up_and_down_but_not_too_often() -> None:
    view = parent(asked("pegged", min_reprice_s=2), child(0, 1000, "99.99", priced_ns=4 * S))
    early = answer(view, market("100.03", "100.05"), 5)
    assert (early.commands, early.wake_ns) == ((), 6 * S)
    assert moved(view, market("100.03", "100.05"), 6) == [("0", "100.03")]
    assert moved(view, market("99.90", "99.95"), 6) == [("0", "99.9")]


def test_small_moves_are_not_followed() -> None:
    view = parent(asked("pegged", hysteresis=3), child(0, 1000, "99.99"))
    assert moved(view, market("100.01", "100.05")) == []
    assert moved(view, market("100.02", "100.05")) == [("0", "100.02")]


def test_it_does_not_chase_itself() -> None:
    """One tick over the bid it becomes the bid; to follow that would be to outbid itself."""
    request = asked("pegged", offset="0.01")
    first = answer(parent(request), market("99.99", "100.05", bid_qty=500), 0)
    assert news(first) == [("1000", "100")]
    alone = parent(request, child(0, 1000, "100.00"))
    stays = answer(alone, market("100.00", "100.05", bid_qty=1000), 5)
    assert (stays.commands, stays.why) == ((), "its own order is all of the near touch; stays")


def test_it_does_not_chase_itself_around_the_midpoint() -> None:
    alone = parent(asked("pegged", to="midpoint"), child(0, 1000, "100.02"))
    assert moved(alone, market("100.02", "100.06", bid_qty=1000)) == []


def test_others_at_its_price_are_a_reference() -> None:
    view = parent(asked("pegged", offset="0.01"), child(0, 1000, "100.00"))
    assert moved(view, market("100.00", "100.05", bid_qty=1001)) == [("0", "100.01")]


@pytest.mark.parametrize("state", list(ChildState))
def test_its_own_order_counts_whatever_is_known_of_it(state: ChildState) -> None:
    view = parent(asked("pegged", offset="0.01"), child(0, 1000, "100.00", state=state))
    assert answer(view, market("100.00", "100.05", bid_qty=1000), 5).commands == ()


def test_on_a_tape_without_our_orders_the_whole_touch_is_of_others() -> None:
    view = parent(asked("pegged", offset="0.01"), child(0, 1000, "100.00"))
    shown = market("100.00", "100.05", bid_qty=1000, includes_own=False)
    assert moved(view, shown) == [("0", "100.01")]


def test_a_market_peg_needs_no_reference_on_its_own_side() -> None:
    view = parent(asked("pegged", to="market", offset="-0.02"), child(0, 1000, "99.99"))
    assert moved(view, market("99.99", "100.03", bid_qty=1000)) == [("0", "100.01")]


def test_within_its_discretion_it_takes() -> None:
    request = asked("pegged", discretion="0.02", limit="100.02")
    assert news(answer(parent(request), market("99.99", "100.01"), 0)) == [("1000", "100.01")]
    assert news(answer(parent(request), market("99.98", "100.01"), 0)) == [("1000", "99.98")]


def test_it_shows_its_display_size_and_refills() -> None:
    request = asked("pegged", display=100)
    assert news(answer(parent(request), market(), 0)) == [("100", "99.99")]
    assert news(answer(parent(request, child(0, 100, "99.99")), market(), 0)) == []
    assert news(answer(parent(request, filled=950), market(), 0)) == [("50", "99.99")]


def test_a_larger_quantity_is_sent_for_at_once() -> None:
    view = parent(asked("pegged", 1500, offset="0.01"), child(0, 1000, "100.00"))
    joined = market("100.00", "100.05", bid_qty=1500)
    assert news(answer(view, joined, 0)) == [("500", "100.01")]
    alone = market("100.00", "100.05", bid_qty=1000)
    assert news(answer(view, alone, 0)) == [("500", "100")]  # beside its own


def test_blind_it_takes_its_order_back() -> None:
    view = parent(asked("pegged"), child(0, 1000, "99.99"))
    assert cancels(answer(view, market(stale="feed lost"), 5)) == ["0"]


def test_a_fraction_is_canceled_where_another_would_be_replaced() -> None:
    view = parent(asked("pegged", "10.5"), child(0, "10.5", "99.99"))
    assert cancels(answer(view, market("100.03", "100.05"), 5)) == ["0"]


def test_a_far_offset_does_not_lead_below_one_tick() -> None:
    decision = answer(parent(asked("pegged", offset=-200)), market(), 0)
    assert news(decision) == [("1000", "0.0001")]
    assert decision.withheld == ()
    assert Px("0.0001") > 0
