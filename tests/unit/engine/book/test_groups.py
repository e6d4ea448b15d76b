"""The end of a group is alarming where shares are left that nothing ends, and only there."""

from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side
from floorbroker.domain.position import Position
from floorbroker.engine.book.groups import Groups
from tests.unit.engine.scripted import START

NAME = ClOrdID("fb-1")
HELD = Position(symbol="AAPL").booked(Side.BUY, Qty(10), Px(10))


def bracket(**terms: Any) -> OrderRequest:
    return OrderRequest.bracket("buy", 10, "AAPL", take_profit=11, stop_loss=9, **terms)


def order(name: str, request: OrderRequest, status: OrdStatus, cum_qty: int) -> Order:
    parent = None if name == NAME else NAME
    return Order(
        cl_ord_id=ClOrdID(name),
        account=Account("A"),
        request=request,
        created_time=START,
        venue_status=status,
        cum_qty=Qty(cum_qty),
        parent=parent,
    )


class Group:
    """An order with its legs; `alarm` is what is told at the end of the last one."""

    def __init__(self, request: OrderRequest, *ends: tuple[OrdStatus, int]) -> None:
        self.groups = Groups()
        names = (NAME, *(leg for leg in order(NAME, request, *ends[0]).legs))
        self.orders = {
            ClOrdID(name): order(
                name, request if name == NAME else replace(request, legs=()), *end
            )
            for name, end in zip(names, ends, strict=True)
        }

    def alarm(self, position: Position | None = HELD) -> Alarm | None:
        last = list(self.orders.values())[-1]
        return self.groups.alarm(last, self.orders.get, position, START)


DONE, GONE, OVER = OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED
OCO = OrderRequest.oco("sell", 10, "AAPL", take_profit=11, stop_loss=9)


@pytest.mark.parametrize(
    ("request_", "ends", "left"),
    [
        (bracket(), ((GONE, 4), (GONE, 0), (GONE, 0)), 4),
        (bracket(), ((DONE, 10), (OVER, 3), (OVER, 0)), 7),
        (bracket(), ((GONE, 0), (GONE, 0), (GONE, 0)), 0),
        (bracket(), ((DONE, 10), (GONE, 3), (DONE, 7)), 0),
        (bracket(), ((DONE, 10), (OrdStatus.NEW, 0), (GONE, 0)), 0),
        (OCO, ((OVER, 4), (OVER, 0)), 6),
        (OCO, ((GONE, 4), (DONE, 6)), 0),
    ],
)
def test_shares_that_are_left_are_told(
    request_: OrderRequest, ends: tuple[tuple[OrdStatus, int], ...], left: int
) -> None:
    alarm = Group(request_, *ends).alarm()
    assert (alarm is not None) is (left > 0)
    if alarm is not None:
        assert (alarm.name, alarm.cl_ord_id) == ("unprotected", NAME)
        assert f"the {left} AAPL" in alarm.text


def test_shares_that_are_sold_already_need_no_exit() -> None:
    group = Group(bracket(), (DONE, 10), (OVER, 0), (OVER, 0))
    assert group.alarm(None) is None
    some = HELD.booked(Side.SELL, Qty(8), Px(10))
    alarm = group.alarm(some)
    assert alarm is not None
    assert "the 2 AAPL" in alarm.text


def test_an_exit_that_we_canceled_surprises_nobody_once() -> None:
    group = Group(bracket(), (DONE, 10), (GONE, 0), (GONE, 0))
    group.groups.cancel_asked(group.orders[ClOrdID(f"{NAME}/tp")])
    assert group.alarm() is None
    assert group.alarm() is not None, "it is forgotten with the group"


def test_a_canceled_entry_may_surprise_by_the_end_of_its_legs() -> None:
    group = Group(bracket(), (GONE, 4), (GONE, 0), (GONE, 0))
    group.groups.cancel_asked(group.orders[NAME])
    assert group.alarm() is not None


def test_an_order_without_legs_has_nothing_to_lose() -> None:
    groups, request = Groups(), OrderRequest.market("buy", 10, "AAPL")
    alone = order(NAME, request, DONE, 10)
    assert groups.alarm(alone, {NAME: alone}.get, HELD, START) is None
