"""A plan drawn up: what is traded when, what that costs and risks, and the frontier around it."""

from collections.abc import Callable, Sequence
from math import isfinite

from msgspec import Struct, structs

from floorbroker.cli.planning.market import Market, Parameter, known_of, market_of
from floorbroker.cli.planning.options import (
    MarketOptions,
    OrderOptions,
    ProgramOptions,
    UrgencyOptions,
)
from floorbroker.cli.planning.typed import (
    OPEN_S,
    clock_text,
    close_of,
    maybe,
    number,
    parts,
    side_of,
    symbol_of,
    time_of,
    wanted,
    whole,
)
from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.terms import Side
from floorbroker.pretrade.costs import schedule
from floorbroker.pretrade.costs.almgren_chriss import Program, Solution, aversion_of, priced, solve
from floorbroker.pretrade.costs.frontier import (
    Point,
    frontier,
    least_value_at_risk,
    quantile,
    straight,
)
from floorbroker.pretrade.costs.outlook import BPS, Estimate, made_linear, outlook
from floorbroker.pretrade.costs.schedule import Field, Slice
from floorbroker.pretrade.costs.volume import Window

SLICE_S = 900
CONFIDENCE = 0.95
#: kappa*T of each urgency: how many times the position falls by e until the end.
URGENCIES = {"low": 1.0, "medium": 3.0, "high": 6.0}
#: The slices of so many shares in lots of such a size.
Scheduler = Callable[[Field, int, int], list[Slice]]


class Asked(Struct, frozen=True, kw_only=True):
    """The order that a plan is for."""

    side: Side
    shares: int
    symbol: str
    lot: int
    window: Window
    close_s: int
    day: str | None


class Plan(Struct, frozen=True, kw_only=True):
    """What is shown: of an order in a market, or of a program in its own parameters.

    `scale` makes basis points of the program's dollars; a program alone has no price and so none.
    """

    algorithm: str
    title: str
    when: str
    qty: float
    slices: tuple[Slice, ...]
    estimates: tuple[Estimate, ...]
    parameters: tuple[Parameter, ...]
    notes: tuple[str, ...]
    program: Program
    solution: Solution
    scale: float | None
    dollars_per_bp: float | None
    points: tuple[Point, ...]
    least: Point | None  #: the least value at risk at `CONFIDENCE`

    @property
    def chosen(self) -> Point:
        """Where the schedule stands in the picture: without a drift, as the frontier."""
        here = priced(straight(self.program), self.solution.holdings)
        return Point(
            risk_aversion=self.program.risk_aversion,
            kappa=self.solution.kappa,
            expected_cost=here.expected_cost,
            std_dev=here.std_dev,
        )


def asked(options: OrderOptions) -> Asked:
    """The order as it was typed; raises InvalidModel."""
    side = side_of(options.side)
    shares = whole("--qty", wanted("--qty", options.qty, "give whole shares, such as 100000"))
    symbol = symbol_of(wanted("--symbol", options.symbol, "give what is traded, such as IBM"))
    close_s = close_of(options.date)
    start = OPEN_S if options.start is None else time_of("--start", options.start)
    end = close_s if options.end is None else time_of("--end", options.end)
    if start < OPEN_S:
        raise InvalidModel("--start", options.start, f"the session opens {clock_text(OPEN_S)}")
    if end > close_s:
        raise InvalidModel("--end", options.end, f"the session closes {clock_text(close_s)}")
    if end <= start:
        hint = f"it must be later than --start {clock_text(start)}"
        raise InvalidModel("--end", clock_text(end), hint)
    slices = max(round((end - start) / SLICE_S), 1)
    if options.slices is not None:
        slices = parts("--slices", options.slices, "slices")
    lot = 1 if options.lot is None else whole("--lot", options.lot)
    if lot > shares:
        raise InvalidModel("--lot", lot, f"it must not be more than --qty {shares}")
    return Asked(
        side=side,
        shares=shares,
        symbol=symbol,
        lot=lot,
        window=Window(start_s=start, end_s=end, slices=slices),
        close_s=close_s,
        day=options.date,
    )


