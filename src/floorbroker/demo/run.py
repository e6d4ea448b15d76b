"""The demonstration: an exchange that misbehaves, a desk that is killed, and both their books."""

import asyncio
import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from floorbroker import app
from floorbroker.clock import NS_PER_S, SystemClock, datetime_of
from floorbroker.demo.worker import Job
from floorbroker.deskwork.reports import report_of, write_report
from floorbroker.domain.amounts import plain
from floorbroker.domain.errors import ConfigError, FloorbrokerError
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.quotes import Bar
from floorbroker.engine.book.book import SUCCESSOR
from floorbroker.journal.port import JournalReader
from floorbroker.posttrade.trades import TradeReport
from floorbroker.readers import open_journal_reader
from floorbroker.venues import MarketPlan, open_market, serve_exchange

#: The market's day takes about this long.
PLAY_S = 27.0
#: The desk is killed at the first order sent after this minute of the session.
KILL_MINUTE = 75
#: So long after it was written down, the exchange has the order and has not told anybody.
KILL_AFTER_S = 0.03
#: The market's clock begins so long before the bell, and waits there for the desk.
EARLY_NS = 52 * 60 * NS_PER_S
#: A desk may be so late, be it dead or on a slow machine, before the market slows down for it.
LATE_NS = 15 * 60 * NS_PER_S
#: A worker that neither ends nor says anything for so long is given up.
SILENCE_S = 60.0

_TRUTH = ("orders", "fills", "faults")
_FILES = (
    "desk.sqlite",
    "desk.sqlite-wal",
    "desk.sqlite-shm",
    "desk.sqlite.lock",
    "desk.sqlite.anchors",
    "desk.sqlite.anchors.peaks",
    "report.html",
    *(f"exchange-{name}.json" for name in _TRUTH),
)


class Options(Struct, frozen=True, kw_only=True):
    """What the user can choose."""

    out: Path
    tape: Path | None = None
    seed: int = 7
    play_s: float = PLAY_S
    symbols: tuple[str, ...] = ("AAPL", "MSFT", "NVDA", "SPY", "AMD", "INTC")


class Event(Struct, frozen=True, kw_only=True):
    """Something to show: what the worker told, or what the supervisor did."""

    kind: str
    facts: dict[str, Any]
    market_ns: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What the demonstration comes to."""

    orders: int
    orders_by_type: dict[str, int]
    fills: int
    rejected: int
    unknown_resolved: int
    restarts: int
    breaks: int
    journal_records: int
    journal_verified: bool
    report: str
    open_orders: int
    differences: tuple[str, ...]
    faults: dict[str, int]
    trade_report: TradeReport

    @property
    def is_good(self) -> bool:
        """Every order ended, no break is open, our book is the exchange's, the journal holds."""
        return (
            self.open_orders == 0
            and self.breaks == 0
            and not self.differences
            and (self.journal_verified)
        )


