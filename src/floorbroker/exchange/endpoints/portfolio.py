"""What an account was worth over time, computed from its own fills, fees and the market's bars.

How exact a point is: the newest is the account's equity of this moment, and one at a close of the
regular session is what the account was worth then, both to the cent. Every other point values
what was held at the last price known by its end: the close of a finished one-minute bar or the
account's own fill, whichever came later. Quotes are not remembered, so a market without prints
moves such a point with the account's fills alone. What the exchange did not see has no point.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter

from floorbroker.clock import NS_PER_S
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.endpoints.activities import TYPES
from floorbroker.exchange.endpoints.span import DAY, Asked, Window, asked_span, windows_of
from floorbroker.exchange.front.http import Answer, Request, Route
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import ZERO, Entry, Execution
from floorbroker.exchange.reference.calendar import new_york_date
from floorbroker.exchange.wire.words import choice, encode, invalid

_MINUTE_NS = 60 * NS_PER_S
_CENT = Decimal("0.01")
_SHARE = Decimal("0.000001")


class Portfolio:
    """The handler of /v2/account/portfolio/history."""

    def __init__(self, server: ExchangeServer) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [Route("GET", "/v2/account/portfolio/history", self.history)]

    def history(self, request: Request) -> Answer:
        query = request.query()
        venue = self._server.venue
        now_ns = venue.now_ns
        asked = asked_span(query, now_ns)
        resets = choice(query, "pnl_reset", ("per_day", "no_reset")) == "per_day"
        types = _cashflow_types(query)
        account = venue.account(request.account)
        opened_ns = min(account.created_ns, now_ns - 1)
        windows = [each for each in windows_of(asked, now_ns) if each.end_ns > opened_ns]
        equity = self._equity(account, windows)
        base, asof = _base(account, asked, windows, equity)
        if asked.timeframe == DAY or not resets:
            bases = [base] * len(windows)
        else:
            bases = [_base_before(account, window.start_ns)[0] for window in windows]
        gains = [value - base for value, base in zip(equity, bases, strict=True)]
        answer: dict[str, object] = {
            "timestamp": [window.start_ns // NS_PER_S for window in windows],
            "equity": equity,
            "profit_loss": gains,
            "profit_loss_pct": [_part(gain, of) for gain, of in zip(gains, bases, strict=True)],
            "base_value": base,
            "timeframe": asked.timeframe,
            "cashflow": _cashflow(account, windows, types),
        }
        if asof is not None:
            answer["base_value_asof"] = asof
        return Answer(body=encode(answer))

    def _equity(self, account: VenueAccount, windows: Sequence[Window]) -> list[Decimal]:
        """Dollars at the end of each window, in whole cents."""
        now_ns = self._server.now_ns
        closes = {close.time_ns: close.equity for close in account.closes}
        steps = _steps(self._happenings(account))
        step_ns, value = next(steps)
        worth: list[Decimal] = []
        gain = ZERO
        for window in windows:
            while step_ns < window.end_ns:
                gain = value
                step_ns, value = next(steps)
            if window.end_ns >= now_ns:
                worth.append(account.equity.quantize(_CENT))
            else:
                known = closes.get(window.end_ns, account.starting_cash + gain)
                worth.append(known.quantize(_CENT))
        return worth

    def _happenings(self, account: VenueAccount) -> "Iterator[Happening]":
        """Everything that changed the account's worth, oldest first; a bar at its last moment.

        The bars of a symbol that the account never held are harmless.
        """
        venue = self._server.venue
        fills = venue.executions.of(account.key_id)
        first = next(venue.executions.of(account.key_id), None)
        first_ns = venue.now_ns if first is None else first.time_ns
        entries = [entry for entry in account.entries if entry.kind != "JNLC"]
        symbols = venue.executions.symbols_of(account.key_id)
        symbols |= {entry.symbol for entry in entries} - {""}
        bars: list[Happening] = [
            (bar.time_ns + _MINUTE_NS - 1, symbol, bar.close_px)
            for symbol in symbols
            for market in (venue.market, venue.night_market)
            for bar in market.bars_between(symbol, first_ns - _MINUTE_NS, venue.now_ns)
        ]
        bars.sort(key=_time)
        return heapq.merge(
            ((fill.time_ns, fill.symbol, fill) for fill in fills),
            ((entry.time_ns, entry.symbol, entry) for entry in entries),
            bars,
            key=_time,
        )


#: (time, symbol, what happened): a fill, what was no trade, or a symbol's new price.
Happening = tuple[int, str, Execution | Entry | Decimal]
_time = itemgetter(0)


def _steps(happenings: Iterable[Happening]) -> Iterator[tuple[int, Decimal]]:
    """(time, worth beside the starting cash) after each happening; the last is never reached."""
    held: dict[str, Decimal] = {}
    prices: dict[str, Decimal] = {}
    worth = ZERO
    for time_ns, symbol, what in happenings:
        qty = held.get(symbol, ZERO)
        if isinstance(what, Execution):
            signed = what.qty if what.side == "buy" else -what.qty
            price = what.price if what.is_fill else prices[symbol]
            worth += qty * (price - prices.get(symbol, price)) + signed * (price - what.price)
            held[symbol] = qty + signed
            prices[symbol] = price
        elif isinstance(what, Entry):
            worth += what.net_amount
            if what.qty_change or what.price_factor is not None:
                before = prices.get(symbol, ZERO)
                price = before if what.mark is None else what.mark
                price *= 1 if what.price_factor is None else what.price_factor
                worth += (qty + what.qty_change) * price - qty * before
                held[symbol], prices[symbol] = qty + what.qty_change, price
        else:
            worth += qty * (what - prices.get(symbol, what))
            prices[symbol] = what
        yield time_ns, worth
    yield 1 << 80, worth


def _base(
    account: VenueAccount, asked: Asked, windows: Sequence[Window], equity: Sequence[Decimal]
) -> tuple[Decimal, str | None]:
    """What gains are counted from, and as of which day's close if it is one."""
    if asked.timeframe == DAY:
        return (equity[0] if equity else account.starting_cash.quantize(_CENT)), None
    return _base_before(account, windows[0].start_ns if windows else asked.end_ns)


