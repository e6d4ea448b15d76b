"""What a day looks like: orders that may have met, the close, layers; and the day's pack."""

from datetime import UTC, datetime, timedelta

import pytest

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    Alarm,
    BusinessMessageReject,
    KillLevel,
    KillSwitched,
    LimitsChanged,
)
from floorbroker.domain.order import Fill, Order, OrderRequest, OrdStatus
from floorbroker.posttrade.surveillance.pack import day_pack
from floorbroker.posttrade.surveillance.patterns import (
    layering,
    marking_the_close,
    self_trades,
    surveyed,
)
from floorbroker.posttrade.surveillance.register import CHECKS
from tests.unit.posttrade.scribe import Scribe

CLOSE = datetime(2026, 6, 1, 20, tzinfo=UTC)


def order(
    side: str,
    name: str,
    *,
    at: datetime = CLOSE - timedelta(hours=3),
    qty: int = 10,
    px: str = "10.00",
    is_filled: bool = True,
) -> Order:
    fill = Fill(
        exec_id=ExecID(f"x-{name}"),
        cl_ord_id=ClOrdID(name),
        order_id=OrderID(name),
        symbol="AAPL",
        side=OrderRequest.market(side, 1, "AAPL").side,
        last_qty=Qty(qty),
        last_px=Px(px),
        cum_qty=Qty(qty),
        transact_time=at,
    )
    return Order(
        cl_ord_id=ClOrdID(name),
        account=Account("A"),
        request=OrderRequest.limit(side, qty, "AAPL", limit_price=px),
        created_time=at,
        wire_id=name,
        updated_time=at,
        venue_status=OrdStatus.FILLED if is_filled else OrdStatus.CANCELED,
        cum_qty=Qty(qty if is_filled else 0),
        fills=(fill,) if is_filled else (),
    )


def test_two_sides_at_one_price_within_a_second_may_have_met() -> None:
    at = CLOSE - timedelta(hours=1)
    buy, sale = order("buy", "b", at=at), order("sell", "s", at=at + timedelta(seconds=1))
    (found,) = self_trades([buy, sale])
    assert (found.pattern, found.symbol, found.orders) == ("self_trade", "AAPL", ("b", "s"))
    assert not self_trades([buy, order("sell", "s", at=at + timedelta(seconds=1.1))])
    assert not self_trades([buy, order("sell", "s", at=at, px="10.01")])
    assert not self_trades([buy, order("buy", "s", at=at)])


def test_more_than_three_tenths_of_a_side_in_the_last_ten_minutes_marks_the_close() -> None:
    early = order("buy", "early", qty=70)
    late = order("buy", "late", at=CLOSE - timedelta(minutes=10), qty=30)
    assert not marking_the_close([early, late], CLOSE), "just as much as is allowed"
    more = order("buy", "late", at=CLOSE - timedelta(minutes=10), qty=31)
    (found,) = marking_the_close([early, more], CLOSE)
    assert (found.pattern, found.orders) == ("marking_the_close", ("late",))
    after = order("buy", "late", at=CLOSE + timedelta(seconds=1), qty=500)
    assert not marking_the_close([early, after], CLOSE)
    before = order("buy", "late", at=CLOSE - timedelta(minutes=10, seconds=1), qty=500)
    assert not marking_the_close([early, before], CLOSE)
    assert not surveyed([early, more], None), "nobody said when the close was"


@pytest.mark.parametrize(("layers", "is_found"), [(9, False), (10, True)])
def test_ten_canceled_orders_for_one_that_filled_are_layers(
    layers: int, *, is_found: bool
) -> None:
    canceled = [order("buy", f"c{number}", is_filled=False) for number in range(layers)]
    assert bool(layering([*canceled, order("sell", "s")])) is is_found
    assert not layering(canceled), "nothing was sold meanwhile"


def test_the_pack_of_a_day_has_that_day_alone_and_what_still_stands() -> None:
    scribe = Scribe(now=CLOSE - timedelta(days=1))
    scribe.write(Alarm(name="quarantined", text="odd bytes", transact_time=scribe.now))
    scribe.write(refused("P07", scribe.now))
    scribe.now = CLOSE - timedelta(hours=2)
    scribe.write(refused("P07", scribe.now))
    scribe.write(refused("P12", scribe.now))
    scribe.write(refused("", scribe.now))
    scribe.write(
        LimitsChanged(
            name="order_qty_max",
            old="5",
            new="9",
            by="ann",
            reason="basket",
            effective_time=scribe.now,
            transact_time=scribe.now,
        )
    )
    scribe.write(
        KillSwitched(level=KillLevel.BLOCK, reason="drill", by="bob", transact_time=scribe.now)
    )
    found = day_pack(
        scribe.records,
        scribe.head,
        start=CLOSE - timedelta(hours=20),
        end=CLOSE + timedelta(hours=4),
        close=CLOSE,
    )
    assert found.denials == {"P07": 1, "P12": 1, "other": 1}
    assert [line.what for line in found.changes] == ["limit order_qty_max", "KILL block"]
    assert "5 -> 9 by ann: basket" in found.changes[0].text
    assert not found.alerts
    assert found.unacknowledged == ("quarantined", "trading_killed"), (
        "nobody has looked since yesterday"
    )
    assert found.head_hash == scribe.head.hash.hex()


def test_an_alert_that_was_acknowledged_stands_no_more() -> None:
    scribe = Scribe(now=CLOSE)
    for is_over in (False, True):
        scribe.write(
            Alarm(name="quarantined", text="looked", is_over=is_over, transact_time=scribe.now)
        )
    day = timedelta(days=1)
    found = day_pack(scribe.records, scribe.head, start=CLOSE - day, end=CLOSE + day)
    assert not found.unacknowledged
    assert [line.what for line in found.alerts] == ["quarantined", "quarantined is over"]


def refused(control: str, now: datetime) -> BusinessMessageReject:
    return BusinessMessageReject(command="submit", text="no", control=control, transact_time=now)


def test_the_register_has_seven_checks_each_with_its_definition_and_default() -> None:
    assert [check.id for check in CHECKS] == [f"T0{number}" for number in range(1, 8)]
    for check in CHECKS:
        assert check.definition.endswith(".")
        assert check.default
        assert check.why.endswith(".")
