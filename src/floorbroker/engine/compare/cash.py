"""The account's cash, ours and the broker's: every cent has an execution or an activity."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from floorbroker.brokers.port import Activity, ActivityKind
from floorbroker.domain.amounts import CENT, ZERO_MONEY, Money
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind, CashCount, Proposal
from floorbroker.engine.book.cash import CashBook

#: What a difference in cash is called by.
SUBJECT = "cash"
_CAUSES = {
    ActivityKind.FEE: BreakCause.FEE,
    ActivityKind.DIVIDEND: BreakCause.CORPORATE_ACTION,
    ActivityKind.CORPORATE: BreakCause.CORPORATE_ACTION,
}
#: Each activity is told of by itself, up to so many at a time.
_TOLD_MAX = 50


class Reading(Struct, frozen=True, kw_only=True):
    """Both sides at one instant: our book's sums, the broker's cash, and what else it lists."""

    basis: Money
    traded: Money
    rounded: Money
    executions: int
    has_parts: bool
    cash: Money
    activities: tuple[Activity, ...]  #: Those that were not counted before.
    early: tuple[tuple[datetime, Money], ...] = ()  #: What the first count may have had already.

    @property
    def other(self) -> Money:
        return sum((one.net_amount or ZERO_MONEY for one in self.activities), ZERO_MONEY)

    @property
    def had(self) -> Money:
        """What the first count had in it already: all of `early` up to some instant."""
        all_of_it, had = self.basis + self.traded + self.other, ZERO_MONEY
        if abs(self.cash - all_of_it) < CENT:
            return had
        for _, value in sorted(self.early):
            had += value
            if abs(self.cash - (all_of_it - had)) < CENT:
                return had
        return ZERO_MONEY

    @property
    def expected(self) -> Money:
        """What the cash should be; executions that the first count had are not counted again."""
        return self.basis + self.traded + self.other - self.had

    @property
    def difference(self) -> Money:
        return self.cash - self.expected

    @property
    def agrees(self) -> bool:
        """The broker states whole cents, then and now: what is less than one is no difference,
        nor is one where both are rounded."""
        return abs(self.difference) < CENT or (self.has_parts and abs(self.difference) == CENT)


def reading(book: CashBook, cash: Money, listed: Iterable[Activity]) -> Reading | None:
    """None before the first count."""
    if book.basis is None:
        return None
    counted = set(book.counted)
    return Reading(
        basis=book.basis,
        traded=book.traded,
        rounded=book.rounded,
        executions=book.executions,
        has_parts=book.has_parts,
        cash=cash,
        activities=tuple(one for one in listed if one.activity_id not in counted),
        early=tuple(book.early),
    )


def first_count(
    book: CashBook, cash: Money, listed: Sequence[Activity], now: datetime
) -> CashCount:
    """The broker's cash is taken over; what was before explains it."""
    return CashCount(
        cash=cash,
        traded=book.traded,
        rounded=book.rounded,
        executions=book.executions,
        activity_ids=tuple(one.activity_id for one in listed),
        until=now,
    )


def counted(found: Reading, now: datetime) -> tuple[CashCount, list[Break]]:
    """What the count comes to, and every change that was no execution, with its cause."""
    names = tuple(one.activity_id for one in found.activities)
    breaks = _told(found.activities)
    if found.agrees or _is_rounded(found):
        if not found.agrees:
            breaks.append(_rounding(found, is_proven=True))
        count = CashCount(
            cash=found.expected if found.agrees else found.cash,
            traded=found.traded,
            rounded=found.rounded,
            executions=found.executions,
            activity_ids=names,
            until=now,
        )
        return count, breaks
    # What was traded goes on counting, so that rounding can still be told from the rest.
    count = CashCount(cash=found.basis + found.other, activity_ids=names, until=now)
    is_small = abs(found.difference) <= CENT * found.executions
    left = _rounding(found, is_proven=False) if is_small else _unexplained(found)
    return count, [*breaks, left]


def _told(activities: Sequence[Activity]) -> list[Break]:
    told = [one for one in activities if one.net_amount]
    return [_activity_break(one) for one in told[:_TOLD_MAX]]


def _activity_break(one: Activity) -> Break:
    amount = one.net_amount or ZERO_MONEY
    return Break(
        kind=BreakKind.CASH,
        cause=_CAUSES.get(one.kind, BreakCause.TRANSFER),
        subject=one.activity_id,
        symbol=one.symbol or "",
        ours="none",
        theirs=f"{amount:+,.2f}",
        difference=f"{amount}",
        evidence=f"{one.code} of {one.time.date()}: {one.text}".rstrip(": "),
        repair="counted, by the broker's own list",
        is_open=False,
    )


def _is_rounded(found: Reading) -> bool:
    """Whether rounding each execution to the cent gives just what the broker has."""
    exact = found.basis + found.rounded + found.other
    return bool(found.executions) and exact == found.cash and found.rounded != found.traded


def _rounding(found: Reading, *, is_proven: bool) -> Break:
    number = found.executions
    if is_proven:
        evidence = f"each of {number} executions rounded to the cent gives the broker's figure"
        repair = "the broker's figure was taken"
    else:
        evidence = f"less than a cent for each of {number} executions"
        repair = f"take over {found.difference:+,.2f}"
    return _difference(found, BreakCause.ROUNDING, evidence, repair, is_open=not is_proven)


def _unexplained(found: Reading) -> Break:
    evidence = "what was executed and what the broker lists beside it do not come to it"
    repair = f"ask the broker; then take over {found.difference:+,.2f}"
    return _difference(found, BreakCause.UNKNOWN, evidence, repair, is_open=True)


def _difference(
    found: Reading, cause: BreakCause, evidence: str, repair: str, *, is_open: bool
) -> Break:
    return Break(
        kind=BreakKind.CASH,
        cause=cause,
        subject=SUBJECT,
        ours=f"{found.expected:,.2f}",
        theirs=f"{found.cash:,.2f}",
        difference=f"{Decimal(found.difference).normalize():f}",
        evidence=evidence,
        repair=repair,
        is_open=is_open,
        proposal=Proposal(cash=found.difference) if is_open else None,
    )
