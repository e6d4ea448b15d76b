"""The split between market and limit order, against printed numbers and brute force."""

from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.errors import InvalidModel
from floorbroker.execution.placement.cont_kukanov import (
    ExponentialOutflow,
    NormalOutflow,
    Outflow,
    Venue,
    expected_cost,
    placed,
)

VENUE = Venue(
    half_spread=0.02, fee=0.003, rebate=0.002, impact=0.0005, under_penalty=0.026, queue=2000
)
EXPONENTIAL = ExponentialOutflow(2200)
NORMAL = NormalOutflow(2200, 2200)


@pytest.mark.parametrize(
    ("outflow", "penalty", "market", "limit"),
    [
        (EXPONENTIAL, 0.026, "0.000", "1000.000"),
        (EXPONENTIAL, 0.03, "0.000", "1000.000"),
        (EXPONENTIAL, 0.04, "199.476", "800.524"),
        (EXPONENTIAL, 0.05, "867.319", "132.681"),
        (EXPONENTIAL, 0.06, "1000.000", "0.000"),
    ],
)
def test_the_printed_splits_of_an_exponential_outflow_come_out(
    outflow: Outflow, penalty: float, market: str, limit: str
) -> None:
    found = placed(1000, replace(VENUE, under_penalty=penalty), outflow)
    assert (f"{found.market:.3f}", f"{found.limit:.3f}") == (market, limit)
    assert f"{found.all_limit_below:.5f}" == "0.03796"
    assert f"{found.all_market_above:.5f}" == "0.05286"


@pytest.mark.parametrize(
    ("penalty", "market", "limit"),
    [(0.024, "713.29", "286.71"), (0.026, "731.53", "268.47"), (0.03, "749.93", "250.07")],
)
def test_the_printed_splits_of_a_normal_outflow_come_out(
    penalty: float, market: str, limit: str
) -> None:
    found = placed(1000, replace(VENUE, under_penalty=penalty), NORMAL)
    assert (f"{found.market:.2f}", f"{found.limit:.2f}") == (market, limit)
    assert f"{found.all_limit_below:.4f}" == "0.0225"
    assert f"{found.all_market_above:.0f}" == "4482"


def by_integration(limit: float, venue: Venue, chances: list[tuple[float, float]]) -> float:
    """The cost as it is written for one outflow, averaged over many."""
    total = 0.0
    for outflow, chance in chances:
        filled = max(outflow - venue.queue, 0) - max(outflow - venue.queue - limit, 0)
        market = 1000 - limit
        short = 1000 - market - filled
        total += chance * (
            (venue.half_spread + venue.fee) * market
            - (venue.half_spread + venue.rebate) * filled
            + venue.impact * (1000 + short)
            + venue.under_penalty * short
        )
    return total


@pytest.mark.parametrize("penalty", [0.026, 0.04, 0.05, 0.06])
def test_brute_force_over_a_grid_finds_the_same_split(penalty: float) -> None:
    venue = replace(VENUE, under_penalty=penalty)
    step = 5.0
    chances = [
        (x + step / 2, exp(-x / 2200) - exp(-(x + step) / 2200))
        for x in (place * step for place in range(8000))
    ]
    grid = [50.0 * place for place in range(21)]
    costs = {limit: by_integration(limit, venue, chances) for limit in grid}
    best = min(grid, key=costs.__getitem__)
    found = placed(1000, venue, EXPONENTIAL)
    assert abs(best - found.limit) <= 25
    for limit, cost in costs.items():
        assert expected_cost(1000, limit, venue, EXPONENTIAL) == pytest.approx(cost, abs=2e-3)


venues = st.builds(
    Venue,
    half_spread=st.floats(0.001, 0.1),
    fee=st.floats(0, 0.005),
    rebate=st.floats(0, 0.005),
    impact=st.floats(0, 0.01),
    under_penalty=st.floats(0, 0.5),
    queue=st.floats(0, 10_000),
)
outflows = st.one_of(
    st.builds(ExponentialOutflow, st.floats(1, 10_000)),
    st.builds(NormalOutflow, st.floats(1, 10_000), st.floats(1, 10_000)),
)


@given(venues, outflows, st.floats(1, 10_000), st.floats(0, 1))
def test_no_other_split_costs_less(
    venue: Venue, outflow: Outflow, shares: float, part: float
) -> None:
    best = placed(shares, venue, outflow)
    assert best.market + best.limit == pytest.approx(shares)
    least = expected_cost(shares, best.limit, venue, outflow)
    assert least <= expected_cost(shares, part * shares, venue, outflow) + 1e-6 * shares


@given(venues, outflows, st.floats(1.01, 3))
def test_a_longer_queue_and_a_dearer_delay_rest_less(
    venue: Venue, outflow: Outflow, factor: float
) -> None:
    here = placed(1000, venue, outflow).limit
    dear = placed(1000, replace(venue, under_penalty=venue.under_penalty * factor), outflow)
    assert dear.limit <= here + 1e-6


def test_a_longer_queue_and_a_smaller_rebate_rest_less() -> None:
    venue = replace(VENUE, under_penalty=0.04)
    here = placed(1000, venue, EXPONENTIAL).limit
    assert placed(1000, replace(venue, queue=2200), EXPONENTIAL).limit < here
    assert placed(1000, replace(venue, rebate=0.001), EXPONENTIAL).limit < here


def test_an_empty_queue_at_once_taken_is_never_worth_paying_for() -> None:
    found = placed(1000, replace(VENUE, queue=0, under_penalty=100), EXPONENTIAL)
    assert found.all_market_above == inf
    assert 0 < found.limit < 1000


@pytest.mark.parametrize(
    ("outflow", "queue"), [(ExponentialOutflow(1), 34), (NormalOutflow(1, 1), 9)]
)
def test_a_chance_that_rounds_to_one_rests_everything(outflow: Outflow, queue: float) -> None:
    """The penalty lies between the thresholds, and vanishes beside the other costs."""
    venue = Venue(half_spread=0.5, fee=0, rebate=0, impact=0.5, under_penalty=1e-19, queue=queue)
    found = placed(1000, venue, outflow)
    assert found.all_limit_below < venue.under_penalty < found.all_market_above
    assert (found.market, found.limit) == (0, 1000)


@pytest.mark.parametrize("field", ["half_spread", "impact", "under_penalty", "queue"])
@pytest.mark.parametrize("value", [-0.01, float("nan")])
def test_a_venue_that_cannot_be_is_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(InvalidModel, match=field):
        replace(VENUE, **{field: value})


def test_no_shares_and_no_law_are_refused() -> None:
    with pytest.raises(InvalidModel, match="shares"):
        placed(0, VENUE, EXPONENTIAL)
    with pytest.raises(InvalidModel, match="mean"):
        ExponentialOutflow(0)
    with pytest.raises(InvalidModel, match="variance"):
        NormalOutflow(1, -1)
