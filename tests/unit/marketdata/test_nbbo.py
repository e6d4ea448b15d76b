"""The NBBO is looked up strictly before an instant, and weighted by how long it stood."""

from decimal import Decimal

import pytest

from floorbroker.domain.quotes import Quote, Trade
from floorbroker.marketdata.nbbo import NbboHistory

S = 10**9


def quote(time_ns: int, bid: str, ask: str, *, bid_size: int = 100, symbol: str = "A") -> Quote:
    return Quote(
        symbol=symbol,
        time_ns=time_ns,
        bid_px=Decimal(bid),
        bid_size=Decimal(bid_size),
        ask_px=Decimal(ask),
        ask_size=Decimal(100),
    )


def test_a_quote_of_the_same_instant_is_not_known_before_it() -> None:
    history = NbboHistory("A", [quote(5, "10.00", "10.02"), quote(9, "10.01", "10.03")])
    before = history.nbbo_before(9)
    assert before is not None
    assert (before.time_ns, before.bid_px, before.ask_px) == (
        5,
        Decimal("10.00"),
        Decimal("10.02"),
    )
    assert history.mid_before(10) == Decimal("10.02")
    at = history.nbbo_at(9)
    assert at is not None
    assert at.time_ns == 9


def test_of_several_quotes_in_an_instant_the_last_stands() -> None:
    history = NbboHistory("A", [quote(5, "10.00", "10.02"), quote(5, "10.01", "10.03")])
    assert history.mid_before(6) == Decimal("10.02")


def test_nothing_is_known_before_the_first_quote() -> None:
    history = NbboHistory("A", [quote(5, "10.00", "10.02")])
    assert history.nbbo_before(5) is None
    assert history.mid_before(5) is None
    assert history.nbbo_at(4) is None


def test_a_side_without_size_is_absent() -> None:
    history = NbboHistory("A", [quote(5, "0", "10.02", bid_size=0)])
    before = history.nbbo_before(6)
    assert before is not None
    assert (before.bid_px, before.ask_px) == (None, Decimal("10.02"))
    assert history.mid_before(6) is None


def test_other_symbols_and_trades_are_passed_over() -> None:
    trade = Trade(symbol="A", time_ns=6, px=Decimal(9), size=Decimal(1))
    history = NbboHistory("A", [quote(5, "1", "2", symbol="B"), trade, quote(7, "3", "4")])
    assert len(history) == 1
    assert history.nbbo_before(7) is None


def test_quotes_out_of_order_are_refused() -> None:
    history = NbboHistory("A", [quote(5, "1", "2")])
    with pytest.raises(ValueError, match="time_ns: 4 is before the last quote of A"):
        history.add(quote(4, "1", "2"))


def test_the_mean_mid_is_weighted_by_time() -> None:
    """A mid of 100.00 for 40 s, then 100.10 for 20 s."""
    history = NbboHistory("A", [quote(0, "99.99", "100.01"), quote(40 * S, "100.09", "100.11")])
    mid = history.time_weighted_mid(0, 60 * S)
    assert mid is not None
    assert mid.quantize(Decimal("1e-6")) == Decimal("100.033333")
    assert history.time_weighted_mid(40 * S, 50 * S) == Decimal("100.10")
    assert history.time_weighted_mid(10 * S, 20 * S) == 100


def test_time_without_both_sides_does_not_count() -> None:
    history = NbboHistory(
        "A", [quote(10 * S, "0", "10.02", bid_size=0), quote(20 * S, "10.00", "10.02")]
    )
    assert history.time_weighted_mid(0, 30 * S) == Decimal("10.01")
    assert history.time_weighted_mid(10 * S, 30 * S) == Decimal("10.01")
    assert history.time_weighted_mid(10 * S, 15 * S) is None
    assert NbboHistory("A").time_weighted_mid(0, 30 * S) is None
