"""Markets as they are opened for an exchange."""

import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.clock import datetime_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import Quote, Trade
from floorbroker.exchange.reference.calendar import next_session, session_dates, session_of
from floorbroker.marketdata.synthetic.day import SyntheticDay
from floorbroker.venues import EMBEDDED_DAY, PAST_SESSIONS, embedded, look_back, open_market


def test_the_synthetic_market_goes_on_overnight_for_what_trades_there() -> None:
    market = open_market(None, ("F", "WHOLE", "BTC/USD"), 7)
    day = session_of(EMBEDDED_DAY)
    assert day is not None
    night = next_session(EMBEDDED_DAY)
    tape = market.make_tape()
    ends = {"F": 0, "WHOLE": 0, "BTC/USD": 0}
    at_night: Counter[str] = Counter()
    for event in tape.until(1 << 62):
        ends[event.symbol] = event.time_ns
        if night.night_ns <= event.time_ns < night.pre_ns and isinstance(event, Quote):
            at_night[event.symbol] += 1
    assert ends["WHOLE"] < day.post_ns == night.night_ns
    assert night.pre_ns - 60 * 10**9 <= ends["F"] < night.pre_ns
    assert datetime_of(ends["BTC/USD"]).hour == 3, "coins have a day of 24 hours and no nights"
    assert at_night["F"] >= 480, "a quote a minute at least"
    assert at_night["WHOLE"] == 0


def test_a_quiet_market_is_quiet_at_night() -> None:
    assert open_market(None, ("F",), 7, is_quiet=True).make_tape().is_done


def test_the_past_of_a_synthetic_market_is_the_thirty_sessions_before_its_first_day() -> None:
    market = open_market(None, ("F", "BTC/USD"), 7)
    dates = session_dates()
    place = dates.index(EMBEDDED_DAY)
    assert market.past.dates("F") == tuple(dates[place - PAST_SESSIONS : place])
    assert date(2026, 5, 25) not in market.past.dates("F"), "Memorial Day"
    assert date(2026, 5, 25) in market.past.dates("BTC/USD")
    assert market.past.dates("AAPL") == ()


def test_a_market_in_real_time_has_a_past_too_and_a_quiet_one_or_a_recorded_none(
    tmp_path: Path,
) -> None:
    assert len(open_market(None, ("F",), 7, is_wall=True).past.dates("F")) == PAST_SESSIONS
    assert open_market(None, ("F",), 7, is_quiet=True).past.dates("F") == ()
    tape = tmp_path / "bars.csv"
    rows = (f"F,2026-03-23T14:{minute}:00Z,10,10,10,10,100\n" for minute in range(30, 40))
    tape.write_text("symbol,timestamp,open,high,low,close,volume\n" + "".join(rows))
    assert open_market(tape, (), 7).past.dates("F") == ()


async def test_the_past_can_be_looked_at_without_a_desk_as_the_exchange_tells_it(
    tmp_path: Path,
) -> None:
    end = datetime(2026, 6, 1, tzinfo=UTC)
    (bars, prints), now_ns = look_back(home=tmp_path, seed=7)
    told = (await bars(["AAPL"], end - timedelta(days=4), end))["AAPL"]
    assert datetime_of(now_ns) == datetime(2026, 6, 1, 14, tzinfo=UTC)
    assert os.listdir(tmp_path) == [], "a look leaves nothing behind"
    front = embedded(home=tmp_path, tape=None, seed=7, cash="1000")
    assert told == [
        bar
        for day in (date(2026, 5, 28), date(2026, 5, 29))
        for bar in front.server.setup.past.minutes("AAPL", day)
    ]
    await front.aclose()
    auctions = await prints("AAPL", (end - timedelta(days=4), end))
    assert [each.auction for each in auctions] == ["open", "close"] * 2
    with pytest.raises(TapeError, match=r"none of IBM; it has AAPL, MSFT"):
        await bars(["IBM"], end - timedelta(days=4), end)


async def test_a_desk_s_next_day_remembers_the_day_that_was_played(tmp_path: Path) -> None:
    front = embedded(home=tmp_path, tape=None, seed=7, cash="1000")
    assert EMBEDDED_DAY not in front.server.setup.past.dates("AAPL")
    before = front.server.setup.past.minutes("AAPL", date(2026, 5, 29))
    session = session_of(EMBEDDED_DAY)
    assert session is not None
    front.server.tape = None  # nobody need hear what it says
    front.server.advance_to(session.close_ns + 60 * 10**9)
    front.server.commit()
    await front.aclose()
    front = embedded(home=tmp_path, tape=None, seed=7, cash="1000")
    past = front.server.setup.past
    day, _ = past.whole("AAPL", EMBEDDED_DAY)
    prints = (each for each in SyntheticDay("AAPL", EMBEDDED_DAY, 7) if isinstance(each, Trade))
    assert day.close_px == [each.px for each in prints if each.auction][1]
    assert past.minutes("AAPL", date(2026, 5, 29)) == before
    _, now_ns = look_back(home=tmp_path, seed=7)
    assert datetime_of(now_ns).date() == date(2026, 6, 2)
    assert day.volume > Decimal(1_000_000)
    await front.aclose()
