"""The writer of orders: from forms and drafts it writes what the plain encoding says."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.model import TERMINAL, Execution, VenueEvent, VenueOrder
from floorbroker.exchange.wire.forms import FORMS_MAX
from floorbroker.exchange.wire.orders import order_view
from floorbroker.exchange.wire.words import encode, number, wire_time
from floorbroker.exchange.wire.writer import OrderWriter
from tests.unit.exchange_front.test_render import MOMENT_NS, a_fill, an_order

MOMENTS = st.integers(MOMENT_NS - 2, MOMENT_NS + 2) | st.integers(0, 4 * 10**18)
AMOUNTS = st.decimals(
    min_value=0, max_value=10**9, places=4, allow_nan=False, allow_infinity=False
) | st.sampled_from([Decimal(0), Decimal("1E+3"), Decimal("10.50"), Decimal("0.000000001")])
#: Quotes, backslashes, control characters, and the byte that stands for a blank.
NAMES = st.text(max_size=12) | st.sampled_from(['"', "\\", "\0", '"\0"', "a\nb", "\u00e9"])
STATUSES = (
    *sorted(TERMINAL),
    *("pending_new", "new", "accepted", "partially_filled", "held", "pending_cancel"),
)
#: Whatever of an order is on the wire and may differ from order to order or change in its life.
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(["order-1", "order-2"]),
    "client_order_id": NAMES,
    **dict.fromkeys(("created_ns", "updated_ns", "submitted_ns"), MOMENTS),
    **{
        f"{name}_ns": st.none() | MOMENTS
        for name in ("filled", "expired", "expires", "canceled", "failed", "replaced")
    },
    **dict.fromkeys(("replaced_by", "replaces"), st.none() | st.sampled_from(["a", "b"])),
    "symbol": st.sampled_from(["AAPL", "BTC/USD"]),
    "asset_class": st.sampled_from(["us_equity", "crypto"]),
    "asset_id": st.sampled_from(["asset-1", "asset-2"]),
    **dict.fromkeys(
        ("notional", "qty", "limit_price", "stop_price", "trail_percent", "trail_price", "hwm"),
        st.none() | AMOUNTS,
    ),
    **dict.fromkeys(("filled_qty", "filled_notional"), AMOUNTS),
    "order_class": st.sampled_from(["", "bracket", "oco"]),
    "type": st.sampled_from(["market", "limit", "stop_limit", "trailing_stop"]),
    "side": st.sampled_from(["buy", "sell"]),
    "time_in_force": st.sampled_from(["day", "gtc"]),
    "status": st.sampled_from(STATUSES),
    "extended_hours": st.booleans(),
    "position_intent": st.sampled_from(["", "buy_to_open", "sell_to_close"]),
}
ORDERS = st.fixed_dictionaries({}, optional=CHANGES).map(lambda changes: an_order(**changes))


@st.composite
def lives(draw: st.DrawFn) -> list[VenueOrder]:
    """States of an order one after the other: any of its fields may change at each step."""
    order = draw(ORDERS)
    states = [order]
    for name in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=8)):
        order = order.snapshot()
        setattr(order, name, draw(CHANGES[name]))
        states.append(order)
    if draw(st.booleans()):
        parent = order.snapshot()
        parent.legs = tuple(states)
        states.append(parent)
    return states


@given(lives(), lives())
def test_whatever_the_order_its_text_is_the_plain_encoding(
    states: list[VenueOrder], others: list[VenueOrder]
) -> None:
    writer = OrderWriter()
    for order in (*states, *others, *states):
        assert writer.text(order) == encode(order_view(order))


@given(
    ORDERS, st.sampled_from(["new", "fill", "trade_bust"]), AMOUNTS, st.booleans(), st.booleans()
)
def test_a_frame_is_the_plain_encoding_of_what_it_tells(
    order: VenueOrder, event: str, amount: Decimal, has_fill: bool, has_name: bool
) -> None:
    fill = a_fill(qty=amount, previous_execution_id="undone" if has_name else None)
    told = VenueEvent(
        seq=1,
        account="PK1",
        event=event,
        order=order,
        time_ns=MOMENT_NS,
        execution=fill if has_fill else None,
        execution_id="named" if has_name else None,
    )
    assert OrderWriter().frames([told])[0] == encode(plain_frame(told))


def plain_frame(told: VenueEvent) -> dict[str, object]:
    fields: dict[str, object] = {
        "event": told.event,
        "timestamp": wire_time(told.time_ns),
        "order": order_view(told.order),
    }
    if told.execution is not None:
        fields |= fill_fields(told.execution)
    elif told.execution_id is not None:
        fields["execution_id"] = told.execution_id
    return {"stream": "trade_updates", "data": fields}


def fill_fields(fill: Execution) -> dict[str, object]:
    fields: dict[str, object] = {
        "execution_id": fill.execution_id,
        "price": number(fill.price),
        "qty": number(fill.qty),
        "position_qty": number(fill.position_qty),
    }
    if fill.previous_execution_id is not None:
        fields["previous_execution_id"] = fill.previous_execution_id
    return fields


def test_a_writer_writes_each_copy_of_an_order_as_it_is() -> None:
    writer = OrderWriter()
    order = an_order()
    later = order.snapshot()
    later.status = "canceled"
    texts = [json.loads(writer.text(copy))["status"] for copy in (order, later, later, order)]
    assert texts == ["new", "canceled", "canceled", "new"]


def test_more_kinds_than_a_writer_remembers_are_written_all_the_same() -> None:
    writer = OrderWriter()
    for cents in (*range(FORMS_MAX + 2), 0, 1):
        order = an_order(stop_price=Decimal(cents) / 100)
        assert writer.text(order) == encode(order_view(order))
