"""Bugs planted in the pre-trade controls and in what they rest on."""

from tests.mutants.mutant import Mutant

_R = "pretrade/risk/"
_SHAPE, _EXPOSURE = _R + "shape.py", _R + "exposure.py"
_RATES, _PERMITS, _ACCOUNT = _R + "rates.py", _R + "permits.py", _R + "account.py"


def _of(control: str, name: str, module: str, before: str, after: str) -> Mutant:
    suites = ("tests/unit/pretrade_risk",) if module.startswith(_R) else ()
    return Mutant(
        name=f"{control}: {name}", module=module, before=before, after=after, suites=suites
    )


#: One for each control at least; the tests of the control find it.
CONTROLS = (
    _of(
        "P01",
        "an expired arming holds",
        _PERMITS,
        "elif view.now_ns >= view.armed_until_ns:",
        "elif view.now_ns > view.armed_until_ns:",
    ),
    _of(
        "P02",
        "a halted desk takes what reduces",
        _PERMITS,
        '(view.state == "reducing" and view.is_reducing)',
        '(view.state != "active" and view.is_reducing)',
    ),
    _of(
        "P03",
        "a size of zero is one",
        _SHAPE,
        "elif not size.is_finite() or size <= 0:",
        "elif not size.is_finite() or size < 0:",
    ),
    _of(
        "P04",
        "the restricted list is not read",
        _PERMITS,
        "if ask.symbol in limits.restricted:",
        "if ask.symbol in limits.regulatory:",
    ),
    _of(
        "P05",
        "a halted symbol is traded",
        _PERMITS,
        "    elif view.is_halted:\n",
        "    elif view.is_halted is None:\n",
    ),
    _of(
        "P06",
        "the volume bounds no quantity",
        _SHAPE,
        "most = min(most, limits.order_adv_share_max * view.adv)",
        "most = max(most, limits.order_adv_share_max * view.adv)",
    ),
    _of(
        "P07",
        "a value is looked at and let pass",
        _SHAPE,
        "    if most is None or value <= most:\n",
        "    if most is None or value >= most:\n",
    ),
    _of(
        "P08",
        "the collar holds back the wrong side",
        _SHAPE,
        "if (ask.price <= bound) if ask.is_buy else (ask.price >= bound):",
        "if (ask.price <= bound) if ask.is_buy else (ask.price <= bound):",
    ),
    _of(
        "P09",
        "a price is never too old",
        _SHAPE,
        '    elif age_ns > most_s * _NS:\n        value = f"its price',
        '    elif age_ns < 0:\n        value = f"its price',
    ),
    _of(
        "P10",
        "a key may be missing",
        _PERMITS,
        "elif limits.key_required and not ask.is_keyed:",
        "elif limits.key_required and ask.is_keyed is None:",
    ),
    _of(
        "P11",
        "one look-alike is let pass",
        _RATES,
        "view.repeats <= limits.repeats_max:",
        "view.repeats <= limits.repeats_max + 1:",
    ),
    _of(
        "P12",
        "open orders are no part of a position",
        _EXPOSURE,
        "held = view.pos + view.open_buy if ask.is_buy",
        "held = view.pos if ask.is_buy",
    ),
    _of(
        "P13",
        "open orders are no exposure",
        _EXPOSURE,
        "    total = view.gross + view.open_value + value\n",
        "    total = view.gross + value\n",
    ),
    _of(
        "P14",
        "the larger buying power counts",
        _EXPOSURE,
        "free = max(min(bounds), _ZERO)",
        "free = max(max(bounds), _ZERO)",
    ),
    _of(
        "P15",
        "what is offered already is offered again",
        _EXPOSURE,
        "free = view.pos - view.open_sell",
        "free = view.pos",
    ),
    _of(
        "P16",
        "one order too many is open",
        _EXPOSURE,
        "if view.open_here + one > limits.open_symbol_max:",
        "if view.open_here > limits.open_symbol_max:",
    ),
    _of(
        "P17",
        "one request too many goes",
        _RATES,
        "if view.messages_minute < limits.messages_per_min:",
        "if view.messages_minute <= limits.messages_per_min:",
    ),
    _of(
        "P18",
        "one order too many goes",
        _RATES,
        "        if done >= most:\n",
        "        if done > most:\n",
    ),
    _of(
        "P19",
        "a disabled strategy goes on",
        _RATES,
        "if ask.strategy in view.disabled:",
        "if ask.symbol in view.disabled:",
    ),
    _of(
        "P20",
        "no fill is as good as one for each",
        _RATES,
        "max(view.fills_hour, 1)",
        "max(view.fills_hour, asked)",
    ),
    _of(
        "P21",
        "who meets himself at one price does not",
        _EXPOSURE,
        "meets = ask.price >= resting if ask.is_buy else ask.price <= resting",
        "meets = ask.price > resting if ask.is_buy else ask.price < resting",
    ),
    _of(
        "P22",
        "a rule holds on after its end",
        _ACCOUNT,
        "(not self.until or today < self.until)",
        "(not self.until or today <= self.until)",
    ),
    _of(
        "P23",
        "who only reduces may lose everything",
        _ACCOUNT,
        "if lost > limits.loss_halt_share:",
        "if lost > limits.loss_halt_share and not view.is_reducing:",
    ),
    _of(
        "P24",
        "a fall is measured from the day's start",
        _ACCOUNT,
        "fallen = (peak - equity) / first",
        "fallen = (first - equity) / first",
    ),
    _of(
        "P25",
        "the day's turnover begins anew with each order",
        _RATES,
        "if most is None or view.turnover + value <= most:",
        "if most is None or value <= most:",
    ),
    _of(
        "P26",
        "a child is not counted itself",
        _SHAPE,
        "parent.committed + ask.new_qty <= parent.qty:",
        "parent.committed <= parent.qty:",
    ),
    _of(
        "P27",
        "the larger cap of participation holds",
        _SHAPE,
        "share = min(share, parent.participation_max)",
        "share = max(share, parent.participation_max)",
    ),
    _of(
        "P28",
        "urgent orders wait as long as others",
        _PERMITS,
        "most_s = min(most_s, limits.urgent_lifetime_s)",
        "most_s = max(most_s, limits.urgent_lifetime_s)",
    ),
    _of(
        "P29",
        "one unknown order is one too few",
        _PERMITS,
        "if view.unknown_here > limits.unknown_symbol_max:",
        "if view.unknown_here > limits.unknown_symbol_max + 1:",
    ),
    _of(
        "P30",
        "a looser limit holds at once",
        _PERMITS,
        "elif change.effective_ns - change.asked_ns < wait_ns:",
        "elif change.effective_ns - change.asked_ns < 0:",
    ),
    _of(
        "P31",
        "a new version begins with whole orders",
        _SHAPE,
        "order_qty_max=limits.order_qty_max * share,",
        "order_qty_max=limits.order_qty_max,",
    ),
)

#: What the controls rest on; the tests of the engine and the seeded runs find these.
RESERVE = (
    _of(
        "reserve",
        "UNKNOWN orders reserve nothing",
        "engine/exposure/reserve.py",
        "if order.venue_status in ENDED or order.venue_status is _HELD:",
        "if order.venue_status in (*ENDED, OrdStatus.HELD, OrdStatus.UNKNOWN):",
    ),
    _of(
        "reserve",
        "a replace reserves its new size alone",
        "engine/exposure/reserve.py",
        "most = request.order_qty if is_firm else book.most(order) or request.order_qty",
        "most = request.order_qty",
    ),
    _of(
        "reserve",
        "what is counted is forgotten with a restart",
        "engine/exposure/ledger.py",
        "        self.tally = tally\n        self.reserve",
        "        del tally\n        self.reserve",
    ),
    _of(
        "reserve",
        "a replace is not looked at",
        "engine/gates/risk.py",
        "    if adds_risk(order.request, request):\n",
        "    if order is None:\n",
    ),
    _of(
        "register",
        "a control that fails lets pass",
        _R + "register.py",
        "        return _failed(asked, problem)\n    return None",
        "        del problem\n    return None",
    ),
)