def _base_before(account: VenueAccount, time_ns: int) -> tuple[Decimal, str | None]:
    """The equity at the last close before that day; of a new account what it began with."""
    day = new_york_date(time_ns)
    place = bisect_left(account.closes, day, key=lambda close: new_york_date(close.time_ns))
    if place == 0:
        return account.starting_cash.quantize(_CENT), None
    close = account.closes[place - 1]
    return close.equity.quantize(_CENT), new_york_date(close.time_ns).isoformat()


def _part(gain: Decimal, of: Decimal) -> Decimal | None:
    return (gain / of).quantize(_SHARE) if of else None


def _cashflow_types(query: dict[str, str]) -> frozenset[str] | None:
    """The types asked for; None for all that there were."""
    text = query.get("cashflow_types", "").upper()
    if text in ("", "NONE"):
        return frozenset()
    if text == "ALL":
        return None
    types = frozenset(name.strip() for name in text.split(","))
    if unknown := types - TYPES:
        raise invalid(f"invalid activity type: {min(unknown)}")
    return types


def _cashflow(
    account: VenueAccount, windows: Sequence[Window], types: frozenset[str] | None
) -> dict[str, list[Decimal]]:
    """Dollars of each type that moved from the first window's start to the end of each."""
    if types is None:
        types = frozenset(entry.kind for entry in account.entries)
    flows = {name: [ZERO] * len(windows) for name in sorted(types)}
    if not windows:
        return flows
    times = [entry.time_ns for entry in account.entries]
    first = bisect_left(times, windows[0].start_ns)
    for place, window in enumerate(windows):
        for entry in account.entries[first : bisect_right(times, window.end_ns)]:
            if entry.kind in flows:
                flows[entry.kind][place] += entry.net_amount
    return flows
