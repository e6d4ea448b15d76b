"""The broker's recent refusals and failures: those of this process, else those of the journal."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from floorbroker.deskwork.latencies import RECORDS_MAX
from floorbroker.domain.errors import BrokerError
from floorbroker.domain.messages import (
    JournalMessage,
    OrderCancelReject,
    OrderReject,
    RequestUnanswered,
    RequestUndelivered,
)
from floorbroker.journal.port import JournalReader

_ERRORS_MAX = 20


class ErrorNote(Struct, frozen=True, kw_only=True):
    """One of them. `kind`: rejected (they said no), unreachable (it surely did not arrive) or
    unknown (it may have). A status and the broker's own name for the request are not journaled."""

    time: datetime | None
    kind: str
    request: str
    text: str
    status: int | None = None
    code: int | None = None
    request_id: str = ""


def errors_of(noted: Sequence[BrokerError], journal: JournalReader) -> tuple[ErrorNote, ...]:
    """The newest, oldest first."""
    if noted:
        return tuple(
            ErrorNote(
                time=problem.time,
                kind=problem.kind,
                request=problem.request,
                text=problem.text,
                status=problem.status,
                code=problem.code,
                request_id=problem.request_id,
            )
            for problem in list(noted)[-_ERRORS_MAX:]
        )
    found: deque[ErrorNote] = deque(maxlen=_ERRORS_MAX)
    for record in journal.records(after=max(journal.head().seq - RECORDS_MAX, 0)):
        note = _journaled(record.message)
        if note is not None:
            found.append(note)
    return tuple(found)


def _journaled(message: JournalMessage) -> ErrorNote | None:
    if isinstance(message, OrderReject):
        kind, request, code = "rejected", "new", message.code
    elif isinstance(message, OrderCancelReject):
        kind, request, code = "rejected", message.request.value, message.code
    elif isinstance(message, RequestUndelivered):
        kind, request, code = "unreachable", message.request.value, None
    elif isinstance(message, RequestUnanswered):
        kind, request, code = "unknown", message.request.value, None
    else:
        return None
    return ErrorNote(
        time=message.transact_time,
        kind=kind,
        request=f"{request} {message.cl_ord_id}",
        text=message.text,
        code=code,
    )
