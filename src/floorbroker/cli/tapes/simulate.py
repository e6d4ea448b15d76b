"""`floorbroker simulate`: the same desk and exchange over a recorded day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from floorbroker.cli.root import DONE, REFUSED, Json, say, say_json, warn
from floorbroker.cli.tapes.folder import JOURNAL, REPORT, journal_in, write_report
from floorbroker.cli.typed.batch import Timed, timed_orders_in
from floorbroker.clock import ns_of
from floorbroker.domain.errors import ConfigError, InvalidOrder
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.terms import OrderClass, OrdType, TimeInForce
from floorbroker.marketdata.port import NEW_YORK, new_york_date
from floorbroker.venues import MarketPlan, open_market

if TYPE_CHECKING:
    from floorbroker.simulation.results import OrderOutcome, Simulated
    from floorbroker.simulation.run import Work

app = App(name="simulate", help="The same desk and exchange over a recorded day.")

#: Progress is told once in so many minutes of the market.
TELL_MINUTES = 30
MINUTE_NS = 60_000_000_000
#: Types that become a parent order.
_WORKED = frozenset({OrdType.MARKET, OrdType.LIMIT})


@Parameter(name="*")
@dataclass(frozen=True)
class SimulateOptions:
    """What to play.

    Parameters
    ----------
    speed
        as fast as the machine can; nothing else makes sense in virtual time
    out
        folder for the journal and the report
    seed
        of everything that chance decides
    cash
        what the account begins with, dollars
    history
        files of earlier days, for algorithms that look back
    """

    speed: Literal["max"] = "max"
    out: Path | None = None
    seed: int = 0
    cash: str = "1000000"
    history: Path | None = None


@app.default
def simulate(
    *,
    orders: Annotated[Path, Parameter(help="orders with their times, .csv or .jsonl")],
    tape: Annotated[Path, Parameter(help="a recorded day, as `exchange --tape` takes it")],
    options: SimulateOptions | None = None,
    json: Json = False,
) -> int:
    """Place the orders of a file at their times of a recorded day and report what came of them.

    A row has time (New York, or with a zone), side, qty, symbol and the options of `order submit`;
    and perhaps algo, such as `vwap end=15:55 max_rate=0.1`, which works it from that time on.
    Exit 1 if an order was refused or rejected, or the journal does not verify.

    Examples: floorbroker simulate --orders orders.csv --tape ticks/ibm@2013-10-08 --out run
              floorbroker simulate --orders orders.jsonl --tape bars.parquet@SPY:2026-03-23 --json
    """
    from floorbroker.simulation.run import Plan, Planned
    from floorbroker.simulation.run import simulate as play

    chosen = options or SimulateOptions()
    cash = cash_of(chosen.cash)
    market = open_market(tape, (), chosen.seed)
    day = new_york_date(market.open_ns)
    moment = partial(_moment, day=day)
    found = timed_orders_in(orders, partial(moment, "time"), _fits(market, moment))
    plan = Plan(
        market=market,
        orders=[Planned(line, request, *when) for line, request, when in found],
        seed=chosen.seed,
        cash=cash,
        journal_path=None if chosen.out is None else journal_in(chosen.out),
        history=chosen.history or days_of(tape),
    )
    outcome = play(plan, None if json else _progress())
    if chosen.out is not None:
        write_report(outcome, chosen.out)
    if json:
        say_json(view(outcome))
    else:
        _tell(outcome, chosen.out)
    bad = [one for one in outcome.orders if one.ord_status in ("refused", "rejected")]
    return REFUSED if bad or not _is_sound(outcome) else DONE


def view(outcome: "Simulated") -> dict[str, object]:
    """The contract of `--json`."""
    return {
        "market": outcome.market,
        "orders": list(outcome.orders),
        "open_orders": list(outcome.open_orders),
        "refused": outcome.refused,
        "market_events": outcome.market_events,
        "journal_records": outcome.report.head_seq,
        "journal_head": outcome.head,
        "journal_verified": _is_sound(outcome),
    }


def _is_sound(outcome: "Simulated") -> bool:
    return outcome.verification.damage is None


def days_of(tape: Path) -> Path:
    """All days of the tape's place: those before the one that is played are known."""
    from floorbroker.marketdata.detect import parse_choice

    return parse_choice(f"{tape}")[0]


def _moment(field: str, text: str, *, day: date) -> int:
    """A time of the tape's day in New York, or a date and time, with a zone or in New York."""
    right = "write 10:30, 10:30:05.250 (New York) or 2013-10-08T14:30:00Z"
    try:
        if "T" not in text and "-" not in text:
            return ns_of(datetime.combine(day, time.fromisoformat(text), NEW_YORK))
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidOrder(field, text or "nothing", right) from None
    return ns_of(moment if moment.tzinfo is not None else moment.replace(tzinfo=NEW_YORK))


