"""Shortfall: the schedule of Almgren and Chriss, solved anew from what is left."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorbroker.domain.amounts import Qty
from floorbroker.domain.terms import Side
from floorbroker.execution.algos.port import DayStats, Decision, MarketView, PlanPoint
from floorbroker.execution.catalog import SHIPPED
from tests.unit.execution.views import BUY, SELL, S, again, answer, asked, market, news, parent

D = Decimal
DAY = 23_400
PAPER: dict[str, Any] = {"sigma": "0.95", "eta": "2.5e-6", "gamma": "2.5e-7"}


def planned(
    qty: int = 1_000_000, shown: MarketView | None = None, **more: Any
) -> tuple[PlanPoint, ...]:
    plan = SHIPPED["is"].plan
    assert plan is not None
    return plan(parent(asked("is", qty, **more)), shown or market())


def trades(points: tuple[PlanPoint, ...]) -> list[int]:
    return [after - before for before, after in pairwise([0, *(int(p.qty) for p in points)])]


def in_a_day(days: int, parts: int) -> dict[str, Any]:
    """A horizon of days of session time, whose intervals are hours of the day's model."""
    return {"until_s": days * DAY, "interval_s": DAY * days // parts}


def test_the_papers_example_is_planned_in_lots() -> None:
    points = planned(risk_aversion="1e-6", unit=100, **PAPER, **in_a_day(5, 5))
    assert trades(points) == [458_000, 252_100, 142_000, 85_800, 62_100]


def test_the_papers_example_is_planned_in_shares() -> None:
    points = planned(risk_aversion="2e-7", **PAPER, **in_a_day(5, 5))
    held = [1_000_000 - int(point.qty) for point in points]
    assert held == [721_627, 498_097, 312_423, 150_493, 0]


def test_no_fear_of_risk_is_an_even_schedule() -> None:
    assert trades(planned(1000, risk_aversion=0, **PAPER, **in_a_day(1, 5))) == [200] * 5


def test_urgency_in_words_is_haste() -> None:
    first = {
        word: trades(planned(1000, urgency=word, interval_s=60))[0]
        for word in ("low", "medium", "high")
    }
    assert first == {"low": 107, "medium": 155, "high": 261}


def test_a_half_life_is_the_time_to_fall_by_e() -> None:
    points = planned(100_000, until_s=6000, half_life_s=600, interval_s=600)
    assert 100_000 - int(points[0].qty) == pytest.approx(36_788, abs=2)


def test_the_first_slice_is_the_plans() -> None:
    view = parent(asked("is", urgency="high", interval_s=60))
    decision = answer(view, market(), 0)
    assert news(decision) == [("261", "99.99")]
    assert decision.target == Qty(261)


def test_a_slow_slice_is_worked_off_in_the_same_shape() -> None:
    """With 900 left of which the plan had kept 740, the next slice is larger by just that."""
    view = parent(asked("is", urgency="high", interval_s=60))
    view = again(view, answer(view, market(), 0))
    on_plan = answer(again(view, Decision(), filled=Qty(260)), market(), 60)
    behind = answer(again(view, Decision(), filled=Qty(100)), market(), 60)
    assert on_plan.target is not None
    assert behind.target is not None
    part = (on_plan.target - Qty(260)) / Qty(740)
    assert abs((behind.target - Qty(100)) / Qty(900) - part) < D("0.001")


def test_the_target_stands_while_a_slice_runs() -> None:
    view = parent(asked("is", urgency="high", interval_s=60))
    first = answer(view, market(), 0)
    later = answer(again(view, first, filled=Qty(200)), market(), 30)
    assert later.target == first.target
    assert later.memo is None


def test_the_last_slice_takes_everything() -> None:
    view = parent(asked("is", urgency="low", interval_s=60, cleanup_s=0), filled=640)
    assert news(answer(view, market(), 550)) == [("360", "99.99")]


def test_numbers_of_earlier_days_weigh_the_risk() -> None:
    stats = DayStats(adv=D(5_000_000), daily_volatility=D("0.019"), spread=D("0.125"))
    told = market("49.99", "50.01", stats=stats)  # the paper's numbers: 0.95, 2.5e-6, 2.5e-7
    points = planned(1_000_000, told, risk_aversion="1e-6", unit=100, **in_a_day(5, 5))
    assert trades(points) == [458_000, 252_100, 142_000, 85_800, 62_100]


def test_without_them_it_waits_and_says_so() -> None:
    view = parent(asked("is", risk_aversion="1e-6"))
    decision = answer(view, market(), 0)
    assert decision.commands == ()
    assert "no volatility, volume or spread" in decision.why


def test_the_model_of_the_beginning_stands_for_the_orders_life() -> None:
    stats = DayStats(adv=D(5_000_000), daily_volatility=D("0.019"), spread=D("0.125"))
    view = parent(asked("is", 100_000, risk_aversion="1e-3", interval_s=60))
    view = again(view, answer(view, market(stats=stats), 0))
    wild = DayStats(adv=D(5), daily_volatility=D("9"), spread=D("3"))
    calm, moved = (answer(view, market(stats=told), 60).target for told in (stats, wild))
    assert calm == moved
    assert answer(parent(view.request), market(stats=wild), 60).target != calm


@pytest.mark.parametrize(
    ("alpha", "order"), [("0.5", [BUY, None, SELL]), ("-0.5", [SELL, None, BUY])]
)
def test_a_drift_hastens_whom_it_hurts_and_slows_whom_it_helps(
    alpha: str, order: list[Side | None]
) -> None:
    first = {}
    for side in (None, BUY, SELL):
        told: dict[str, Any] = {"alpha": 0 if side is None else alpha, "side": side or BUY}
        request = asked("is", 100_000, risk_aversion="1e-6", interval_s=60, **PAPER, **told)
        first[side] = int(news(answer(parent(request), market(), 0))[0][0])
    assert sorted(first, key=first.__getitem__, reverse=True) == order
    assert len(set(first.values())) == 3


@given(
    st.integers(1, 10**6),
    st.sampled_from(["1e-9", "1e-7", "1e-5", "1e-3"]),
    st.integers(1, 40),
    st.sampled_from([1, 100]),
)
@settings(max_examples=50)
def test_a_plan_sums_to_the_quantity_and_only_rises(
    qty: int, aversion: str, parts: int, unit: int
) -> None:
    points = planned(qty, risk_aversion=aversion, unit=unit, **PAPER, **in_a_day(1, parts))
    assert points[-1].qty == qty
    assert all(trade >= 0 for trade in trades(points))
    assert all(point.time_ns < DAY * S for point in points)


def test_buys_and_sells_are_planned_alike() -> None:
    model: dict[str, Any] = {"risk_aversion": "1e-6", **PAPER, **in_a_day(1, 10)}
    assert planned(1000, **model) == planned(1000, side=SELL, **model)
