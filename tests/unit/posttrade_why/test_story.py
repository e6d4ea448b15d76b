"""What is told about an order is complete, in order, and says who said it by which channel."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    Alarm,
    BusinessMessageReject,
    ExecType,
    JournalMessage,
    MessageQuarantined,
    Source,
    TimerFired,
)
from floorbroker.domain.order import OrdStatus
from floorbroker.journal.store import MemoryDisk
from floorbroker.posttrade.why.about import records_about
from floorbroker.posttrade.why.story import Line, story
from tests.unit.journal.samples import ID, NOON, fill, one_of_each, open_journal, report, timers


async def told(
    messages: list[JournalMessage], name: ClOrdID = ID, *, between: int = 0
) -> tuple[Line, ...]:
    """The story of the order in a journal of these messages, among others."""
    journal = open_journal(MemoryDisk())
    for message in messages:
        await journal.append([*timers(between), message])
    lines = story(journal, name)
    journal.close()
    return lines


async def test_every_kind_of_message_about_the_order_has_words_of_its_own() -> None:
    lines = await told(one_of_each(), between=2)
    kinds = {type(line.message).__name__ for line in lines}
    assert kinds >= {
        "Alarm",
        "DeskClosed",
        "ExecutionReport",
        "LegAdopted",
        "NewOrderSingle",
        "OrderCancelReject",
        "OrderCancelReplaceRequest",
        "OrderCancelRequest",
        "OrderExpiredUnsent",
        "OrderNotPlaced",
        "OrderReject",
        "Reconciliation",
        "RequestSent",
        "RequestUnanswered",
        "RequestUndelivered",
    }
    for line in lines:
        assert not line.text.startswith("{"), line
        assert line.speaker
        assert line.text.isprintable()


async def test_the_channel_is_told_and_the_gap_and_the_brokers_own_time() -> None:
    late = report(
        ExecType.NEW,
        OrdStatus.NEW,
        received_time=NOON + timedelta(seconds=2, milliseconds=350),
    )
    first, second = await told([fill(), late])
    assert (first.speaker, first.gap_ms) == ("broker, stream", None)
    assert first.time == NOON + timedelta(milliseconds=3)
    assert first.text.startswith(
        "buys 40 @ 187.185; partially filled, 40 of 100 filled at 187.185"
    )
    assert "broker's order 904837e3" in first.text
    assert "904837e3" not in second.text
    assert (second.gap_ms, second.broker_time) == (2347, NOON)
    assert "dated 2026-03-12 12:00:00.123 by the broker" in second.text


@pytest.mark.parametrize(
    ("source", "speaker"),
    [
        (Source.ANSWER, "broker, answer"),
        (Source.STREAM, "broker, stream"),
        (Source.LOOKUP, "broker, look-up"),
        (Source.POLL, "broker, listing"),
        (Source.ACTIVITY, "broker, executions"),
    ],
)
async def test_each_channel_has_a_name(source: Source, speaker: str) -> None:
    (line,) = await told([replace(fill(), source=source)])
    assert line.speaker == speaker


async def test_a_timer_and_raw_bytes_that_name_the_order_belong_to_it_and_no_others() -> None:
    messages: list[JournalMessage] = [
        TimerFired(transact_time=NOON, timer_id=f"ghost:{ID}"),
        TimerFired(transact_time=NOON, timer_id=f"ghost:{ID}x"),
        MessageQuarantined(
            transact_time=NOON, source=Source.STREAM, raw=f'{{"id":"{ID}"', text="cut"
        ),
        MessageQuarantined(
            transact_time=NOON, source=Source.STREAM, raw=f'{{"id":"{ID}x"', text="cut"
        ),
        Alarm(transact_time=NOON, name="odd", text=f"says {ID}", cl_ord_id=None),
    ]
    lines = await told(messages)
    assert [line.seq for line in lines] == [1, 3]


async def test_a_text_that_rings_bells_is_told_on_one_quiet_line() -> None:
    alarm = Alarm(transact_time=NOON, name="odd", text="a\n\x1b[31m\x07b", cl_ord_id=ID)
    (line,) = await told([alarm])
    assert line.text == "ALARM, odd: a\\n\\x1b[31m\\x07b"


async def test_a_refused_command_is_told_though_no_order_came_of_it() -> None:
    refusal = BusinessMessageReject(
        transact_time=NOON, command="submit", text="too large", cl_ord_id=ID, symbol="F"
    )
    (line,) = await told([refusal])
    assert line.text == "refuses the caller's submit: too large; nothing left the desk"


async def test_an_order_that_no_record_is_about_has_no_story() -> None:
    assert await told(one_of_each(), ClOrdID("nobody")) == ()


async def test_the_exact_bytes_of_the_records_come_with_a_proof() -> None:
    journal = open_journal(MemoryDisk())
    await journal.append(one_of_each())
    stored = {record.seq: record.body for record in journal.stored_records()}
    found = records_about(journal, ID)
    assert all(stored[record.seq] == record.body for record in found)
    journal.close()
