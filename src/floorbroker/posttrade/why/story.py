"""The life of one order as its records tell it: who said what, by which channel, and when.

A line stands for a record, in the order in which they were written, which is the order in which
the desk learned of things. Its time is when the desk learned of it or decided it; where the broker
dates an event otherwise, the text says so.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from floorbroker.domain import messages as m
from floorbroker.domain.ids import ClOrdID
from floorbroker.journal.port import JournalReader, StoredRecord
from floorbroker.posttrade.why.about import records_about
from floorbroker.posttrade.why.told import Heard, said, speaker
from floorbroker.posttrade.wording import DEFAULT_VIEW, View

#: What the broker dates so far from when we heard of it is told with both times.
_LATE = timedelta(seconds=1)


class Line(Struct, frozen=True, kw_only=True):
    """One record, told."""

    seq: int
    epoch: int
    time: datetime  #: When the desk learned of it, or decided it.
    gap_ms: int | None  #: Since the line before; None for the first.
    speaker: str
    text: str
    cl_ord_id: ClOrdID | None  #: Whose leg this is about, None for the order itself.
    broker_time: datetime | None  #: When it happened, by the broker's clock.
    message: m.JournalMessage


def story(
    reader: JournalReader, cl_ord_id: ClOrdID, view: View = DEFAULT_VIEW
) -> tuple[Line, ...]:
    """Every command, decision, request, answer and event of the order and its legs, and what
    happened to the desk meanwhile; empty if no record is about it. Raises JournalDamaged."""
    own = records_about(reader, cl_ord_id)
    if not own:
        return ()
    lines: list[Line] = []
    before: datetime | None = None
    heard = Heard()
    for record in sorted({*own, *_desk_meanwhile(reader, own)}, key=lambda one: one.seq):
        message = m.MESSAGE_DECODER.decode(record.body)
        when = _learned(message)
        lines.append(
            Line(
                seq=record.seq,
                epoch=record.epoch,
                time=when,
                gap_ms=None
                if before is None
                else int((when - before) / timedelta(milliseconds=1)),
                speaker=speaker(message),
                text=said(message, cl_ord_id, view, heard),
                cl_ord_id=_leg_of(message, cl_ord_id),
                broker_time=_dated(message, when),
                message=message,
            )
        )
        before = when
        heard.was_closed = isinstance(message, m.DeskClosed)
    return tuple(lines)


def _desk_meanwhile(reader: JournalReader, own: list[StoredRecord]) -> Iterable[StoredRecord]:
    """Openings and closings of the desk between the first record of the order and its last."""
    for record in reader.stored_records(own[0].seq):
        if record.seq > own[-1].seq:
            return
        if record.body.startswith((b'{"type":"DeskOpened"', b'{"type":"DeskClosed"')):
            yield record


def _learned(message: m.JournalMessage) -> datetime:
    if isinstance(message, m.ExecutionReport):
        return message.received_time or message.transact_time
    return message.transact_time


def _dated(message: m.JournalMessage, learned: datetime) -> datetime | None:
    if not isinstance(message, m.ExecutionReport):
        return None
    is_apart = abs(learned - message.transact_time) >= _LATE
    return message.transact_time if is_apart else None


def _leg_of(message: m.JournalMessage, cl_ord_id: ClOrdID) -> ClOrdID | None:
    own: ClOrdID | None = getattr(message, "cl_ord_id", None)
    return own if own is not None and own.startswith(f"{cl_ord_id}/") else None
