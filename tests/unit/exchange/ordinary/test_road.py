"""The short road: who may take it, and that nothing was done for those who may not."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorbroker.exchange.model import Configuration, PlainTicket
from floorbroker.exchange.rules import CLIENT_ORDER_ID_MAX, VenueRules
from tests.unit.exchange.venue_kit import KEY, SESSION, Floor

ORDINARY = PlainTicket(
    symbol="AAPL", side="buy", type="limit", time_in_force="day", qty="10", limit_price="101"
)


def a_floor(rules: VenueRules | None = None) -> Floor:
    """AAPL is offered at 100.02, and the account has bought some of it."""
    floor = Floor(rules=rules)
    floor.quote("100", 500, "100.02", 500)
    floor.send("buy", 20, cid="bought")
    return floor


def takes(floor: Floor, ticket: PlainTicket = ORDINARY) -> bool:
    """Whether an order takes the short road; if not, all is as it was."""
    before, told = floor.venue.export_state(), len(floor.events)
    if floor.venue.short_road.take(KEY, ticket) is not None:
        return True
    assert floor.venue.export_state() == before
    assert len(floor.events) == told
    return False


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({}, True),
        ({"time_in_force": "gtc"}, True),
        ({"client_order_id": "mine"}, True),
        ({"client_order_id": "x" * CLIENT_ORDER_ID_MAX}, True),
        ({"client_order_id": "x" * (CLIENT_ORDER_ID_MAX + 1)}, False),
        ({"client_order_id": "bought"}, False),
        ({"symbol": "NOSUCH"}, False),
        ({"symbol": "MSFT"}, False),
        ({"symbol": ""}, False),
        ({"side": "sell"}, False),
        ({"type": "market", "limit_price": None}, False),
        ({"type": "market"}, False),
        ({"type": "stop"}, False),
        ({"limit_price": None}, False),
        ({"limit_price": "100.01"}, False),
        ({"limit_price": "100.025"}, False),
        ({"time_in_force": "ioc"}, False),
        ({"time_in_force": "opg"}, False),
        ({"qty": "501"}, False),
        ({"qty": "0.5"}, False),
        ({"qty": [1]}, False),
    ],
)
def test_what_a_ticket_asks_for_decides(changes: dict[str, object], is_taken: bool) -> None:
    assert takes(a_floor(), replace(ORDINARY, **changes)) == is_taken


def block_trading(floor: Floor) -> None:
    floor.account.trading_blocked = True


def block_account(floor: Floor) -> None:
    floor.account.account_blocked = True


def suspend(floor: Floor) -> None:
    floor.venue.configure(KEY, Configuration(suspend_trade=True))


def tie_up(floor: Floor) -> None:
    floor.limit("buy", 970, "100")


def spend(floor: Floor) -> None:
    floor.account.cash = Decimal("1009.99")  # enough for the offer, not for the limit


def spend_but_for_the_limit(floor: Floor) -> None:
    floor.account.cash = Decimal(1010)


def stand_to_sell(floor: Floor) -> None:
    floor.limit("sell", 1, "120")


def be_short(floor: Floor) -> None:
    floor.send("sell", 20)
    floor.send("sell", 5)


def be_short_of_another(floor: Floor) -> None:
    floor.quote("100", 500, "100.02", 500, symbol="MSFT")
    floor.send("sell", 5, "MSFT")


def say_no(floor: Floor) -> None:
    floor.venue.blotter.veto = lambda order: "for the sake of it"


def halt(floor: Floor) -> None:
    floor.halt(halted=True)


def close(floor: Floor) -> None:
    floor.venue.advance(SESSION.close_ns)
    floor.quote("100", 500, "100.02", 500)


def end_trading(floor: Floor) -> None:
    floor.venue.list_asset(replace(floor.venue.assets["AAPL"], tradable=False))


def give_no_credit(floor: Floor) -> None:
    floor.venue.list_asset(replace(floor.venue.assets["AAPL"], marginable=False))


def rise(floor: Floor) -> None:
    floor.quote("100.5", 500, "100.98", 500)


@pytest.mark.parametrize("happens", [rise, spend_but_for_the_limit])
def test_what_does_not_matter_to_an_ordinary_order_leaves_it_one(
    happens: Callable[[Floor], None],
) -> None:
    floor = a_floor()
    happens(floor)
    assert takes(floor)


@pytest.mark.parametrize(
    "happens",
    [
        block_trading,
        block_account,
        suspend,
        tie_up,
        spend,
        stand_to_sell,
        be_short,
        be_short_of_another,
        say_no,
        halt,
        close,
        end_trading,
        give_no_credit,
    ],
)
def test_what_may_speak_against_an_order_is_for_the_long_road(
    happens: Callable[[Floor], None],
) -> None:
    floor = a_floor()
    happens(floor)
    assert not takes(floor)


@pytest.mark.parametrize(
    "rules",
    [
        VenueRules(pdt="on"),
        VenueRules(initial_status="accepted"),
        VenueRules(ack_latency_ns=1),
        VenueRules(collars_market_buys=True),
    ],
)
def test_rules_that_want_more_of_an_order_close_the_short_road(rules: VenueRules) -> None:
    assert not takes(a_floor(rules))


def worth(floor: Floor) -> tuple[Decimal, ...]:
    account = floor.account
    return account.equity, account.long_market_value, account.initial_margin, account.buying_power


@pytest.mark.parametrize("bid_size", [500, 0])  # without a bid there is no price to value it at
def test_the_worth_of_an_account_follows_its_order_at_once(bid_size: int) -> None:
    floor = Floor()
    floor.venue.account(KEY)
    floor.quote("100", bid_size, "100.02", 500)
    before = worth(floor)
    assert takes(floor)
    found = worth(floor)
    assert found[1] > before[1]
    floor.venue.blotter.marks.version += 1  # what was remembered of worths is forgotten
    assert worth(floor) == found


def test_a_name_is_known_after_its_order_was_put_away() -> None:
    floor = a_floor()
    floor.venue.blotter.keep(1)
    named = replace(ORDINARY, client_order_id="gone")
    assert takes(floor, named)
    for _ in range(3):
        assert takes(floor)
        floor.venue.blotter.put_away()
    assert "gone" not in floor.account.by_client_id
    assert not takes(floor, named)


def test_who_has_no_account_yet_is_given_one_on_the_long_road() -> None:
    floor = a_floor()
    assert floor.venue.short_road.take("PKNEW", ORDINARY) is None
    assert list(floor.venue.accounts) == [KEY]
