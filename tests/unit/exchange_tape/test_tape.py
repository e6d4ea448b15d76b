"""A tape merges its sources by time and hands out each event once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from floorbroker.clock import ns_of
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import MarketEvent, Trade
from floorbroker.exchange.tape import Tape

OPEN_NS = ns_of(datetime(2026, 3, 23, 13, 30, tzinfo=UTC))  # 09:30 in New York


def trade(time_ns: int, symbol: str = "AAPL", trade_id: int = 0) -> Trade:
    return Trade(symbol=symbol, time_ns=time_ns, px=Decimal(1), size=Decimal(1), trade_id=trade_id)


def times(events: list[MarketEvent]) -> list[int]:
    return [event.time_ns for event in events]


def test_sources_are_merged_by_time() -> None:
    tape = Tape([[trade(1), trade(4)], [trade(2), trade(3)], []])
    assert times(list(tape.until(10))) == [1, 2, 3, 4]


def test_events_of_one_instant_keep_the_order_of_their_sources() -> None:
    tape = Tape([[trade(5, "A"), trade(5, "A", 1)], [trade(5, "B")]])
    assert [event.symbol for event in tape.until(5)] == ["A", "A", "B"]


def test_until_includes_its_instant_and_goes_on_where_it_stopped() -> None:
    tape = Tape([[trade(1), trade(2), trade(3)]])
    assert times(list(tape.until(2))) == [1, 2]
    assert tape.next_ns == 3
    assert times(list(tape.until(2))) == []
    assert times(list(tape.until(9))) == [3]
    assert tape.is_done
    assert tape.next_ns is None


def test_what_is_not_iterated_stays_on_the_tape() -> None:
    tape = Tape([[trade(1), trade(2), trade(3)]])
    for event in tape.until(9):
        assert event.time_ns == 1
        break
    assert times(list(tape.until(9))) == [2, 3]


def test_an_empty_tape_is_done_at_once() -> None:
    tape = Tape([])
    assert tape.is_done
    assert tape.start_ns == 0
    assert list(tape.until(9)) == []


@pytest.mark.parametrize(
    ("first_ns", "symbol", "start_ns"),
    [
        (OPEN_NS - 3600 * 10**9, "AAPL", OPEN_NS),
        (OPEN_NS + 5, "AAPL", OPEN_NS + 5),
        (OPEN_NS - 3600 * 10**9, "BTC/USD", OPEN_NS - 3600 * 10**9),
    ],
)
def test_a_tape_starts_with_the_first_session(first_ns: int, symbol: str, start_ns: int) -> None:
    assert Tape([[trade(first_ns, symbol)]]).start_ns == start_ns


def test_the_caller_may_set_start_and_symbols() -> None:
    tape = Tape([[trade(7)]], symbols=["B", "A", "B"], start_ns=3)
    assert tape.symbols == ("B", "A")
    assert tape.start_ns == 3


def test_a_fault_in_a_source_comes_out_of_until() -> None:
    def source() -> Iterator[MarketEvent]:
        yield trade(1)
        raise TapeError("x.csv, line 2, price: '?' found")

    with pytest.raises(TapeError, match="line 2"):
        list(Tape([source()]).until(9))
