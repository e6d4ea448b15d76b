"""How amounts, times and ages are written for people, in the terminal and in reports alike."""

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct

from floorbroker.domain.amounts import CENT, plain
from floorbroker.domain.terms import OrderClass, OrderTerms, OrdType

NEW_YORK = ZoneInfo("America/New_York")
#: An average price is a quotient; people read it to a hundredth of a cent.
AVERAGE_STEP = Decimal("0.0001")
NOTHING = "-"


class View(Struct, frozen=True, kw_only=True):
    """How the reader wants to see things."""

    utc: bool = False  #: Times in UTC instead of New York.
    rising_is_red: bool = False  #: The East Asian colours: a gain is red, a loss is green.

    @property
    def zone(self) -> tzinfo:
        return UTC if self.utc else NEW_YORK

    @property
    def zone_name(self) -> str:
        return "UTC" if self.utc else "New York"


DEFAULT_VIEW = View()


def qty_text(qty: Decimal | None) -> str:
    """Thousands separated, no trailing zeros: `1,250`, `0.5`."""
    if qty is None:
        return NOTHING
    whole, _, fraction = plain(qty).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{abs(int(whole)):,}" + (f".{fraction}" if fraction else "")


def px_text(px: Decimal | None) -> str:
    """At least two decimals and as many more as the price has: `187.20`, `0.1234`."""
    if px is None:
        return NOTHING
    whole, _, fraction = qty_text(px).partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def average_text(px: Decimal | None) -> str:
    """A price that is an average, rounded half-even to four decimals."""
    if px is None:
        return NOTHING
    return px_text(Decimal(px).quantize(AVERAGE_STEP, ROUND_HALF_EVEN))


def money_text(money: Decimal | None) -> str:
    """To the cent, thousands separated; never `-0.00`."""
    if money is None:
        return NOTHING
    cents = _cents(money)
    return f"{cents:,.2f}" if cents else "0.00"


def signed_money_text(money: Decimal | None) -> str:
    """Money with its sign, also when it is a gain; zero has none."""
    if money is None:
        return NOTHING
    cents = _cents(money)
    return f"{cents:+,.2f}" if cents else "0.00"


def pnl_text(money: Decimal | None) -> str:
    """Arrow, sign and money, so that colour is never needed: `▲ +412.20`."""
    if money is None:
        return NOTHING
    direction = pnl_direction(money)
    arrow = {"up": "▲ ", "down": "▼ ", "flat": ""}[direction]
    return arrow + signed_money_text(money)


def pnl_direction(money: Decimal | None) -> str:
    """`up`, `down` or `flat`, judged to the cent."""
    cents = Decimal(0) if money is None else _cents(money)
    if not cents:
        return "flat"
    return "up" if cents > 0 else "down"


def bps_text(bps: Decimal | None) -> str:
    """Basis points with one decimal and a sign."""
    if bps is None:
        return NOTHING
    tenth = Decimal(bps).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{tenth:+,.1f}" if tenth else "0.0"


def date_text(moment: datetime | None, view: View = DEFAULT_VIEW) -> str:
    return NOTHING if moment is None else f"{moment.astimezone(view.zone):%Y-%m-%d}"


def time_text(moment: datetime | None, view: View = DEFAULT_VIEW) -> str:
    """Time of day to the millisecond."""
    if moment is None:
        return NOTHING
    local = moment.astimezone(view.zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"


def moment_text(moment: datetime | None, view: View = DEFAULT_VIEW) -> str:
    """Date and time of day to the millisecond."""
    return NOTHING if moment is None else f"{date_text(moment, view)} {time_text(moment, view)}"


def age_text(age: timedelta) -> str:
    """An age in human units: `450 ms`, `3 s`, `2 min`, `1 h 5 min`, `3 d`; never negative."""
    ms = max(age // timedelta(milliseconds=1), 0)
    if ms < 1000:
        return f"{ms} ms"
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d"


def words(name: str) -> str:
    """A word of the trade as people read it: `partially_filled` is `partially filled`."""
    return name.replace("_", " ")


def counted(number: int, noun: str) -> str:
    """`1 order`, `24 orders`."""
    plural = noun if number == 1 else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {plural}"


def size_text(terms: OrderTerms) -> str:
    """Shares, or dollars where the order was placed for an amount."""
    if terms.order_qty is not None:
        return qty_text(terms.order_qty)
    return f"${money_text(terms.notional)}"


def terms_text(terms: OrderTerms) -> str:
    """Type, prices and time in force: `limit 187.20 day`; of an order with legs also its class:
    `market day bracket`."""
    kind = "" if terms.order_class is OrderClass.SIMPLE else f" {terms.order_class}"
    return f"{words(terms.ord_type)}{_prices(terms)} {terms.time_in_force}{kind}"


def _prices(terms: OrderTerms) -> str:
    if terms.ord_type is OrdType.TRAILING_STOP:
        if terms.trail_percent is not None:
            return f" {plain(terms.trail_percent)}%"
        return f" {px_text(terms.trail_amount)}"
    parts = [px_text(px) for px in (terms.stop_px, terms.price) if px is not None]
    return f" {' '.join(parts)}" if parts else ""


def _cents(money: Decimal) -> Decimal:
    return Decimal(money).quantize(CENT, ROUND_HALF_EVEN)
