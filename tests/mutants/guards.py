"""Bugs planted in the controls at and after the trade, one for each at least."""

from tests.mutants.mutant import Mutant

_ATRADE, _GATES = "tests/unit/engine/atrade", "tests/unit/engine/gates"
_HALTING, _COMPARE = "tests/unit/engine/halting", "tests/unit/engine/compare"
_SURVEILLANCE, _DRILLS = "tests/unit/posttrade_surveillance", "tests/e2e/test_controls.py"
_BROKER, _HOUSE = "engine/atrade/broker.py", "engine/atrade/house.py"


def _found_by(suite: str, control: str, name: str, module: str, change: tuple[str, str]) -> Mutant:
    before, after = change
    return Mutant(
        name=f"{control}: {name}", module=module, before=before, after=after, suites=(suite,)
    )


AT_TRADE = (
    _found_by(
        _HALTING,
        "A01",
        "a cancel that came to nothing under a kill is not asked for again",
        "engine/gates/halted.py",
        (
            "if asked is None or asked.phase is Phase.TAKEN:\n            messages.append",
            "if asked is None:\n            messages.append",
        ),
    ),
    _found_by(
        _HALTING,
        "A02",
        "a desk that stood still decides on its last look at the latch",
        "engine/halting/switch.py",
        ("self._looked_at > STALE_S:", "self._looked_at > 3600:"),
    ),
    _found_by(
        _ATRADE,
        "A03",
        "a desk may be silent for two minutes",
        _HOUSE,
        ("beat_age_s <= limits.heartbeat_max_s:", "beat_age_s <= 2 * limits.heartbeat_max_s:"),
    ),
    _found_by(
        _ATRADE,
        "A04",
        "an order that has waited long enough waits on",
        _BROKER,
        ("if is_whole or waited_s < wait_max_s:", "if is_whole or waited_s <= wait_max_s:"),
    ),
    _found_by(
        _ATRADE,
        "A05",
        "a fall is no jump",
        "engine/atrade/market.py",
        ("earlier and abs(mid - earlier) >", "earlier and mid - earlier >"),
    ),
    _found_by(
        _GATES,
        "A06",
        "refused orders are not counted",
        "engine/atrade/sentry.py",
        ("    OrderReject: _rejected,\n", ""),
    ),
    _found_by(
        _GATES,
        "A07",
        "orders without an answer are not counted",
        "engine/atrade/sentry.py",
        ("    RequestUnanswered: _unanswered,\n", ""),
    ),
    _found_by(
        _DRILLS,
        "A08",
        "nobody looks at what goes out against what was written",
        "engine/vigil/watchman.py",
        ("for breach in (sent, disk):", "for breach in (disk,):"),
    ),
    _found_by(
        _ATRADE,
        "A09",
        "an execution far below the price it was decided on is sane",
        "engine/atrade/market.py",
        ("if ref and abs(found.px - ref) >", "if ref and found.px - ref >"),
    ),
    _found_by(
        _ATRADE,
        "A10",
        "a clock that is far off is only told of",
        _BROKER,
        (
            "then, most_s = Then.REDUCE, limits.skew_max_s",
            "then, most_s = Then.WARN, limits.skew_max_s",
        ),
    ),
    _found_by(
        _ATRADE,
        "A11",
        "a disk is full when nothing is left",
        _HOUSE,
        ("free_bytes < limits.free_bytes_min:", "free_bytes <= 0:"),
    ),
    _found_by(
        _ATRADE,
        "A12",
        "another build is as good as the armed one",
        _HOUSE,
        ("or not armed or armed == here:", "or not armed or len(armed) == len(here):"),
    ),
    _found_by(
        _ATRADE,
        "A13",
        "an alert is told again after ten minutes",
        _HOUSE,
        ("if age_s >= limits.alert_repeat_s]", "if age_s >= 10 * limits.alert_repeat_s]"),
    ),
)

POST_TRADE = (
    _found_by(
        _COMPARE,
        "T01",
        "what is short here and long there agrees",
        "engine/compare/positions.py",
        ("    if mine == other:\n", "    if abs(mine) == abs(other):\n"),
    ),
    _found_by(
        _COMPARE,
        "T02",
        "an open order that the broker does not know is no break",
        "engine/compare/orders.py",
        ("return None if ours is None else _missing(ours)", "return None"),
    ),
    _found_by(
        _COMPARE,
        "T03",
        "a bust that was not heard of is not missing",
        "engine/compare/fills.py",
        ("missing=[*missing, *cancels, *unheard]", "missing=[*missing, *unheard]"),
    ),
    _found_by(
        _COMPARE,
        "T04",
        "a cent is no difference",
        "engine/compare/cash.py",
        ("return abs(difference) < CENT or", "return abs(difference) <= CENT or"),
    ),
    _found_by(
        _SURVEILLANCE,
        "T05",
        "what was before the day is of the day",
        "posttrade/surveillance/pack.py",
        ("if message.transact_time >= start:", "if message.transact_time < end:"),
    ),
    _found_by(
        _SURVEILLANCE,
        "T06",
        "the close begins twenty minutes before it",
        "posttrade/surveillance/patterns.py",
        ("if close - CLOSE_WINDOW <= one.time", "if close - 2 * CLOSE_WINDOW <= one.time"),
    ),
    _found_by(
        _DRILLS,
        "T07",
        "the controls after the trade are not fired",
        "cli/controls/selftest.py",
        ("drill = DURING.get(control) or AFTER.get(control)", "drill = DURING.get(control)"),
    ),
)
