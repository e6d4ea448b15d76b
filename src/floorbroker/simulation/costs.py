"""What a rehearsed rebalance cost against the market's prices, by name and in sum."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.terms import Side
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.posttrade.wording import qty_text
from floorbroker.simulation.rehearsal import Played
from floorbroker.simulation.results import OrderOutcome

_BPS = Decimal(10_000)
_NOTHING = Decimal(0)


class Cost(Struct, frozen=True, kw_only=True):
    """Dollars beyond what the same shares come to at a reference price; positive costs.

    `worth` is that: fills without a reference price are in neither.
    """

    dollars: Decimal
    worth: Decimal

    @property
    def bps(self) -> Decimal | None:
        return self.dollars / self.worth * _BPS if self.worth else None


class Costs(Struct, frozen=True, kw_only=True):
    """Against the midpoint at arrival, and against the market's VWAP of the same time."""

    arrival: Cost
    vwap: Cost
    participation: Decimal | None  #: Our shares / (ours and the market's), of those times.


def costs_of(outcomes: Sequence[OrderOutcome]) -> Costs:
    """Of all of them together."""
    own = sum((Decimal(one.filled) for one in outcomes), _NOTHING)
    volume = sum((one.interval_volume or _NOTHING for one in outcomes), _NOTHING)
    return Costs(
        arrival=_cost((one, one.arrival_px) for one in outcomes),
        vwap=_cost((one, one.interval_vwap) for one in outcomes),
        participation=own / (own + volume) if own else None,
    )


def costs_by_symbol(outcomes: Sequence[OrderOutcome]) -> dict[str, Costs]:
    names = dict.fromkeys(one.symbol for one in outcomes)
    return {name: costs_of([one for one in outcomes if one.symbol == name]) for name in names}


def _cost(priced: Iterable[tuple[OrderOutcome, Decimal | None]]) -> Cost:
    dollars = worth = _NOTHING
    for one, reference in priced:
        if one.average_px is not None and reference is not None:
            filled, sign = Decimal(one.filled), 1 if one.side is Side.BUY else -1
            dollars += sign * (one.average_px - reference) * filled
            worth += reference * filled
    return Cost(dollars=dollars, worth=worth)


def unfinished(played: Played) -> list[str]:
    """Each name that is not where the plan leads, and what held it back."""
    outcomes = {one.line: one for one in played.simulated.orders}
    places = {trade: place for place, trade in enumerate(played.plan.trade_list.trades, 1)}
    told = []
    for row in played.outcome.rows:
        for one in row.sent:
            if one.is_filled:
                continue
            left = one.trade.qty - one.filled
            text = f"{row.symbol}: {qty_text(left)} of {qty_text(one.trade.qty)} shares left"
            found = outcomes.get(places[one.trade])
            market = "" if found is None else _market(found)
            rate = None if one.parent is None else one.parent.params.get("max_rate")
            cap = "" if rate is None else f", cap {(Decimal(rate) * 100).normalize():f} %"
            told.append(f"{text}: {market}{cap}{'; ' if market else ''}{one.text}")
    return told


def _market(found: OrderOutcome) -> str:
    """What the tape had of the name in the time of its order."""
    volume = found.interval_volume or _NOTHING
    since = f"{found.time.astimezone(NEW_YORK):%H:%M}"
    return f"the tape printed {qty_text(volume)} shares from {since} on"
