"""Cash, positions and buying power."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.matching.positions import Holding
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, SESSION, Floor

D = Decimal


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.quote("100", 5000, "100", 5000)
    return floor


def test_a_new_account_has_what_paper_gives(floor: Floor) -> None:
    account = floor.account
    assert (account.cash, account.equity, account.last_equity) == (D(100_000),) * 3
    assert (account.buying_power, account.regt_buying_power) == (D(400_000), D(200_000))
    assert account.non_marginable_buying_power == 100_000
    assert (account.multiplier, account.shorting_enabled) == ("4", True)
    assert account.account_number.startswith("PA")


def test_a_long_position_uses_credit_by_its_value(floor: Floor) -> None:
    floor.send("buy", 500)
    account = floor.account
    assert (account.cash, account.long_market_value, account.equity) == (
        D(50_000),
        D(50_000),
        D(100_000),
    )
    assert (account.buying_power, account.regt_buying_power) == (D(350_000), D(150_000))
    assert (account.initial_margin, account.maintenance_margin) == (D(25_000), D(15_000))
    floor.trade("110", 10)
    assert account.equity == 105_000
    assert account.buying_power == 4 * 105_000 - 55_000


def test_a_short_position_uses_credit_too(floor: Floor) -> None:
    floor.send("sell", 500)
    account = floor.account
    assert (account.cash, account.short_market_value, account.equity) == (
        D(150_000),
        D(-50_000),
        D(100_000),
    )
    assert account.buying_power == 350_000
    assert account.maintenance_margin == 15_000
    assert account.non_marginable_buying_power == 50_000


def test_coins_give_no_credit(floor: Floor) -> None:
    floor.quote("50000", 10, "50000", 10, symbol="BTC/USD")
    floor.send("buy", 1, "BTC/USD", tif="gtc")
    assert floor.account.buying_power == 200_000
    assert floor.account.non_marginable_buying_power == 50_000
    assert floor.account.initial_margin == 50_000


def test_average_entry_changes_only_when_the_position_grows() -> None:
    holding = Holding(symbol="AAPL")

    def add(qty: Decimal, px: Decimal) -> None:
        holding.add(qty, px, qty * px)

    add(D(10), D(100))
    add(D(10), D(110))
    assert holding.avg_entry_price == 105
    add(D(-5), D(500))
    assert (holding.qty, holding.avg_entry_price) == (D(15), D(105))
    add(D(-20), D(90))
    assert (holding.qty, holding.cost) == (D(-5), D(-450))
    add(D(5), D(80))
    assert (holding.qty, holding.cost) == (D(0), D(0))


def test_what_is_available_is_signed_like_the_position(floor: Floor) -> None:
    floor.send("sell", 10)
    floor.limit("buy", 4, "90")
    assert floor.account.positions["AAPL"].qty_available == -6
    floor.venue.cancel_all(KEY)
    assert floor.account.positions["AAPL"].qty_available == -10


def test_the_close_is_where_the_next_day_starts_from(floor: Floor) -> None:
    floor.send("buy", 100)
    floor.trade("110", 10)
    holding = floor.account.positions["AAPL"]
    assert (holding.today_cost, holding.lastday_qty) == (D(10_000), D(0))
    floor.venue.advance(SESSION.close_ns)
    assert floor.account.last_equity == 101_000
    assert (holding.today_cost, holding.lastday_qty) == (D(0), D(100))


def test_paper_charges_no_fees_and_the_switch_does() -> None:
    for is_charging in (False, True):
        floor = Floor(rules=VenueRules(charges_fees=is_charging))
        floor.quote("100", 5000, "100", 5000)
        floor.send("buy", 1000)
        floor.send("sell", 1000)
        floor.venue.advance(SESSION.close_ns)
        entries = [entry for entry in floor.account.entries if entry.kind == "FEE"]
        fees = {fee.sub_kind: -fee.net_amount for fee in entries}
        if is_charging:
            assert fees == {"REG": D("2.06"), "TAF": D("0.20"), "CAT": D("0.06")}
        assert floor.account.cash == 100_000 - sum(fees.values())
        floor.venue.advance(SESSION.close_ns + 24 * 60 * MINUTE)
        entries = [entry for entry in floor.account.entries if entry.kind == "FEE"]
        assert len(entries) == (3 if is_charging else 0)  # and not once more


def test_shares_are_held_again_when_a_partial_close_is_busted(floor: Floor) -> None:
    floor.send("buy", 100)
    order = floor.limit("sell", 100, "120")
    floor.venue.force_fill(order.id, D(40))
    assert floor.account.positions["AAPL"].held_qty == 60
    floor.venue.bust(floor.venue.executions[-1].execution_id)
    assert (floor.account.positions["AAPL"].qty, floor.now(order).held_qty) == (D(100), D(100))
    assert floor.account.positions["AAPL"].qty_available == 0


STEPS = st.tuples(
    st.sampled_from(["AAPL", "BTC/USD"]),
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 900),
    st.sampled_from([None, "40", "160"]),
    st.integers(60, 140).map(str),
)


@given(st.sampled_from(["1500", "100000"]), st.lists(STEPS, max_size=6))
def test_who_has_the_cash_has_the_credit(
    cash: str, steps: list[tuple[str, str, int, str, str]]
) -> None:
    floor = Floor(cash=cash)
    floor.quote("100", 5000, "100", 5000)
    floor.quote("100", 5000, "100", 5000, symbol="BTC/USD")
    account = floor.venue.account(KEY)
    for symbol, side, qty, limit, px in steps:
        with suppress(VenueError):
            floor.send(side, qty, symbol, limit=limit, tif="gtc")
        floor.quote(px, 5000, px, 5000)
        most = account.cash - account.reserved - account.reserved_cash
        assert account.credit("1") >= 0, "which brings the values up to date"
        assert not account.has_cash_for(most + 1)
        if account.has_cash_for(most):
            assert most <= min(account.credit(each) for each in ("1", "2", "4"))