class Demonstration:
    """One run: the exchange in this process, the desk in another."""

    def __init__(self, options: Options, on_event: Callable[[Event], None]) -> None:
        self.options = options
        self._on_event = on_event
        self._clock = SystemClock()
        self._finished: dict[str, Any] | None = None
        self.restarts = 0

    async def run(self) -> Outcome:
        """Raises FloorbrokerError when it cannot be carried through."""
        options = self.options
        _make_room(options.out)
        market = open_market(options.tape, options.symbols, options.seed)
        if options.tape is not None:
            _read_through(market)
        market = replace(market, start_ns=market.open_ns - EARLY_NS)
        speed = (market.close_ns - market.start_ns) / NS_PER_S / options.play_s
        plan = resources.files("floorbroker.demo").joinpath("faults.toml").read_text()
        self._market = market
        async with serve_exchange(
            market, speed=speed, seed=options.seed, faults=plan, cash="1000000"
        ) as served:
            self._served = served
            served.fast_until(market.start_ns)
            self._say(
                "exchange",
                url=served.url,
                market=market.name,
                speed=round(speed),
                open_ns=market.open_ns,
                close_ns=market.close_ns,
            )
            job = Job(
                home=str(options.out.resolve()),
                exchange_url=served.url,
                speed=speed,
                open_ns=market.open_ns,
                close_ns=market.close_ns,
                symbols=market.symbols,
                run_id=f"{options.seed}",
            )
            await served.while_it_lasts(self._work(job))
            truth = await self._truth(served.url)
            bars = await self._bars(served.url)
        return self._outcome(truth, bars)

    async def _work(self, job: Job) -> None:
        """Run the worker to its end, killing it once on the way."""
        while self._finished is None:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "floorbroker.demo.worker",
                msgspec.json.encode(job).decode(),
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 22,
                start_new_session=True,  # Ctrl-C is for this process, which ends the other
            )
            try:
                killed = await self._follow(process)
            except BaseException:
                _kill(process)
                raise
            finally:
                await process.wait()
            if killed:
                self.restarts += 1
                self._say("killed", signal="SIGKILL")
            elif self._finished is None:
                raise FloorbrokerError(
                    f"the desk ended with exit code {process.returncode} before its day was over"
                )

    async def _follow(self, process: asyncio.subprocess.Process) -> bool:
        """Read what the worker tells; true if it was killed on purpose."""
        assert process.stdout is not None
        while True:
            async with asyncio.timeout(SILENCE_S):
                line = await process.stdout.readline()
            if not line:
                return False
            told = msgspec.json.decode(line)
            kind = told.pop("kind")
            if kind == "waiting":
                self._served.fast_until(told["until_ns"] + LATE_NS)
                continue
            self._say(kind, **told)
            if kind == "finished":
                self._finished = told
            if self.restarts == 0 and self._is_mid_flight(kind, told):
                await self._clock.sleep(KILL_AFTER_S)
                _kill(process)
                return True

    def _is_mid_flight(self, kind: str, told: dict[str, Any]) -> bool:
        """A request has been written down and may be on the wire: the worst moment to die."""
        minute = (self._served.now_ns() - self._market.open_ns) / NS_PER_S / 60
        is_sent = kind == "update" and told["message"]["type"] == "RequestSent"
        return is_sent and minute >= KILL_MINUTE

    def _say(self, kind: str, **facts: Any) -> None:
        self._on_event(Event(kind=kind, facts=facts, market_ns=self._served.now_ns()))

    async def _truth(self, url: str) -> dict[str, Any]:
        """What the exchange itself says happened; kept beside the report."""
        truth = {}
        for name in _TRUTH:
            truth[name] = await app.get_json(f"{url}/_exchange/{name}")
            path = self.options.out / f"exchange-{name}.json"
            path.write_bytes(msgspec.json.format(msgspec.json.encode(truth[name]), indent=1))
        return truth

    async def _bars(self, url: str) -> dict[str, list[Bar]]:
        market = self._market
        async with app.open_broker(url) as broker:
            return await broker.bars(
                market.symbols, datetime_of(market.start_ns), datetime_of(market.close_ns)
            )

    def _outcome(self, truth: dict[str, Any], bars: dict[str, list[Bar]]) -> Outcome:
        journal = open_journal_reader(self.options.out / "desk.sqlite")
        try:
            report = report_of(journal)
            verification = journal.verify()
            differences = compare(journal, truth)
            page = self.options.out / "report.html"
            write_report(report, bars, page, verification)
        finally:
            journal.close()
        return Outcome(
            orders=len(report.orders),
            orders_by_type=dict(sorted(Counter(o.ord_type for o in report.orders).items())),
            fills=len(report.fills),
            rejected=sum(order.ord_status == "rejected" for order in report.orders),
            unknown_resolved=report.unknown_resolved,
            restarts=self.restarts,
            breaks=_open_breaks(self._finished),
            journal_records=verification.records,
            journal_verified=verification.damage is None,
            report=str(page),
            open_orders=sum(order.ended_time is None for order in report.orders),
            differences=tuple(differences),
            faults=dict(Counter(fired["kind"] for fired in truth["faults"].get("fired", []))),
            trade_report=report,
        )


def compare(journal: JournalReader, truth: dict[str, Any]) -> list[str]:
    """Hold our book against the exchange's own: ids, quantities and prices, to the last digit."""
    report = report_of(journal)
    ours = Counter(
        (str(fill.cl_ord_id), fill.symbol, str(fill.side), str(fill.last_qty), str(fill.last_px))
        for fill in report.fills
    )
    theirs = Counter(
        (_root_id(f["client_order_id"]), f["symbol"], f["side"], f["qty"], f["price"])
        for f in truth["fills"]
    )
    differences = [f"only the exchange has fill {' '.join(fill)}" for fill in theirs - ours]
    differences += [f"only the desk has fill {' '.join(fill)}" for fill in ours - theirs]
    return differences + _compare_orders(journal, truth["orders"])


def _compare_orders(journal: JournalReader, orders: list[dict[str, Any]]) -> list[str]:
    """Each of our orders as it ended against the last one of its lineage there."""
    differences = []
    last = {_root_id(order["client_order_id"]): order for order in orders}
    for cl_ord_id, theirs in last.items():
        ours = journal.ended_order(ClOrdID(cl_ord_id))
        if ours is None:
            differences.append(f"the exchange has order {cl_ord_id}, the desk has not ended it")
            continue
        ours_told = (
            plain(ours.cum_qty),
            ours.order_qty and plain(ours.order_qty),
            ours.request.price and plain(ours.request.price),
            ours.ord_status.value,
        )
        told = (theirs["filled_qty"], theirs["qty"], theirs["limit_price"], theirs["status"])
        if ours_told != told:
            differences.append(f"order {cl_ord_id}: the desk has {ours_told}, the exchange {told}")
    return differences


def _root_id(client_order_id: str) -> str:
    """The ClOrdID of the lineage: a replace puts its number behind a mark."""
    return client_order_id.rpartition(SUCCESSOR)[0] or client_order_id


def _open_breaks(finished: dict[str, Any] | None) -> int:
    assert finished is not None
    return sum(found["is_open"] for found in finished["reconciliation"]["breaks"])


def _read_through(market: MarketPlan) -> None:
    """A file that is malformed deep inside is found now, not in the middle of the day."""
    deque(market.make_tape().until(market.close_ns), maxlen=0)


def _kill(process: asyncio.subprocess.Process) -> None:
    """Not `process.kill()`: that may reap a child that has just ended before asyncio does."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def _make_room(out: Path) -> None:
    """An empty folder for this run; only files of earlier demonstrations are removed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (out / name).unlink(missing_ok=True)
        (out / _FILES[0]).touch()
        (out / _FILES[0]).unlink()
    except OSError as problem:
        raise ConfigError(
            f"--out: {out} cannot be written: {problem.strerror}; name another folder"
        ) from None
