"""Days of a history hold what was traded in them, and only the usual ones make an estimate."""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Bar, Quote, Trade
from floorbroker.exchange.reference.calendar import session_of
from floorbroker.marketdata.history.dates import triple_witching, why_special
from floorbroker.marketdata.history.day import DayFold, HistoryDay, VolumeRules, folded
from floorbroker.marketdata.history.estimate import Choice, history_of
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import NS_PER_MINUTE, new_york_ns

D = Decimal
HALF_HOUR = 30 * NS_PER_MINUTE
MONDAY = date(2026, 6, 1)
OPEN_NS = new_york_ns(MONDAY, time(9, 30))


def hours(day: date) -> tuple[int, int] | None:
    session = session_of(day)
    return None if session is None else (session.open_ns, session.close_ns)


def trade(minute: int, size: int = 100, **more: object) -> Trade:
    fields = {"symbol": "AAPL", "px": D(10), "time_ns": OPEN_NS + minute * NS_PER_MINUTE, **more}
    return Trade(size=D(size), **fields)  # type: ignore[arg-type]  # as the caller names them


def quote(minute: int, bid: str, ask: str) -> Quote:
    return Quote(
        symbol="AAPL",
        time_ns=OPEN_NS + minute * NS_PER_MINUTE,
        bid_px=D(bid),
        bid_size=D(1),
        ask_px=D(ask),
        ask_size=D(1),
    )


def day_of(*events: Trade | Quote, rules: VolumeRules | None = None) -> HistoryDay:
    found = hours(MONDAY)
    assert found is not None
    fold = DayFold("AAPL", found, HALF_HOUR, rules or VolumeRules())
    return folded(fold, events).done(MONDAY, "test", has_true_quotes=True)


def history_day(day: date, *volumes: int, close: str = "10") -> HistoryDay:
    return HistoryDay(
        symbol="AAPL",
        day=day,
        bin_ns=HALF_HOUR,
        volumes=tuple(map(D, volumes)),
        close_px=D(close),
        spread=D("0.02"),
        source="test",
        last_ns=new_york_ns(day, time(16)),
    )


def test_volume_falls_into_the_bin_of_its_time() -> None:
    day = day_of(trade(0), trade(29, 7), trade(30, 50), trade(389, 3))
    assert [int(day.volumes[at]) for at in (0, 1, 12)] == [107, 50, 3]
    assert len(day.volumes) == 13
    assert day.volume == 160


@pytest.mark.parametrize(
    ("print_", "rules", "counted"),
    [
        (trade(1), VolumeRules(), 100),
        (trade(1, eligible=False), VolumeRules(), 0),
        (trade(1, eligible=False), VolumeRules(ineligible=True), 100),
        (trade(0, auction="open", eligible=False), VolumeRules(), 0),
        (trade(0, auction="open", eligible=False), VolumeRules(auctions=True), 100),
        (trade(391, auction="close", eligible=False), VolumeRules(auctions=True), 100),
        (trade(391, auction="close", eligible=False), VolumeRules(), 0),
        (trade(1, exchange="D"), VolumeRules(), 100),
        (trade(1, exchange="D"), VolumeRules(off_exchange=False), 0),
        (trade(-1), VolumeRules(ineligible=True), 0),
        (trade(390), VolumeRules(ineligible=True), 0),
        (trade(1, symbol="MSFT"), VolumeRules(), 0),
    ],
)
def test_what_is_volume_is_a_matter_of_switches(
    print_: Trade, rules: VolumeRules, counted: int
) -> None:
    assert day_of(print_, rules=rules).volume == counted


def test_the_close_is_the_auctions_price_where_there_was_one() -> None:
    closing = trade(391, px=D(11), auction="close", eligible=False)
    assert day_of(trade(1), closing).close_px == 11
    assert day_of(trade(1), trade(2, px=D(99), eligible=False)).close_px == 10


def test_the_spread_is_weighted_by_time_in_regular_hours() -> None:
    quotes = (quote(-60, "10.00", "10.10"), quote(39, "10.00", "10.01"), quote(78, "10.02", "10"))
    assert day_of(*quotes).spread == (D("0.10") + D("0.01")) / 2


def test_expirations_of_2026_are_computed_also_where_a_holiday_moves_one() -> None:
    assert triple_witching(2026, hours) == (
        date(2026, 3, 20),
        date(2026, 6, 18),  # the Friday is a holiday
        date(2026, 9, 18),
        date(2026, 12, 18),
    )


def test_days_with_short_hours_and_named_ones_are_special() -> None:
    named = frozenset({date(2026, 6, 2)})
    assert why_special(date(2026, 11, 27), hours) == "short hours"
    assert why_special(date(2026, 6, 2), hours, named) == "named by the caller"
    assert why_special(date(2026, 7, 3), hours) == "no session"
    assert why_special(MONDAY, hours) == ""


