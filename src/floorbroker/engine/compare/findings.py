"""What becomes of differences from one comparison to the next: ids, repairs, and what stands."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from msgspec.structs import replace

from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind

_DONE = {
    BreakCause.MISSED_FILL: "its executions were fetched from the broker and booked",
    BreakCause.LATE_ACK: "the broker's word was taken",
    BreakCause.MISSING_ORDER: "it was found, or closed by evidence",
    BreakCause.UNKNOWN: "executions were fetched from the broker and booked",
}


def repaired(before: Iterable[Break], after: Iterable[Break]) -> list[Break]:
    """What was found, with what is gone after the repair closed."""
    still = {(found.cause, found.subject) for found in after}
    return [
        found
        if (found.cause, found.subject) in still or not found.is_open
        else _closed(found, _DONE.get(found.cause, "explained meanwhile"))
        for found in before
    ]


def new(after: Iterable[Break], before: Iterable[Break]) -> list[Break]:
    """What was not found before the repair."""
    known = {(found.cause, found.subject) for found in before}
    return [found for found in after if (found.cause, found.subject) not in known]


def _closed(found: Break, repair: str) -> Break:
    return replace(found, repair=repair, is_open=False, proposal=None)


def standing(
    found: Sequence[Break], before: Iterable[Break], kinds: Collection[BreakKind], now: datetime
) -> tuple[Break, ...]:
    """Every break after a comparison of these kinds, with its id, `before` being all from before.

    One that is found again keeps its id, and its approval if it was only taken note of. An open
    one that is not found again is told as closed. Of other kinds what is open stands, and so does
    what the broker did on its own, until somebody has looked at it.
    """
    known = {one.key: one for one in before}
    again = [_same(one, known.get(one.key), now) for one in found]
    keys = {one.key for one in found}
    kept = []
    for one in known.values():
        if one.key in keys or not (one.is_open or one.approved_by):
            continue
        if one.kind not in kinds or (one.is_open and one.cause is BreakCause.BROKER_ACTION):
            kept.append(one)
        elif one.is_open:
            kept.append(_closed(one, "gone: the books agree again"))
    return (*again, *kept)


def _same(found: Break, before: Break | None, now: datetime) -> Break:
    if before is None or _is_over(before):
        return replace(found, break_id=_name(found, now), found_time=now)
    found = replace(found, break_id=before.break_id, found_time=before.found_time)
    if not before.approved_by:
        return found
    return replace(
        found,
        is_open=False,
        approved_by=before.approved_by,
        note=before.note,
        repair=before.repair,
    )


def _is_over(before: Break) -> bool:
    """The repair that was approved has been carried out: found again, it is another break."""
    proposal = before.proposal
    return bool(before.approved_by) and proposal is not None and proposal.changes_books


def _name(found: Break, now: datetime) -> str:
    text = "/".join((*found.key, now.isoformat()))
    return f"{found.kind}-{sha256(text.encode()).hexdigest()[:8]}"


def is_news(found: Iterable[Break], before: Iterable[Break]) -> bool:
    """Whether the breaks must be written down: one is new, or stands differently."""
    known = {(one.key, one.cause, one.is_open, one.evidence) for one in before}
    return any((one.key, one.cause, one.is_open, one.evidence) not in known for one in found)
