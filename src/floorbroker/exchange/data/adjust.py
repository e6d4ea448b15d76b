"""Bars as if past splits, dividends and spin-offs had always been so."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.quotes import Bar
from floorbroker.exchange.data.query import midnight_ns, refused
from floorbroker.exchange.reference.actions import CorporateAction

KINDS = ("split", "dividend", "spin-off")
_ONE = Decimal(1)
_PRICE_PLACES = 6


class Adjustment(Struct, frozen=True, kw_only=True):
    """What one corporate action does to the prices and volumes before it.

    A two-for-one split has `price_factor` 0.5 and `volume_factor` 2; a dividend of 1 % has
    `price_factor` 0.99. `ex_ns` is the beginning of the first day that trades without it.
    """

    kind: str
    ex_ns: int
    price_factor: Decimal
    volume_factor: Decimal = _ONE


#: The close of a symbol's last day before an instant, or the open of its first from there on;
#: None where the market does not know.
PriceAt = Callable[[str, int], Decimal | None]


def adjustments_of(
    actions: Iterable[CorporateAction], close_before: PriceAt, open_after: PriceAt
) -> list[Adjustment]:
    """What the actions do to earlier bars. One whose prices are not known does nothing."""
    found = []
    for action in actions:
        ex_date = action.details.get("ex_date")
        if not isinstance(ex_date, date):
            continue
        ex_ns = midnight_ns(ex_date)
        if action.kind in ("forward_split", "reverse_split"):
            old, new = action.decimal("old_rate"), action.decimal("new_rate")
            if old and new:
                found.append(_adjustment("split", ex_ns, old / new, new / old))
            continue
        worth, close_px = _worth(action, open_after, ex_ns), close_before(action.symbol, ex_ns)
        if worth is not None and close_px and worth < close_px:
            kind = "spin-off" if action.kind == "spin_off" else "dividend"
            found.append(_adjustment(kind, ex_ns, 1 - worth / close_px))
    return found


def _worth(action: CorporateAction, open_after: PriceAt, ex_ns: int) -> Decimal | None:
    """What a share's owner gets in dollars: cash, or shares at their first price."""
    if action.kind == "cash_dividend":
        return action.decimal("rate")
    if action.kind != "spin_off":
        return None
    source, new = action.decimal("source_rate"), action.decimal("new_rate")
    px = open_after(str(action.text("new_symbol")), ex_ns)
    return px * new / source if px and source and new else None


def _adjustment(
    kind: str, ex_ns: int, price_factor: Decimal, volume_factor: Decimal = _ONE
) -> Adjustment:
    return Adjustment(
        kind=kind, ex_ns=ex_ns, price_factor=price_factor, volume_factor=volume_factor
    )


def kinds_of(text: str) -> frozenset[str]:
    """The kinds of actions that `adjustment=` names, comma-joined; raises VenueError."""
    kinds: set[str] = set()
    for word in (text or "raw").split(","):
        if word == "all":
            kinds.update(KINDS)
        elif word in KINDS:
            kinds.add(word)
        elif word != "raw":
            words = ", ".join(("raw", *KINDS, "all"))
            raise refused(f"invalid adjustment: {word}; must be of {words}")
    return frozenset(kinds)


def adjusted(bars: Iterable[Bar], actions: Sequence[Adjustment]) -> list[Bar]:
    """Each bar, in the shares of after the last of these actions."""
    return [_adjusted(bar, actions) for bar in bars] if actions else list(bars)


def _adjusted(bar: Bar, actions: Sequence[Adjustment]) -> Bar:
    price_factor = volume_factor = _ONE
    for action in actions:
        if bar.time_ns < action.ex_ns:
            price_factor *= action.price_factor
            volume_factor *= action.volume_factor
    if price_factor == volume_factor == _ONE:
        return bar

    def price(px: Decimal) -> Decimal:
        return round(px * price_factor, _PRICE_PLACES)

    return replace(
        bar,
        open_px=price(bar.open_px),
        high_px=price(bar.high_px),
        low_px=price(bar.low_px),
        close_px=price(bar.close_px),
        volume=(bar.volume * volume_factor).to_integral_value(),
        vwap=None if bar.vwap is None else price(bar.vwap),
    )
