"""The rule for pattern day traders: what counts, whom it stops, and until when it held."""

from datetime import date
from pathlib import Path

import pytest

from floorbroker.exchange.model import OrderPatch, VenueError
from floorbroker.exchange.reference.calendar import (
    Session,
    next_session,
    previous_session,
)
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from tests.unit.exchange.venue_kit import KEY, MINUTE, SESSION, TEN, Floor, dec

LAST_DAY = next_session(date(2026, 6, 2))
FIRST_DAY_WITHOUT = next_session(LAST_DAY.date)
DENIED = (403, 40310100, "trade denied due to pattern day trading protection")
SYMBOLS = ("AAPL", "MSFT", "F", "TSLA", "NVDA")


def a_floor(start_ns: int = TEN, cash: str = "20000", pdt: str = "on") -> Floor:
    floor = Floor(rules=VenueRules(pdt=pdt), start_ns=start_ns, cash=cash)
    quote(floor)
    return floor


def quote(floor: Floor) -> None:
    for symbol in SYMBOLS:
        floor.quote("10", 50000, "10.02", 50000, symbol)


def at(floor: Floor, time_ns: int) -> None:
    floor.venue.advance(time_ns)
    quote(floor)


def day_trades(floor: Floor, *symbols: str) -> None:
    for symbol in symbols:
        assert floor.send("buy", 2, symbol).status == "filled"
        assert floor.send("sell", 2, symbol).status == "filled"


def count(floor: Floor) -> int:
    return floor.account.day_trades.count(floor.venue.now_ns)


def is_denied(floor: Floor, side: str, qty: str | int, symbol: str = "AAPL", **more: str) -> bool:
    """False if the order was taken; any other refusal is a failure."""
    try:
        floor.answer(side, qty, symbol, **more)
    except VenueError as refusal:
        if (refusal.http_status, refusal.code, refusal.message) != DENIED:
            raise
        return True
    return False


def test_three_day_trades_are_allowed_and_the_fourth_is_denied() -> None:
    floor = a_floor()
    day_trades(floor, "AAPL", "MSFT", "F")
    assert count(floor) == 3
    assert not is_denied(floor, "buy", 2)
    assert is_denied(floor, "sell", 2)
    assert is_denied(floor, "sell", 1)
    assert floor.account.position_qty("AAPL") == 2
    at(floor, next_session(SESSION.date).open_ns + MINUTE)
    assert not is_denied(floor, "sell", 2)  # what was held overnight is no day trade
    assert count(floor) == 3


@pytest.mark.parametrize(
    ("pdt", "day", "denied"),
    [
        ("off", LAST_DAY, False),
        ("off", SESSION, False),
        ("dated", LAST_DAY, True),
        ("dated", FIRST_DAY_WITHOUT, False),
        ("dated", SESSION, False),
        ("on", LAST_DAY, True),
        ("on", FIRST_DAY_WITHOUT, True),
    ],
)
def test_when_the_rule_is_in_force(pdt: str, day: Session, denied: bool) -> None:
    floor = a_floor(day.open_ns + MINUTE, pdt=pdt)
    day_trades(floor, "AAPL", "MSFT", "F")
    assert count(floor) == (3 if denied else 0)
    floor.send("buy", 2)
    assert is_denied(floor, "sell", 2) is denied


def test_the_rule_ends_with_the_evening_before_the_first_day_without() -> None:
    floor = a_floor(LAST_DAY.open_ns + MINUTE, pdt="dated")
    day_trades(floor, "AAPL", "MSFT", "F")
    floor.send("buy", 2)
    at(floor, FIRST_DAY_WITHOUT.night_ns - MINUTE)
    assert is_denied(floor, "sell", 2, type="limit", limit_price="10", eh="yes")
    at(floor, FIRST_DAY_WITHOUT.night_ns)
    assert not is_denied(floor, "buy", 1, type="limit", limit_price="9", eh="yes")
    assert not is_denied(floor, "sell", 2, type="limit", limit_price="10", eh="yes")


@pytest.mark.parametrize(("cash", "denied"), [("24999.99", True), ("26000", False)])
def test_whom_the_rule_stops(cash: str, denied: bool) -> None:
    floor = a_floor(cash=cash)
    day_trades(floor, "AAPL", "MSFT", "F")
    floor.send("buy", 2)
    assert is_denied(floor, "sell", 2) is denied
    assert count(floor) == (3 if denied else 4)


