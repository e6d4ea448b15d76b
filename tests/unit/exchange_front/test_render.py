"""The wire forms: orders, frames, activities, times and numbers."""

import json
from decimal import Decimal

import pytest

from floorbroker.exchange.model import Execution, VenueError, VenueEvent, VenueOrder
from floorbroker.exchange.wire.orders import (
    activity_id,
    fill_activity,
    order_view,
)
from floorbroker.exchange.wire.words import encode, moment_ns, new_york_time, number, wire_time
from floorbroker.exchange.wire.writer import OrderWriter

#: 2026-10-08 15:12:13.123456789 UTC, a summer day in New York.
MOMENT_NS = 1_791_472_333_123_456_789

RECORDED = """
id client_order_id created_at updated_at submitted_at filled_at expired_at expires_at canceled_at
failed_at replaced_at replaced_by replaces asset_id symbol asset_class notional qty filled_qty
filled_avg_price order_class order_type type side time_in_force limit_price stop_price status
extended_hours legs trail_percent trail_price hwm position_intent source subtag
"""


def an_order(**changes: object) -> VenueOrder:
    fields: dict[str, object] = {
        "id": "11111111-2222-3333-4444-555555555555",
        "client_order_id": "mine-1",
        "account": "PK1",
        "created_ns": MOMENT_NS,
        "updated_ns": MOMENT_NS,
        "submitted_ns": MOMENT_NS,
        "asset_id": "99999999-2222-3333-4444-555555555555",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "type": "limit",
        "side": "buy",
        "time_in_force": "day",
        "status": "new",
        "qty": Decimal("3.00"),
        "limit_price": Decimal("10.50"),
    }
    return VenueOrder(**{**fields, **changes})  # type: ignore[arg-type]  # a test's shorthand


def a_fill(**changes: object) -> Execution:
    fields: dict[str, object] = {
        "execution_id": "aaaaaaaa-2222-3333-4444-555555555555",
        "order_id": "11111111-2222-3333-4444-555555555555",
        "client_order_id": "mine-1",
        "account": "PK1",
        "symbol": "AAPL",
        "side": "buy",
        "qty": Decimal(1),
        "price": Decimal("10.500"),
        "time_ns": MOMENT_NS,
        "cum_qty": Decimal(2),
        "leaves_qty": Decimal(1),
        "position_qty": Decimal(-7),
        "liquidity": "remove",
    }
    return Execution(**{**fields, **changes})  # type: ignore[arg-type]  # a test's shorthand


def test_an_order_has_the_recorded_fields_in_the_recorded_order_with_nulls() -> None:
    sent = json.loads(encode(order_view(an_order())))
    assert list(sent) == RECORDED.split()
    assert sent["filled_at"] is None
    assert sent["filled_avg_price"] is None
    assert sent["filled_qty"] == "0"
    assert sent["qty"] == "3"
    assert sent["limit_price"] == "10.5"
    assert sent["legs"] is None
    assert sent["order_type"] == sent["type"] == "limit"


def test_each_field_carries_its_own_value() -> None:
    numbers = ("notional", "stop_price", "trail_percent", "trail_price", "hwm")
    times = ("filled", "expired", "expires", "canceled", "failed", "replaced")
    order = an_order(
        **{name: Decimal(n) for n, name in enumerate(numbers, 21)},
        **{f"{name}_ns": MOMENT_NS + n for n, name in enumerate(times, 2)},
        replaced_by="after",
        replaces="before",
        legs=(an_order(id="leg"),),
        extended_hours=True,
        position_intent="buy_to_open",
    )
    sent = json.loads(encode(order_view(order)))
    assert [sent[name] for name in numbers] == ["21", "22", "23", "24", "25"]
    assert [sent[f"{name}_at"][-4:] for name in times] == [f"{791 + n}Z" for n in range(6)]
    assert (sent["replaced_by"], sent["replaces"]) == ("after", "before")
    assert [leg["id"] for leg in sent["legs"]] == ["leg"]
    assert (sent["extended_hours"], sent["position_intent"]) == (True, "buy_to_open")


