"""What people ask of an algorithm is read, or refused with the field, the value and the cure."""

from decimal import Decimal
from typing import Any

import pytest

from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.algos.port import (
    Algorithm,
    Decision,
    MarketView,
    NoParams,
    ParentRequest,
    ParentView,
    Within,
)
from floorbroker.execution.algos.twap import TwapParams
from floorbroker.execution.algos.working import Style
from floorbroker.execution.catalog import SHIPPED, admitted, catalog_of, checked, named, params_of
from tests.unit.execution.views import SELL, S, asked, curve


def test_numbers_may_be_written_as_a_command_line_gives_them() -> None:
    request = asked("twap", slices="12", vary_size="0.25", max_clip="300", style="cross")
    assert checked(SHIPPED, request) == TwapParams(
        slices=12, vary_size=Decimal("0.25"), max_clip=Qty(300), style=Style.CROSS
    )


def test_a_float_means_the_digits_that_were_written() -> None:
    params = checked(SHIPPED, asked("pov", rate=0.1))
    assert params == checked(SHIPPED, asked("pov", rate="0.1"))


@pytest.mark.parametrize(
    ("algo", "order", "text"),
    [
        ("twpa", {}, "algo: 'twpa' is not valid; did you mean \"twap\"?"),
        ("xyz", {}, "known are close, iceberg, is, open, pegged, pov, sniper, twap, vwap"),
        ("twap", {"slcies": 3}, 'params.slcies: 3 is not valid; did you mean "slices"?'),
        ("twap", {"slices": "many"}, "params.slices: 'many' is not valid; expected int"),
        ("twap", {"slices": 0}, "params.slices: 0 is not valid; it must be from 1 to 10000"),
        ("twap", {"slices": True}, "params.slices: True is not valid; expected int, got bool"),
        ("twap", {"vary_size": "NaN"}, "params.vary_size: 'NaN' is not valid"),
        ("twap", {"style": "bold"}, "params.style: 'bold' is not valid; invalid enum value"),
        ("twap", {"interval_s": "0.5"}, "params.interval_s: 0.5 is not valid; it must be from 1"),
        ("twap", {"min_clip": "0"}, "params.min_clip: 0 is not valid; it must be above 0"),
        ("twap", {"min_clip": 50, "max_clip": 10}, "params.max_clip: 10 is not valid; it must be"),
        (
            "twap",
            {"limit": "9", "would": "10"},
            "params.would: 10 is not valid; it must be no wor",
        ),
        ("twap", {"until_s": 86_400, "interval_s": 1}, "it makes 86400 slices, at most 10000"),
        (
            "twap",
            {"until_s": 0},
            "end: 1970-01-01 00:00:00 UTC is not valid; it must be later than the start, 1970",
        ),
        ("twap", {"qty": "0"}, "qty: 0 is not valid; it must be above 0"),
        ("twap", {"limit": "0"}, "limit: 0 is not valid; it must be above 0, or left out"),
        ("pov", {"rate": 1}, "params.rate: 1 is not valid; it must be from 0 to 1, both excluded"),
        ("pov", {"rate": "-0.1"}, "params.rate: -0.1 is not valid"),
        ("pov", {"rate": "0.1", "min_rate": "0.2"}, "params.min_rate: 0.2 is not valid"),
        ("pov", {"rate": "0.1", "max_rate": "0.05"}, "params.max_rate: 0.05 is not valid"),
        ("is", {"alpha": "0.1"}, "params.alpha: 0.1 is not valid; it needs a risk_aversion"),
        ("is", {"risk_aversion": "1e-6", "half_life_s": 60}, "params.half_life_s: 60 is not val"),
        ("is", {"risk_aversion": "1", "eta": "1e-9", "gamma": 1}, "params.eta: 1E-9 is not valid"),
        ("iceberg", {"limit": 10}, "params.display: nothing is not valid; it must be given"),
        ("iceberg", {"display": 10}, "limit: None is not valid; an iceberg that stands at its li"),
        ("iceberg", {"limit": 10, "display": "x"}, "params.display: 'x' is not valid; 'x' is not"),
        ("pegged", {"to": "midpoint", "offset": "0.01"}, "a midpoint peg is never worse: 0 or le"),
        ("sniper", {}, "limit: None is not valid; a sniper needs the price at which it takes"),
        ("sniper", {"limit": 9, "min_qty": 9, "max_clip": 8}, "params.max_clip: 8 is not valid"),
        ("close", {"part": 2}, "params.part: 2 is not valid; it must be from 0.001 to 1"),
        ("close", {"qty": "0.5"}, "an auction takes whole shares, at least one"),
        ("close", {"part": "0.5", "helped_part": "0.2"}, "it must be at least part, 0.5"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_its_cure(
    algo: str, order: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidOrder) as raised:
        checked(SHIPPED, asked(algo, **order))
    assert text in str(raised.value)


def test_a_would_price_worse_than_a_sells_limit_is_refused() -> None:
    checked(SHIPPED, asked("twap", side=SELL, limit="9", would="10"))
    with pytest.raises(InvalidOrder, match="no worse than the limit"):
        checked(SHIPPED, asked("twap", side=SELL, limit="10", would="9"))


def mine(parent: ParentView[NoParams], market: MarketView, now_ns: int) -> Decision:
    return Decision(why="thinks")


def test_a_function_of_ones_own_is_an_algorithm_without_parameters() -> None:
    catalog = catalog_of({"mine": mine})
    assert set(catalog) == {*SHIPPED, "mine"}
    assert checked(catalog, asked("mine")) == NoParams()
    with pytest.raises(InvalidOrder, match=r"params\.pace: 1 is not valid; there are none"):
        checked(catalog, asked("mine", pace=1))


def test_ones_own_algorithm_may_have_parameters() -> None:
    catalog = catalog_of({"mine": Algorithm(decide=mine, params=TwapParams)})
    assert checked(catalog, asked("mine", slices=3)) == TwapParams(slices=3)


def test_a_shipped_name_is_not_taken_over_and_a_name_can_be_typed() -> None:
    with pytest.raises(InvalidOrder, match="taken by a shipped"):
        catalog_of({"twap": mine})
    with pytest.raises(InvalidOrder, match="use letters, digits"):
        catalog_of({"my algo": mine})
    with pytest.raises(InvalidOrder, match="did you mean"):
        named(catalog_of({"mine": mine}), "mien")


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_shipped_algorithm_says_what_it_is_and_forbids_what_it_does_not_know(
    name: str,
) -> None:
    algorithm = SHIPPED[name]
    assert algorithm.says
    with pytest.raises(InvalidOrder, match=r"params\.no_such_thing"):
        params_of(algorithm.params, {"no_such_thing": 1})


def a_day(**more: Any) -> MarketView:
    return MarketView(session_open_ns=0, session_close_ns=600 * S, **more)


@pytest.mark.parametrize(
    ("request_", "market", "text"),
    [
        (
            asked("twap", until_s=601),
            a_day(),
            "end: 1970-01-01 00:10:01 UTC is not valid; the session ends",
        ),
        (asked("twap", start_s=600, until_s=601), a_day(), "begin before it"),
        (asked("vwap"), a_day(), "no volume curve for AAPL"),
        (asked("vwap"), a_day(curve=curve(0, 0, 0)), "no volume between start and end"),
        (asked("vwap", start_s=500), a_day(curve=curve(5, 5, 0, 0)), "no volume between start"),
        (asked("vwap"), a_day(curve=curve(1, -1)), "no bin below 0"),
        (asked("twap", "10.5"), a_day(), "qty: 10.5 is not valid; it must be a multiple of 1"),
    ],
)
def test_an_order_that_its_day_cannot_hold_is_not_admitted(
    request_: ParentRequest, market: MarketView, text: str
) -> None:
    with pytest.raises(InvalidOrder) as raised:
        admitted(SHIPPED[request_.algo], request_, market)
    assert text in str(raised.value)


def test_an_order_that_its_day_can_hold_is_admitted() -> None:
    admitted(SHIPPED["vwap"], asked("vwap"), a_day(curve=curve(1, 0, 2)))
    admitted(SHIPPED["close"], asked("close", until_s=700), a_day())
    admitted(SHIPPED["twap"], asked("twap", "10.5"), a_day(lot=Decimal("0.000000001")))


def test_a_range_tells_its_ends() -> None:
    assert Within(0, 1).has(1)
    assert not Within(0, 1, is_open=True).has(1)
    assert str(Within(1, 5)) == "from 1 to 5, both included"
