"""Sniper: takes what is displayed at its limit or better, and rests nowhere."""

from typing import Any

import pytest

from floorbroker.domain.amounts import Qty
from floorbroker.domain.terms import TimeInForce
from floorbroker.execution.algos.port import ChildState, MarketView, NewChild
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
)


def test_it_takes_what_is_shown_at_its_limit_and_no_more() -> None:
    decision = answer(parent(asked("sniper", limit="100.05")), market(ask_qty=300), 0)
    assert news(decision) == [("300", "100.01")]
    assert isinstance(decision.commands[0], NewChild)
    assert decision.commands[0].time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL


@pytest.mark.parametrize(
    ("params", "shown", "why"),
    [
        ({}, market("100.00", "100.06"), "waits for 100.05"),
        ({"min_qty": 500}, market(ask_qty=499), "only 499 are shown"),
        ({"max_spread_bps": 1}, market("99.99", "100.02"), "the spread is 0.03"),
    ],
)
def test_it_waits_for_price_size_and_spread(
    params: dict[str, Any], shown: MarketView, why: str
) -> None:
    request = asked("sniper", limit="100.05", **params)
    decision = answer(parent(request), shown, 0)
    assert (decision.commands, decision.why) == ((), why)


def test_it_takes_its_part_up_to_its_clip() -> None:
    shown = market(ask_qty=900)
    assert news(answer(parent(asked("sniper", limit=101, take="0.5")), shown, 0))[0][0] == "450"
    assert news(answer(parent(asked("sniper", limit=101, max_clip=200)), shown, 0))[0][0] == "200"
    assert news(answer(parent(asked("sniper", limit=101), filled=990), shown, 0))[0][0] == "10"


def test_little_is_taken_where_it_is_all_that_is_wanted() -> None:
    view = parent(asked("sniper", limit=101, min_qty=500), filled=990)
    assert news(answer(view, market(ask_qty=100), 0)) == [("10", "100.01")]


def test_a_sale_hits_the_bid() -> None:
    view = parent(asked("sniper", limit="99.90", side=SELL))
    assert news(answer(view, market(bid_qty=120), 0)) == [("120", "99.99")]


def test_it_waits_between_shots() -> None:
    view = parent(asked("sniper", limit=101, cooldown_s=2), sent_children=1, last_sent_ns=10 * S)
    waiting = answer(view, market(), 11)
    assert (waiting.commands, waiting.wake_ns) == ((), 12 * S)
    assert news(answer(view, market(), 12)) == [("1000", "100.01")]


@pytest.mark.parametrize("state", [ChildState.PENDING, ChildState.UNKNOWN])
def test_a_shot_whose_fate_is_open_is_waited_for(state: ChildState) -> None:
    out = child(0, 100, "100.01", state=state, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    assert answer(parent(asked("sniper", limit=101), out), market(), 60).commands == ()


def test_without_ioc_what_missed_is_taken_back() -> None:
    request = asked("sniper", limit=101, ioc=False, cooldown_s=2)
    shot = answer(parent(request), market(), 0).commands[0]
    assert isinstance(shot, NewChild)
    assert shot.time_in_force is TimeInForce.DAY
    view = parent(request, child(0, 1000, "100.01"), sent_children=1, last_sent_ns=0)
    assert cancels(answer(view, market(), 1)) == []
    assert cancels(answer(view, market(), 2)) == ["0"]


def test_a_fraction_is_sent_for_the_day() -> None:
    view = parent(asked("sniper", "10.5", limit=101), filled=10)
    shot = answer(view, market(lot=Qty("0.1").decimal), 0).commands[0]
    assert isinstance(shot, NewChild)
    assert (shot.qty, shot.time_in_force) == (Qty("0.5"), TimeInForce.DAY)
