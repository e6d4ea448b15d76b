"""Which records of a journal are about one order: its own, its legs', and those that name it."""

from collections.abc import Iterable, Iterator

from floorbroker.domain import messages as m
from floorbroker.domain.ids import LEG, ClOrdID
from floorbroker.journal.port import JournalReader, StoredRecord


def records_about(reader: JournalReader, cl_ord_id: ClOrdID) -> list[StoredRecord]:
    """Every record about the order and its legs, in order, with its exact bytes.

    A leg may have been known by another name before it was found to be one; then its records of
    that time are there too. A leg was asked for with its order, so that record is its first. Empty
    for an id that no record is about. Raises JournalDamaged.
    """
    root = ClOrdID(cl_ord_id.partition(LEG)[0])
    found = list(_naming(reader, [root]))
    messages = [(record, m.MESSAGE_DECODER.decode(record.body)) for record in found]
    earlier = [
        message.known_as
        for _, message in messages
        if isinstance(message, m.LegAdopted)
        and message.known_as
        and _is_named(message.cl_ord_id, cl_ord_id)
    ]
    if earlier:
        found = list(_naming(reader, [root, *earlier]))
        messages = [(record, m.MESSAGE_DECODER.decode(record.body)) for record in found]
    names = [cl_ord_id, *earlier]
    own = [record for record, message in messages if is_about(message, names)]
    if not own or root == cl_ord_id:
        return own
    asked = (
        record
        for record, message in messages
        if isinstance(message, m.NewOrderSingle) and message.cl_ord_id == root
    )
    return [*asked, *own]


def is_about(message: m.JournalMessage, names: Iterable[ClOrdID]) -> bool:
    """Whether the message is about an order of these names, or a leg of one."""
    subjects = list(_subjects(message))
    return any(_is_named(subject, name) for subject in subjects for name in names) or (
        isinstance(message, m.MessageQuarantined)
        and any(f'"{name}"' in message.raw for name in names)
    )


def _naming(reader: JournalReader, names: Iterable[ClOrdID]) -> Iterator[StoredRecord]:
    """Records whose bytes have one of the names somewhere: most have not, and are not decoded."""
    needles = [m.ENCODER.encode(name)[1:-1] for name in names]
    for record in reader.stored_records():
        if any(needle in record.body for needle in needles):
            yield record


def _subjects(message: m.JournalMessage) -> Iterator[str]:
    own = getattr(message, "cl_ord_id", None)
    if own:
        yield own
    if isinstance(message, m.OrderReopened):
        yield message.order.cl_ord_id
    elif isinstance(message, m.LegAdopted):
        yield message.parent
    elif isinstance(message, m.TimerSet | m.TimerFired):
        yield message.timer_id.partition(":")[2]
    elif isinstance(message, m.Reconciliation):
        yield from (found.subject for found in message.breaks)


def _is_named(subject: str, name: str) -> bool:
    return subject == name or subject.startswith(f"{name}{LEG}")
