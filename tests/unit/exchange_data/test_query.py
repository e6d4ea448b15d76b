"""What is asked, and what is answered when it is asked wrongly."""

import pytest

from floorbroker.exchange.data.query import (
    Span,
    check_asof,
    currency_of,
    limit_of,
    midnight_ns,
    span_of,
    symbols_of,
)
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.wire.words import moment_ns
from tests.unit.exchange_data.conftest import START_NS

NOON = moment_ns("2026-06-01T16:00:00Z", "noon")
MIDNIGHT = moment_ns("2026-06-01T04:00:00Z", "midnight")
ASSETS = listing(["OLD1"])


def refusal(error: VenueError) -> tuple[int, int, str]:
    return error.http_status, error.code, error.message


def test_an_interval_is_of_today_until_now_unless_it_is_said() -> None:
    assert span_of({}, NOON) == Span(MIDNIGHT, NOON)
    assert midnight_ns(new_york_date(START_NS)) == MIDNIGHT


def test_moments_keep_their_nanoseconds_and_their_offset() -> None:
    asked = {"start": "2026-06-01T09:30:00.123456789-04:00", "end": "2026-06-01T16:00:00Z"}
    assert span_of(asked, NOON) == Span(moment_ns("2026-06-01T13:30:00.123456789Z", "start"), NOON)


def test_a_date_is_all_of_the_day_in_new_york() -> None:
    span = span_of({"start": "2026-05-29", "end": "2026-05-29"}, NOON)
    assert span.start_ns == moment_ns("2026-05-29T04:00:00Z", "start")
    assert span.end_ns == moment_ns("2026-05-30T03:59:59.999999999Z", "end")


@pytest.mark.parametrize("text", ["soon", "2026-06-01T10:00:00", "2026-13-01", "1780322400", "0"])
def test_what_is_no_moment_is_refused_with_its_name_and_value(text: str) -> None:
    with pytest.raises(VenueError) as caught:
        span_of({"start": text}, NOON)
    status, code, message = refusal(caught.value)
    assert (status, code) == (400, 40010001)
    assert message.startswith(
        f"Invalid format for parameter start: error parsing '{text}' as RFC3339 or 2006-01-02"
    )


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(VenueError) as caught:
        span_of({"start": "2026-06-01", "end": "2026-05-30"}, NOON)
    assert refusal(caught.value)[::2] == (400, "end should not be before start")


def test_symbols_come_sorted_and_once() -> None:
    asked = {"symbols": "MSFT,AAPL,,MSFT,BRK.B,OLD1"}
    assert symbols_of(asked, ASSETS, is_coin=False) == ["AAPL", "BRK.B", "MSFT", "OLD1"]
    assert symbols_of({"symbols": "BTC/USD"}, ASSETS, is_coin=True) == ["BTC/USD"]


@pytest.mark.parametrize(
    ("symbols", "is_coin", "message"),
    [
        ("", False, "Invalid format for parameter symbols: query parameter 'symbols' is required"),
        ("AAPL,CSP1", False, "invalid symbol: CSP1"),
        ("aapl", False, "invalid symbol: aapl"),
        ("TAOP:NASDAQ", False, "invalid symbol: TAOP:NASDAQ"),
        ("BTC/USD", False, "invalid symbol: BTC/USD"),
        ("BTCUSDT", True, "invalid symbol: BTCUSDT does not match ^[A-Z]+/[A-Z]+$"),
        ("AAPL", True, "invalid symbol: AAPL does not match ^[A-Z]+/[A-Z]+$"),
    ],
)
def test_symbols_that_cannot_be_are_refused(symbols: str, message: str, *, is_coin: bool) -> None:
    with pytest.raises(VenueError) as caught:
        symbols_of({"symbols": symbols}, ASSETS, is_coin=is_coin)
    assert refusal(caught.value) == (400, 40010001, message)


@pytest.mark.parametrize("text", ["0", "10001", "-5", "99999999999999"])
def test_a_limit_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(VenueError) as caught:
        limit_of({"limit": text})
    assert caught.value.message == "invalid limit, limit must be between 1 and 10000"


def test_limits_are_whole_numbers() -> None:
    assert (limit_of({}), limit_of({"limit": "10000"})) == (1000, 10_000)
    with pytest.raises(VenueError, match="ten is no whole number"):
        limit_of({"limit": "ten"})


def test_an_asof_date_is_a_date_or_nothing() -> None:
    check_asof({})
    check_asof({"asof": "-"})
    check_asof({"asof": "2022-06-09"})
    with pytest.raises(VenueError, match="invalid asof: yesterday"):
        check_asof({"asof": "yesterday"})


def test_prices_are_in_dollars_only() -> None:
    assert currency_of({}) == {}
    assert currency_of({"currency": "USD"}) == {"currency": "USD"}
    with pytest.raises(VenueError, match="invalid currency: EUR"):
        currency_of({"currency": "EUR"})
