"""Markets as they are opened for an exchange."""

from collections import Counter

from floorbroker.clock import datetime_of
from floorbroker.domain.quotes import Quote
from floorbroker.exchange.reference.calendar import next_session, session_of
from floorbroker.venues import EMBEDDED_DAY, open_market


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
