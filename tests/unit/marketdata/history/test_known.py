"""What earlier days say is told with its days, source and age, or not at all."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.domain.books.earlier import Earlier, Wanted
from floorbroker.domain.errors import BrokerUnknown, TapeError
from floorbroker.domain.quotes import Bar
from floorbroker.exchange.reference.calendar import regular_hours
from floorbroker.marketdata.history.asking import EarlierDays, Source, from_bars, from_files
from floorbroker.marketdata.history.day import HistoryDay
from floorbroker.marketdata.history.estimate import Choice, history_of
from floorbroker.marketdata.history.known import curve_of, stats_of
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import NEW_YORK, NS_PER_MINUTE, new_york_ns

D = Decimal
MONDAY = date(2026, 6, 1)
OPEN_NS = new_york_ns(MONDAY, time(9, 30))
HALF = 195 * NS_PER_MINUTE
READING = Reading(regular_hours, HALF)
START_NS = new_york_ns(MONDAY, time(10))


def day_of(day: date, *volumes: int, close: str = "10", spread: str | None = None) -> HistoryDay:
    session = regular_hours(day)
    assert session is not None
    return HistoryDay(
        symbol="AAPL",
        day=day,
        bin_ns=(session[1] - session[0]) // len(volumes),
        volumes=tuple(map(D, volumes)),
        close_px=D(close),
        spread=None if spread is None else D(spread),
        source="test",
        last_ns=session[1],
    )


class Archive:
    """Earlier days, and how often it was asked."""

    def __init__(self, *days: HistoryDay, fails: int = 0) -> None:
        self.asked: list[tuple[str, date, int]] = []
        self._days = days
        self._fails = fails

    async def __call__(self, symbol: str, before: date, count: int) -> Sequence[HistoryDay]:
        self.asked.append((symbol, before, count))
        if len(self.asked) <= self._fails:
            raise BrokerUnknown("no answer")
        return [one for one in self._days if one.symbol == symbol]


def told(*sources: Source, wanted: Wanted | None = None) -> Earlier:
    asked = wanted or Wanted(symbol="AAPL", start_ns=START_NS)
    return asyncio.run(_told(EarlierDays(sources, regular_hours), asked))


async def _told(known: EarlierDays, wanted: Wanted) -> Earlier:
    return await known(wanted)


def test_a_curve_is_laid_over_the_day_and_not_over_a_shorter_one() -> None:
    day = day_of(date(2026, 5, 29), 30, 10, spread="0.02")
    history = history_of([day], regular_hours, Choice(before=MONDAY))
    laid = curve_of(history, MONDAY, regular_hours)
    assert laid.edges_ns == tuple(OPEN_NS + half * HALF for half in range(3))
    assert laid.shares == (D("0.75"), D("0.25"))
    assert (laid.day_volume, laid.days, laid.as_of_ns) == (D(40), 1, day.last_ns)
    assert stats_of(history).adv == 40
    with pytest.raises(ValueError, match="needs its own"):
        curve_of(history, date(2026, 11, 27), regular_hours)


def test_the_first_source_that_knows_the_symbol_answers() -> None:
    empty, full = Archive(), Archive(day_of(date(2026, 5, 29), 30, 10))
    after = Archive(day_of(date(2026, 5, 29), 1, 1))
    found = told(Source("one", empty), Source("two", full), Source("three", after))
    assert found.curve is not None
    assert found.curve.shares == (D("0.75"), D("0.25"))
    assert (found.stats.adv, found.stats.days, found.stats.source) == (D(40), 1, "test")
    assert (found.why, after.asked) == ("", [])


def test_nothing_of_the_day_that_is_traded_is_known() -> None:
    days = [day_of(date(2026, 5, 29), 30, 10), day_of(MONDAY, 1, 99)]
    found = told(Source("all", Archive(*days)))
    assert found.stats.adv == 40


def test_where_nobody_knows_a_day_it_is_said_what_each_of_them_said() -> None:
    found = told(Source("files", Archive()), Source("broker", Archive(fails=1)))
    assert (found.curve, found.stats.adv) == (None, None)
    assert "no earlier day of AAPL is known: files: days: no usual day" in found.why
    assert "broker: no answer" in found.why
    assert "nobody to ask" in told().why


def test_a_day_with_other_hours_has_statistics_and_no_curve() -> None:
    wanted = Wanted(symbol="AAPL", start_ns=new_york_ns(date(2026, 11, 27), time(10)))
    found = told(Source("all", Archive(day_of(date(2026, 11, 25), 30, 10))), wanted=wanted)
    assert found.curve is None
    assert found.stats.adv == 40
    assert "2026-11-27 has other hours" in found.why


def test_days_and_average_are_those_that_were_wanted() -> None:
    days = [day_of(date(2026, 5, day), 10 * day, 100) for day in (26, 27, 28, 29)]
    wanted = Wanted(symbol="AAPL", start_ns=START_NS, days=3, average="median")
    found = told(Source("all", Archive(*days)), wanted=wanted)
    assert found.curve is not None
    assert (found.curve.days, found.stats.adv) == (3, D(380))
    assert found.curve.source == "median of test"


async def test_a_symbol_is_asked_for_once_a_day_and_again_after_a_failure() -> None:
    archive = Archive(day_of(date(2026, 5, 29), 30, 10), fails=1)
    known = EarlierDays([Source("all", archive)], regular_hours)
    wanted = Wanted(symbol="AAPL", start_ns=START_NS)
    assert "no answer" in (await known(wanted)).why
    assert (await known(wanted)).why == ""
    assert await known(wanted) == await known(wanted)
    assert archive.asked == [("AAPL", MONDAY, 20)] * 2


async def test_a_broker_is_asked_for_bars_that_end_before_the_day() -> None:
    spans: list[tuple[datetime, datetime]] = []

    async def bars(symbols: Sequence[str], start: datetime, end: datetime) -> dict[str, list[Bar]]:
        spans.append((start, end))
        at = datetime.combine(date(2026, 5, 29), time(9, 30), NEW_YORK)
        made = [(at, 30), (at + timedelta(minutes=200), 10)]
        return {symbols[0]: [bar_of(moment, volume) for moment, volume in made]}

    known = EarlierDays([from_bars(bars, READING)], regular_hours)
    found = await known(Wanted(symbol="AAPL", start_ns=START_NS))
    assert found.curve is not None
    assert found.curve.shares == (D("0.75"), D("0.25"))
    assert found.stats.source == "the broker's minute bars"
    ((start, end),) = spans
    assert f"{end:%Y-%m-%d %H:%M}" == "2026-06-01 00:00"
    assert (end - start).days == 40


def bar_of(at: datetime, volume: int) -> Bar:
    return Bar(
        symbol="AAPL",
        duration_s=60,
        time_ns=int(at.timestamp()) * 10**9,
        open_px=D(10),
        high_px=D(10),
        low_px=D(10),
        close_px=D(10),
        volume=D(volume),
    )


@pytest.mark.parametrize("aside", [True, False])
async def test_files_are_a_source(tmp_path: Path, *, aside: bool) -> None:
    path = tmp_path / "bars.csv"
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    rows += [
        f"AAPL,2026-05-2{day}T09:3{minute}:00-04:00,17,19,17,1{day},50"
        for day in (7, 8, 9)
        for minute in (0, 1)
    ]
    path.write_text("\n".join(rows) + "\n")
    known = EarlierDays([from_files(path, READING, aside=aside)], regular_hours)
    found = await known(Wanted(symbol="AAPL", start_ns=START_NS))
    assert found.why == ""
    assert (found.stats.adv, found.stats.spread, found.stats.source) == (D(100), None, "bars")
    assert f"{found.stats.daily_volatility:.4f}" == "0.0022"
    with pytest.raises(TapeError, match=f"files in {path}: .*holds no bar of the chosen"):
        await known.history("IBM", Choice(before=MONDAY))
