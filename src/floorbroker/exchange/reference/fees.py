"""What regulators bill on trades: dated rates as data, and the fees of one account's day."""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_CEILING, Decimal

from msgspec import Struct

_CENT = Decimal("0.01")
_ZERO = Decimal(0)


class FeeRate(Struct, frozen=True, kw_only=True):
    """A fee from one day on: `rate` per dollar or per share, at most `most` per trade."""

    kind: str  #: "REG" (SEC section 31), "TAF" (FINRA) or "CAT" (consolidated audit trail).
    start: date
    rate: Decimal
    per: str  #: "dollar" or "share"
    sides: frozenset[str]
    most: Decimal | None = None


class FeeTrade(Struct, frozen=True, kw_only=True):
    """What a fee is computed from."""

    side: str
    qty: Decimal
    price: Decimal


_SELLS = frozenset({"sell"})
_BOTH = frozenset({"buy", "sell"})


def _rate(
    kind: str, start: str, rate: str, *, sides: frozenset[str], most: str | None = None
) -> FeeRate:
    return FeeRate(
        kind=kind,
        start=date.fromisoformat(start),
        rate=Decimal(rate),
        per="dollar" if kind == "REG" else "share",
        sides=sides,
        most=None if most is None else Decimal(most),
    )


#: Oldest first within a kind. The first row of a kind also stands for all days before it, so fees
#: of days before 2024 are an approximation. Rates of 2026 are from secondary sources.
RATES: tuple[FeeRate, ...] = (
    _rate("REG", "2024-05-22", "0.0000278", sides=_SELLS),
    _rate("REG", "2025-05-14", "0", sides=_SELLS),
    _rate("REG", "2026-04-04", "0.0000206", sides=_SELLS),
    _rate("TAF", "2024-01-01", "0.000166", sides=_SELLS, most="8.30"),
    _rate("TAF", "2026-01-01", "0.000195", sides=_SELLS, most="9.79"),
    _rate("CAT", "2024-01-01", "0.000048", sides=_BOTH),
    _rate("CAT", "2026-01-01", "0.0000265", sides=_BOTH),
)


def rates_on(day: date, rates: Iterable[FeeRate] = RATES) -> dict[str, FeeRate]:
    """The rate of each kind that is in force on that day."""
    in_force: dict[str, FeeRate] = {}
    for rate in rates:
        if rate.kind not in in_force or rate.start <= day:
            in_force[rate.kind] = rate
    return in_force


def day_fees(
    trades: Iterable[FeeTrade], day: date, rates: Iterable[FeeRate] = RATES
) -> dict[str, Decimal]:
    """Dollars of each kind for one account's trades of one day.

    Each kind is summed over the day and then rounded up to the cent; a fee of zero is left out.
    """
    totals = dict.fromkeys(in_force := rates_on(day, rates), _ZERO)
    for trade in trades:
        for kind, rate in in_force.items():
            if trade.side in rate.sides:
                totals[kind] += _fee(trade, rate)
    return {
        kind: total.quantize(_CENT, ROUND_CEILING) for kind, total in totals.items() if total > 0
    }


def _fee(trade: FeeTrade, rate: FeeRate) -> Decimal:
    base = trade.qty * trade.price if rate.per == "dollar" else trade.qty
    fee = base * rate.rate
    return fee if rate.most is None else min(fee, rate.most)
