"""Who asks on and on leaves others their part, and never goes without for the rest of a minute."""

import pytest

from floorbroker.brokers.pace.budget import Left
from floorbroker.brokers.pace.spread import Spread

KEPT = 60


def minute(spread: Spread, others_a_second: float, *, start: float = 0.0) -> list[float]:
    """The times of rounds of two requests in a window of 200, where others ask, too."""
    now, own, rounds = 0.0, 0, []
    while now < 60:
        spent = own + int(others_a_second * now)
        left = Left(200, 200 - spent, 60 - now)
        if left.remaining - KEPT >= 2:
            rounds.append(now)
            own += 2
        left = Left(200, 200 - own - int(others_a_second * now), 60 - now)
        now += max(spread.pace_s(left, KEPT, 2, start + now), 0.1)
    return rounds


def test_what_is_left_is_spread_over_what_is_left_of_the_window() -> None:
    spread = Spread(60.0)
    assert spread.pace_s(Left(200, 200, 60.0), KEPT, 2, 0.0) == pytest.approx(60 * 2 / 140)
    assert Spread(60.0).pace_s(Left(200, 80, 30.0), KEPT, 2, 30.0) == pytest.approx(3.0)


def test_nothing_left_waits_for_the_next_window_and_no_longer() -> None:
    assert Spread(60.0).pace_s(Left(200, 60, 12.5), KEPT, 2, 0.0) == 12.5
    assert Spread(60.0).pace_s(Left(200, 61, 3.0), KEPT, 40, 0.0) == 3.0


def test_a_window_that_is_over_is_as_good_as_a_new_one() -> None:
    assert Spread(60.0).pace_s(Left(200, 200, None), KEPT, 2, 99.0) == pytest.approx(60 * 2 / 140)


@pytest.mark.parametrize("others", [0.0, 0.5, 1.0, 1.5])
def test_rounds_go_on_until_the_end_of_the_window_beside_others(others: float) -> None:
    spread = Spread(60.0)
    minute(spread, others)
    rounds = minute(spread, others, start=60.0)  # by now it knows what others ask
    gaps = [later - earlier for earlier, later in zip(rounds, [*rounds[1:], 60.0], strict=True)]
    even = 60 * 2 / (140 - 60 * others)
    assert max(gaps) < 2 * even
    assert len(rounds) > 0.7 * 60 / even
