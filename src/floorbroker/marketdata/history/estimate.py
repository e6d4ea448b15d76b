"""A symbol's curve and statistics as they were known before a day, with age and source."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from floorbroker.clock import NS_PER_S
from floorbroker.domain.errors import TapeError
from floorbroker.marketdata.history.curves import (
    Shares,
    daily_volatility,
    mean_curve,
    median_curve,
)
from floorbroker.marketdata.history.dates import Excluded, Hours, why_special
from floorbroker.marketdata.history.day import HistoryDay

Method = Literal["mean", "median"]


class History(Struct, frozen=True, kw_only=True):
    """What earlier days say of a symbol; `as_of_ns` is the newest fact in it.

    A statistic is None where it is not known: a spread needs recorded quotes, a volatility three
    closes.
    """

    symbol: str
    method: Method
    bin_ns: int
    shares: Shares
    adv: Decimal
    daily_volatility: Decimal | None
    spread: Decimal | None
    days: tuple[date, ...]
    left_out: tuple[Excluded, ...]
    source: str
    as_of_ns: int

    def age_s(self, now_ns: int) -> int:
        """Whole seconds since the newest fact in it."""
        return (now_ns - self.as_of_ns) // NS_PER_S


class Choice(Struct, frozen=True, kw_only=True):
    """Which days are taken: the last `days` usual ones before `before` (None: of all)."""

    days: int = 20
    method: Method = "mean"
    before: date | None = None
    special: frozenset[date] = frozenset()
    takes_special: bool = False


def history_of(days: Iterable[HistoryDay], hours: Hours, choice: Choice) -> History:
    """The estimate from these days of one symbol; raises TapeError where none is left.

    A day at or after `before` is never looked at, so nothing of the day that is traded gets in.
    """
    known = sorted(days, key=lambda one: one.day)
    earlier = [one for one in known if choice.before is None or one.day < choice.before]
    taken: list[HistoryDay] = []
    left_out: list[Excluded] = []
    for one in earlier:
        why = "" if choice.takes_special else why_special(one.day, hours, choice.special)
        why = why or ("no volume" if one.volume <= 0 else "")
        if why:
            left_out.append(Excluded(one.day, why))
        else:
            taken.append(one)
    taken = taken[-choice.days :]
    if not taken:
        raise TapeError(_none_left(known, left_out, choice))
    spreads = [one.spread for one in taken if one.spread is not None]
    closes = [one.close_px for one in taken if one.close_px is not None]
    volumes = [one.volumes for one in taken]
    return History(
        symbol=taken[0].symbol,
        method=choice.method,
        bin_ns=taken[0].bin_ns,
        shares=(mean_curve if choice.method == "mean" else median_curve)(volumes),
        adv=sum((one.volume for one in taken), Decimal(0)) / len(taken),
        daily_volatility=daily_volatility(closes),
        spread=sum(spreads, Decimal(0)) / len(spreads) if spreads else None,
        days=tuple(one.day for one in taken),
        left_out=tuple(left_out),
        source=", ".join(dict.fromkeys(one.source for one in taken)),
        as_of_ns=max(one.last_ns for one in taken),
    )


def _none_left(known: list[HistoryDay], left_out: list[Excluded], choice: Choice) -> str:
    told = ", ".join(f"{one.day} ({one.why})" for one in left_out)
    before = f" before {choice.before}" if choice.before is not None else ""
    found = f"left out: {told}" if told else f"{len(known)} days in all"
    return f"days: no usual day{before} ({found}); right is a history with at least one"
