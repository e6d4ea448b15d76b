"""Start is recovery: replay the journal, ask the broker, repair, and only then open for orders.

Theory of operation
-------------------
There is no other start. A desk that ended well, one that was killed in the middle of a request
and one that never ran go through the same steps, and each step may be cut off by the next crash
without harm, because whatever it decides is a message and replay begins by applying those:

1. Replay. The newest snapshot, then every record after it, through `State.apply`. Orders that had
   ended are filed in the journal and stay there.
2. Own up. DeskOpened is written; a request whose SEND has no outcome may have arrived, so it
   becomes RequestUnanswered: an order is UNKNOWN from here on, not "failed".
3. Catch up. The order stream is connected first, so that nothing falls between; then the broker is
   asked for executions and orders since the last thing that it told us, for its open orders, and
   for each of ours that is not among them. All of it is taken in as reports, and reports that are
   no news change nothing: a second recovery finds nothing left to do.
4. Compare. The books are held against each other; the first time ever, positions that the account
   held before are taken over with their cause.
5. Finish what is safe. Orders with an INTENT and no SEND were never on the wire: the young are
   sent, the old expire. UNKNOWN ones are looked up until there is evidence, however long it takes;
   a cancel is asked for again; a replace that was never sent is given up.
6. Open.
"""

from msgspec import Struct

from floorbroker.domain.errors import ConfigError, JournalDamaged
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    DeskOpened,
    ExecutionReport,
    OrderExpiredUnsent,
    Reconciliation,
    RequestKind,
    RequestSent,
)
from floorbroker.domain.order import OrdStatus
from floorbroker.engine.book.counts import EXECUTIONS
from floorbroker.engine.settings import Update
from floorbroker.engine.state import State
from floorbroker.journal.port import JournalReader


class Replayed(Struct, frozen=True, kw_only=True):
    """The state as the journal tells it."""

    state: State
    records: int  #: Applied one by one, after the snapshot.
    snapshot_seq: int  #: 0 without a snapshot.


class Recovery(Struct, frozen=True, kw_only=True):
    """What a start found and repaired."""

    epoch: int
    was_crash: bool  #: The desk before did not end in good order.
    records: int  #: Replayed one by one, after the snapshot.
    snapshot_seq: int
    open_orders: int  #: Live when the desk opened.
    unknown: tuple[ClOrdID, ...]  #: Had no known outcome after the replay.
    unknown_resolved: int  #: Of those, settled before the desk opened.
    executions_booked: int  #: Executions that we had missed.
    sent: int  #: Orders that had never been sent and were young enough.
    expired_unsent: int  #: Orders that had never been sent and were too old.
    reconciliation: Reconciliation


def replay(journal: JournalReader) -> Replayed:
    """The state after the journal's last record; raises JournalDamaged."""
    state, seq = State(), 0
    snapshot = journal.snapshot()
    if snapshot is not None:
        try:
            state, seq = State.decode(snapshot.body), snapshot.seq
        except ValueError:
            state, seq = State(), 0  # a cache, of another version perhaps: the records are there
    count = 0
    for record in journal.records(after=seq):
        if record.seq != seq + count + 1:
            raise JournalDamaged(f"record {seq + count + 1} is missing: {record.seq} follows")
        state.apply(record.message)
        state.book.clear_ended()
        count += 1
    state.book.clear_batch()
    return Replayed(state=state, records=count, snapshot_seq=seq)


def check_owner(state: State, opened: DeskOpened) -> None:
    """Raises ConfigError if the journal was kept for somebody else: books must not be mixed."""
    before = state.opened
    if before is not None and _owner(before) != _owner(opened):
        raise ConfigError(
            f"the journal was kept for {_owner(before)}, this desk is for {_owner(opened)};"
            " give each account and mode a journal of its own"
        )
    if before is not None and before.number and opened.number not in ("", before.number):
        raise ConfigError(
            f"the journal was kept for the broker's account {before.number}, and these keys are"
            f" for {opened.number}; give each account a journal of its own"
        )


def _owner(opened: DeskOpened) -> str:
    return f"{opened.mode} account {opened.account or '(none)'} at {opened.broker}"


def unknown_orders(state: State) -> tuple[ClOrdID, ...]:
    return tuple(
        order.cl_ord_id
        for order in state.book.orders.values()
        if order.venue_status is OrdStatus.UNKNOWN
    )


def found(
    replayed: Replayed,
    opened: DeskOpened,
    *,
    was_crash: bool,
    unknown: tuple[ClOrdID, ...],
    updates: list[Update],
    reconciliation: Reconciliation,
) -> Recovery:
    """What the start amounted to, from its own messages."""
    messages = [update.message for update in updates]
    sent = [one for one in messages if isinstance(one, RequestSent)]
    reports = [one for one in messages if isinstance(one, ExecutionReport)]
    live = replayed.state.book.orders
    still = [name for name in unknown if name in live]
    return Recovery(
        epoch=opened.epoch,
        was_crash=was_crash,
        records=replayed.records,
        snapshot_seq=replayed.snapshot_seq,
        open_orders=len(live),
        unknown=unknown,
        unknown_resolved=len(unknown)
        - sum(live[name].venue_status is OrdStatus.UNKNOWN for name in still),
        executions_booked=sum(one.exec_type in EXECUTIONS for one in reports),
        sent=sum(one.request is RequestKind.NEW for one in sent),
        expired_unsent=sum(isinstance(one, OrderExpiredUnsent) for one in messages),
        reconciliation=reconciliation,
    )
