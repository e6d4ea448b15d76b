"""Looks once a second at what no message tells of: wire, disk, clock, market data, alerts.

What it finds it does as a person would: by commands to the single writer, which journals them.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal

from msgspec import Struct

from floorbroker.clock import Clock
from floorbroker.domain.errors import BrokerError, JournalError, Refused
from floorbroker.domain.messages import KillLevel, RiskState
from floorbroker.engine.atrade import broker, house, market
from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.sentry import BY
from floorbroker.engine.atrade.settings import GuardLimits
from floorbroker.engine.gates.laying import Lay
from floorbroker.engine.halting.switch import Switch
from floorbroker.engine.timing.stopwatch import Stopwatch
from floorbroker.engine.vigil.heartbeat import Heartbeat
from floorbroker.telemetry import log

EVERY_S = 1.0


class Quoted(Struct, frozen=True):
    """A live quote, as old as it is."""

    symbol: str
    bid_px: Decimal
    ask_px: Decimal
    age_s: float


class Eyes(Struct, frozen=True, kw_only=True):
    """What the watchman looks with. `skew_s` is the least by which the clocks differ."""

    times: Stopwatch
    heartbeat: Heartbeat
    free_bytes: Callable[[], int | None]
    skew_s: Callable[[], Awaitable[float]]
    quotes: Callable[[], Iterable[Quoted]]


class _Seen(Struct):
    """What one symbol's quotes were."""

    mids_at_s: deque[tuple[float, Decimal]]
    crossed_at_s: float | None = None
    sane_at_s: float | None = None


class Watchman:
    """`run` until cancelled; `look` is one round."""

    def __init__(self, switch: Switch, eyes: Eyes, clock: Clock, limits: GuardLimits) -> None:
        self._switch, self._eyes, self._clock, self._limits = switch, eyes, clock, limits
        self._asked_s = clock.monotonic()
        self._told_s: dict[str, float] = {}
        self._seen: dict[str, _Seen] = {}

    async def run(self) -> None:
        """A watch that fails is a desk that nobody watches: it halts."""
        while True:
            try:
                await self.look()
            except (Refused, JournalError):
                return  # the desk has ended
            except Exception as problem:  # noqa: BLE001  (fail closed, whatever it was)
                reason = f"the watch failed: {type(problem).__name__}: {problem}"
                await self._switch.kill(KillLevel.BLOCK, reason=reason, by=BY)
                return
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        now_s = self._clock.monotonic()
        self._eyes.heartbeat.beat()
        await self._house()
        await self._broker(now_s)
        await self._market(now_s)
        self._alerts(now_s)

    async def _house(self) -> None:
        times, guards = self._eyes.times, self._switch.guards
        sent = broker.wire_conservation(sent=times.sent, written=guards.sends)
        free = self._eyes.free_bytes()
        disk = house.journal_health(free_bytes=free, problem="", limits=self._limits)
        for breach in (sent, disk):
            if breach is not None:
                await self._halt(breach)

    async def _broker(self, now_s: float) -> None:
        slow = broker.broker_health((), self._eyes.times.acks_s, now_s, self._limits)
        await self._reduce(slow)
        every_s = self._limits.skew_every_s
        if every_s is None or now_s - self._asked_s < every_s:
            return
        self._asked_s = now_s
        try:
            least_s = await self._eyes.skew_s()
        except BrokerError:
            return  # that it does not answer is told elsewhere
        await self._reduce(broker.clock_skew(least_s, self._limits))

    async def _market(self, now_s: float) -> None:
        paused = self._switch.guards.symbols
        for quoted in self._eyes.quotes():
            seen = self._seen.setdefault(quoted.symbol, _Seen(mids_at_s=deque()))
            breach = market.data_sanity(self._sight(quoted, seen, now_s), self._limits)
            mark = paused.get(quoted.symbol)
            if breach is not None:
                seen.sane_at_s = None
                if mark is None:
                    await self._lay(breach, RiskState.HALTED, symbol=quoted.symbol)
                continue
            seen.sane_at_s = now_s if seen.sane_at_s is None else seen.sane_at_s
            is_over = now_s - seen.sane_at_s >= self._limits.sane_s
            if mark is not None and mark.control == "A05" and is_over:
                cause = f"A05: sane for {self._limits.sane_s:g} s"
                await self._switch.lay(
                    Lay(state=RiskState.ACTIVE, cause=cause, by=BY, symbol=quoted.symbol)
                )

    def _sight(self, quoted: Quoted, seen: _Seen, now_s: float) -> market.Sight:
        mid, mids_at_s = (quoted.bid_px + quoted.ask_px) / 2, seen.mids_at_s
        mids_at_s.append((now_s, mid))
        while len(mids_at_s) > 1 and mids_at_s[1][0] <= now_s - self._limits.jump_window_s:
            mids_at_s.popleft()
        if quoted.bid_px < quoted.ask_px:
            seen.crossed_at_s = None
        elif seen.crossed_at_s is None:
            seen.crossed_at_s = now_s
        return market.Sight(
            symbol=quoted.symbol,
            mid_px=mid,
            earlier_px=_furthest(mid, mids_at_s),
            age_s=quoted.age_s,
            crossed_s=0.0 if seen.crossed_at_s is None else now_s - seen.crossed_at_s,
        )

    def _alerts(self, now_s: float) -> None:
        """Those that nobody has acknowledged are told again."""
        alerts, told = self._switch.guards.alerts, self._told_s
        for name in [name for name in told if name not in alerts]:
            del told[name]
        for name, alert in alerts.items():
            since_s = told.setdefault(name, now_s)
            if house.alerts([now_s - since_s], self._limits) is not None:
                told[name] = now_s
                log.warn("alert_repeated", name=name, text=alert.text, since=str(alert.since))

    async def _reduce(self, breach: Breach | None) -> None:
        if breach is None:
            return
        if breach.then is Then.WARN:
            log.warn("guard", control=breach.control, text=breach.text)
        elif self._switch.guards.desk is None:
            await self._lay(breach, RiskState.REDUCING)

    async def _lay(self, breach: Breach, state: RiskState, symbol: str = "") -> None:
        log.warn("guard", control=breach.control, text=breach.text)
        await self._switch.lay(
            Lay(state=state, cause=breach.text, by=BY, control=breach.control, symbol=symbol)
        )

    async def _halt(self, breach: Breach) -> None:
        if self._switch.stands is None:
            await self._switch.kill(KillLevel.BLOCK, reason=breach.text, by=BY)


def _furthest(mid: Decimal, mids_at_s: Iterable[tuple[float, Decimal]]) -> Decimal:
    """The mid of the window that lies furthest from the present one."""
    return max((px for _, px in mids_at_s), key=lambda px: abs(mid - px))
