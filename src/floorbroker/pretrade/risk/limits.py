"""The limits: one named field each, with its unit and its control, and the two shipped profiles.

A share is a part of one: 0.10 is ten percent. Equity is the account's at the broker. None is "no
such bound", only where the field's type allows it.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

Profile = Literal["live", "paper"]


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that bounds an order; the defaults are those of the profile `live`, meant for an
    account of 100,000 dollars. `ABOUT` says what each field is."""

    must_arm: bool = True
    allow: frozenset[str] | None = frozenset()
    restricted: frozenset[str] = frozenset()
    asset_required: bool = True
    asset_age_s_max: int = 86_400
    order_qty_max: Decimal = Decimal(5000)
    order_adv_share_max: Decimal = Decimal("0.01")
    order_value_max: Decimal = Decimal(10_000)
    order_equity_share_max: Decimal = Decimal("0.10")
    collar: Decimal = Decimal("0.03")
    collar_spreads: Decimal = Decimal(5)
    spread_share_max: Decimal = Decimal("0.01")
    reference_required: bool = True
    reference_age_s_max: int = 5
    reference_age_extended_s_max: int = 30
    equity_required: bool = True
    key_required: bool = True
    repeats_max: int = 0
    repeat_window_s: int = 2
    repeat_window_human_s: int = 10
    position_qty_max: Decimal | None = None
    position_value_max: Decimal | None = None
    position_equity_share_max: Decimal = Decimal("0.20")
    gross_value_max: Decimal | None = None
    gross_equity_share_max: Decimal = Decimal(1)
    buying_power_buffer: Decimal = Decimal("0.02")
    buying_power_share_max: Decimal = Decimal(1)
    may_short: bool = False
    open_symbol_max: int = 10
    open_account_max: int = 100
    open_value_max: Decimal | None = None
    open_equity_share_max: Decimal = Decimal("0.50")
    messages_per_min: int = 100
    orders_per_s: int = 2
    orders_per_min: int = 20
    account_orders_per_min: int = 60
    reentries_max: int = 5
    reentry_window_s: int = 300
    messages_per_fill_max: Decimal = Decimal(20)
    messages_per_fill_from: int = 50
    may_cross_own: bool = False
    regulatory: frozenset[str] = frozenset({"day_trades", "settled_cash", "short_sale", "halts"})
    loss_reducing_share: Decimal = Decimal("0.02")
    loss_halt_share: Decimal = Decimal("0.03")
    drawdown_share_max: Decimal = Decimal("0.03")
    turnover_value_max: Decimal | None = None
    turnover_equity_share_max: Decimal = Decimal(3)
    orders_per_day: int = 500
    participation_max: Decimal = Decimal("0.10")
    urgent_lifetime_s: int = 30
    lifetime_s: int = 300
    unknown_symbol_max: int = 0
    unknown_account_max: int = 2
    loosen_factor_max: Decimal = Decimal(2)
    cool_off_s: int = 60
    canary_orders: int = 20
    canary_share: Decimal = Decimal("0.10")


#: How a change of a field lets more through.
Looser = Literal["up", "down", "true", "false", "more", "fewer"]


class About(Struct, frozen=True):
    """What a field of `Limits` is: its control, its unit, in words, and which way is looser."""

    control: str
    unit: str
    text: str
    looser: Looser = "up"


_WIDE = Decimal(10**18)  # no order there is comes near
_MANY = 1_000_000_000

#: Wide enough for tests and for a market that is not real, with every control on: nothing has to
#: be known that nobody was asked for, and nobody is asked.
PAPER = Limits(
    must_arm=False,
    allow=None,
    asset_required=False,
    order_qty_max=_WIDE,
    order_adv_share_max=_WIDE,
    order_value_max=_WIDE,
    order_equity_share_max=_WIDE,
    collar=_WIDE,
    spread_share_max=_WIDE,
    reference_required=False,
    equity_required=False,
    key_required=False,
    repeats_max=_MANY,
    position_equity_share_max=_WIDE,
    gross_equity_share_max=_WIDE,
    buying_power_share_max=_WIDE,
    may_short=True,
    open_symbol_max=_MANY,
    open_account_max=_MANY,
    open_equity_share_max=_WIDE,
    messages_per_min=_MANY,
    orders_per_s=_MANY,
    orders_per_min=_MANY,
    account_orders_per_min=_MANY,
    reentries_max=_MANY,
    messages_per_fill_max=_WIDE,
    may_cross_own=True,
    loss_reducing_share=Decimal(10),
    loss_halt_share=Decimal(10),
    drawdown_share_max=Decimal(10),
    turnover_equity_share_max=_WIDE,
    orders_per_day=_MANY,
    participation_max=Decimal(1),
    urgent_lifetime_s=86_400,
    lifetime_s=86_400,
    unknown_symbol_max=_MANY,
    unknown_account_max=_MANY,
    loosen_factor_max=_WIDE,
    cool_off_s=0,
    canary_share=Decimal(1),
)
LIVE = Limits()
PROFILES: dict[Profile, Limits] = {"live": LIVE, "paper": PAPER}

