"""The approval of a break's repair: who, when, why, and what follows from it."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.books.breaks import Break
from floorbroker.domain.errors import Refused
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import (
    BreakApproved,
    CashAdjusted,
    JournalMessage,
    PositionAdjusted,
    Reconciliation,
)


class Approve(Struct, frozen=True, kw_only=True):
    """Carry out what is proposed for this break."""

    break_id: str
    by: str
    note: str = ""


def approved(
    compared: Reconciliation | None, command: Approve, now: datetime
) -> list[JournalMessage]:
    """The approval and its repair; raises Refused where no such break is open."""
    opened = {} if compared is None else {one.break_id: one for one in compared.open_breaks}
    found = opened.get(command.break_id)
    if not command.by.strip():
        raise Refused("by: the name of whoever approves it is missing")
    if found is None or compared is None:
        there = ", ".join(opened) or "none is open"
        raise Refused(f"break_id: {command.break_id} is no open break; there are: {there}")
    if found.proposal is None:
        raise Refused(f"{found.break_id}: there is nothing to approve yet; {found.repair}")
    closed = replace(
        found,
        is_open=False,
        approved_by=command.by,
        note=command.note,
        repair=_done(found, command.by),
    )
    approval = BreakApproved(
        account=compared.account,
        found=closed,
        approved_by=command.by,
        note=command.note,
        transact_time=now,
    )
    return [approval, *_carried_out(closed, compared.account, now)]


def _done(found: Break, by: str) -> str:
    if found.proposal is not None and found.proposal.changes_books:
        return f"taken over, approved by {by}"
    return f"taken note of by {by}"


def _carried_out(found: Break, account: Account, now: datetime) -> list[JournalMessage]:
    proposal, messages = found.proposal, list[JournalMessage]()
    assert proposal is not None, "without a proposal nothing is approved"
    if proposal.qty:
        messages.append(
            PositionAdjusted(
                account=account,
                symbol=proposal.symbol,
                qty=proposal.qty,
                px=proposal.px,
                cost=proposal.cost,
                cause=found.cause,
                text=found.evidence,
                break_id=found.break_id,
                approved_by=found.approved_by,
                transact_time=now,
            )
        )
    if proposal.cash:
        messages.append(
            CashAdjusted(
                account=account,
                amount=proposal.cash,
                cause=found.cause,
                break_id=found.break_id,
                approved_by=found.approved_by,
                transact_time=now,
            )
        )
    return messages
