"""Whatever the market does and whatever gets lost, every shipped algorithm keeps its bounds."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.execution.algos.port import NewChild, ParentRequest, ReplaceChild
from floorbroker.execution.algos.working import most_at
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import FillRules, Run, Step, replay
from floorbroker.execution.mechanics.prices import is_worse
from tests.unit.execution.markets import CONSTANTS, markets, orders, rules
from tests.unit.execution.views import S

NAMES = sorted(SHIPPED)


def played(request: ParentRequest, steps: list[Step], rule: FillRules | None = None) -> Run:
    return replay(SHIPPED[request.algo], request, steps, market=CONSTANTS, rules=rule)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=40)
def test_children_never_exceed_the_order_nor_its_limit_nor_its_time(
    name: str, data: st.DataObject
) -> None:
    request = data.draw(orders(name))
    run = played(request, data.draw(markets()), data.draw(rules()))
    assert run.most_out <= request.qty
    assert run.filled <= request.qty
    assert run.withheld == ()
    for time_ns, decision in run.decisions:
        for command in decision.commands:
            if isinstance(command, NewChild | ReplaceChild):
                assert request.start_ns <= time_ns < request.end_ns
            if isinstance(command, NewChild | ReplaceChild) and request.limit is not None:
                assert command.price is not None
                assert not is_worse(request.side, command.price, request.limit)
    for fill in run.fills:
        assert request.limit is None or not is_worse(request.side, fill.px, request.limit)


@pytest.mark.parametrize("name", ["twap", "vwap", "is", "pov"])
@pytest.mark.parametrize("rate", ["0.05", "0.3"])
@given(data=st.data())
@settings(max_examples=20)
def test_the_volume_cap_holds_at_every_moment(name: str, rate: str, data: st.DataObject) -> None:
    cap = {"rate": rate, "min_rate": None} if name == "pov" else {"max_rate": rate}
    request = data.draw(orders(name, **cap))
    request = structs.replace(request, params={**request.params, **cap})
    steps = data.draw(markets())
    run = played(request, steps, data.draw(rules()))
    for fill in run.fills:
        traded = (step.volume for step in steps if 0 < step.time_ns <= fill.time_ns)
        done = sum((one.qty for one in run.fills if one.time_ns <= fill.time_ns), ZERO_QTY)
        assert done <= most_at(Decimal(rate), sum(traded, ZERO_QTY))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=40)
def test_what_comes_later_changes_no_decision_before_it(name: str, data: st.DataObject) -> None:
    request, rule = data.draw(orders(name)), data.draw(rules())
    steps, other = data.draw(markets()), data.draw(markets())
    cut_ns = data.draw(st.integers(0, 380)) * S
    forked = [step for step in steps if step.time_ns <= cut_ns]
    forked += [step for step in other if step.time_ns > cut_ns]
    one, two = played(request, steps, rule), played(request, forked, rule)
    before = [
        [(at, decision) for at, decision in run.decisions if at <= cut_ns] for run in (one, two)
    ]
    assert before[0] == before[1]
    assert before[0]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=5)
def test_the_same_market_is_worked_the_same_way(name: str, data: st.DataObject) -> None:
    request, steps, rule = data.draw(orders(name)), data.draw(markets()), data.draw(rules())
    assert played(request, steps, rule).decisions == played(request, steps, rule).decisions


@pytest.mark.parametrize("name", ["twap", "vwap", "is"])
@given(data=st.data())
@settings(max_examples=40)
def test_where_the_market_has_the_size_the_whole_order_is_done(
    name: str, data: st.DataObject
) -> None:
    request = data.draw(orders(name))
    free = {key: value for key, value in request.params.items() if key != "max_rate"}
    free |= {"cleanup_s": 60, "cleanup_bps": 500, "max_clip": None}
    request = structs.replace(request, params=free, limit=None)
    deep = [
        structs.replace(step, bid_qty=Qty(10**6), ask_qty=Qty(10**6))
        for step in data.draw(markets(is_whole=True))
    ]
    assert played(request, deep).filled == request.qty


@pytest.mark.parametrize("name", ["twap", "pov", "is", "vwap"])
@given(data=st.data())
@settings(max_examples=40)
def test_a_schedule_only_rises_and_never_beyond_the_order(name: str, data: st.DataObject) -> None:
    request = data.draw(orders(name))
    run = played(request, data.draw(markets()), data.draw(rules()))
    targets = [decision.target for _, decision in run.decisions if decision.target is not None]
    assert all(one <= two for one, two in pairwise(targets))
    assert all(target <= request.qty for target in targets)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "sniper"])
@given(data=st.data())
@settings(max_examples=20)
def test_a_sale_mirrors_a_buy(name: str, data: st.DataObject) -> None:
    """Prices reflected and sides exchanged, the children are the same but for their prices."""
    request, steps = data.draw(orders(name)), data.draw(markets())
    if request.params.get("alpha"):
        request = structs.replace(request, params={**request.params, "alpha": "0"})
    request = structs.replace(request, limit=None)
    mirrored = [_mirrored(step) for step in steps]
    one = played(request, steps)
    two = played(structs.replace(request, side=request.side.opposite), mirrored)
    assert _shape(one) == _shape(two)


AXIS = Decimal(200)


def _mirrored(step: Step) -> Step:
    def flip(px: Any) -> Any:
        return None if px is None else type(px).of(AXIS - px.decimal)

    return structs.replace(
        step,
        bid=flip(step.ask),
        ask=flip(step.bid),
        bid_qty=step.ask_qty,
        ask_qty=step.bid_qty,
        last=flip(step.last),
    )


def _shape(run: Run) -> list[tuple[int, Decimal, str]]:
    return [(one.decided_ns, one.qty, one.word) for one in run.children]
