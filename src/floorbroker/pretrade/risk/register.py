"""Every pre-trade control, in the order in which an order meets them, and the one call."""

from floorbroker.pretrade.risk import account, exposure, permits, rates, shape
from floorbroker.pretrade.risk.control import Check, Control, Denial
from floorbroker.pretrade.risk.limits import Limits
from floorbroker.pretrade.risk.view import Ask, RiskView

CONTROLS: tuple[Control, ...] = (
    Control(
        id="P01",
        name="live arming",
        why="Real money moves only after two deliberate steps, for a while, for one version.",
        check=permits.armed,
    ),
    Control(
        id="P02",
        name="kill state",
        why="Once trading is stopped, nothing adds risk.",
        check=permits.active,
    ),
    Control(
        id="P03",
        name="well-formed",
        why="A size that is no number, or no lot, means a mistake before it.",
        check=shape.well_formed,
    ),
    Control(
        id="P04",
        name="allow and restrict lists",
        why="A symbol nobody has named is a typing mistake, or somebody else's.",
        check=permits.listed,
        on_reduce=False,
    ),
    Control(
        id="P05",
        name="tradability",
        why="What is halted or closed would wait and trade at a price nobody has seen.",
        check=permits.tradable,
    ),
    Control(
        id="P06",
        name="largest quantity",
        why="A finger too many on a key.",
        check=shape.max_qty,
        on_reduce=False,
    ),
    Control(
        id="P07",
        name="largest value",
        why="The same, where one share is dear.",
        check=shape.max_value,
        on_reduce=False,
    ),
    Control(
        id="P08",
        name="price collar",
        why="A limit far beyond the market is a mistake; a wide market takes any price.",
        check=shape.collar,
    ),
    Control(
        id="P09",
        name="fresh reference",
        why="All that is bounded in dollars rests on a price; without one nobody can say.",
        check=shape.fresh_reference,
        on_reduce=False,
    ),
    Control(
        id="P10",
        name="one key, one order",
        why="Asked twice, placed once.",
        check=permits.keyed,
        on_replace=False,
    ),
    Control(
        id="P11",
        name="look-alikes",
        why="The same order twice within a moment is a loop or a double click.",
        check=rates.look_alike,
        on_replace=False,
    ),
    Control(
        id="P12",
        name="position",
        why="One name must not be able to sink the account.",
        check=exposure.position,
        on_reduce=False,
    ),
    Control(
        id="P13",
        name="gross exposure",
        why="Nor must all of them together.",
        check=exposure.gross,
        on_reduce=False,
    ),
    Control(
        id="P14",
        name="buying power",
        why="What the broker would refuse need not leave; what it might lend need not be used.",
        check=exposure.buying_power,
        on_reduce=False,
    ),
    Control(
        id="P15",
        name="oversell and short",
        why="A sale of more than is held is a short sale, meant or not.",
        check=exposure.oversell,
    ),
    Control(
        id="P16",
        name="open orders",
        why="What is open can all fill at once.",
        check=exposure.open_orders,
    ),
    Control(
        id="P17",
        name="request throttle",
        why="Cancels must always find room in the broker's budget.",
        check=rates.messages,
    ),
    Control(
        id="P18",
        name="new-order rate",
        why="A loop that places orders is seen by its speed first.",
        check=rates.order_rate,
        on_replace=False,
    ),
    Control(
        id="P19",
        name="repeated execution",
        why="Filled and at once again: what cost Knight Capital 460 million dollars.",
        check=rates.reentry,
    ),
    Control(
        id="P20",
        name="order-to-fill ratio",
        why="Many requests and few fills look like a defect, and to an exchange like spoofing.",
        check=rates.order_to_fill,
        on_reduce=False,
    ),
    Control(
        id="P21",
        name="self-trade",
        why="Meeting oneself moves no shares, and is forbidden where it looks meant.",
        check=exposure.self_trade,
    ),
    Control(
        id="P22",
        name="regulatory pre-checks",
        why="What the rules forbid before the order; each rule has its dates.",
        check=account.regulatory,
    ),
    Control(
        id="P23",
        name="daily loss",
        why="A day that goes wrong ends early.",
        check=account.daily_loss,
    ),
    Control(
        id="P24",
        name="intraday drawdown",
        why="So does one that went well and turns.",
        check=account.drawdown,
    ),
    Control(
        id="P25",
        name="daily turnover",
        why="A program that trades in circles pays the spread each time.",
        check=rates.turnover,
        on_reduce=False,
    ),
    Control(
        id="P26",
        name="parent conservation",
        why="Children that outgrow their parent are orders nobody asked for.",
        check=shape.conserved,
    ),
    Control(
        id="P27",
        name="participation",
        why="A child too large for its interval moves the price against its parent.",
        check=shape.participation,
    ),
    Control(
        id="P28",
        name="intent lifetime",
        why="An order is about the market in which it was asked for.",
        check=permits.young,
    ),
    Control(
        id="P29",
        name="unknown orders",
        why="Nobody adds risk to what nobody knows.",
        check=permits.known_company,
        on_reduce=False,
    ),
    Control(
        id="P30",
        name="limit changes",
        why="The limit that stands in the way is not the one to take away in a hurry.",
        check=permits.changed_slowly,
        on_replace=False,
    ),
    Control(
        id="P31",
        name="canary",
        why="A new version proves itself on small orders.",
        check=shape.canary,
        on_replace=False,
        on_reduce=False,
    ),
)
BY_ID: dict[str, Control] = {control.id: control for control in CONTROLS}

#: By (is it a replace, does it only reduce): the controls that the order meets, each with its
#: check, because looking that up takes as long as most of them.
_MET: dict[tuple[bool, bool], tuple[tuple[Control, Check], ...]] = {
    (is_replace, is_reducing): tuple(
        (control, control.check)
        for control in CONTROLS
        if (control.on_replace or not is_replace) and (control.on_reduce or not is_reducing)
    )
    for is_replace in (False, True)
    for is_reducing in (False, True)
}


def check(ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """The first no, or None. A control that fails denies: who cannot judge must not let pass."""
    asked = CONTROLS[0]
    try:
        for control, check_one in _MET[ask.is_replace, view.is_reducing]:
            asked = control
            denial = check_one(ask, view, limits)
            if denial is not None:
                return denial
    except Exception as problem:  # noqa: BLE001  (fail closed, whatever it was)
        return _failed(asked, problem)
    return None


def check_all(ask: Ask, view: RiskView, limits: Limits) -> tuple[Denial, ...]:
    """Every no, for people who ask what would happen."""
    met = _MET[ask.is_replace, view.is_reducing]
    found = (judged(control, ask, view, limits) for control, _ in met)
    return tuple(denial for denial in found if denial is not None)


def judged(control: Control, ask: Ask, view: RiskView, limits: Limits) -> Denial | None:
    """What one control says of the order; a defect of the control is a no."""
    try:
        return control.check(ask, view, limits)
    except Exception as problem:  # noqa: BLE001  (fail closed, whatever it was)
        return _failed(control, problem)


def _failed(control: Control, problem: Exception) -> Denial:
    return Denial(
        control=control.id,
        limit="a control that works",
        value=f"it failed: {type(problem).__name__}: {problem}",
        would_pass="nothing, until the defect is mended",
    )