def _fits(
    market: MarketPlan, moment: Callable[[str, str], int]
) -> "Callable[[OrderRequest, Timed], tuple[int, Work | None]]":
    """Whether an order can be placed on this tape: its symbol, and the day of its time; and
    worked, where something is to work it."""
    day = new_york_date(market.open_ns)

    def check(request: OrderRequest, timed: Timed) -> "tuple[int, Work | None]":
        time_ns = timed.time_ns
        if request.symbol not in market.symbols:
            raise InvalidOrder(
                "symbol", request.symbol, f"the tape has {', '.join(market.symbols)}"
            )
        if new_york_date(time_ns) != day:
            raise InvalidOrder("time", new_york_date(time_ns), f"the tape's day is {day}")
        if time_ns >= market.close_ns:
            raise InvalidOrder("time", "after the close", "the day ends with the regular session")
        return time_ns, _work(request, timed, moment) if timed.algo else None

    return check


def _work(request: OrderRequest, timed: Timed, moment: Callable[[str, str], int]) -> "Work":
    """What works the order; raises InvalidOrder for what no algorithm can be asked."""
    from floorbroker.execution.algos.port import ParentRequest
    from floorbroker.execution.catalog import SHIPPED, checked
    from floorbroker.simulation.run import Work

    terms = dict(timed.terms)
    end = terms.pop("end", "")
    if not end:
        raise InvalidOrder("algo", timed.algo, f"say until when, such as {timed.algo} end=15:55")
    plain = (request.order_class, request.time_in_force, request.extended_hours)
    is_plain = plain == (OrderClass.SIMPLE, TimeInForce.DAY, False)
    if request.order_qty is None or request.ord_type not in _WORKED or not is_plain:
        hint = "an algorithm works shares, with a limit or without; leave out other terms"
        raise InvalidOrder("algo", timed.algo, hint)
    end_ns = moment("algo end", end)
    asked = ParentRequest(
        side=request.side,
        symbol=request.symbol,
        qty=request.order_qty,
        algo=timed.algo,
        start_ns=timed.time_ns,
        end_ns=end_ns,
        limit=request.price,
        params=dict(terms),
    )
    checked(SHIPPED, asked)
    return Work(algo=timed.algo, end_ns=end_ns, params=dict(terms))


def cash_of(text: str) -> Decimal:
    """Dollars to begin with; raises ConfigError."""
    try:
        cash = Decimal(text)
    except InvalidOperation:
        cash = Decimal("NaN")
    if not cash.is_finite() or cash <= 0:
        raise ConfigError(f"--cash: {text} found; right are dollars, such as 1000000")
    return cash


def _progress() -> Callable[[int], None]:
    def tell(now_ns: int) -> None:
        if now_ns // MINUTE_NS % TELL_MINUTES == 0:
            moment = datetime.fromtimestamp(now_ns // 1_000_000_000, NEW_YORK)
            warn(f"the market has come to {moment:%H:%M} New York")

    return tell


def _tell(outcome: "Simulated", out: Path | None) -> None:
    from rich.text import Text

    from floorbroker.cli.sheet import Column, Sheet, show
    from floorbroker.cli.tables import show_report

    show_report(outcome.report)
    names = ("Line", "Time", "Side", "Symbol", "Type", "Qty", "Filled", "Fills")
    more = ("Average", "Arrival", "Slippage bp", "VWAP", "vs VWAP bp", "Part", "Status", "Why")
    columns = [
        Column(name, 0, is_number=name not in _WORDS, folds=name == "Why")
        for name in (*names, *more)
    ]
    show(Sheet(columns, [[Text(cell) for cell in _cells(one)] for one in outcome.orders]))
    say(f"market    {outcome.market}, {outcome.market_events:,} events")
    if outcome.open_orders:
        say(f"open      {', '.join(outcome.open_orders)}")
    if out is not None:
        say(f"report    {out / REPORT}")
        say(f"journal   {out / JOURNAL}")


_WORDS = frozenset({"Time", "Side", "Symbol", "Type", "Status", "Why"})


def _cells(one: "OrderOutcome") -> list[str]:
    return [
        str(one.line),
        f"{one.time.astimezone(NEW_YORK):%H:%M:%S}",
        one.side.value,
        one.symbol,
        one.ord_type,
        one.order_qty or "",
        one.filled,
        str(one.fills),
        _number(one.average_px, 4),
        _number(one.arrival_px, 4),
        _number(one.arrival_slippage_bps, 2),
        _number(one.interval_vwap, 4),
        _number(one.vwap_slippage_bps, 2),
        "" if one.participation is None else f"{one.participation:.2%}",
        one.ord_status,
        one.text,
    ]


def _number(number: Decimal | None, digits: int) -> str:
    return "" if number is None else f"{number:.{digits}f}"
