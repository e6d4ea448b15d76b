"""VWAP: slices as the curve has them, bent by today's volume where that is asked for."""

from decimal import Decimal
from itertools import pairwise

from floorbroker.domain.amounts import Px, Qty
from floorbroker.execution.algos.port import Decision
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import Step, replay
from tests.unit.execution.views import S, again, answer, asked, curve, market, news, parent

BID = Px("99.99")
#: The first bins of the mean curve of twenty days of AAPL, 15 minutes each.
MORNING = (".10443", ".06602", ".05784", ".05010", ".04201")


def test_the_printed_curve_makes_the_printed_sizes() -> None:
    plan = SHIPPED["vwap"].plan
    assert plan is not None
    view = parent(asked("vwap", until_s=4500, interval_s=900))
    points = plan(view, market(curve=curve(*MORNING, bin_s=900)))
    assert [int(point.qty) for point in points] == [326, 532, 713, 869, 1000]
    assert [point.time_ns // S for point in points] == [0, 900, 1800, 2700, 3600]


def test_a_slice_across_bins_takes_its_part_of_each() -> None:
    view = parent(asked("vwap", interval_s=300))  # two slices over bins of 2, 2 and 1 minutes
    assert news(answer(view, market(curve=curve(4, 2, 4, 2, 8)), 0)) == [("400", "99.99")]


def test_a_static_schedule_rolls_what_is_late() -> None:
    shown = market(curve=curve(1, 2, 3, 2, 2))
    view = parent(asked("vwap", interval_s=120), filled=50)
    assert news(answer(view, shown, 120)) == [("250", "99.99")]


def test_the_realised_curve_has_no_error_against_the_volume_weighted_price() -> None:
    """Look-ahead on purpose: with the true curve all error is in the prices within a slice."""
    volumes, pxs = (400, 100, 200, 100, 200), (Decimal(10), *map(Decimal, ("11", "9", "12", "10")))
    plan = SHIPPED["vwap"].plan
    assert plan is not None
    points = plan(parent(asked("vwap", interval_s=120)), market(curve=curve(*volumes)))
    sums = [0, *(int(point.qty) for point in points)]
    sizes = [after - before for before, after in pairwise(sums)]
    ours = sum((size * px for size, px in zip(sizes, pxs, strict=True)), Decimal(0)) / 1000
    theirs = sum((each * px for each, px in zip(volumes, pxs, strict=True)), Decimal(0)) / 1000
    assert ours - theirs == 0


def test_a_dynamic_schedule_spreads_what_is_left_by_the_curve_that_is_left() -> None:
    shown = market(curve=curve(1, 2, 3, 2, 2))
    view = parent(asked("vwap", interval_s=120, follow="dynamic"), filled=100)
    assert news(answer(view, shown, 240)) == [("386", "99.99")]  # 900 * 3/7


def test_a_busy_morning_pulls_a_dynamic_schedule_forward() -> None:
    told = curve(1, 1, 1, 1, 1, day_volume=5000)
    sent = {}
    for traded in (500, 1000, 2000):
        view = parent(asked("vwap", interval_s=120, follow="dynamic"))
        view = again(view, answer(view, market(curve=told), 0), filled=Qty(200))
        sent[traded] = int(news(answer(view, market(curve=told, volume=traded), 120))[0][0])
    assert sent == {500: 178, 1000: 200, 2000: 228}


def test_a_surprise_fades_and_is_bounded() -> None:
    told = curve(1, 1, 1, 1, 1, day_volume=5000)
    request = asked("vwap", interval_s=120, follow="dynamic", learning=1, persistence=0)
    view = again(parent(request), answer(parent(request), market(curve=told), 0))
    mad = answer(again(view, Decision(), filled=Qty(200)), market(curve=told, volume=10**6), 120)
    assert news(mad) == [("500", "99.99")]  # five times this slice, the others as ever: 5/8 of 800
    assert mad.memo is not None
    assert mad.memo["pace"] == "5.0000"


def test_without_an_expected_volume_a_dynamic_schedule_follows_the_shape() -> None:
    told = curve(1, 1, 1, 1, 1)
    view = parent(asked("vwap", interval_s=120, follow="dynamic"), filled=200)
    quiet, busy = (answer(view, market(curve=told, volume=v), 120) for v in (1, 10**6))
    assert news(quiet) == news(busy) == [("200", "99.99")]


def test_what_a_slice_has_begun_with_is_kept_while_it_runs() -> None:
    told = curve(1, 1, 1, 1, 1, day_volume=5000)
    view = parent(asked("vwap", interval_s=120, follow="dynamic"))
    first = answer(view, market(curve=told), 0)
    later = answer(again(view, first), market(curve=told, volume=9000), 60)
    assert later.target == first.target == Qty(200)
    assert later.memo is None


def test_a_day_like_the_curve_is_worked_to_its_end() -> None:
    told = curve(5, 1, 1, 1, 2)
    steps = [
        Step(time_ns=second * S, bid=BID, ask=Px("100.01"), volume=Qty(100), last=BID)
        for second in range(601)
    ]
    request = asked("vwap", interval_s=60, cleanup_s=0)
    run = replay(SHIPPED["vwap"], request, steps, market=market(curve=told))
    assert run.filled == 1000
    assert run.average_px == BID