def plan_by(
    algorithm: str, order: OrderOptions, market: MarketOptions, schedule_of: Scheduler
) -> Plan:
    """The plan of an algorithm whose slices follow from the time and the volume."""
    placed = asked(order)
    found = _market(market, placed, needs_curve=algorithm == "vwap")
    field = _field(placed.window, found)
    slices = schedule_of(field, placed.shares, placed.lot)
    if not schedule.total(slices):
        hint = "it trades less than one lot by --end; give more time or a higher --rate"
        raise InvalidModel("--qty", placed.shares, hint)
    program, impact = _program(schedule.total(slices), field, found, UrgencyOptions())
    return _drawn(algorithm, (placed, found), slices, (program, 0.0, impact))


def plan_shortfall(order: OrderOptions, market: MarketOptions, urgency: UrgencyOptions) -> Plan:
    """The plan by Almgren and Chriss in this market."""
    placed = asked(order)
    found = _market(market, placed, needs_curve=False)
    field = _field(placed.window, found)
    program, impact = _program(placed.shares, field, found, urgency)
    program, parameters = _averse(program, urgency, is_priced=found.is_priced)
    best = solve(program)
    if min(best.trades) < 0:
        hint = "with it the best schedule trades both ways; give one nearer to 0"
        raise InvalidModel("--alpha", urgency.alpha, hint)
    slices = schedule.by_weights(field, placed.shares, best.trades, placed.lot)
    known = (program, best.kappa, [*impact, *parameters])
    return _drawn("is", (placed, found), slices, known)


def _market(options: MarketOptions, placed: Asked, *, needs_curve: bool) -> Market:
    known = known_of(options, placed.symbol, placed.day, needs_curve=needs_curve)
    return market_of(options, known, placed.close_s, needs_curve=needs_curve)


def _field(window: Window, market: Market) -> Field:
    first, last = market.curve.edges_s[0], market.curve.edges_s[-1]
    if window.start_s < first or window.end_s > last:
        covered = f"{clock_text(first)} to {clock_text(last)}"
        hint = f"it must cover {clock_text(window.start_s)} to {clock_text(window.end_s)}"
        raise InvalidModel("--curve", f"a curve from {covered}", hint)
    return Field(window=window, curve=market.curve, adv=market.conditions.adv)


def _program(
    shares: int, field: Field, market: Market, urgency: UrgencyOptions
) -> tuple[Program, list[Parameter]]:
    window = field.window
    linear = made_linear(shares, window.days, sum(field.volumes()), market.conditions)
    estimated = "estimated: Almgren et al. 2005, linear at the average rate"
    per_share = "$/share" if market.is_priced else "parts of the price"
    values: dict[str, float] = {}
    told = []
    for name, unit, whence in (
        ("eta", f"({per_share})/(share/day)", estimated),
        ("gamma", f"({per_share})/share", estimated),
        ("epsilon", per_share, "half the spread"),
    ):
        typed = getattr(urgency, name)
        values[name] = maybe(f"--{name}", typed, getattr(linear, name))
        source = whence if typed is None else "given"
        told.append(Parameter(name=name, value=values[name], unit=unit, source=source))
    program = Program(
        shares=shares,
        days=window.days,
        intervals=window.slices,
        sigma=market.conditions.daily_vol * market.conditions.price,
        eta=values["eta"],
        gamma=values["gamma"],
        epsilon=values["epsilon"],
    )
    return program, told


def _averse(
    program: Program, urgency: UrgencyOptions, *, is_priced: bool
) -> tuple[Program, list[Parameter]]:
    """The program with its risk aversion, given or by how urgent it is."""
    if urgency.risk_aversion is not None:
        if urgency.urgency is not None:
            raise InvalidModel("--urgency", urgency.urgency, "give it or --risk-aversion")
        if not is_priced:
            hint = "--risk-aversion is in 1/$; give the price as well, or --urgency"
            raise InvalidModel("--price", "nothing", hint)
        aversion, source = number("--risk-aversion", urgency.risk_aversion), "given"
    else:
        level = urgency.urgency or "medium"
        aversion = aversion_of(program, URGENCIES[level] / program.days)
        source = f"urgency {level}: kappa*T = {URGENCIES[level]:g}"
    unit = "1/$" if is_priced else "1/price"
    drift = maybe("--alpha", urgency.alpha)
    program = structs.replace(program, risk_aversion=aversion, drift=drift)
    return program, [
        Parameter(name="risk_aversion", value=aversion, unit=unit, source=source),
    ]


