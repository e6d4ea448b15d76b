"""A synthetic night follows its day and changes nothing of it."""

from datetime import date

from floorbroker.domain.quotes import Quote
from floorbroker.exchange.reference.calendar import next_session
from floorbroker.marketdata.synthetic.day import SyntheticDay
from floorbroker.marketdata.synthetic.night import DayAndNight


def test_a_synthetic_day_is_the_same_with_its_night() -> None:
    today = date(2026, 6, 5)  # a Friday
    day = SyntheticDay("F", today, 7)
    after = next_session(today)
    alone, both = list(day), list(DayAndNight("F", day, after.date, 7))
    assert both[: len(alone)] == alone
    night = both[len(alone) :]
    assert night == list(DayAndNight("F", day, after.date, 7))[len(alone) :]
    assert night[0].time_ns == after.night_ns
    assert all(after.night_ns <= event.time_ns < after.pre_ns for event in night)
    assert [event.time_ns for event in night] == sorted(event.time_ns for event in night)
    spreads = [one.ask_px - one.bid_px for one in night if isinstance(one, Quote)]
    calm = [one.ask_px - one.bid_px for one in alone if isinstance(one, Quote)]
    assert sum(spreads) / len(spreads) > 3 * sum(calm) / len(calm)
    assert len(night) < len(alone) / 10
    assert day.last_px * 99 / 100 < night[0].bid_px < day.last_px * 101 / 100  # type: ignore[union-attr]  # a quote begins each minute
