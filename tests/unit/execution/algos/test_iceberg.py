"""Iceberg: a little is shown at a time, never more than is left."""

from typing import Any

import pytest

from floorbroker.domain.amounts import Px, Qty
from floorbroker.execution.algos.port import ChildState
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import replay, steady
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

BERG: dict[str, Any] = {"display": 100, "limit": "99.99"}


def test_a_tip_is_shown_at_the_limit() -> None:
    assert news(answer(parent(asked("iceberg", **BERG)), market(), 0)) == [("100", "99.99")]


@pytest.mark.parametrize("state", list(ChildState))
def test_nothing_more_is_shown_while_a_tip_is_out(state: ChildState) -> None:
    view = parent(asked("iceberg", **BERG), child(0, 100, "99.99", state=state))
    assert answer(view, market(), 1).commands == ()


def test_the_next_tip_waits_for_its_delay() -> None:
    request = asked("iceberg", refill_s=5, **BERG)
    view = parent(request, filled=100, sent_children=1, last_ended_ns=10 * S)
    waiting = answer(view, market(), 14)
    assert (waiting.commands, waiting.wake_ns) == ((), 15 * S)
    assert news(answer(view, market(), 15)) == [("100", "99.99")]


def test_the_last_tip_is_what_is_left() -> None:
    assert news(answer(parent(asked("iceberg", **BERG), filled=970), market(), 0)) == [
        ("30", "99.99")
    ]


def test_tips_vary_with_the_seed_within_their_width() -> None:
    request = asked("iceberg", vary_display="0.3", seed=7, **BERG)
    tips = [
        int(news(answer(parent(request, sent_children=n), market(), 0))[0][0]) for n in range(40)
    ]
    assert all(70 <= tip <= 130 for tip in tips)
    assert len(set(tips)) > 10
    assert tips == [
        int(news(answer(parent(request, sent_children=n), market(), 9))[0][0]) for n in range(40)
    ]


def test_near_the_touch_it_follows_and_stops_at_its_limit() -> None:
    request = asked("iceberg", display=100, stand="near", limit="100.02", requote_s=5)
    out = child(0, 100, "99.99")
    view = parent(request, out)
    assert replaces(answer(view, market("100.01", "100.03"), 4)) == []
    assert replaces(answer(view, market("100.01", "100.03"), 5)) == [("0", "100.01")]
    assert replaces(answer(view, market("100.05", "100.07"), 5)) == [("0", "100.02")]
    assert replaces(answer(view, market("99.90", "99.92"), 5)) == []
    part = parent(request, child(0, "10.5", "99.99"))
    assert cancels(answer(part, market("100.01", "100.03"), 5)) == ["0"]


def test_a_sale_is_shown_on_its_own_side() -> None:
    view = parent(asked("iceberg", display=100, stand="near", side=SELL))
    assert news(answer(view, market(), 0)) == [("100", "100.01")]


def test_it_never_shows_more_than_its_tip_and_ends_exactly() -> None:
    request = asked("iceberg", 1050, vary_display="0.5", seed=3, **BERG)
    run = replay(SHIPPED["iceberg"], request, steady(0, 600))
    assert run.filled == 1050
    assert all(one.qty <= Qty(150) for one in run.children)
    assert all(fill.px == Px("99.99") for fill in run.fills)
    assert len(run.children) > 7
