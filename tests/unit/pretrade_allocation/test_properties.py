"""What holds for every portfolio: cash, minimums, mirrors, and a second look without a trade."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.pretrade.allocation.cash import Buy, fitted
from floorbroker.pretrade.allocation.rounding import Wanted, rounded
from floorbroker.pretrade.allocation.targets import Kind, Rules, Targets
from floorbroker.pretrade.allocation.trades import Name, TradeList, Why, trade_list
from tests.unit.pretrade_allocation.kit import cash_by_phase, filled

SYMBOLS = ("A", "B", "C", "D", "E", "F")
FRACTION = Decimal("0.000000001")
PRICES = st.decimals("0.5", 500, places=2)
LOTS = st.sampled_from([Decimal(1), Decimal(1), Decimal(10), FRACTION])


@st.composite
def names(draw: st.DrawFn, *, shorts: bool = False, spread: bool = False) -> list[Name]:
    found = []
    for symbol in SYMBOLS[: draw(st.integers(1, len(SYMBOLS)))]:
        px, lot = draw(PRICES), draw(LOTS)
        held = Decimal(draw(st.integers(-200 if shorts else 0, 200)))
        is_adding = draw(st.booleans())
        waits = Decimal(draw(st.integers(0, 20))) if draw(st.booleans()) else Decimal(0)
        wide = draw(st.decimals(0, "0.4", places=2)) if spread else Decimal(0)
        buys, sells = (
            (waits, Decimal(0)) if is_adding else (Decimal(0), min(waits, max(held, Decimal(0))))
        )
        found.append(
            Name(
                symbol=symbol,
                px=px,
                buy_px=px + wide,
                sell_px=px - wide,
                lot=lot,
                share_step=min(lot, Decimal(1)),
                held=held,
                open_buys=buys,
                open_sells=sells,
                open_cost=buys * px,
            )
        )
    return found


@st.composite
def targets(draw: st.DrawFn, known: list[Name], *, shorts: bool = False) -> Targets:
    chosen = [one for one in known if draw(st.integers(0, 5))] or known[:1]
    kind = draw(st.sampled_from(Kind))
    low = -1 if shorts else 0
    values = {}
    for one in chosen:
        if kind is Kind.SHARES:
            values[one.symbol] = max(one.lot, Decimal(1)) * draw(st.integers(40 * low, 40))
        elif kind is Kind.NOTIONAL:
            values[one.symbol] = draw(st.decimals(20_000 * low, 20_000, places=2))
        else:
            values[one.symbol] = draw(st.decimals(low, 1, places=4)) / len(chosen)
    if kind is Kind.SIGNAL:
        values[chosen[0].symbol] += 1
        if not any(values.values()):
            values[chosen[0].symbol] = Decimal(1)
    return Targets(kind=kind, values=values)


@st.composite
def cases(
    draw: st.DrawFn, *, shorts: bool = False, spread: bool = False
) -> tuple[Targets, list[Name], Decimal, Rules]:
    known = draw(names(shorts=shorts, spread=spread))
    rules = Rules(
        is_long_short=shorts,
        cash_back=draw(st.decimals(0, 500, places=2)),
        cash_back_part=draw(st.sampled_from([Decimal(0), Decimal("0.05")])),
        min_trade=draw(st.sampled_from([Decimal(0), Decimal(1), Decimal(500)])),
        band=draw(st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("0.1")])),
        is_to_edge=draw(st.booleans()),
        closes_others=draw(st.booleans()),
    )
    # Enough that something is there to invest, even beside the largest short.
    least = 1000 + sum(max(-one.held, Decimal(0)) * one.px for one in known)
    cash = least + draw(st.decimals(0, 50_000, places=2))
    return draw(targets(known, shorts=shorts)), known, cash, rules


@given(case=cases(spread=True))
def test_cash_is_never_overspent_in_any_phase(
    case: tuple[Targets, list[Name], Decimal, Rules],
) -> None:
    wanted, known, cash, rules = case
    plan = trade_list(wanted, known, cash, rules)
    by_phase = cash_by_phase(plan, known, cash)
    for phase, left in enumerate(by_phase, 1):
        if any(trade.phase == phase and trade.side == "buy" for trade in plan.trades):
            assert left >= plan.kept_back
    if by_phase:
        assert by_phase[-1] == plan.cash_after


@given(case=cases(shorts=True, spread=True))
def test_nor_where_shorts_pay_for_longs(
    case: tuple[Targets, list[Name], Decimal, Rules],
) -> None:
    wanted, known, cash, rules = case
    plan = trade_list(wanted, known, cash, rules)
    for phase, left in enumerate(cash_by_phase(plan, known, cash), 1):
        if any(trade.phase == phase and trade.side == "buy" for trade in plan.trades):
            assert left >= plan.kept_back


@given(case=st.one_of(cases(), cases(shorts=True)))
def test_no_trade_is_below_the_minimum_or_off_its_lot(
    case: tuple[Targets, list[Name], Decimal, Rules],
) -> None:
    wanted, known, cash, rules = case
    plan = trade_list(wanted, known, cash, rules)
    for line in plan.lines:
        name = line.name
        assert not line.change or abs(line.change) * name.px >= rules.min_trade
        assert line.change % name.share_step == 0
        orders = [one for one in plan.trades if one.symbol == name.symbol]
        signed = [one.qty if one.side == "buy" else -one.qty for one in orders]
        assert sum(signed) == line.change
        for sold in (-qty for qty in signed if qty < 0):
            assert sold <= name.stands or name.stands <= 0 or len(orders) == 2
        if not rules.is_long_short:
            assert name.stands + line.change >= 0


@given(case=st.one_of(cases(), cases(shorts=True)))
def test_a_second_look_after_perfect_fills_finds_nothing_to_trade(
    case: tuple[Targets, list[Name], Decimal, Rules],
) -> None:
    wanted, known, cash, rules = case
    # An order that stood against a trade has filled by then: that trade is due.
    known = [replace(one, open_buys=Decimal(0), open_cost=Decimal(0)) for one in known]
    known = [replace(one, open_sells=Decimal(0)) for one in known]
    first = trade_list(wanted, known, cash, rules)
    after, left = filled(known, cash, first)
    assert trade_list(wanted, after, left, rules).trades == ()


@given(case=cases())
def test_open_orders_in_the_direction_of_the_target_change_nothing_once_filled(
    case: tuple[Targets, list[Name], Decimal, Rules],
) -> None:
    wanted, known, cash, rules = case
    first = trade_list(wanted, known, cash, rules)
    is_short_of_cash = any(line.why is Why.NO_CASH for line in first.lines)
    brings_cash = any(one.open_sells for one in known)  # once it has filled, it buys the rest
    if any("stands against" in line.text for line in first.lines):
        return
    if is_short_of_cash and brings_cash:
        return
    after, left = filled(known, cash, first)
    assert left >= first.cash_after
    assert trade_list(wanted, after, left, rules).trades == ()


def mirrored(one: Name) -> Name:
    return replace(one, held=-one.held)


@given(case=cases(shorts=True))
def test_the_mirror_image_of_a_portfolio_is_traded_as_the_mirror_image(
    case: tuple[Targets, list[Name], Decimal, Rules],
) -> None:
    wanted, known, _, rules = case
    rules = replace(rules, cash_back_part=Decimal(0), cash_back=Decimal(0))
    # Shorts are whole shares, so the same must hold for longs; and no cash binds.
    known = [
        replace(
            one,
            lot=max(one.lot, Decimal(1)),
            share_step=Decimal(1),
            open_buys=Decimal(0),
            open_sells=Decimal(0),
            open_cost=Decimal(0),
        )
        for one in known
    ]
    nav = Decimal(10_000_000)
    if wanted.kind in (Kind.WEIGHT, Kind.SIGNAL):  # small beside the cash
        values = {symbol: value / 1000 for symbol, value in wanted.values.items()}
        wanted = Targets(kind=Kind.WEIGHT, values=values)
    other = Targets(kind=wanted.kind, values={key: -value for key, value in wanted.values.items()})
    images = [mirrored(one) for one in known]

    def changes(side: Targets, held: list[Name]) -> list[Decimal]:
        cash = nav - sum((one.held * one.px for one in held), Decimal(0))
        plan: TradeList = trade_list(side, held, cash, rules)
        return [line.change for line in plan.lines]

    assert changes(wanted, known) == [-change for change in changes(other, images)]


@given(known=names(), wanted=st.lists(st.decimals(0, 30_000, places=2), min_size=6, max_size=6))
def test_after_rounding_no_lot_that_is_still_missing_fits_into_the_leftover(
    known: list[Name], wanted: list[Decimal]
) -> None:
    asked = {
        one.symbol: Wanted(shares=value / one.px, px=one.px, lot=one.lot)
        for one, value in zip(known, wanted, strict=False)
    }
    found = rounded(asked)
    left = sum((one.shares - found[symbol]) * one.px for symbol, one in asked.items())
    assert left > -Decimal("1e-15")
    for symbol, one in asked.items():
        assert abs(found[symbol] - one.shares) < one.lot
        if found[symbol] < one.shares:
            assert left < one.lot * one.px


@given(
    buys=st.lists(st.tuples(st.integers(1, 500), PRICES, LOTS), min_size=1, max_size=6),
    part=st.integers(0, 1000),
    least=st.sampled_from([0, 1, 300]),
)
def test_what_the_cash_does_not_buy_would_cost_more_than_is_left(
    buys: list[tuple[int, Decimal, Decimal]], part: int, least: int
) -> None:
    asked = {
        SYMBOLS[place]: Buy(qty=qty * lot, lot=lot, cost_px=px, px=px)
        for place, (qty, px, lot) in enumerate(buys)
    }
    cash = sum((one.qty * one.px for one in asked.values()), Decimal(0)) * part / 1000
    got = fitted(asked, cash, Decimal(least))
    left = cash - sum((got[symbol] * one.px for symbol, one in asked.items()), Decimal(0))
    assert left >= 0
    for symbol, one in asked.items():
        assert got[symbol] <= one.qty
        if got[symbol] < one.qty:
            is_small = (got[symbol] + one.lot) * one.px < least
            assert is_small or one.lot * one.px > left