def test_the_average_price_is_rounded_at_twelve_decimals() -> None:
    order = an_order(filled_qty=Decimal(3), filled_notional=Decimal(10))
    assert json.loads(encode(order_view(order)))["filled_avg_price"] == "3.333333333333"


def test_a_fill_frame_carries_the_execution_beside_the_cumulative_order() -> None:
    event = VenueEvent(
        seq=1,
        account="PK1",
        event="partial_fill",
        order=an_order(filled_qty=Decimal(2), filled_notional=Decimal(21)),
        time_ns=MOMENT_NS,
        execution=a_fill(),
        execution_id="aaaaaaaa-2222-3333-4444-555555555555",
    )
    frame = json.loads(OrderWriter().frames([event])[0])
    assert frame["stream"] == "trade_updates"
    data = frame["data"]
    assert (data["qty"], data["price"], data["position_qty"]) == ("1", "10.5", "-7")
    assert data["order"]["filled_qty"] == "2"
    assert data["timestamp"] == "2026-10-08T15:12:13.123456789Z"


def test_other_frames_have_neither_price_nor_quantity() -> None:
    event = VenueEvent(
        seq=1, account="PK1", event="pending_new", order=an_order(), time_ns=MOMENT_NS
    )
    assert set(json.loads(OrderWriter().frames([event])[0])["data"]) == {
        "event",
        "timestamp",
        "order",
    }


def test_an_activity_names_new_yorks_time_and_cuts_to_microseconds() -> None:
    fill = a_fill()
    assert activity_id(fill) == "20261008111213123::aaaaaaaa-2222-3333-4444-555555555555"
    row = fill_activity(fill)
    assert row.transaction_time == "2026-10-08T15:12:13.123456Z"
    assert (row.type, row.order_status) == ("partial_fill", "partially_filled")
    last = fill_activity(a_fill(leaves_qty=Decimal(0)))
    assert (last.type, last.order_status) == ("fill", "filled")


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (MOMENT_NS, "2026-10-08T15:12:13.123456789Z"),
        (MOMENT_NS - 456_789, "2026-10-08T15:12:13.123Z"),
        (MOMENT_NS - 123_456_789, "2026-10-08T15:12:13Z"),
        (MOMENT_NS - 123_456_789 + 1, "2026-10-08T15:12:13.000000001Z"),
    ],
)
def test_times_drop_trailing_zeros_and_read_back_exactly(time_ns: int, text: str) -> None:
    assert wire_time(time_ns) == text
    assert moment_ns(text, "after") == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("2026-10-08", 1_791_417_600_000_000_000),
        ("2026-10-08T11:12:13.123456789-04:00", MOMENT_NS),
        ("2026-10-08T15:12:13.123456789", MOMENT_NS),
        # A plus sign that was not escaped arrives as a space.
        ("2026-10-08T17:12:13.123456789 02:00", MOMENT_NS),
    ],
)
def test_moments_are_read_as_clients_write_them(text: str, time_ns: int) -> None:
    assert moment_ns(text, "after") == time_ns


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-10-08T", "1.5", "."])
def test_a_wrong_moment_is_refused_by_name(text: str) -> None:
    with pytest.raises(VenueError, match="invalid after"):
        moment_ns(text, "after")


def test_new_york_times_carry_the_offset_of_the_season() -> None:
    assert new_york_time(MOMENT_NS) == "2026-10-08T11:12:13-04:00"
    assert new_york_time(MOMENT_NS, has_fraction=True) == "2026-10-08T11:12:13.123456789-04:00"
    assert new_york_time(MOMENT_NS + 60 * 86_400 * 10**9).endswith("-05:00")


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("0.10", "0.1"), ("-0.0", "0"), ("0", "0"), ("1e-9", "0.000000001")],
)
def test_numbers_are_plain(value: str, text: str) -> None:
    assert number(Decimal(value)) == text