@pytest.mark.parametrize("is_now", [True, False])
def test_equity_must_suffice_now_and_at_the_last_close(is_now: bool) -> None:
    floor = a_floor(cash="26000")
    day_trades(floor, "AAPL", "MSFT", "F")
    floor.send("buy", 2)
    account = floor.account
    if is_now:
        account.cash -= 2000
    else:
        account.last_equity -= 2000
    assert is_denied(floor, "sell", 2)


def test_who_fell_below_the_limit_may_open_but_not_close_the_same_day() -> None:
    floor = a_floor(cash="26000")
    day_trades(floor, "AAPL", "MSFT", "F", "TSLA")
    floor.account.cash -= 2000
    assert not is_denied(floor, "buy", 2, "NVDA")
    assert is_denied(floor, "sell", 2, "NVDA")


def test_a_day_trade_is_forgotten_after_five_sessions() -> None:
    floor = a_floor()
    day_trades(floor, "AAPL", "MSFT", "F")
    session = SESSION
    for _ in range(4):
        session = next_session(session.date)
        at(floor, session.open_ns + MINUTE)
        assert count(floor) == 3
    floor.send("buy", 2)
    assert is_denied(floor, "sell", 2)
    at(floor, next_session(session.date).open_ns + MINUTE)
    assert count(floor) == 0
    day_trades(floor, "AAPL")
    assert floor.account.day_trades.counts == {next_session(session.date).date: 1}


# What counts.


def moves(floor: Floor, *steps: tuple[str, int]) -> None:
    for side, qty in steps:
        assert floor.send(side, qty).status == "filled"


@pytest.mark.parametrize(
    ("steps", "counted"),
    [
        ([("buy", 9)], 0),
        ([("buy", 9), ("sell", 1)], 1),
        ([("buy", 4), ("buy", 5), ("sell", 9)], 1),
        ([("buy", 9), ("sell", 1), ("sell", 1), ("sell", 7)], 1),
        ([("buy", 9), ("sell", 9), ("buy", 9), ("sell", 9)], 2),
        ([("buy", 9), ("sell", 3), ("buy", 3), ("sell", 9)], 2),
        ([("sell", 9), ("buy", 4), ("buy", 5)], 1),
        ([("buy", 9), ("sell", 9), ("sell", 9), ("buy", 9)], 2),
    ],
)
def test_several_exits_of_one_opening_count_once(
    steps: list[tuple[str, int]], counted: int
) -> None:
    floor = a_floor(cash="90000")
    moves(floor, *steps)
    assert count(floor) == counted


def test_what_is_held_overnight_and_sold_then_bought_anew_is_no_day_trade() -> None:
    floor = a_floor()
    floor.send("buy", 9)
    at(floor, next_session(SESSION.date).open_ns + MINUTE)
    moves(floor, ("sell", 9), ("buy", 9))
    assert count(floor) == 0
    moves(floor, ("sell", 1))
    assert count(floor) == 1


def test_the_night_belongs_to_the_next_day() -> None:
    floor = a_floor(SESSION.post_ns - MINUTE)
    later = {"type": "limit", "eh": "yes"}
    night = next_session(SESSION.date)
    assert floor.send("buy", 9, limit_price="10.02", **later).status == "filled"
    at(floor, night.night_ns + MINUTE)
    assert floor.send("sell", 4, limit_price="10", **later).status == "filled"
    assert count(floor) == 0
    assert floor.send("buy", 4, limit_price="10.02", **later).status == "filled"
    at(floor, night.open_ns + MINUTE)
    moves(floor, ("sell", 9))
    assert count(floor) == 1


def test_coins_are_exempt() -> None:
    floor = a_floor()
    floor.quote("10000", 5, "10001", 5, "BTC/USD")
    for _ in range(5):
        for side in ("buy", "sell"):
            assert not is_denied(floor, side, "0.5", "BTC/USD", tif="gtc")
    assert count(floor) == 0
    day_trades(floor, "AAPL", "MSFT")
    floor.send("buy", "0.5", "BTC/USD", tif="gtc")
    for side, px in (("buy", "9000"), ("sell", "11000")):
        coins = {"type": "limit", "limit_price": px, "tif": "gtc"}
        assert not is_denied(floor, side, "0.2", "BTC/USD", **coins)
    day_trades(floor, "F")  # the third, whatever coins may come to
    assert not is_denied(
        floor, "sell", "0.1", "BTC/USD", tif="gtc", type="limit", limit_price="11000"
    )


