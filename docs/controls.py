"""Writes controls.md from the code: `python docs/controls.py`."""

from decimal import Decimal
from pathlib import Path

from floorbroker.deskwork.risk.controls import register
from floorbroker.pretrade.risk.account import REGULATORY
from floorbroker.pretrade.risk.layers import NAMES
from floorbroker.pretrade.risk.limits import ABOUT, LIVE, PAPER
from floorbroker.pretrade.risk.register import CONTROLS

PAGE = Path(__file__).with_name("controls.md")
WIDE = Decimal(1_000_000_000)

HEAD = """\
# Controls

<!-- Written by docs/controls.py from the code. Do not edit. -->

Fifty-one: P before an order may leave, A while orders are at work, T afterwards. `floorbroker
doctor --controls` fires each of them on an exchange of its own.

Every new order, and every replace that adds risk, meets the pre-trade controls one after the
other, in the single writer: what passes is reserved before the next order is looked at. The first
no is the answer: `RiskDenied` names the control, the limit, what the order would make of it, and
what would pass. It is journaled like every refusal. A control that fails denies.

What is open counts as if it all filled: orders of unknown fate in full, on their own side, while
nothing that may still come is taken off the other; of a replace on its way the larger size and the
dearer price. Each order is counted once, however often it is sent, and a restart counts the same.

An order that can only make a position smaller is not held up by those controls that say so.

## Limits

`FLOORBROKER_PROFILE` chooses the values to start from. `live` is meant for real money and an
account of 100,000 dollars. `paper`, the default while no money is real, is wide enough for any
test, with every control asked: what nobody has told bounds nothing there, and nobody is asked.
Under `live` an order waits up to a second for a price, the account and the session, and what
cannot be told denies.

`floorbroker.toml`, in the working folder or else in the home folder (or the file that
`FLOORBROKER_LIMITS` names), changes single limits. The most specific table wins: symbol, strategy,
account, desk.

```toml
[limits]
order_value_max = 25_000
allow = ["AAPL", "MSFT"]       # "all" is everything

[limits.symbols.AAPL]
order_qty_max = 200

[limits.strategies.reversal]
orders_per_min = 5

[limits.accounts.main]
may_short = true
```

A strategy is what the order says: `OrderRequest.limit(..., strategy="reversal")`. A name that is
no limit is refused with its line and the nearest that is one. Shares are parts of one: `0.10` is
ten percent. "wide" is a billion or more.
"""


def page() -> str:
    lines = [HEAD]
    for control in CONTROLS:
        definition = " ".join((control.check.__doc__ or "").split())
        lines += [f"## {control.id} {control.name}", "", control.why, "", definition, ""]
        lines += [f"{_scope(on_replace=control.on_replace, on_reduce=control.on_reduce)}", ""]
        own = [name for name in NAMES if ABOUT[name].control == control.id]
        if own:
            lines += ["| limit | what | unit | live | paper |", "| --- | --- | --- | --- | --- |"]
            lines += [_row(name) for name in own]
            lines.append("")
        if control.id == "P22":
            lines += ["| rule | what | from | until |", "| --- | --- | --- | --- |"]
            lines += [
                f"| `{rule.name}` | {rule.text} | {rule.since} | {rule.until} |"
                for rule in REGULATORY
            ]
            lines.append("")
    for letter, title in AFTER.items():
        lines += [f"## {title}", ""]
        for row in (row for row in register() if row.id.startswith(letter)):
            lines += [f"### {row.id} {row.name}", "", row.why, "", row.definition, ""]
            lines += [f"Default: {row.default}. On breach: {row.on_breach}.", ""]
    return "\n".join(lines)


#: What watches while orders are at work, and what looks back.
AFTER = {"A": "At-trade controls", "T": "Post-trade controls"}


def _scope(*, on_replace: bool, on_reduce: bool) -> str:
    new = "New orders and replaces" if on_replace else "New orders"
    return f"{new}{'' if on_reduce else ', unless they only make a position smaller'}."


def _row(name: str) -> str:
    about = ABOUT[name]
    live, paper = _shown(getattr(LIVE, name)), _shown(getattr(PAPER, name))
    return f"| `{name}` | {about.text} | {about.unit} | {live} | {paper} |"


def _shown(value: object) -> str:
    if value is None:
        return "any"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    if isinstance(value, Decimal | int):
        return (
            "wide" if value >= WIDE else f"{value:,f}" if type(value) is Decimal else f"{value:,}"
        )
    return str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
