"""Whether the desk can be trusted with an order now: each part looked at, and how it is."""

import shutil
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from floorbroker import app
from floorbroker.brokers.port import StreamState
from floorbroker.brokers.shelf import CacheStats
from floorbroker.config import Settings
from floorbroker.deskwork.errors import ErrorNote, errors_of
from floorbroker.deskwork.latencies import Latencies, latencies_of
from floorbroker.domain.errors import BrokerError
from floorbroker.engine.timing.stopwatch import SlowOrder, Spread
from floorbroker.journal.notary.notary import Notary
from floorbroker.journal.port import JournalReader

#: How far the clocks may differ.
SKEW_WARN_S, SKEW_BAD_S = 1.0, 5.0
_GIB = 1 << 30
#: How much room the journal's disk should have.
DISK_WARN, DISK_BAD = 5 * _GIB, _GIB
_SLOWEST = 10


class Level(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"  #: Look at it; it stops nothing.
    BAD = "bad"


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and how it is."""

    name: str
    is_ok: bool
    text: str
    level: Level = Level.OK


class Health(Struct, frozen=True, kw_only=True):
    """Whether the desk can be trusted with an order now."""

    mode: str
    account: str
    checks: tuple[Check, ...]
    cache: tuple[CacheStats, ...] = ()  #: How often the broker's answers were at hand.
    latencies: Latencies = Latencies()
    slow_orders: tuple[SlowOrder, ...] = ()  #: The newest that took long, oldest first.
    errors: tuple[ErrorNote, ...] = ()  #: The newest, oldest first.

    @property
    def is_healthy(self) -> bool:
        return all(check.is_ok for check in self.checks)


async def look_at(parts: app.Parts, settings: Settings) -> Health:
    """Look at every part; asks the broker three times."""
    state = parts.engine.health()
    is_told, market_text = await parts.watch.summary()
    latencies = latencies_of(parts.engine.times, parts.journal)
    checks = (
        _check("configuration", Level.OK, _settings_text(settings)),
        _trading_check(parts),
        _check("journal", Level.OK, _journal_text(parts.journal, latencies.append)),
        _anchors_check(parts.notary),
        _disk_check(settings.journal_path),
        await _broker_check(parts),
        await _clock_check(parts),
        _stream_check(parts),
        _check("market data", Level.OK if is_told else Level.BAD, market_text),
        _check("budget", *_budget(parts)),
        _check("limits", Level.OK, _limits_text(parts)),
        _check("latency", *_latency(latencies, settings)),
        _check(
            "unknown orders",
            Level.BAD if state.unknown_orders else Level.OK,
            f"{state.unknown_orders} without a known outcome",
        ),
        _check(
            "reconciliation",
            Level.BAD if state.open_breaks else Level.OK,
            f"{state.open_breaks} open breaks",
        ),
    )
    return Health(
        mode=settings.mode,
        account=str(parts.broker.account),
        checks=checks,
        cache=parts.engine.cache.stats(),
        latencies=latencies,
        slow_orders=tuple(parts.engine.times.slow)[-_SLOWEST:],
        errors=errors_of(parts.engine.errors, parts.journal),
    )


def _check(name: str, level: Level, text: str) -> Check:
    return Check(name=name, is_ok=level is not Level.BAD, text=text, level=level)


def _settings_text(settings: Settings) -> str:
    where = settings.exchange_url or settings.base_url
    at = "its own exchange" if settings.mode == "embedded" else where
    return f"{settings.mode} at {at}, home {settings.home}, data feed {settings.data_feed}"


def _trading_check(parts: app.Parts) -> Check:
    kill = parts.engine.health().kill
    guards = parts.engine.switch.guards
    if kill is None and guards.desk is not None:
        mark = guards.desk
        hint = "`floorbroker resume --reason TEXT` ends that"
        text = f"{mark.state.upper()}: {mark.in_words()}; {hint}"
        return _check("trading", Level.BAD, text)
    if kill is None:
        laid = [f"{symbol} is paused" for symbol in guards.symbols]
        laid += [f"strategy {name or '-'} is disabled" for name in guards.strategies]
        return _check("trading", Level.WARN if laid else Level.OK, "; ".join(["active", *laid]))
    hint = "`floorbroker resume --reason TEXT` starts again"
    return _check("trading", Level.BAD, f"{kill.trading.upper()}: {kill.in_words()}; {hint}")


async def _broker_check(parts: app.Parts) -> Check:
    try:
        account = (await parts.engine.cache.account(max_age_s=0)).value
        phase = (await parts.engine.cache.market_phase(max_age_s=0)).value
    except BrokerError as problem:
        return _check("broker", Level.BAD, f"does not answer: {problem.text}")
    session = "open" if phase.is_open else "closed"
    return _check(
        "broker",
        Level.BAD if account.is_trading_blocked else Level.OK,
        f"account {account.status}, equity {account.equity:,.2f}, market {session}",
    )


async def _clock_check(parts: app.Parts) -> Check:
    try:
        skew = await parts.skew()
    except BrokerError as problem:
        return _check("clock", Level.WARN, f"could not be compared: {problem.text}")
    level = Level.OK
    if skew.least_s > SKEW_WARN_S:
        level = Level.BAD if skew.least_s > SKEW_BAD_S else Level.WARN
    ahead = "ahead of" if skew.ahead_s >= 0 else "behind"
    text = f"{abs(skew.ahead_s):.2f} s {ahead} the broker's by {skew.source}"
    hint = "" if level is Level.OK else "; set this machine's clock (NTP)"
    return _check("clock", level, f"{text}, give or take {skew.error_s:.2f} s{hint}")


def _stream_check(parts: app.Parts) -> Check:
    stream = parts.engine.health().stream
    age_s = stream.last_frame_age_s
    age = "no frame yet" if age_s is None else f"last frame {age_s:.1f} s ago"
    text = f"{stream.state}, {age}, {stream.frames} frames, {stream.quarantined} quarantined"
    if stream.deaf:
        text += f", found deaf {stream.deaf} times, last: {stream.last_loss};"
    level = Level.OK if stream.state is StreamState.READY else Level.BAD
    return _check("stream", level, f"{text} {stream.text}".rstrip())


def _journal_text(journal: JournalReader, append: Spread) -> str:
    head = journal.head()
    text = f"{head.seq} records, head {head.hash.hex()[:12]}"
    if append.p50_us is None or append.p99_us is None:
        return text
    return f"{text}, append p50 {_ms(append.p50_us)} p99 {_ms(append.p99_us)} (n = {append.count})"


def _anchors_check(notary: Notary) -> Check:
    last = notary.last
    known = "none yet" if last is None else f"record {last.seq} at {last.time} in {notary.path}"
    level = Level.BAD if notary.problem else Level.OK
    return _check("anchors", level, notary.problem or known)


def _disk_check(journal: Path) -> Check:
    try:
        free = shutil.disk_usage(journal.parent).free
    except OSError as problem:
        return _check("disk", Level.WARN, f"{journal.parent}: {problem.strerror}")
    level = Level.OK if free >= DISK_WARN else Level.WARN if free >= DISK_BAD else Level.BAD
    return _check("disk", level, f"{free / _GIB:,.1f} GiB free where the journal lies")


def _budget(parts: app.Parts) -> tuple[Level, str]:
    status = parts.pacing()
    text = f"{status.in_flight} on the wire, {status.waiting} waiting"
    if status.limit is None or status.remaining is None:
        text = f"the broker tells no limit, {text}"
    else:
        reset_s = status.reset_in_s
        again = "" if reset_s is None else f", new ones in {reset_s:.0f} s"
        text = f"{status.remaining} of {status.limit} requests left{again}, {text}"
    if status.penalty_s:
        return Level.WARN, f"{text}; the broker said too many, {status.penalty_s:.1f} s to wait"
    is_short = status.limit is not None and (status.remaining or 0) < status.limit * 0.15
    return (Level.WARN if is_short else Level.OK), text


def _limits_text(parts: app.Parts) -> str:
    own = parts.engine.settings
    return (
        f"profile {own.limits.profile}, {len(parts.engine.switch.guards.changes)} changed since;"
        f" an unsent order lives {own.intent_ttl_s:g} s,"
        f" {own.inbox_max:,} commands may wait"
    )


def _latency(found: Latencies, settings: Settings) -> tuple[Level, str]:
    ack = found.acknowledged
    if ack.p50_us is None or ack.p99_us is None:
        return Level.OK, "no order was acknowledged yet"
    text = f"acknowledged after p50 {_ms(ack.p50_us)} p99 {_ms(ack.p99_us)} (n = {ack.count})"
    return (Level.WARN if ack.p99_us >= settings.degraded_ms * 1000 else Level.OK), text


def _ms(us: int) -> str:
    return f"{us / 1000:.2f} ms" if us < 10_000 else f"{us / 1000:,.0f} ms"