ABOUT: dict[str, About] = {
    "must_arm": About("P01", "", "live orders need an armed desk", "false"),
    "allow": About("P04", "symbols", "what may be traded; none is everything", "more"),
    "restricted": About("P04", "symbols", "what may not be traded", "fewer"),
    "asset_required": About("P05", "", "the broker must have told of the instrument", "false"),
    "asset_age_s_max": About("P05", "s", "how old that may be"),
    "order_qty_max": About("P06", "shares", "the largest order"),
    "order_adv_share_max": About("P06", "share", "of the average daily volume, where known"),
    "order_value_max": About("P07", "USD", "the most that an order may be worth"),
    "order_equity_share_max": About("P07", "share", "of equity, the same"),
    "collar": About("P08", "share", "how far beyond the reference price a limit may lie"),
    "collar_spreads": About("P08", "spreads", "the same; the larger of the two counts"),
    "spread_share_max": About("P08", "share", "of the mid: the widest spread for market orders"),
    "reference_required": About("P09", "", "a live price must be known", "false"),
    "reference_age_s_max": About("P09", "s", "its age in the regular session"),
    "reference_age_extended_s_max": About("P09", "s", "its age outside it"),
    "equity_required": About("P13", "", "equity must be known where a limit needs it", "false"),
    "key_required": About("P10", "", "each order has a ClOrdID of its caller's", "false"),
    "repeats_max": About("P11", "orders", "look-alikes within the window"),
    "repeat_window_s": About("P11", "s", "the window for programs", "down"),
    "repeat_window_human_s": About("P11", "s", "the window for people", "down"),
    "position_qty_max": About("P12", "shares", "the largest position, open orders counted in"),
    "position_value_max": About("P12", "USD", "what it may be worth"),
    "position_equity_share_max": About("P12", "share", "of equity, the same"),
    "gross_value_max": About("P13", "USD", "all positions and open orders together"),
    "gross_equity_share_max": About("P13", "share", "of equity, the same"),
    "buying_power_buffer": About("P14", "share", "kept back on top of the cost", "down"),
    "buying_power_share_max": About("P14", "share", "how much of the buying power may be used"),
    "may_short": About("P15", "", "selling more than is held", "true"),
    "open_symbol_max": About("P16", "orders", "open in the symbol"),
    "open_account_max": About("P16", "orders", "open in the account"),
    "open_value_max": About("P16", "USD", "all open orders together"),
    "open_equity_share_max": About("P16", "share", "of equity, the same"),
    "messages_per_min": About("P17", "requests", "orders and replaces sent in a minute"),
    "orders_per_s": About("P18", "orders", "of a strategy in a second"),
    "orders_per_min": About("P18", "orders", "of a strategy in a minute"),
    "account_orders_per_min": About("P18", "orders", "of the account in a minute"),
    "reentries_max": About("P19", "orders", "on the side just filled, within the window"),
    "reentry_window_s": About("P19", "s", "that window", "down"),
    "messages_per_fill_max": About("P20", "ratio", "requests for each execution in an hour"),
    "messages_per_fill_from": About("P20", "requests", "judged from so many on"),
    "may_cross_own": About("P21", "", "meeting an own order on the other side", "true"),
    "regulatory": About("P22", "rules", "which of the dated rules are checked", "fewer"),
    "loss_reducing_share": About("P23", "share", "of the day's first equity: reduce only"),
    "loss_halt_share": About("P23", "share", "of the same: no order at all"),
    "drawdown_share_max": About("P24", "share", "of the same, from the day's peak: reduce only"),
    "turnover_value_max": About("P25", "USD", "asked for in a day"),
    "turnover_equity_share_max": About("P25", "share", "of equity, the same"),
    "orders_per_day": About("P25", "orders", "in a day"),
    "participation_max": About("P27", "share", "of the interval's volume for a child"),
    "urgent_lifetime_s": About("P28", "s", "market, IOC and FOK orders wait at most"),
    "lifetime_s": About("P28", "s", "others wait at most"),
    "unknown_symbol_max": About("P29", "orders", "of unknown fate in the symbol"),
    "unknown_account_max": About("P29", "orders", "of unknown fate in the account"),
    "loosen_factor_max": About("P30", "times", "what a limit was, at most"),
    "cool_off_s": About("P30", "s", "until a looser limit holds", "down"),
    "canary_orders": About("P31", "orders", "after a change of version or limits", "down"),
    "canary_share": About("P31", "share", "of P06, P07 and P18 for those"),
}
