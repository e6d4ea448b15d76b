"""Whether the desk can be trusted with an order now: each part looked at, and how it is."""

from msgspec import Struct

from floorbroker import app
from floorbroker.brokers.port import StreamState
from floorbroker.brokers.shelf import CacheStats
from floorbroker.domain.errors import BrokerError
from floorbroker.journal.port import JournalReader


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and how it is."""

    name: str
    is_ok: bool
    text: str


class Health(Struct, frozen=True, kw_only=True):
    """Whether the desk can be trusted with an order now."""

    mode: str
    account: str
    checks: tuple[Check, ...]
    cache: tuple[CacheStats, ...] = ()  #: How often the broker's answers were at hand.

    @property
    def is_healthy(self) -> bool:
        return all(check.is_ok for check in self.checks)


async def look_at(parts: app.Parts, mode: str) -> Health:
    """Look at the journal, the broker, the stream and the books; asks the broker twice."""
    state = parts.engine.health()
    stream = state.stream
    is_told, market_text = await parts.watch.summary()
    stream_text = f"{stream.state}, {stream.frames} frames, {stream.quarantined} quarantined"
    if stream.deaf:
        stream_text += f", found deaf {stream.deaf} times, last: {stream.last_loss};"
    checks = (
        Check(name="journal", is_ok=True, text=_journal_text(parts.journal)),
        await _broker_check(parts),
        Check(
            name="stream",
            is_ok=stream.state is StreamState.READY,
            text=f"{stream_text} {stream.text}".rstrip(),
        ),
        Check(name="market data", is_ok=is_told, text=market_text),
        Check(
            name="unknown orders",
            is_ok=state.unknown_orders == 0,
            text=f"{state.unknown_orders} without a known outcome",
        ),
        Check(
            name="reconciliation",
            is_ok=state.open_breaks == 0,
            text=f"{state.open_breaks} open breaks",
        ),
    )
    return Health(
        mode=mode,
        account=str(parts.broker.account),
        checks=checks,
        cache=parts.engine.cache.stats(),
    )


async def _broker_check(parts: app.Parts) -> Check:
    try:
        account = (await parts.engine.cache.account(max_age_s=0)).value
        phase = (await parts.engine.cache.market_phase(max_age_s=0)).value
    except BrokerError as problem:
        return Check(name="broker", is_ok=False, text=f"does not answer: {problem.text}")
    session = "open" if phase.is_open else "closed"
    return Check(
        name="broker",
        is_ok=not account.is_trading_blocked,
        text=f"account {account.status}, equity {account.equity:,.2f}, market {session}",
    )


def _journal_text(journal: JournalReader) -> str:
    head = journal.head()
    return f"{head.seq} records, head {head.hash.hex()[:12]}"
