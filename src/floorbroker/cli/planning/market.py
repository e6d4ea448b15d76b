"""What a plan knows of its market: each number with where it comes from."""

from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from floorbroker.cli.planning.curvefile import read_curve
from floorbroker.cli.planning.options import MarketOptions
from floorbroker.cli.planning.typed import OPEN_S, maybe, number
from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.books.earlier import DayStats, Earlier, VolumeCurve, Wanted
from floorbroker.domain.errors import InvalidModel
from floorbroker.domain.numbers.estimates import not_negative, positive
from floorbroker.pretrade.costs.outlook import Conditions
from floorbroker.pretrade.costs.volume import Curve, flat

if TYPE_CHECKING:
    from floorbroker.config import Settings

DAY_S = 86_400
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
    notes: tuple[str, ...] = ()


class Told(Struct, frozen=True, kw_only=True):
    """What earlier days say, at which time of their market, and what people must know of it."""

    earlier: Earlier = Earlier()
    now_ns: int = 0
    note: str = ""


def known_of(options: MarketOptions, symbol: str, day: str | None, *, needs_curve: bool) -> Told:
    """What earlier days say, where an option is left out that they could stand for: of the files
    that were named, of those of the settings, or, where it matters, of the broker's bars."""
    is_lacking = None in (options.adv, options.daily_vol)
    is_lacking |= needs_curve and options.curve is None
    has_no_spread = options.price is not None and options.spread is None
    if not (is_lacking or has_no_spread or options.history is not None):
        return Told()
    from floorbroker import config

    settings = config.load()
    if options.history is not None:
        settings = structs.replace(settings, history=options.history, key_id=None)
    if not (is_lacking or settings.history or settings.tape):
        return Told()  # a broker's bars know no spread
    return _asked_of(settings, symbol, day)


def _asked_of(settings: "Settings", symbol: str, day: str | None) -> Told:
    from floorbroker import app as composition
    from floorbroker.marketdata.port import new_york_date, new_york_ns

    async def ask() -> Told:
        async with composition.open_earlier(settings) as known:
            on = new_york_date(known.now_ns) if day is None else date.fromisoformat(day)
            wanted = Wanted(symbol=symbol, start_ns=new_york_ns(on, time()))
            earlier = await known.ask(wanted)
        is_of_market = earlier.stats.source == known.called.bars
        note = known.note(symbol) if is_of_market else ""
        return Told(earlier=earlier, now_ns=known.now_ns, note=note)

    return composition.run(ask())


def market_of(options: MarketOptions, known: Told, close_s: int, *, needs_curve: bool) -> Market:
    """What the options say, what earlier days say where they are silent, what is assumed."""
    stats = known.earlier.stats
    adv = _number("adv", (options.adv, stats.adv), known, "the average daily volume in shares")
    vol = _number(
        "daily_vol",
        (options.daily_vol, stats.daily_volatility),
        known,
        "the volatility of a day, such as 0.02",
    )
    positive("--adv", adv.value)
    _check_vol(vol.value)
    outstanding, whence = TURNOVER_DAYS * adv.value, "assumed: 200 x adv, 0.5 % traded a day"
    if options.shares_outstanding is not None:
        outstanding = positive(
            "--shares-outstanding", number("--shares-outstanding", options.shares_outstanding)
        )
        whence = "given"
    is_priced = options.price is not None
    if options.spread is not None and not is_priced:
        raise InvalidModel("--price", "nothing", "--spread is in $/share; give the price as well")
    price = positive("--price", maybe("--price", options.price, 1.0))
    spread, spread_source = _spread(options, known)
    curve, curve_source = _curve(options, known, close_s, needs_curve=needs_curve)
    parameters = [
        _parameter(adv, "shares a day"),
        _parameter(vol, "fraction a day"),
        Parameter(name="shares_outstanding", value=outstanding, unit="shares", source=whence),
        Parameter(name="spread", value=spread, unit="$/share", source=spread_source),
        Parameter(name="curve", value=_shape(curve), unit="volume by time", source=curve_source),
    ]
    if is_priced:
        price_told = Parameter(name="price", value=price, unit="$/share", source="given")
        parameters.insert(3, price_told)
    return Market(
        conditions=Conditions(
            adv=adv.value,
            daily_vol=vol.value,
            shares_outstanding=outstanding,
            price=price,
            spread=spread,
        ),
        curve=curve,
        is_priced=is_priced,
        parameters=tuple(parameters),
        notes=(known.note,) if known.note else (),
    )


class _Found(Struct, frozen=True):
    """A number, and who said so."""

    name: str
    value: float
    source: str


def _parameter(found: _Found, unit: str) -> Parameter:
    return Parameter(name=found.name, value=found.value, unit=unit, source=found.source)


def _number(name: str, said: tuple[str | None, Decimal | None], known: Told, what: str) -> _Found:
    """What the option says, else what earlier days do; raises InvalidModel where nobody does."""
    option, (typed, found) = f"--{name.replace('_', '-')}", said
    if typed is not None:
        return _Found(name, number(option, typed), "given")
    if found is None:
        why = known.earlier.why or "the earlier days that are known are too few to tell"
        raise InvalidModel(option, "nothing", f"give {what}, or --history ({why})")
    return _Found(name, float(found), whence_of(known.earlier.stats, known.now_ns))


def whence_of(known: DayStats | VolumeCurve, now_ns: int) -> str:
    """Source, days and age of what earlier days say."""
    age_days = (now_ns - known.as_of_ns) // NS_PER_S // DAY_S
    newest = f"{datetime_of(known.as_of_ns):%Y-%m-%d %H:%M} UTC"
    return f"{known.source}, {known.days} days to {newest}, {age_days:,} days ago"


def _check_vol(value: float) -> None:
    if not 0 < value < 1:
        hint = "it must lie between 0 and 1; write 0.02 or 2% for two percent"
        raise InvalidModel("--daily-vol", f"{value:g}", hint)


def _spread(options: MarketOptions, known: Told) -> tuple[float, str]:
    stats = known.earlier.stats
    if options.spread is not None:
        return not_negative("--spread", number("--spread", options.spread)), "given"
    if stats.spread is None:
        return 0.0, "not given, not counted"
    whence = whence_of(stats, known.now_ns)
    if options.price is None:
        return 0.0, f"not counted without --price; {stats.spread:.4f} by {whence}"
    return float(stats.spread), whence


def _curve(
    options: MarketOptions, known: Told, close_s: int, *, needs_curve: bool
) -> tuple[Curve, str]:
    if options.curve is not None:
        return read_curve(options.curve, close_s), f"file {options.curve}"
    curve = known.earlier.curve
    if curve is not None:
        return _laid(curve), whence_of(curve, known.now_ns)
    if needs_curve:
        why = f" ({known.earlier.why})" if known.earlier.why else ""
        hint = f"give a CSV with the columns time, volume, or --history{why}"
        raise InvalidModel("--curve", "nothing", f"VWAP follows a curve of volume; {hint}")
    return flat(OPEN_S), "assumed: the same volume at every time"


def _laid(curve: VolumeCurve) -> Curve:
    """The same in seconds of the day."""
    edges = tuple(OPEN_S + (edge - curve.edges_ns[0]) // NS_PER_S for edge in curve.edges_ns)
    return Curve(edges, tuple(float(share) for share in curve.shares))


def _shape(curve: Curve) -> str:
    return "flat" if len(curve.volumes) == 1 else f"{len(curve.volumes)} bins"
