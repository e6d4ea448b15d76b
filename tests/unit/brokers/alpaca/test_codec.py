"""Alpaca's JSON read and written: exact, tolerant of the new, and plain about what is missing."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from floorbroker.brokers.alpaca.codec import (
    Authorization,
    Listening,
    Notice,
    decode_frame,
    order_page,
    order_report,
)
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.executions import activity_page
from floorbroker.brokers.alpaca.words import (
    EVENTS,
    STATUSES,
    Unreadable,
    authorize_frame,
    order_body,
    replace_body,
)
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    MessageQuarantined,
    OrderCancelReplaceRequest,
    Source,
)
from floorbroker.domain.order import OrderRequest, OrdStatus, Side, TimeInForce
from tests.unit.brokers.tiny import (
    AUTHORISED,
    LISTENING,
    ORDER_ID,
    OTHER_ID,
    REFUSED,
    START,
    encode,
    order,
    update,
)


def read(**changes: Any) -> ExecutionReport:
    return order_report(encode(order(**changes)), Source.ANSWER, START)


def frame(event: str, changes: dict[str, Any] | None = None, **more: Any) -> ExecutionReport:
    report = decode_frame(encode(update(event, changes=changes, **more)), START)
    assert isinstance(report, ExecutionReport), report
    return report


def quarantined(raw: bytes | str) -> MessageQuarantined:
    found = decode_frame(raw, START)
    assert isinstance(found, MessageQuarantined), found
    return found


def test_an_order_answer_becomes_a_status_report() -> None:
    report = read(filled_qty="4", filled_avg_price="187.123456789", status="partially_filled")
    assert report == ExecutionReport(
        transact_time=datetime(2026, 10, 8, 14, 0, 1, 500_000, tzinfo=UTC),
        cl_ord_id=ClOrdID("FB-1"),
        order_id=report.order_id,
        exec_type=ExecType.ORDER_STATUS,
        ord_status=OrdStatus.PARTIALLY_FILLED,
        symbol="AAPL",
        side=Side.BUY,
        source=Source.ANSWER,
        cum_qty=Qty(4),
        avg_px=Px("187.123456789"),
        order_qty=Qty(10),
        price=Px("187.2"),
        received_time=START,
    )
    assert report.order_id == ORDER_ID


def test_amounts_are_exact_whether_written_as_text_or_as_numbers() -> None:
    raw = encode(order()).replace(b'"187.2"', b"0.1").replace(b'"10"', b"123456789.123456789")
    report = order_report(raw, Source.ANSWER, START)
    assert report.price == Decimal("0.1")
    assert report.order_qty == Decimal("123456789.123456789")
    assert type(report.price) is Px
    assert type(report.cum_qty) is Qty


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_every_known_status_has_our_word(word: str, status: OrdStatus) -> None:
    report = read(status=word)
    assert report.ord_status is status
    assert not report.is_guessed
    assert report.text == ""


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, OrdStatus.ACCEPTED),
        ({"filled_qty": "3"}, OrdStatus.PARTIALLY_FILLED),
        ({"filled_qty": "10"}, OrdStatus.FILLED),
        ({"canceled_at": "2026-10-08T14:00:00Z"}, OrdStatus.CANCELED),
        ({"expired_at": "2026-10-08T14:00:00Z"}, OrdStatus.EXPIRED),
        ({"failed_at": "2026-10-08T14:00:00Z"}, OrdStatus.REJECTED),
        ({"replaced_by": OTHER_ID}, OrdStatus.REPLACED),
        ({"qty": None, "notional": "50", "filled_qty": "0.3"}, OrdStatus.PARTIALLY_FILLED),
    ],
)
def test_an_unknown_status_is_read_from_the_facts_and_kept(
    facts: dict[str, Any], status: OrdStatus
) -> None:
    report = read(status="warp_speed", **facts)
    assert report.ord_status is status
    assert report.is_guessed
    assert "'warp_speed'" in report.text


def test_unknown_and_missing_fields_that_nobody_needs_do_no_harm() -> None:
    wire = order(brand_new={"deep": [1]}, order_class="hexagon", time_in_force="moon")
    for needless in ("legs", "asset_id", "type", "hwm", "expires_at", "stop_price", "created_at"):
        del wire[needless]
    assert order_report(encode(wire), Source.POLL, START).symbol == "AAPL"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"filled_qty": "NaN"}, "filled_qty"),
        ({"filled_qty": "-1"}, "filled_qty"),
        ({"filled_qty": None}, "filled_qty"),
        ({"filled_qty": "many"}, "filled_qty"),
        ({"qty": "Infinity"}, "qty"),
        ({"limit_price": "sNaN"}, "limit_price"),
        ({"limit_price": True}, "limit_price"),
        ({"filled_avg_price": "cheap"}, "filled_avg_price"),
        ({"status": None}, "status"),
        ({"id": 7}, "id"),
        ({"side": None}, "side"),
        ({"side": "both"}, "side"),
        ({"symbol": ""}, "symbol"),
        ({"updated_at": "yesterday"}, "updated_at"),
        ({"updated_at": "2026-10-08T14:00:00"}, "updated_at"),
        ({"status": "odd", "filled_qty": "NaN"}, "filled_qty"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Unreadable, match=named):
        read(**changes)
    found = quarantined(encode(update("new", changes=changes)))
    assert named in found.text


def test_an_order_without_any_time_is_named() -> None:
    with pytest.raises(Unreadable, match="updated_at"):
        read(updated_at=None, submitted_at=None, created_at=None)
    found = quarantined(encode(update("new", changes={"updated_at": None}, timestamp=None)))
    assert "timestamp" in found.text


@pytest.mark.parametrize("missing", ["id", "client_order_id", "status", "filled_qty"])
def test_a_missing_field_is_named(missing: str) -> None:
    wire = order()
    del wire[missing]
    with pytest.raises(Unreadable, match=missing):
        order_report(encode(wire), Source.ANSWER, START)


def test_times_of_other_zones_and_finer_digits_become_utc_microseconds() -> None:
    report = read(updated_at="2026-10-08T11:12:13.123456499-04:00")
    assert report.transact_time == datetime(2026, 10, 8, 15, 12, 13, 123456, tzinfo=UTC)
    assert report.transact_time.tzinfo is UTC


@pytest.mark.parametrize(("event", "exec_type"), EVENTS.items())
def test_every_known_event_has_our_word(event: str, exec_type: ExecType) -> None:
    more: dict[str, Any] = {"price": "1.5", "qty": "2", "previous_execution_id": "e-0"}
    assert frame(event, None, **more).exec_type is exec_type


def test_a_fill_says_what_this_execution_was_and_what_the_total_is() -> None:
    changes = {"status": "filled", "filled_qty": "10", "filled_avg_price": "10.506"}
    report = frame("fill", changes, price="10.51", qty="6", position_qty="10")
    assert report.exec_type is ExecType.TRADE
    assert report.ord_status is OrdStatus.FILLED
    assert (report.last_qty, report.last_px) == (Qty(6), Px("10.51"))
    assert (report.cum_qty, report.avg_px) == (Qty(10), Px("10.506"))
    assert report.exec_id == "e-1"
    assert report.source is Source.STREAM
    assert report.transact_time == datetime(2026, 10, 8, 14, 0, 2, 2, tzinfo=UTC)


def test_text_and_binary_frames_are_read_alike() -> None:
    raw = encode(update("new"))
    assert decode_frame(raw, START) == decode_frame(raw.decode(), START)


def test_a_status_frame_has_no_execution_even_if_it_carries_a_price() -> None:
    report = frame("canceled", {"status": "canceled"}, price="1", qty="1")
    assert (report.last_qty, report.last_px) == (None, None)


def test_replaced_carries_the_old_order_and_names_its_successor() -> None:
    old = frame("replaced", {"status": "replaced", "replaced_by": OTHER_ID})
    assert (old.order_id, old.next_order_id, old.prev_order_id) == (ORDER_ID, OTHER_ID, None)
    new = frame("new", {"id": OTHER_ID, "replaces": ORDER_ID})
    assert (new.order_id, new.prev_order_id, new.next_order_id) == (OTHER_ID, ORDER_ID, None)


def test_a_bust_names_the_execution_that_it_undoes() -> None:
    report = frame("trade_bust", price="10", qty="-4", previous_execution_id="e-0")
    assert report.exec_type is ExecType.TRADE_CANCEL
    assert (report.exec_id, report.ref_exec_id, report.last_qty) == ("e-1", "e-0", Qty(4))
    nameless = quarantined(encode(update("trade_bust", price="10", qty="4")))
    assert "previous_execution_id" in nameless.text


def test_a_refused_cancel_or_replace_is_told_in_words() -> None:
    assert frame("order_cancel_rejected").text == "the venue refused the cancel"
    assert frame("order_replace_rejected").text == "the venue refused the replace"
    assert frame("order_cancel_rejected").exec_type is ExecType.ORDER_STATUS


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"qty": "5"}, "price"),
        ({"price": "10"}, "qty"),
        ({"price": "10", "qty": "0"}, "qty"),
        ({"price": "NaN", "qty": "5"}, "price"),
        ({"price": "0", "qty": "5"}, "price"),
    ],
)
def test_a_fill_without_its_size_or_price_is_kept_and_named(
    more: dict[str, Any], named: str
) -> None:
    raw = encode(update("fill", **more))
    found = quarantined(raw)
    assert named in found.text
    assert found.raw == raw.decode()
    assert (found.source, found.transact_time) == (Source.STREAM, START)


@pytest.mark.parametrize(
    "raw",
    [
        encode(update("order_teleported")),
        b'{"stream":"trade_updates"}',
        b'{"stream":"trade_updates","data":{"event":"fill"}}',
        b'{"stream":"horoscope","data":{}}',
        b"[1,2,3]",
        b"nonsense",
        "nonsense",
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"stream":"trade_updates","data":' + b"[" * 60_000,
        encode(update("new"))[:300],
        b"null",
    ],
    ids=range(12),
)
def test_a_frame_that_nobody_can_read_is_kept_and_raises_nothing(raw: bytes | str) -> None:
    found = quarantined(raw)
    assert found.text
    assert found.raw == (raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace"))


def test_frames_about_the_stream_itself() -> None:
    granted, refused = (
        decode_frame(encode(AUTHORISED), START),
        decode_frame(encode(REFUSED), START),
    )
    assert isinstance(granted, Authorization)
    assert granted.is_granted
    assert isinstance(refused, Authorization)
    assert not refused.is_granted
    listening = decode_frame(encode(LISTENING), START)
    assert isinstance(listening, Listening)
    assert listening.is_following
    deaf = decode_frame(b'{"stream":"listening","data":{"streams":[]}}', START)
    assert isinstance(deaf, Listening)
    assert not deaf.is_following
    assert decode_frame(b"\x01", START) == Notice("heartbeat")
    complaint = b'{"action":"error","data":{"error_message":"internal server error"}}'
    assert decode_frame(complaint, START) == Notice("internal server error", is_error=True)


def test_the_legs_that_a_listing_folds_are_unfolded() -> None:
    leg = order(id=OTHER_ID, status="held", order_class="bracket")
    page = order_page(encode([order(order_class="bracket", legs=[leg])]), Source.POLL, START)
    assert [one.order_id for one in page.reports] == [ORDER_ID, OTHER_ID]
    assert page.reports[1].ord_status is OrdStatus.HELD
    assert (page.rows, page.last_id, page.has_groups) == (1, ORDER_ID, True)


def test_an_option_order_of_many_legs_does_not_spoil_a_listing() -> None:
    combined = order(id=OTHER_ID, order_class="mleg", symbol="", side=None)
    page = order_page(encode([combined, order()]), Source.POLL, START)
    assert [one.order_id for one in page.reports] == [ORDER_ID]
    assert page.rows == 2


def test_a_listing_with_a_row_that_cannot_be_read_is_no_listing() -> None:
    with pytest.raises(Unreadable, match="filled_qty"):
        order_page(encode([order(), order(filled_qty=None)]), Source.POLL, START)


ACTIVITY = {
    "id": "20261008100002123::0b7f6a3e-5f1d-4a6c-8a51-6f1a2f0a9d11",
    "activity_type": "FILL",
    "type": "partial_fill",
    "transaction_time": "2026-10-08T14:00:02.123456Z",
    "symbol": "AAPL",
    "side": "sell_short",
    "qty": "4",
    "price": "10.5",
    "leaves_qty": "6",
    "cum_qty": "4",
    "order_id": ORDER_ID,
    "order_status": "partially_filled",
}


def test_an_activity_is_an_execution() -> None:
    page = activity_page(encode([ACTIVITY]), START)
    assert page.last_id == ACTIVITY["id"]
    [report] = page.reports.values()
    assert report.exec_id == "0b7f6a3e-5f1d-4a6c-8a51-6f1a2f0a9d11"
    assert (report.exec_type, report.source) == (ExecType.TRADE, Source.ACTIVITY)
    assert (report.last_qty, report.last_px, report.cum_qty) == (Qty(4), Px("10.5"), Qty(4))
    assert (report.order_id, report.cl_ord_id, report.side) == (ORDER_ID, "", Side.SELL)
    assert report.ord_status is OrdStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"order_status": "filled"}, OrdStatus.FILLED),
        ({"order_status": None, "leaves_qty": "0"}, OrdStatus.FILLED),
        ({"order_status": None, "leaves_qty": None}, OrdStatus.PARTIALLY_FILLED),
    ],
)
def test_an_activity_tells_whether_it_was_the_last(
    changes: dict[str, Any], status: OrdStatus
) -> None:
    page = activity_page(encode([{**ACTIVITY, **changes}]), START)
    assert [one.ord_status for one in page.reports.values()] == [status]


@pytest.mark.parametrize("named", ["qty", "price", "cum_qty", "order_id", "transaction_time"])
def test_an_activity_that_lacks_something_is_named(named: str) -> None:
    with pytest.raises(Unreadable, match=named):
        activity_page(encode([{**ACTIVITY, named: None}]), START)


def test_an_order_is_written_as_alpaca_takes_it() -> None:
    request = OrderRequest.limit(
        "buy", "1.50", "AAPL", limit_price="187.20", time_in_force="day", extended_hours=True
    )
    assert json.loads(order_body(ClOrdID("FB-1"), request)) == {
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "client_order_id": "FB-1",
        "qty": "1.5",
        "limit_price": "187.2",
        "extended_hours": True,
    }


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (OrderRequest.market("sell", 3, "F"), {"type": "market", "qty": "3"}),
        (
            OrderRequest.market("buy", None, "F", notional="12.50"),
            {"type": "market", "notional": "12.5"},
        ),
        (
            OrderRequest.stop_limit("sell", 3, "F", stop_price="9", limit_price="8.9"),
            {"type": "stop_limit", "stop_price": "9", "limit_price": "8.9", "qty": "3"},
        ),
        (
            OrderRequest.trailing_stop("sell", 3, "F", trail_percent="2.5"),
            {"type": "trailing_stop", "trail_percent": "2.5", "qty": "3"},
        ),
        (
            OrderRequest.trailing_stop("sell", 3, "F", trail_price="0.25"),
            {"type": "trailing_stop", "trail_price": "0.25", "qty": "3"},
        ),
    ],
)
def test_each_kind_of_order_has_only_its_own_fields(
    request_: OrderRequest, fields: dict[str, str]
) -> None:
    written = json.loads(order_body(ClOrdID("FB-1"), request_))
    for common in ("symbol", "side", "time_in_force", "client_order_id"):
        del written[common]
    assert written == fields


def test_no_number_is_ever_written_with_an_exponent() -> None:
    request = OrderRequest.limit("buy", Decimal("1E+3"), "F", limit_price="10.00")
    assert json.loads(order_body(ClOrdID("x"), request))["qty"] == "1000"


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (
            OrderRequest.bracket("buy", 5, "F", take_profit="12.50", stop_loss=9),
            {
                "type": "market",
                "order_class": "bracket",
                "take_profit": {"limit_price": "12.5"},
                "stop_loss": {"stop_price": "9"},
            },
        ),
        (
            OrderRequest.oco("sell", 5, "F", take_profit=12, stop_loss=9, stop_loss_limit="8.90"),
            {
                "type": "limit",
                "order_class": "oco",
                "take_profit": {"limit_price": "12"},
                "stop_loss": {"stop_price": "9", "limit_price": "8.9"},
            },
        ),
        (
            OrderRequest.oto("buy", 5, "F", limit_price=10, stop_loss=9),
            {
                "type": "limit",
                "limit_price": "10",
                "order_class": "oto",
                "stop_loss": {"stop_price": "9"},
            },
        ),
    ],
)
def test_a_group_of_orders_is_one_body(asked: OrderRequest, fields: dict[str, Any]) -> None:
    written = json.loads(order_body(ClOrdID("FB-1"), asked))
    for common in ("symbol", "side", "time_in_force", "client_order_id", "qty"):
        del written[common]
    assert written == fields


def test_an_answer_brings_the_reports_of_its_legs_which_name_their_parent() -> None:
    profit = order(id=OTHER_ID, client_order_id="p", status="held", limit_price="12")
    loss = order(id="third", client_order_id="s", status="held", stop_price="9")
    raw = encode(order(order_class="bracket", legs=[profit, loss]))
    report = order_report(raw, Source.ANSWER, START)
    assert [(one.cl_ord_id, one.order_id, one.parent) for one in report.legs] == [
        ("p", OTHER_ID, "FB-1"),
        ("s", "third", "FB-1"),
    ]
    assert [one.stop_px for one in report.legs] == [None, Px(9)]
    assert {one.ord_status for one in report.legs} == {OrdStatus.HELD}
    assert report.parent is None


def test_a_replace_names_its_successor_and_only_what_changes() -> None:
    change = OrderCancelReplaceRequest(
        transact_time=START, cl_ord_id=ClOrdID("FB-1"), wire_id="FB-1.2", order_qty=Qty(12)
    )
    assert json.loads(replace_body(change)) == {"client_order_id": "FB-1.2", "qty": "12"}
    more = msgspec.structs.replace(
        change,
        order_qty=None,
        price=Px("187.50"),
        stop_px=Px("180"),
        trail=Decimal("0.50"),
        time_in_force=TimeInForce.GOOD_TILL_CANCEL,
    )
    assert json.loads(replace_body(more)) == {
        "client_order_id": "FB-1.2",
        "limit_price": "187.5",
        "stop_price": "180",
        "trail": "0.5",
        "time_in_force": "gtc",
    }


def test_keys_are_written_to_the_stream_and_shown_nowhere_else() -> None:
    pair = Credentials("THE-ID", "THE-SECRET")
    assert json.loads(authorize_frame(pair))["data"] == {
        "key_id": "THE-ID",
        "secret_key": "THE-SECRET",
    }
    shown = f"{pair} {pair!r} {pair.secret_key} {pair.secret_key!r} {pair.key_id:>20}"
    assert "THE-" not in shown
    with pytest.raises(TypeError, match="not written anywhere"):
        pair.secret_key.__reduce__()