def _drawn(
    algorithm: str,
    known: tuple[Asked, Market],
    slices: Sequence[Slice],
    how: tuple[Program, float, Sequence[Parameter]],
) -> Plan:
    (placed, market), (program, kappa, parameters) = known, how
    planned = schedule.total(slices)
    value = planned * market.conditions.price
    holdings = [float(planned)]
    for part in slices:
        holdings.append(holdings[-1] - part.shares)
    notes = list(market.notes)
    if planned < placed.shares:
        left = placed.shares - planned
        notes.append(
            f"{left:,} of {placed.shares:,} shares are left at the end; costs are of the rest"
        )
    window = placed.window
    span = f"{clock_text(window.start_s)} to {clock_text(window.end_s)} New York"
    return Plan(
        algorithm=algorithm,
        title=f"{placed.side.upper()} {placed.shares:,} {placed.symbol}",
        when=f"{span}, {window.slices:,} slices",
        qty=placed.shares,
        slices=tuple(slices),
        estimates=outlook(slices, market.conditions, program),
        parameters=(*market.parameters, *parameters),
        notes=tuple(notes),
        program=program,
        solution=priced(program, holdings, kappa),
        scale=BPS / value,
        dollars_per_bp=value / BPS if market.is_priced else None,
        points=tuple(frontier(straight(program))),
        least=_least(program),
    )


def plan_program(options: ProgramOptions, urgency: UrgencyOptions) -> Plan:
    """The plan of a program in its own parameters: dollars, shares and days."""
    asked_for = {
        name: number(f"--{option}", wanted(f"--{option}", text, "a program needs it"))
        for name, option, text in (
            ("shares", "x0", options.x0),
            ("days", "horizon", options.horizon),
            ("sigma", "sigma", options.sigma),
            ("eta", "eta", urgency.eta),
        )
    }
    if urgency.urgency is not None:
        raise InvalidModel("--urgency", urgency.urgency, "with --x0 give --lambda")
    intervals = wanted("--intervals", options.intervals, "a program needs it")
    aversion = wanted("--lambda", urgency.risk_aversion, "a program needs it; 0 trades evenly")
    program = Program(
        **asked_for,
        intervals=parts("--intervals", intervals, "intervals"),
        gamma=maybe("--gamma", urgency.gamma),
        epsilon=maybe("--epsilon", urgency.epsilon),
        risk_aversion=number("--lambda", aversion),
        drift=maybe("--alpha", urgency.alpha),
    )
    found = solve(program)
    assert isfinite(found.expected_cost)
    return Plan(
        algorithm="is",
        title=f"{program.shares:,.10g} shares",
        when=f"{program.days:g} days, {program.intervals:,} intervals",
        qty=program.shares,
        slices=(),
        estimates=(),
        parameters=_given(program),
        notes=(),
        program=program,
        solution=found,
        scale=None,
        dollars_per_bp=None,
        points=tuple(frontier(straight(program))) if program.sigma else (),
        least=_least(program) if program.sigma else None,
    )


def _least(program: Program) -> Point:
    plain = straight(program)
    aversion, found = least_value_at_risk(plain, quantile(CONFIDENCE))
    return Point(
        risk_aversion=aversion,
        kappa=found.kappa,
        expected_cost=found.expected_cost,
        std_dev=found.std_dev,
    )


_UNITS = {
    "sigma": "$/share/day^0.5",
    "eta": "($/share)/(share/day)",
    "gamma": "($/share)/share",
    "epsilon": "$/share",
    "risk_aversion": "1/$",
    "drift": "$/share/day",
}


def _given(program: Program) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            name=name,
            value=getattr(program, name),
            unit=unit,
            source="given" if getattr(program, name) else "none",
        )
        for name, unit in _UNITS.items()
    )