def test_an_estimate_leaves_special_days_out_and_says_so() -> None:
    days = [history_day(date(2026, 6, 17), 1, 1), history_day(date(2026, 6, 18), 9, 1)]
    found = history_of(days, hours, Choice())
    assert found.days == (date(2026, 6, 17),)
    assert [(one.day, one.why) for one in found.left_out] == [
        (date(2026, 6, 18), "triple witching")
    ]
    taken = history_of(days, hours, Choice(takes_special=True))
    assert len(taken.days) == 2


def test_the_day_that_is_traded_is_never_looked_at() -> None:
    days = [history_day(date(2026, 6, day), 1, 1) for day in (1, 2, 3)]
    before = Choice(before=date(2026, 6, 3))
    told = history_of(days, hours, before)
    other = history_of([*days[:2], history_day(date(2026, 6, 3), 99, 1)], hours, before)
    assert told == other
    assert told.as_of_ns == new_york_ns(date(2026, 6, 2), time(16))
    assert told.age_s(told.as_of_ns + 90_000_000_000) == 90
    with pytest.raises(TapeError, match="no usual day before 2026-06-01"):
        history_of(days, hours, Choice(before=MONDAY))


def test_the_last_days_are_taken() -> None:
    days = [history_day(date(2026, 6, day), day, 1) for day in (1, 2, 3, 4)]
    found = history_of(reversed(days), hours, Choice(days=2))
    assert found.days == (date(2026, 6, 3), date(2026, 6, 4))
    assert found.adv == D("4.5")
    assert found.spread == D("0.02")


def test_half_hours_of_a_recorded_day_are_the_published_ones(recorded_data: Path) -> None:
    rules = VolumeRules(ineligible=True)  # the figures count hidden executions
    (day,) = Reading(_usual, HALF_HOUR, rules).days(recorded_data / "lobster", "AMZN")
    assert list(day.volumes) == [
        *(68309, 68447, 103352, 68313, 30052, 39414, 34128),
        *(36262, 38404, 48809, 30243, 68273, 176749),
    ]
    assert day.spread is not None
    assert f"{day.spread:.4f}" == "0.1285"


def test_minute_bars_give_every_share_of_their_days(recorded_data: Path) -> None:
    folder = recorded_data / "us_1min_2026-03"
    days = list(Reading(hours, HALF_HOUR).days(folder, "SPY", date(2026, 3, 24)))
    monday = next(one for one in days if one.day == date(2026, 3, 23))
    assert monday.volume == 117_465_898
    assert monday.spread is None  # bars do not tell it
    found = history_of(days, hours, Choice())
    assert date(2026, 3, 20) not in found.days  # triple witching
    assert found.source == "bars"


def test_dated_files_are_read_day_by_day(recorded_data: Path) -> None:
    folder = recorded_data / "algoseek_lean" / "minute" / "bac"
    days = list(Reading(_usual, HALF_HOUR).days(folder, "BAC", date(2013, 10, 9)))
    assert [one.day.day for one in days] == [4, 7, 8]


def _usual(day: date) -> tuple[int, int] | None:
    """The usual hours, also of years that no calendar here knows."""
    return new_york_ns(day, time(9, 30)), new_york_ns(day, time(16))


def test_a_brokers_bars_make_days_too() -> None:
    bars = [
        Bar(
            symbol="AAPL",
            time_ns=OPEN_NS + minute * NS_PER_MINUTE,
            duration_s=60,
            open_px=D(10),
            high_px=D(12),
            low_px=D(9),
            close_px=D(11),
            volume=D(minute + 1),
        )
        for minute in (0, 31, 389)
    ]
    (day,) = Reading(hours, HALF_HOUR).days_of_bars(bars, "AAPL", "alpaca sip")
    assert [int(day.volumes[at]) for at in (0, 1, 12)] == [1, 32, 390]
    assert (day.close_px, day.spread, day.source) == (D(11), None, "alpaca sip")


def test_bins_divide_the_day(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not divide"):
        DayFold("AAPL", (OPEN_NS, OPEN_NS + 390 * NS_PER_MINUTE), 7 * NS_PER_MINUTE, VolumeRules())
    with pytest.raises(TapeError, match="does not exist"):
        list(Reading(_usual, HALF_HOUR).days(tmp_path / "nowhere", "AAPL"))


def test_hours_is_the_type_of_a_calendar() -> None:
    calendar: Callable[[date], tuple[int, int] | None] = hours
    assert calendar(date(2026, 6, 6)) is None
