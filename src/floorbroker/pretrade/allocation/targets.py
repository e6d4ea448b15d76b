"""What a portfolio is to be: targets by symbol, the rules of getting there, and what is wrong."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from floorbroker.domain.amounts import plain
from floorbroker.domain.errors import TargetsError

#: Weights that were computed in binary add up to a hair more than one.
ROUNDING = Decimal("0.000001")
_TOLD_MAX = 20
_NOTHING, _ONE = Decimal(0), Decimal(1)
#: Two dollars of positions a dollar of equity: what Regulation T lets anybody open.
_GROSS_MAX = Decimal(2)


class Kind(StrEnum):
    """What the numbers are."""

    WEIGHT = "weight"  #: Parts of what is to be invested: 0.25 or 25%.
    SHARES = "shares"  #: Shares to hold.
    NOTIONAL = "notional"  #: Dollars to hold.
    SIGNAL = "signal"  #: Strengths of any scale; weights are made of them.


class Targets(Struct, frozen=True, kw_only=True):
    """A number for each symbol; `places` say where each was read, for whoever has to mend it."""

    kind: Kind
    values: Mapping[str, Decimal]
    source: str = "targets"
    places: Mapping[str, str] = {}


class Rules(Struct, frozen=True, kw_only=True):
    """How to get from what is held to the targets.

    Long-only refuses negative targets, and takes a negative signal for a zero. `cash_back` and
    `cash_back_part` are kept out of everything: dollars, and a part of the portfolio's value.
    `band` is that, too: a name is traded when it has drifted further from its target, and then to
    the target or, with `is_to_edge`, no further than back into the band.
    """

    is_long_short: bool = False
    #: Long-short: what weights of both signs add up to at most (None: 2), and what those made of
    #: signals do (None: 1).
    gross: Decimal | None = None
    cash_back: Decimal = _NOTHING
    cash_back_part: Decimal = _NOTHING
    min_trade: Decimal = _ONE  #: Dollars; a smaller trade is left out.
    band: Decimal = _NOTHING
    is_to_edge: bool = False
    closes_others: bool = False  #: What is held and not named is closed, else it stays.

    @property
    def weights_max(self) -> Decimal:
        """What weights may add up to, without their signs."""
        if not self.is_long_short:
            return _ONE
        return _GROSS_MAX if self.gross is None else self.gross


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where, which value, and what would be right."""

    field: str
    value: object
    hint: str
    place: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.field}: {self.value!s} is not valid; {self.hint}"


def refuse(source: str, problems: list[Problem]) -> None:
    """Raises TargetsError that names them all, if there are any."""
    if not problems:
        return
    told = [str(one) for one in problems[:_TOLD_MAX]]
    if len(problems) > _TOLD_MAX:
        told.append(f"and {len(problems) - _TOLD_MAX} more")
    count = "1 thing is" if len(problems) == 1 else f"{len(problems)} things are"
    raise TargetsError(f"{source}: nothing was sent; {count} wrong\n  " + "\n  ".join(told))


def check_rules(rules: Rules) -> None:
    """Raises TargetsError."""
    problems = [
        Problem(field=name, value=plain(value), hint=hint)
        for name, value, is_right, hint in (
            ("cash_back", rules.cash_back, rules.cash_back >= 0, "dollars, 0 or more"),
            ("cash_back", rules.cash_back_part, 0 <= rules.cash_back_part < 1, "0% to under 100%"),
            ("min_trade", rules.min_trade, rules.min_trade >= 0, "dollars, 0 or more"),
            ("band", rules.band, 0 <= rules.band < 1, "a part of the portfolio, as 0.5% or 0.005"),
            ("gross", rules.weights_max, rules.weights_max > 0, "such as 1.5 for 150%"),
        )
        if not is_right
    ]
    refuse("rules", problems)


def check_targets(targets: Targets, rules: Rules) -> None:
    """Raises TargetsError that names each value that cannot be meant, where it stands."""
    problems = list(_wrong_values(targets, rules))
    if not problems:
        problems = list(_wrong_whole(targets, rules))
    refuse(targets.source, problems)


def _wrong_values(targets: Targets, rules: Rules) -> Iterator[Problem]:
    kind = targets.kind
    for symbol, value in targets.values.items():
        hint = ""
        if not value.is_finite():
            hint = f"{symbol} needs a number"
        elif value < 0 and kind is not Kind.SIGNAL and not rules.is_long_short:
            hint = f"a long-only portfolio has no negative {kind}; 0 sells all, or say long-short"
        elif kind is Kind.WEIGHT and abs(value) > rules.weights_max + ROUNDING:
            hint = f"{_percent(value)} of the portfolio in {symbol}; write 25% as 0.25 or 25%"
        if hint:
            place = targets.places.get(symbol, symbol)
            yield Problem(field=kind, value=plain_or_nan(value), hint=hint, place=place)


def _wrong_whole(targets: Targets, rules: Rules) -> Iterator[Problem]:
    values = targets.values.values()
    if not values:
        hint = "there are no targets; name at least one symbol, with 0 to sell it"
        yield Problem(field="symbol", value="nothing", hint=hint)
    elif targets.kind is Kind.SIGNAL and not any(values):
        hint = "signals of 0 alone say nothing; to sell, give weights of 0"
        yield Problem(field="signal", value=0, hint=hint)
    elif targets.kind is Kind.WEIGHT:
        total = sum(map(abs, values), _NOTHING)
        if total > rules.weights_max + ROUNDING:
            hint = f"together they may be {plain(rules.weights_max)} at most"
            hint += "; see gross" if rules.is_long_short else ", more would be borrowed"
            yield Problem(field="sum of weights", value=plain(total), hint=hint)


def weights_of(targets: Targets, rules: Rules) -> dict[str, Decimal]:
    """Signals as weights: long-only, the positive ones in proportion, 1 together; long-short, all
    in proportion, `gross` together without their signs."""
    signals = targets.values
    if not rules.is_long_short:
        signals = {symbol: max(value, _NOTHING) for symbol, value in signals.items()}
    total = sum(map(abs, signals.values()), _NOTHING)
    if not total:
        return dict.fromkeys(signals, _NOTHING)
    gross = rules.gross if rules.is_long_short and rules.gross is not None else _ONE
    return {symbol: gross * value / total for symbol, value in signals.items()}


def plain_or_nan(value: Decimal) -> str:
    return plain(value) if value.is_finite() else str(value)


def _percent(value: Decimal) -> str:
    return f"{plain((value * 100).normalize())}%"
