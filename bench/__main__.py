"""`python -m bench`: measure every part in a process of its own and print the table."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from rich.console import Console

from bench.runs import Figures, in_child, say
from bench.table import Row, table_of

#: Orders a second through NautilusTrader 1.231's risk and execution engines, without a journal,
#: measured once on a two-core machine; it is not installed here and not run.
NAUTILUS = 32_000.0


def engine(found: Figures) -> list[Row]:
    return [
        Row(
            what="engine, stub venue, 16 in flight", figure=found["16"], unit="orders/s", floor=8e3
        ),
        Row(
            what="engine, stub venue, 128 in flight",
            figure=found["128"],
            unit="orders/s",
            peer="NautilusTrader, quoted",
            peer_figure=NAUTILUS,
            floor=20e3,
            goal=NAUTILUS,
        ),
    ]


def desk(found: Figures) -> list[Row]:
    what = "whole desk in memory, 128 in flight"
    return [Row(what=what, figure=found["orders"], unit="orders/s", floor=8e3, goal=15e3)]


def http(found: Figures) -> list[Row]:
    rows = [
        Row(
            what=f"whole desk over HTTP, {in_flight} in flight",
            figure=found[in_flight]["desk"],
            unit="orders/s",
            peer="bare aiohttp",
            peer_figure=found[in_flight]["bare"],
            judged="ratio",
            floor=floor,
            goal=goal,
        )
        for in_flight, floor, goal in (("32", 0.4, 0.6), ("128", 0.5, None))
    ]
    beside_sdk = Row(
        what="whole desk over HTTP, 32 in flight",
        figure=found["32"]["desk"],
        unit="orders/s",
        peer="alpaca-py, 32 threads",
        peer_figure=found["sdk"],
        judged="ratio",
        goal=8.0,
    )
    return [*rows, beside_sdk]


def batch(found: Figures) -> list[Row]:
    rows = [("batch of 2,000 orders, 100 symbols, over HTTP", "batch")]
    rows += [("cancel of all of them", "cancels")]
    return [
        Row(
            what=what,
            figure=found[name],
            unit="orders/s",
            peer="one by one",
            peer_figure=found["singles"],
            judged="ratio",
            floor=2.0,
        )
        for what, name in rows
    ]


def latency(found: Figures) -> list[Row]:
    return [
        Row(
            what="submit to first byte, idle desk, p50",
            figure=found["first_byte_us"],
            unit="us",
            peer="one durable append, us",
            peer_figure=found["append_us"],
            judged="ratio",
            floor=2.5,
            goal=1.75,
            is_less_better=True,
        )
    ]


def risk(found: Figures) -> list[Row]:
    return [
        Row(
            what="all pre-trade checks, 1,000 open orders, p99",
            figure=found["p99_us"],
            unit="us",
            peer=f"p50 {found['p50_us']:.0f} us",
            floor=200.0,
            goal=100.0,
            is_less_better=True,
        )
    ]


def stream(found: Figures) -> list[Row]:
    what = f"order stream, frames of {found['frame_bytes']} bytes"
    return [Row(what=what, figure=found["events"], unit="events/s", floor=60e3, goal=100e3)]


def quotes(found: Figures) -> list[Row]:
    return [
        Row(what=what, figure=found[name], unit="messages/s", floor=50e3, goal=150e3)
        for name, what in (
            ("alone", "market data stream, desk, a message a frame"),
            ("shared", "market data stream, desk, 20 messages a frame"),
        )
    ]


def exchange(found: Figures) -> list[Row]:
    return [
        Row(
            what="embedded exchange over HTTP",
            figure=found["http"],
            unit="orders/s",
            floor=5e3,
            goal=10e3,
        ),
        Row(
            what="embedded exchange in memory",
            figure=found["memory"],
            unit="orders/s",
            floor=30e3,
            goal=60e3,
        ),
        Row(
            what="the same, every other order sells",
            figure=found["both sides"],
            unit="orders/s",
        ),
    ]


def listeners(found: Figures) -> list[Row]:
    delay = f"delay p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms"
    what = "messages lost by 100 listeners of 1,000 events/s, 10 s"
    return [
        Row(what=what, figure=found["lost"], unit="", peer=delay, floor=0, is_less_better=True)
    ]


def restart(found: Figures) -> list[Row]:
    records = f"{found['records'] / 1e6:.2f}M records"
    return [
        Row(
            what=f"restart, {records}, snapshot and {found['with']['applied']:,} after it",
            figure=found["with"]["seconds"],
            unit="s",
            floor=2.0,
            goal=0.5,
            is_less_better=True,
        ),
        Row(
            what=f"restart, {records}, no snapshot",
            figure=found["without"]["seconds"],
            unit="s",
            floor=5.0,
            is_less_better=True,
        ),
    ]


def memory(found: Figures) -> list[Row]:
    return [
        Row(
            what=f"memory after {found['orders']:,} orders",
            figure=found["last_mb"],
            unit="MB",
            peer="after 10,000, MB",
            peer_figure=found["first_mb"] or None,
            judged="ratio",
            floor=1.1,
            goal=1.05,
            is_less_better=True,
        )
    ]


def exchange_memory(found: Figures) -> list[Row]:
    (row,) = memory(found)
    row.what = f"exchange's {row.what}"
    return [row]


def sim(found: Figures) -> list[Row]:
    what = "simulation, 40 orders, faults and crashes, a core"
    held = f"{found['seeds'] - found['failed']} of {found['seeds']} held"
    figure = found["scenarios"]
    return [Row(what=what, figure=figure, unit="runs/s", peer=held, floor=80, goal=150)]


def algos(found: Figures) -> list[Row]:
    """By the kit, of five days of IBM; the whole table is told while it runs."""
    return worked([one for one in found["rows"] if one["symbol"] == "IBM"], "kit", "rate")


def days(found: Figures) -> list[Row]:
    """Through engine and exchange, of each symbol; the whole table is told while it runs."""
    rows: list[Row] = []
    for symbol in ("IBM", "AMZN", "GOOG"):
        ours = [one for one in found["rows"] if one["symbol"] == symbol]
        rows += worked(ours, symbol, "part")
    return rows


def worked(known: list[Figures], whose: str, part: str) -> list[Row]:
    """How near the volume-weighted price, how true to its rate, and what haste saves or costs."""
    rows: list[Row] = []
    by_name = {(one["algo"], one["percent"]): one for one in known}
    for percent in (1, 5, 10):
        for algo, name, unit in (
            ("vwap", "tracking_bps", "bp off VWAP"),
            ("pov", part, "part"),
            ("is", "arrival_bps", "bp of arrival"),
        ):
            one = by_name.get((algo, percent))
            if one is None:
                continue
            twap = by_name.get(("twap", percent))
            peer = f"done {one['done']:.1%}"
            if algo == "is" and twap is not None:
                peer += f", TWAP {twap['arrival_bps']:.2f} bp"
            what = f"{algo}, {percent} % of the volume, {whose}, {one['days']} days"
            rows.append(Row(what=what, figure=one[name], unit=unit, peer=peer))
    return rows


def cli(found: Figures) -> list[Row]:
    commands = (
        ("help", "floorbroker --help", 300.0, 150.0),
        ("quote_help", "floorbroker quote --help", 200.0, 100.0),
        ("verify", "floorbroker journal verify", 200.0, 100.0),
    )
    return [
        Row(
            what=what,
            figure=found[name],
            unit="ms",
            peer="empty Python, ms",
            peer_figure=found["python"],
            floor=floor,
            goal=goal,
            is_less_better=True,
        )
        for name, what, floor, goal in commands
    ]


PARTS: dict[str, Callable[[Figures], list[Row]]] = {
    "engine": engine,
    "desk": desk,
    "http": http,
    "batch": batch,
    "latency": latency,
    "risk": risk,
    "stream": stream,
    "quotes": quotes,
    "exchange": exchange,
    "listeners": listeners,
    "restart": restart,
    "memory": memory,
    "exchange-memory": exchange_memory,
    "sim": sim,
    "cli": cli,
    "algos": algos,
    "days": days,
}


#: Parts that run only where they are asked for: a quarter of an hour and more.
ASKED_FOR = frozenset({"days"})
#: Parts that have a long form.
LONG = frozenset({"memory", "exchange-memory"})


def main() -> int:
    words = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure floorbroker against its budgets; takes minutes.",
        epilog="A benchmark is no test: the exit code is 0 unless a part fails to run.",
    )
    words.add_argument(
        "--only", action="append", choices=PARTS, help="this part alone; may repeat"
    )
    words.add_argument("--full", action="store_true", help="the memory parts work 1M orders")
    words.add_argument("--json", action="store_true", help="rows as JSON instead of a table")
    chosen = words.parse_args()
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    if busy > 0.5:
        say(f"this machine is busy (load {busy:.1f} a core): figures will be too low")
    rows, failed = measured(
        chosen.only or [one for one in PARTS if one not in ASKED_FOR], is_full=chosen.full
    )
    if chosen.json:
        print(json.dumps({"rows": [row.as_json() for row in rows], "failed": failed}, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 150).print(table_of(rows))
    return 1 if failed else 0


def measured(parts: list[str], *, is_full: bool) -> tuple[list[Row], list[str]]:
    """The rows of these parts, and the parts that did not run to their end."""
    rows: list[Row] = []
    failed: list[str] = []
    for part in parts:
        started = time.perf_counter()
        print(f"{part} ...", file=sys.stderr, flush=True)
        try:
            words = ["--full"] if is_full and part in LONG else []
            found = in_child(part.replace("-", "_"), *words)
        except subprocess.CalledProcessError as problem:
            failed.append(part)
            say(f"FAILED with exit code {problem.returncode}; its error is above")
            continue
        rows += PARTS[part](found)
        say(f"took {time.perf_counter() - started:.0f} s")
    return rows, failed


if __name__ == "__main__":
    sys.exit(main())
