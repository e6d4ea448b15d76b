"""Injected breaks are found in time, called by their name, and never repaired in silence."""

import os

import pytest

from tests.sim.breaks import Injected, played, table

SOAK = int(os.environ.get("FLOORBROKER_BREAKS", "1000"))


def judge(outcomes: list[Injected]) -> None:
    """All are found within their interval and a second, 99 of 100 by the right cause."""
    text = table(outcomes)
    print(text)  # noqa: T201  (the table is what one wants to see of a soak)
    late = [one for one in outcomes if not 0 <= one.delay_s <= one.bound_s]
    assert not late, f"{late}\n{text}"
    right = sum(one.found is one.expected for one in outcomes)
    assert right >= 0.99 * len(outcomes), text


@pytest.mark.proves("S09", "S21", "S22", "C27", "C31", "C32")
def test_a_hundred_breaks_are_found_in_time_and_called_by_their_name() -> None:
    judge(played(1, 102))


@pytest.mark.proves("C31")
def test_a_bust_that_nobody_lists_is_recognised_by_what_the_order_counts() -> None:
    judge(played(2, 5, lists_busts=False))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_thousand_breaks_are_found_in_time_and_called_by_their_name() -> None:
    outcomes = [one for seed in range(10) for one in played(100 + seed, SOAK // 10)]
    judge([*outcomes, *played(99, SOAK // 50, lists_busts=False)])
