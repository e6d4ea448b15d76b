"""The overnight session: who trades in it, against what, and until when."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.exchange.floor.routing import Routing
from floorbroker.exchange.model import Configuration, VenueOrder
from floorbroker.exchange.reference.assets import OVERNIGHT_HALTED, OVERNIGHT_TRADABLE, listing
from floorbroker.exchange.reference.calendar import NIGHT, next_session, phase_at, session_of
from floorbroker.exchange.rules import VenueRules
from tests.unit.exchange.venue_kit import KEY, MINUTE, NEXT_SESSION, SESSION, Floor

HOUR = 60 * MINUTE
EVENING = NEXT_SESSION.night_ns  # Thursday, 20:00, of Friday's session
D = Decimal


def at_night(rules: VenueRules | None = None, start_ns: int = EVENING + HOUR) -> Floor:
    return Floor(rules=rules, start_ns=start_ns)


def bid(floor: Floor, px: str = "100", qty: int = 100, **more: str) -> VenueOrder:
    return floor.limit("buy", qty, px, **{"eh": "yes", **more})


def disable(floor: Floor, *, disabled: bool = True) -> None:
    floor.venue.configure(KEY, Configuration(disable_overnight_trading=disabled))


def halt_overnight(floor: Floor, *, halted: bool) -> None:
    asset = floor.venue.assets["AAPL"]
    attributes = (OVERNIGHT_TRADABLE, *((OVERNIGHT_HALTED,) if halted else ()))
    floor.venue.list_asset(replace(asset, attributes=attributes))


def test_a_night_order_works_at_once_and_lives_through_its_trade_date() -> None:
    floor = at_night()
    order = bid(floor)
    assert (order.status, order.expires_ns) == ("new", NEXT_SESSION.post_ns)
    floor.quote("99.90", 500, "100", 30)
    assert floor.now(order).filled_qty == 30
    floor.venue.advance(NEXT_SESSION.pre_ns + MINUTE)
    floor.quote("99.90", 500, "100", 20)
    floor.venue.advance(NEXT_SESSION.open_ns + MINUTE)
    floor.quote("99.90", 500, "100", 10)
    assert floor.now(order).filled_qty == 60
    floor.venue.advance(NEXT_SESSION.post_ns - 1)
    assert floor.now(order).status == "partially_filled"
    floor.venue.advance(NEXT_SESSION.post_ns)
    assert (floor.now(order).status, floor.now(order).expired_ns) == (
        "expired",
        NEXT_SESSION.post_ns,
    )


def test_orders_without_extended_hours_sleep_until_the_opening() -> None:
    floor = at_night()
    floor.quote("99.90", 500, "100", 300)
    order = floor.limit("buy", 100, "100")
    assert order.status == "accepted"
    assert floor.send("buy", 100).status == "accepted"
    floor.venue.advance(NEXT_SESSION.pre_ns)
    assert floor.now(order).status == "accepted"
    floor.venue.advance(NEXT_SESSION.open_ns)
    assert floor.now(order).status == "new"


def test_the_night_and_the_day_do_not_see_each_others_quotes() -> None:
    floor = Floor(start_ns=SESSION.post_ns - MINUTE)
    floor.quote("99", 500, "100", 500)
    floor.venue.advance(EVENING)
    night = bid(floor, "101")
    assert night.status == "new", "what the day displayed is not for sale at night"
    floor.quote("102", 500, "103", 500)
    floor.venue.advance(NEXT_SESSION.pre_ns)
    assert floor.now(night).status == "filled"
    assert floor.fills == [("100", "100")], "the day goes on with what it displayed last"


def test_scripted_quotes_stand_through_the_night() -> None:
    floor = Floor(start_ns=SESSION.post_ns - MINUTE)
    floor.venue.routing.scripted.add("AAPL")
    floor.quote("99", 500, "100", 50)
    floor.venue.advance(EVENING)
    order = bid(floor)
    assert order.filled_qty == 50
    floor.quote("99", 500, "100", 25)
    floor.venue.advance(NEXT_SESSION.pre_ns)
    assert floor.now(order).filled_qty == 75
    assert bid(floor, qty=10).status == "new", "what the night took stays taken"


def test_a_halted_asset_keeps_its_orders_accepted_until_it_trades_again() -> None:
    floor = at_night()
    floor.quote("99", 500, "100", 500)
    halt_overnight(floor, halted=True)
    order = bid(floor)
    assert order.status == "accepted"
    halt_overnight(floor, halted=False)
    assert floor.now(order).status == "filled"


def test_a_halt_at_night_stops_orders_that_were_at_work_until_the_pre_market() -> None:
    floor = at_night()
    order = bid(floor)
    halt_overnight(floor, halted=True)
    floor.quote("99", 500, "100", 40)
    floor.trade("99", 100)
    assert floor.now(order).filled_qty == 0
    floor.venue.advance(NEXT_SESSION.pre_ns)
    floor.quote("99", 500, "100", 40)
    assert floor.now(order).filled_qty == 40


def test_assets_that_do_not_trade_overnight_wait_or_are_refused() -> None:
    floor = at_night()
    order = bid(floor, symbol="WHOLE")
    assert order.status == "accepted"
    floor.venue.advance(NEXT_SESSION.pre_ns)
    assert floor.now(order).status == "new"
    strict = at_night(VenueRules(overnight_untradable="refuse"))
    refusal = strict.refusal("buy", 1, "WHOLE", type="limit", limit_price="9", eh="yes")
    assert (refusal.http_status, refusal.code) == (422, 42210000)
    assert refusal.message == 'asset "WHOLE" is not tradable overnight'
    assert strict.limit("buy", 1, "9", symbol="WHOLE").status == "accepted"


def test_an_account_that_wants_no_nights_waits_or_is_refused() -> None:
    floor = at_night()
    floor.quote("99", 500, "100", 500)
    disable(floor)
    order = bid(floor)
    assert order.status == "accepted"
    disable(floor, disabled=False)
    assert floor.now(order).status == "filled", "the setting counts at once"
    strict = at_night(VenueRules(overnight_disabled="refuse"))
    disable(strict)
    refusal = strict.refusal("buy", 1, type="limit", limit_price="9", eh="yes")
    assert (refusal.http_status, refusal.code) == (403, 40310000)
    assert refusal.message == "overnight trading is disabled for this account"
    strict.venue.advance(NEXT_SESSION.pre_ns)
    assert bid(strict, "9").status == "new", "it is a matter of the night alone"


def test_gtc_orders_sleep_at_night_unless_the_venue_takes_them() -> None:
    for takes, filled in ((False, 0), (True, 100)):
        floor = Floor(start_ns=SESSION.post_ns - HOUR, rules=VenueRules(overnight_takes_gtc=takes))
        resting = bid(floor, tif="gtc")
        floor.venue.advance(EVENING + HOUR)
        floor.quote("99", 500, "100", 500)
        assert floor.now(resting).filled_qty == filled
        assert bid(floor, qty=1, tif="gtc").status == ("filled" if takes else "accepted")


@pytest.mark.parametrize(
    ("sent", "begins", "ends"),
    [
        ("2026-06-05T21:00", "2026-06-07T20:00", "2026-06-08T20:00"),  # Friday night
        ("2026-06-06T12:00", "2026-06-07T20:00", "2026-06-08T20:00"),  # Saturday
        ("2026-11-25T21:00", "2026-11-26T20:00", "2026-11-27T17:00"),  # the eve of Thanksgiving
        ("2026-11-27T18:00", "2026-11-29T20:00", "2026-11-30T20:00"),  # after a half day
        ("2026-06-18T21:00", "2026-06-21T20:00", "2026-06-22T20:00"),  # Juneteenth, a Friday
    ],
)
def test_no_night_leads_into_a_day_without_trading(sent: str, begins: str, ends: str) -> None:
    floor = Floor(start_ns=new_york(sent))
    order = bid(floor)
    assert (order.status, order.expires_ns) == ("accepted", new_york(ends))
    floor.venue.advance(new_york(begins) - 1)
    assert floor.now(order).status == "accepted"
    floor.venue.advance(new_york(begins))
    assert floor.now(order).status == "new"
    floor.venue.advance(new_york(ends))
    assert floor.now(order).status == "expired"


def new_york(text: str) -> int:
    hours = 4 if text < "2026-11" else 5
    return ns_of(datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(hours=hours))


def test_fees_of_a_night_are_those_of_its_trade_date() -> None:
    floor = at_night(VenueRules(charges_fees=True))
    floor.quote("99", 500, "100", 500)
    bid(floor)
    assert [entry.kind for entry in floor.account.entries] == ["JNLC"]
    floor.venue.advance(NEXT_SESSION.close_ns)
    fees = {entry.date for entry in floor.account.entries if entry.kind == "FEE"}
    assert fees == {NEXT_SESSION.date.isoformat()}


def test_night_prints_fill_what_rests_and_elect_no_stop() -> None:
    floor = Floor(start_ns=SESSION.open_ns + HOUR)
    floor.quote("99", 500, "100", 500)
    floor.trade("100", 1)
    stop = floor.send("buy", 5, type="stop", stop_price="105", tif="gtc")
    floor.venue.advance(EVENING + HOUR)
    resting = bid(floor, "98")
    floor.quote("97", 100, "110", 100)
    floor.trade("97.50", 30)
    floor.trade("106", 30)
    assert floor.now(resting).filled_qty == 30
    assert floor.now(stop).status == "new"


def test_a_restart_at_night_goes_on_with_the_night() -> None:
    floor = Floor(start_ns=SESSION.post_ns - HOUR)
    tape: list[MarketEvent] = [
        quote(SESSION.post_ns - MINUTE, "90"),
        quote(EVENING + MINUTE, "101", "MSFT"),
        Trade(symbol="AAPL", time_ns=EVENING + 2 * MINUTE, px=D(100), size=D(7)),
    ]
    for event in tape:
        floor.venue.apply(event)
    order = bid(floor)
    restarted = at_night(start_ns=SESSION.post_ns - HOUR)
    restarted.venue.import_state(floor.venue.export_state())
    for event in tape:
        restarted.venue.recall(event)
    venue = restarted.venue
    assert (venue.routing.phase, restarted.now(order).status) == (NIGHT, "new")
    assert venue.night_market.quotes["MSFT"].ask_px == 101
    assert venue.market.quotes["AAPL"].ask_px == 90
    assert venue.night_market.last_trade["AAPL"].size == 7
    assert "AAPL" not in venue.market.last_trade
    assert bid(restarted, "100.50", 5).status == "new", "the day's offer at 90 is not displayed"
    assert bid(restarted, "101", 5, symbol="MSFT").status == "filled"


def quote(time_ns: int, ask: str, symbol: str = "AAPL") -> Quote:
    return Quote(
        symbol=symbol,
        time_ns=time_ns,
        bid_px=D(80),
        bid_size=D(100),
        ask_px=D(ask),
        ask_size=D(100),
    )


def test_a_venue_without_nights_is_closed_until_the_pre_market() -> None:
    floor = at_night(VenueRules(has_overnight=False))
    floor.quote("99", 500, "100", 500)
    order = bid(floor)
    assert order.status == "accepted"
    assert not floor.venue.night_market.quotes
    floor.venue.advance(NEXT_SESSION.pre_ns)
    assert floor.now(order).status == "filled"


def test_the_bells_agree_with_the_calendar_all_year() -> None:
    """Half days, holidays, weekends and both changes of the clock."""
    session = session_of(SESSION.date.replace(month=1, day=5))
    assert session is not None
    floor = Floor(start_ns=session.open_ns)
    routing: Routing = floor.venue.routing
    for _ in range(250):
        for edge in (session.night_ns, session.pre_ns, session.open_ns, session.post_ns):
            for time_ns in (edge - NS_PER_S, edge):
                floor.venue.advance(time_ns)
                assert routing.phase == phase_at(max(time_ns, floor.venue.now_ns))
        session = next_session(session.date)


def test_what_is_lent_and_divided_freely_trades_overnight() -> None:
    by_night = {
        symbol for symbol, one in listing().items() if OVERNIGHT_TRADABLE in one.attributes
    }
    assert {"AAPL", "SPY", "F", "IBM"} <= by_night
    assert not by_night & {"WHOLE", "NOSHORT", "HARDB", "HALTD", "GONE", "BTC/USD"}
    assert OVERNIGHT_TRADABLE in listing(["ZZZ"])["ZZZ"].attributes
