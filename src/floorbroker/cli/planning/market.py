"""What a plan knows of its market: each number with where it comes from."""

from msgspec import Struct

from floorbroker.cli.planning.curvefile import read_curve
from floorbroker.cli.planning.options import MarketOptions
from floorbroker.cli.planning.typed import OPEN_S, maybe, number, wanted
from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import not_negative, positive
from floorbroker.pretrade.costs.outlook import Conditions
from floorbroker.pretrade.costs.volume import Curve, flat

#: Shares outstanding to average daily volume where nobody knows better: half a percent a day.
TURNOVER_DAYS = 200.0


class Parameter(Struct, frozen=True, kw_only=True):
    """A number of the plan, its unit, and who said so."""

    name: str
    value: float | str
    unit: str
    source: str


class Market(Struct, frozen=True, kw_only=True):
    """The conditions and the curve of volume, with what is known of them."""

    conditions: Conditions
    curve: Curve
    is_priced: bool
    parameters: tuple[Parameter, ...]


def market_of(options: MarketOptions, close_s: int, *, needs_curve: bool) -> Market:
    """What the options say, and what is assumed without them."""
    adv = positive("--adv", _asked("--adv", options.adv, "the average daily volume in shares"))
    vol = _vol(_asked("--daily-vol", options.daily_vol, "the volatility of a day, such as 0.02"))
    outstanding, whence = TURNOVER_DAYS * adv, "assumed: 200 x adv, 0.5 % traded a day"
    if options.shares_outstanding is not None:
        outstanding = positive(
            "--shares-outstanding", number("--shares-outstanding", options.shares_outstanding)
        )
        whence = "given"
    is_priced = options.price is not None
    if options.spread is not None and not is_priced:
        raise InvalidModel("--price", "nothing", "--spread is in $/share; give the price as well")
    price = positive("--price", maybe("--price", options.price, 1.0))
    spread = not_negative("--spread", maybe("--spread", options.spread))
    curve, curve_source = _curve(options, close_s, needs_curve=needs_curve)
    parameters = [
        Parameter(name="adv", value=adv, unit="shares a day", source="given"),
        Parameter(name="daily_vol", value=vol, unit="fraction a day", source="given"),
        Parameter(name="shares_outstanding", value=outstanding, unit="shares", source=whence),
        Parameter(
            name="spread",
            value=spread,
            unit="$/share",
            source="given" if options.spread is not None else "not given, not counted",
        ),
        Parameter(name="curve", value=_shape(curve), unit="volume by time", source=curve_source),
    ]
    if is_priced:
        price_told = Parameter(name="price", value=price, unit="$/share", source="given")
        parameters.insert(3, price_told)
    return Market(
        conditions=Conditions(
            adv=adv, daily_vol=vol, shares_outstanding=outstanding, price=price, spread=spread
        ),
        curve=curve,
        is_priced=is_priced,
        parameters=tuple(parameters),
    )


def _asked(option: str, text: str | None, what: str) -> float:
    return number(option, wanted(option, text, f"give {what}"))


def _vol(value: float) -> float:
    if not 0 < value < 1:
        hint = "it must lie between 0 and 1; write 0.02 or 2% for two percent"
        raise InvalidModel("--daily-vol", f"{value:g}", hint)
    return value


def _curve(options: MarketOptions, close_s: int, *, needs_curve: bool) -> tuple[Curve, str]:
    if options.curve is not None:
        return read_curve(options.curve, close_s), f"file {options.curve}"
    if needs_curve:
        hint = "VWAP follows a curve of volume; give a CSV with the columns time, volume"
        raise InvalidModel("--curve", "nothing", hint)
    return flat(OPEN_S), "assumed: the same volume at every time"


def _shape(curve: Curve) -> str:
    return "flat" if len(curve.volumes) == 1 else f"{len(curve.volumes)} bins"