# What open orders may come to.


@pytest.fixture
def at_three() -> Floor:
    """Shares of AAPL since yesterday, and three day trades today."""
    floor = a_floor()
    floor.send("buy", 9)
    at(floor, next_session(SESSION.date).open_ns + MINUTE)
    day_trades(floor, "MSFT", "F", "TSLA")
    return floor


def test_a_buy_is_denied_while_a_sale_of_the_same_stands(at_three: Floor) -> None:
    exit_ = at_three.limit("sell", 9, "11")
    entry = {"type": "limit", "limit_price": "9"}
    assert is_denied(at_three, "buy", 1, **entry)
    assert not is_denied(at_three, "buy", 1, "NVDA", **entry)
    at_three.venue.cancel(KEY, exit_.id)
    assert not is_denied(at_three, "buy", 1, **entry)


def test_a_sale_is_denied_while_a_buy_of_the_same_stands(at_three: Floor) -> None:
    at_three.limit("buy", 1, "9")
    assert is_denied(at_three, "sell", 1, type="limit", limit_price="11")


def test_a_bracket_is_denied_for_its_legs(at_three: Floor) -> None:
    entry = {"order_class": "bracket", "profit": "11", "loss": "9"}
    assert is_denied(at_three, "buy", 1, "NVDA", **entry)


def test_exits_that_stand_count_as_if_they_were_filled() -> None:
    floor = a_floor()
    day_trades(floor, "MSFT", "F")
    for symbol in ("AAPL", "NVDA"):
        floor.send("buy", 2, symbol)
    exit_ = {"type": "limit", "limit_price": "11"}
    assert not is_denied(floor, "sell", 1, "AAPL", **exit_)
    assert not is_denied(floor, "sell", 1, "AAPL", **exit_)  # of the same opening
    assert is_denied(floor, "sell", 1, "NVDA", **exit_)


def test_the_rest_of_a_position_may_go_once_its_exit_was_counted() -> None:
    floor = a_floor()
    day_trades(floor, "MSFT", "F")
    moves(floor, ("buy", 9), ("sell", 1))
    assert count(floor) == 3
    assert not is_denied(floor, "sell", 8)


def test_a_replaced_order_is_not_counted_beside_its_successor(at_three: Floor) -> None:
    old = at_three.limit("sell", 9, "11")
    successor = at_three.venue.replace(KEY, old.id, OrderPatch(limit_price=dec("12")))
    assert at_three.now(successor).status == "new"


# What is remembered.


def test_day_trades_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"
    before, store = a_floor(), ExchangeStore(path)
    store.load(before.venue)
    quote(before)
    day_trades(before, "MSFT", "F", "TSLA")
    before.send("buy", 2)
    store.save(before.venue)  # and no close: the process was killed
    after, other = Floor(rules=VenueRules(pdt="on"), cash="20000", seed=99), ExchangeStore(path)
    assert other.load(after.venue)
    quote(after)
    assert count(after) == 3
    assert is_denied(after, "sell", 2)
    store.close()
    other.close()


def test_day_trades_do_not_leave_with_their_executions() -> None:
    floor = a_floor()
    floor.venue.blotter.keep(1)
    day_trades(floor, "MSFT", "F", "TSLA")
    floor.send("buy", 2)
    floor.venue.blotter.put_away()
    assert len(floor.venue.executions.latest) < 7
    assert count(floor) == 3
    assert is_denied(floor, "sell", 2)


def test_nothing_is_remembered_while_the_rule_is_off() -> None:
    floor = a_floor(pdt="off")
    day_trades(floor, *SYMBOLS)
    assert (floor.account.day_trades.opened, floor.account.day_trades.counts) == ({}, {})


def test_the_window_is_of_sessions_and_not_of_days() -> None:
    before_labor_day = previous_session(date(2026, 9, 8))
    floor = a_floor(before_labor_day.open_ns + MINUTE)
    day_trades(floor, "AAPL")
    at(floor, next_session(date(2026, 9, 10)).open_ns + MINUTE)
    assert count(floor) == 1
    at(floor, next_session(date(2026, 9, 11)).open_ns + MINUTE)
    assert count(floor) == 0
