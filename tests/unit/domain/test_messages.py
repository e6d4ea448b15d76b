"""Messages come back from the journal as they went in, for ever."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.books.breaks import CashCount, Proposal
from floorbroker.domain.books.earlier import AuctionVolumes, DayStats, VolumeCurve
from floorbroker.domain.books.parents import ParentState
from floorbroker.domain.ids import Account, ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    ENCODER,
    MESSAGE_DECODER,
    ORDER_DECODER,
    Alarm,
    Armed,
    Break,
    BreakApproved,
    BreakCause,
    BreakKind,
    BusinessMessageReject,
    CashAdjusted,
    DeskClosed,
    DeskOpened,
    ExecType,
    ExecutionReport,
    JournalMessage,
    KillLevel,
    KillSwitched,
    LegAdopted,
    LimitsChanged,
    Message,
    MessageQuarantined,
    NewOrderSingle,
    OrderCancelReject,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrderExpiredUnsent,
    OrderNotPlaced,
    OrderReject,
    OrderReopened,
    ParentEnded,
    ParentOrder,
    ParentReplaced,
    ParentStep,
    ParentSwitched,
    PositionAdjusted,
    Reconciliation,
    RequestKind,
    RequestSent,
    RequestUnanswered,
    RequestUndelivered,
    RiskState,
    RiskStateChanged,
    Source,
    TimerFired,
    TimerSet,
    TradingResumed,
    decoder_for,
)
from floorbroker.domain.order import (
    Fill,
    Order,
    OrderRequest,
    OrdStatus,
    Pending,
    Side,
    TimeInForce,
)

NOON = datetime(2026, 3, 2, 17, 0, 0, 123456, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 17, 0, 1, tzinfo=UTC)
MINE = ClOrdID("fb-01ARYZ6S41")
MAIN = Account("main")
LIMIT = OrderRequest.limit("buy", 10, "AAPL", limit_price="187.20", cl_ord_id=MINE)

FILL = Fill(
    exec_id=ExecID("e-1"),
    order_id=OrderID("o-1"),
    cl_ord_id=MINE,
    symbol="AAPL",
    side=Side.BUY,
    last_qty=Qty("2.5"),
    last_px=Px("187.19"),
    cum_qty=Qty("2.5"),
    transact_time=NOON,
    account=MAIN,
)
ORDER = Order(
    cl_ord_id=MINE,
    account=MAIN,
    request=LIMIT,
    created_time=NOON,
    venue_status=OrdStatus.PARTIALLY_FILLED,
    pending=Pending.CANCEL,
    order_id=OrderID("o-1"),
    wire_id=MINE,
    cum_qty=Qty("2.5"),
    avg_px=Px("187.19"),
    booked_cum_qty=Qty(1),
    fills=(FILL,),
    attempt=2,
    sent_time=NOON,
    acked_time=LATER,
    ended_time=None,
    updated_time=LATER,
    text="",
    replaces=(OrderID("o-0"),),
)

LEG = ExecutionReport(
    transact_time=NOON,
    cl_ord_id=ClOrdID("server-made"),
    order_id=OrderID("o-7"),
    exec_type=ExecType.ORDER_STATUS,
    ord_status=OrdStatus.HELD,
    symbol="AAPL",
    side=Side.SELL,
    source=Source.ANSWER,
)

#: One of each, every field set, so that a field that does not come back is seen.
BREAK = Break(
    cause=BreakCause.MISSED_FILL,
    subject=MINE,
    ours="0",
    theirs="10",
    evidence="execution e-1",
    repair="booked",
    is_open=False,
    kind=BreakKind.POSITION,
    symbol="AAPL",
    difference="10",
    break_id="position-4be1c09a",
    found_time=NOON,
    proposal=Proposal(symbol="AAPL", qty=Qty(10), px=Px("9.5"), cost=Money(95), cash=Money("-95")),
    approved_by="Jane Doe",
    note="ticket 12",
)
MESSAGES: list[JournalMessage] = [
    DeskOpened(
        transact_time=NOON,
        epoch=3,
        version="0.1.0",
        account=MAIN,
        broker="alpaca",
        mode="paper",
        number="PA3",
    ),
    DeskClosed(transact_time=NOON, epoch=3),
    NewOrderSingle(
        transact_time=NOON, cl_ord_id=MINE, account=MAIN, order=LIMIT, ref_px=Px("187.21")
    ),
    OrderCancelRequest(transact_time=NOON, cl_ord_id=MINE, text="asked by hand"),
    OrderCancelReplaceRequest(
        transact_time=NOON,
        cl_ord_id=MINE,
        wire_id="fb-2",
        order_qty=Qty(12),
        price=Px("187.30"),
        stop_px=Px("180"),
        trail=Decimal("0.5"),
        time_in_force=TimeInForce.GOOD_TILL_CANCEL,
    ),
    RequestSent(transact_time=NOON, cl_ord_id=MINE, request=RequestKind.NEW, attempt=1),
    RequestUndelivered(
        transact_time=NOON, cl_ord_id=MINE, request=RequestKind.CANCEL, attempt=1, text="refused"
    ),
    RequestUnanswered(
        transact_time=NOON,
        cl_ord_id=MINE,
        request=RequestKind.REPLACE,
        attempt=2,
        text="time-out",
        is_refusal=True,
    ),
    ExecutionReport(
        transact_time=NOON,
        cl_ord_id=MINE,
        order_id=OrderID("o-1"),
        exec_type=ExecType.TRADE,
        ord_status=OrdStatus.PARTIALLY_FILLED,
        symbol="AAPL",
        side=Side.BUY,
        source=Source.STREAM,
        exec_id=ExecID("e-1"),
        ref_exec_id=ExecID("e-0"),
        last_qty=Qty("2.5"),
        last_px=Px("187.19"),
        cum_qty=Qty("2.5"),
        avg_px=Px("187.19"),
        order_qty=Qty(10),
        price=Px("187.20"),
        stop_px=Px("180"),
        prev_order_id=OrderID("o-0"),
        next_order_id=OrderID("o-2"),
        received_time=LATER,
        text="words",
        parent=ClOrdID("FB-0"),
        legs=(LEG,),
        origin="liquidation",
        is_guessed=True,
    ),
    OrderCancelReject(
        transact_time=NOON,
        cl_ord_id=MINE,
        request=RequestKind.CANCEL,
        text="filled",
        code=42210000,
    ),
    OrderReject(transact_time=NOON, cl_ord_id=MINE, text="buying power", code=40310000),
    OrderNotPlaced(transact_time=NOON, cl_ord_id=MINE, text="nowhere to be found"),
    OrderExpiredUnsent(transact_time=NOON, cl_ord_id=MINE, text="too old"),
    BusinessMessageReject(
        transact_time=NOON,
        command="submit_order",
        text="no",
        cl_ord_id=MINE,
        symbol="AAPL",
        control="P06",
    ),
    MessageQuarantined(transact_time=NOON, source=Source.STREAM, raw='{"x": ', text="cut short"),
    Alarm(transact_time=NOON, name="after_the_end", text="a fill", cl_ord_id=MINE, is_over=True),
    TimerSet(transact_time=NOON, timer_id="expiry:1", due_time=LATER),
    TimerFired(transact_time=NOON, timer_id="expiry:1"),
    PositionAdjusted(
        transact_time=NOON,
        account=MAIN,
        symbol="AAPL",
        qty=Qty(-5),
        px=Px("187.20"),
        cause=BreakCause.EXTERNAL_POSITION,
        text="transferred in",
        cost=Money("-936"),
        break_id=BREAK.break_id,
        approved_by="Jane Doe",
    ),
    CashAdjusted(
        transact_time=NOON,
        account=MAIN,
        amount=Money("-0.01"),
        cause=BreakCause.ROUNDING,
        break_id="cash-4be1c09a",
        approved_by="Jane Doe",
    ),
    BreakApproved(
        transact_time=NOON, account=MAIN, found=BREAK, approved_by="Jane Doe", note="ticket 12"
    ),
    OrderReopened(transact_time=NOON, order=ORDER),
    LegAdopted(
        transact_time=NOON,
        cl_ord_id=ClOrdID(f"{MINE}/sl"),
        parent=MINE,
        account=MAIN,
        order=LIMIT,
        order_id=OrderID("o-7"),
        wire_id="server-made",
        known_as=ClOrdID("server-made"),
    ),
    Reconciliation(
        transact_time=NOON,
        account=MAIN,
        orders_compared=7,
        positions_compared=3,
        breaks=(BREAK,),
        broker_time=LATER,
        kinds=(BreakKind.POSITION, BreakKind.CASH),
        fills_compared=12,
        cash=CashCount(
            cash=Money("99.5"),
            traded=Money("-0.505"),
            rounded=Money("-0.5"),
            executions=1,
            activity_ids=("a-1",),
            until=NOON,
        ),
    ),
    KillSwitched(
        transact_time=NOON,
        level=KillLevel.CANCEL,
        reason="fat finger",
        by="risk",
        may_reduce=True,
        latch_id="5f",
    ),
    TradingResumed(transact_time=NOON, reason="cause found", by="risk"),
    RiskStateChanged(
        transact_time=NOON,
        state=RiskState.HALTED,
        cause="A05: stale",
        by="the desk",
        control="A05",
        symbol="AAPL",
        strategy="mean",
    ),
    LimitsChanged(
        transact_time=NOON,
        name="order_qty_max",
        old='"5"',
        new='"9"',
        by="risk",
        effective_time=LATER,
        scope="symbol",
        whose="AAPL",
        reason="basket",
    ),
    Armed(
        transact_time=NOON,
        account=Account("main"),
        by="risk",
        version="1",
        identity="5f",
        expires_time=LATER,
        cause="limits changed",
    ),
    ParentOrder(
        transact_time=NOON,
        parent_id=ClOrdID("fb-9"),
        account=Account("PA1"),
        side=Side.BUY,
        symbol="AAPL",
        qty=Qty(1000),
        algo="vwap",
        start_ns=1,
        end_ns=2,
        limit=Px("187.2"),
        params={"mode": "static"},
        curve=VolumeCurve(
            edges_ns=(1, 2, 3), shares=(Decimal(2), Decimal(1)), day_volume=Decimal(9)
        ),
        stats=DayStats(
            adv=Decimal(9),
            spread=Decimal("0.01"),
            days=3,
            auctions=AuctionVolumes(closing=Decimal(7), days=2, source="ticks", as_of_ns=1),
        ),
        strategy="mean",
        session_ns=(1, 2),
    ),
    ParentStep(
        transact_time=NOON,
        parent_id=ClOrdID("fb-9"),
        count=2,
        children={ClOrdID("fb-9~2"): "rest"},
        memo={"slice": 1},
        target=Qty(200),
        why="sends 100 to rest",
        wake_ns=2,
        withheld=("new 100 at 3: 3 is worse than the limit, 2",),
    ),
    ParentSwitched(
        transact_time=NOON,
        parent_id=ClOrdID("fb-9"),
        to=ParentState.PAUSED,
        by="risk",
        reason="news",
    ),
    ParentReplaced(
        transact_time=NOON,
        parent_id=ClOrdID("fb-9"),
        qty=Qty(800),
        limit=Px("188"),
        end_ns=3,
        params={"mode": "dynamic"},
    ),
    ParentEnded(
        transact_time=NOON,
        parent_id=ClOrdID("fb-9"),
        outcome=ParentState.CANCELED,
        filled=Qty(300),
        cost=Money("56160.5"),
        text="news",
    ),
]


def name_of(message: object) -> str:
    return type(message).__name__


def test_every_kind_of_message_is_tried_here() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(JournalMessage))


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_every_field_of_the_example_is_set(message: Message) -> None:
    for field in msgspec.structs.fields(message):
        if field.default is not msgspec.NODEFAULT:
            assert getattr(message, field.name) != field.default, field.name


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_the_message_comes_back_from_json(message: JournalMessage) -> None:
    body = ENCODER.encode(message)
    again = MESSAGE_DECODER.decode(body)
    assert again == message
    assert type(again) is type(message)
    assert ENCODER.encode(again) == body


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_the_json_names_its_type_first_and_keeps_the_order_of_fields(message: Message) -> None:
    written = json.loads(ENCODER.encode(message))
    names = list(written)
    assert names[:2] == ["type", "transact_time"]
    assert names[1:] == [field.name for field in msgspec.structs.fields(message)]
    assert written["type"] == name_of(message)


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_no_number_of_money_is_written_as_a_json_number(message: Message) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is a JSON float")

    json.loads(ENCODER.encode(message), parse_float=refuse)


#: The canonical bytes of three records. They are hashed into the chain of every journal that
#: exists, so a change here breaks old journals: add fields with defaults at the end instead.
GOLDEN = {
    "NewOrderSingle": (
        b'{"type":"NewOrderSingle","transact_time":"2026-03-02T17:00:00.123456Z",'
        b'"cl_ord_id":"fb-01ARYZ6S41","account":"main","order":{"side":"buy","symbol":"AAPL",'
        b'"ord_type":"limit","order_qty":"10","price":"187.20","cl_ord_id":"fb-01ARYZ6S41"}}'
    ),
    "RequestSent": (
        b'{"type":"RequestSent","transact_time":"2026-03-02T17:00:00.123456Z",'
        b'"cl_ord_id":"fb-01ARYZ6S41","request":"new","attempt":1}'
    ),
    "ExecutionReport": (
        b'{"type":"ExecutionReport","transact_time":"2026-03-02T17:00:00.123456Z",'
        b'"cl_ord_id":"fb-01ARYZ6S41","order_id":"o-1","exec_type":"trade",'
        b'"ord_status":"partially_filled","symbol":"AAPL","side":"buy","source":"stream",'
        b'"exec_id":"e-1","ref_exec_id":"e-0","last_qty":"2.5","last_px":"187.19",'
        b'"cum_qty":"2.5","avg_px":"187.19","order_qty":"10","price":"187.20","stop_px":"180",'
        b'"prev_order_id":"o-0","next_order_id":"o-2",'
        b'"received_time":"2026-03-02T17:00:01Z","text":"words"}'
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_canonical_bytes_do_not_change(name: str) -> None:
    message = next(message for message in MESSAGES if name_of(message) == name)
    if isinstance(message, ExecutionReport):
        message = msgspec.structs.replace(
            message, parent=None, legs=(), origin="", is_guessed=False
        )  # later
    if isinstance(message, NewOrderSingle):
        message = msgspec.structs.replace(message, ref_px=None)  # later
    if isinstance(message, DeskOpened):
        message = msgspec.structs.replace(message, number="")  # later
    assert ENCODER.encode(message) == GOLDEN[name]
    assert MESSAGE_DECODER.decode(GOLDEN[name]) == message


@pytest.mark.parametrize("message", MESSAGES, ids=name_of)
def test_a_record_from_before_a_field_was_added_still_decodes(message: JournalMessage) -> None:
    written = json.loads(ENCODER.encode(message))
    for field in msgspec.structs.fields(message):
        if field.default is msgspec.NODEFAULT:
            continue
        old = {name: value for name, value in written.items() if name != field.name}
        decoded = MESSAGE_DECODER.decode(json.dumps(old))
        assert decoded == replace(message, **{field.name: field.default})


def test_a_record_with_a_field_from_the_future_still_decodes() -> None:
    body = b'{"type":"TimerFired","transact_time":"2026-03-02T17:00:00Z","timer_id":"t","new":1}'
    assert MESSAGE_DECODER.decode(body) == TimerFired(
        transact_time=LATER.replace(second=0), timer_id="t"
    )


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"type":"OrderTeleported","transact_time":"2026-03-02T17:00:00Z"}', "OrderTeleported"),
        (b'{"transact_time":"2026-03-02T17:00:00Z"}', "missing required field `type`"),
        (b'{"type":"TimerFired","timer_id":"t"}', "missing required field `transact_time`"),
        (b'{"type":"DeskClosed","transact_time":"2026-03-02T17:00:00Z","epoch":"x"}', "epoch"),
        (b'{"type":"DeskClosed","transact_time":"yesterday","epoch":1}', "transact_time"),
    ],
)
def test_a_record_that_is_none_of_ours_says_what_is_wrong(body: bytes, complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        MESSAGE_DECODER.decode(body)


@pytest.mark.parametrize("body", [b"", b"{", b'{"type":"TimerFired"', b"\xff\xfe"])
def test_bytes_that_are_no_json_are_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        MESSAGE_DECODER.decode(body)


@pytest.mark.parametrize("number", ["1.5", "0.1", "187.2"])
def test_an_amount_written_as_a_json_number_is_refused(number: str) -> None:
    body = ENCODER.encode(MESSAGES[2]).replace(b'"187.20"', number.encode())
    with pytest.raises(msgspec.ValidationError, match="price"):
        MESSAGE_DECODER.decode(body)


def test_an_order_with_its_fills_comes_back_from_json() -> None:
    body = ENCODER.encode(ORDER)
    again = ORDER_DECODER.decode(body)
    assert again == ORDER
    assert type(again.fills[0].last_px) is Px
    assert ENCODER.encode(again) == body
    assert decoder_for(Order).decode(body) == ORDER


def test_decoded_amounts_have_their_units() -> None:
    body = GOLDEN["ExecutionReport"]
    report = MESSAGE_DECODER.decode(body)
    assert isinstance(report, ExecutionReport)
    assert (type(report.last_qty), type(report.last_px)) == (Qty, Px)
    with pytest.raises(TypeError, match="has no meaning"):
        report.last_qty + report.last_px  # type: ignore[operator]  # the mistake that is tested


def test_trailing_zeros_survive_because_the_bytes_are_hashed() -> None:
    message = replace(MESSAGES[2], order=replace(LIMIT, price=Px("187.20")))
    other = replace(MESSAGES[2], order=replace(LIMIT, price=Px("187.2")))
    assert message == other
    for one in (message, other):
        assert ENCODER.encode(MESSAGE_DECODER.decode(ENCODER.encode(one))) == ENCODER.encode(one)


def test_small_and_large_amounts_are_written_without_an_exponent() -> None:
    message = replace(MESSAGES[2], order=replace(LIMIT, order_qty=Qty("1E-9"), price=Px("1E+3")))
    body = ENCODER.encode(message)
    assert b'"order_qty":"0.000000001"' in body
    assert b'"price":"1000"' in body


@pytest.mark.parametrize("text", ['"NaN"', '"Infinity"', '"-sNaN"', '"ten"', '""', "1.5", "true"])
def test_what_is_no_finite_exact_amount_is_not_read(text: str) -> None:
    body = ENCODER.encode(LIMIT)
    assert decoder_for(OrderRequest).decode(body) == LIMIT
    spoiled = re.sub(rb'"order_qty":"[0-9.]+"', f'"order_qty":{text}'.encode(), body)
    assert spoiled != body
    with pytest.raises(msgspec.ValidationError, match="order_qty"):
        decoder_for(OrderRequest).decode(spoiled)


def test_what_has_no_json_form_says_so() -> None:
    with pytest.raises(NotImplementedError, match="object has no JSON form"):
        ENCODER.encode(object())
    with pytest.raises(NotImplementedError, match="complex has no JSON form"):
        decoder_for(complex).decode(b"1")


def test_open_breaks_are_those_that_nobody_has_mended() -> None:
    found = next(one for one in MESSAGES if isinstance(one, Reconciliation))
    assert found.open_breaks == ()
    still_open = replace(found.breaks[0], is_open=True)
    assert replace(found, breaks=(*found.breaks, still_open)).open_breaks == (still_open,)


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=9)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
times = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  (the zone comes with the strategy)
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  (the zone comes with the strategy)
    timezones=st.just(UTC),
)


@given(time=times, qty=amounts, px=amounts, text=texts, raw=st.sampled_from(list(ExecType)))
def test_any_report_comes_back_from_json(
    time: datetime, qty: Decimal, px: Decimal, text: str, raw: ExecType
) -> None:
    report = ExecutionReport(
        transact_time=time,
        cl_ord_id=ClOrdID(text),
        order_id=OrderID(text),
        exec_type=raw,
        ord_status=OrdStatus.NEW,
        symbol=text,
        side=Side.SELL,
        source=Source.POLL,
        cum_qty=Qty(qty),
        avg_px=Px(px),
        text=text,
    )
    body = ENCODER.encode(report)
    assert MESSAGE_DECODER.decode(body) == report
    assert ENCODER.encode(MESSAGE_DECODER.decode(body)) == body


def test_messages_cannot_be_changed_once_made() -> None:
    message: Any = MESSAGES[0]
    with pytest.raises(AttributeError):
        message.epoch = 4
