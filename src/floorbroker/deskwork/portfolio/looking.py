"""What a plan is made of: positions, open orders, instruments, prices and cash as they are."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct
from msgspec.structs import replace

from floorbroker import app
from floorbroker.clock import NS_PER_S, ns_of
from floorbroker.deskwork.prices import phase_now
from floorbroker.domain.amounts import Px
from floorbroker.domain.instrument import Instrument, tick_of
from floorbroker.domain.order import Order, OrderClass, OrdStatus, OrdType
from floorbroker.domain.position import Position
from floorbroker.domain.quotes import Quote, Trade
from floorbroker.domain.terms import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.pretrade.allocation.targets import Problem, Targets, refuse
from floorbroker.pretrade.allocation.trades import Name

_NOTHING, _ONE = Decimal(0), Decimal(1)
_BPS = Decimal(10_000)
#: Types that wait for the market to come to them; they hold shares and may never trade.
_SLEEPING = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP})


class How(Struct, frozen=True, kw_only=True):
    """How the orders of a plan are made.

    Market orders, or with `limit_bps` limit orders no further than that beyond the quote. Of what
    a market order may cost beyond the quote, `slack_bps` are set aside, so that cash that is all
    spoken for is not overspent. `lot` is the step of a trade in shares; fractions of shares where
    the instrument allows them.
    """

    limit_bps: Decimal | None = None
    slack_bps: Decimal = Decimal(5)
    lot: Decimal = _ONE
    is_fractional: bool = False


class Price(Struct, frozen=True, kw_only=True):
    """A symbol's newest price: the middle of its quote, or its last print."""

    bid_px: Decimal
    ask_px: Decimal
    age_s: float
    source: str  #: `mid` or `last`.

    @property
    def px(self) -> Decimal:
        return (self.bid_px + self.ask_px) / 2

    def worst(self, side: Side, how: How) -> Decimal:
        """What a share costs, or brings, at the worst that is reckoned with; the limit price of a
        limit order."""
        px, sign = (self.ask_px, 1) if side is Side.BUY else (self.bid_px, -1)
        if how.limit_bps is None:
            return px * (1 + sign * how.slack_bps / _BPS)
        towards = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        limit = px * (1 + sign * how.limit_bps / _BPS)
        tick = tick_of(Px.of(limit))
        return max((limit / tick).to_integral_value(towards) * tick, tick)


class Book(Struct, frozen=True, kw_only=True):
    """Our own side: positions and live orders by symbol. Two books are equal if nothing moved."""

    held: Mapping[str, Decimal]
    orders: tuple[Order, ...]
    parents: tuple[ParentStatus, ...] = ()

    def moved_since(self, earlier: "Book") -> str:
        """Which symbol's position or orders changed, in words; empty if none did."""
        for symbol in sorted(self.held.keys() | earlier.held.keys()):
            now, then = self.held.get(symbol, _NOTHING), earlier.held.get(symbol, _NOTHING)
            if now != then:
                return f"the position in {symbol} was {then} and is {now}"
        now_open = {order.cl_ord_id: order.cum_qty for order in self.orders}
        if now_open != {order.cl_ord_id: order.cum_qty for order in earlier.orders}:
            return "orders were placed, filled or canceled"
        if {one.parent_id for one in self.parents} != {one.parent_id for one in earlier.parents}:
            return "parent orders were placed or have ended"
        return ""

    @property
    def at_work(self) -> set[str]:
        """The symbols of live orders and parents."""
        orders = {one.symbol for one in self.orders}
        return orders | {one.symbol for one in self.parents}

    def to_come(self, symbol: str, side: Side) -> Decimal:
        """Shares that live parents of the symbol have still to send."""
        return _sum(
            Decimal(one.qty - one.filled - one.open_qty)
            for one in self.parents
            if one.symbol == symbol and one.side == side
        )


class Look(Struct, frozen=True, kw_only=True):
    """All that a plan needs to know."""

    names: tuple[Name, ...]
    prices: Mapping[str, Price]
    book: Book
    cash: Decimal
    is_open: bool
    next_open: str


def book_of(parts: app.Parts) -> Book:
    """Our positions and everybody's live orders; asks nobody."""
    engine = parts.engine
    positions: Iterable[Position] = engine.positions().values()
    return Book(
        held={one.symbol: Decimal(one.qty) for one in positions if not one.is_flat},
        orders=(*engine.open_orders(), *engine.external_orders()),
        parents=tuple(one for one in engine.parents.list() if not one.is_ended),
    )


async def look_at(parts: app.Parts, targets: Targets, how: How) -> Look:
    """Raises TargetsError where a symbol is not listed, not tradable or has no price; BrokerError
    where the broker cannot be asked."""
    cache = parts.engine.cache
    account = (await cache.account(max_age_s=0)).value
    phase = await phase_now(parts, None)
    book = book_of(parts)
    named = list(targets.values)
    others = sorted({*book.held, *book.at_work})
    symbols = list(dict.fromkeys([*named, *others]))
    listed = {symbol: (await cache.instrument(symbol)).value for symbol in symbols}
    problems = list(_unlisted(targets, listed))
    known = [symbol for symbol in symbols if symbol not in targets.values or listed[symbol]]
    prices = await prices_of(parts, known)
    for symbol in known:
        if symbol not in prices:
            hint = "it has no price now: no quote with two sides, and no print"
            place = targets.places.get(symbol, "" if symbol in targets.values else "book")
            problems.append(Problem(field="symbol", value=symbol, hint=hint, place=place))
    refuse(targets.source, problems)
    names = []
    for symbol in symbols:
        name = name_of(symbol, listed[symbol], prices[symbol], how=how, book=book)
        borrows = account.is_shorting_enabled
        names.append(name if borrows else _without_shorts(name))
    return Look(
        names=tuple(names),
        prices=prices,
        book=book,
        cash=Decimal(account.cash),
        is_open=phase.is_open,
        next_open=f"{phase.next_open:%Y-%m-%d %H:%M} UTC",
    )


def _unlisted(targets: Targets, listed: Mapping[str, Instrument | None]) -> Iterable[Problem]:
    for symbol in targets.values:
        found = listed[symbol]
        place = targets.places.get(symbol, "")
        if found is None:
            hint = "it is not listed at this broker; `floorbroker assets` tells what is"
            yield Problem(field="symbol", value=symbol, hint=hint, place=place)
        elif not found.is_tradable:
            hint = "it is listed, but cannot be traded now"
            yield Problem(field="symbol", value=symbol, hint=hint, place=place)


async def prices_of(parts: app.Parts, symbols: Sequence[str]) -> dict[str, Price]:
    """The newest quote of each symbol from the broker's list, asked for at once; where one has
    no two sides the last print, and where that is missing, too, no entry; ages are by the broker's
    clock. Raises BrokerError."""
    found: dict[str, Price] = {}
    facts = await parts.watch.lists.newest(symbols) if symbols else []
    now_ns = ns_of((await phase_now(parts, None)).broker_time)
    for fact in facts:
        age_s = max(0, now_ns - fact.time_ns) / NS_PER_S
        if isinstance(fact, Quote) and fact.has_both_sides:
            found[fact.symbol] = Price(
                bid_px=fact.bid_px, ask_px=fact.ask_px, age_s=age_s, source="mid"
            )
            parts.engine.briefing.heard(fact)
        elif isinstance(fact, Trade) and fact.symbol not in found:
            found[fact.symbol] = Price(bid_px=fact.px, ask_px=fact.px, age_s=age_s, source="last")
    return found


def name_of(
    symbol: str, instrument: Instrument | None, price: Price, *, how: How, book: Book
) -> Name:
    """A symbol with its prices and steps, what is held of it, and what its orders will do."""
    share_step = _ONE if instrument is None else instrument.lot
    orders = [order for order in book.orders if order.symbol == symbol]
    working = [order for order in orders if not _is_exit(order)]
    buys = [order for order in working if order.side is Side.BUY]
    leaves = {order.cl_ord_id: _leaves(order, price) for order in working}
    to_buy = book.to_come(symbol, Side.BUY)
    return Name(
        symbol=symbol,
        px=price.px,
        buy_px=price.worst(Side.BUY, how),
        sell_px=price.worst(Side.SELL, how),
        lot=share_step if how.is_fractional else how.lot,
        share_step=share_step,
        held=book.held.get(symbol, _NOTHING),
        open_buys=_sum(leaves[order.cl_ord_id] for order in buys) + to_buy,
        open_sells=_sum(leaves[one.cl_ord_id] for one in working if one.side is Side.SELL)
        + book.to_come(symbol, Side.SELL),
        exits=_exits([order for order in orders if _is_exit(order)], price),
        open_cost=_sum(leaves[one.cl_ord_id] * _cost_px(one, price) for one in buys)
        + to_buy * price.ask_px,
        is_shortable=instrument is not None
        and instrument.is_shortable
        and instrument.is_easy_to_borrow,
    )


def _exits(orders: Iterable[Order], price: Price) -> Decimal:
    """Shares that exits hold; the legs of one order hold the same ones."""
    groups: dict[str, Decimal] = {}
    for order in orders:
        group = order.parent or order.cl_ord_id
        groups[group] = max(groups.get(group, _NOTHING), _leaves(order, price))
    return _sum(groups.values())


def _without_shorts(name: Name) -> Name:
    return replace(name, is_shortable=False)


def open_cost(book: Book, prices: Mapping[str, Price]) -> Decimal:
    """What the live buys of these symbols may still cost, those that parents will send, too."""
    to_come = _sum(
        book.to_come(symbol, Side.BUY) * price.ask_px for symbol, price in prices.items()
    )
    return to_come + _sum(
        _leaves(order, price) * _cost_px(order, price)
        for order in book.orders
        if order.side is Side.BUY
        and not _is_exit(order)
        and (price := prices.get(order.symbol)) is not None
    )


def _cost_px(order: Order, price: Price) -> Decimal:
    """What a share of a live buy may cost."""
    return price.ask_px if order.request.price is None else Decimal(order.request.price)


def _is_exit(order: Order) -> bool:
    """A leg, the half of an OCO that has no parent, or an order that sleeps until its stop: it
    holds shares, and may never trade."""
    is_half = order.request.order_class is OrderClass.OCO
    return order.parent is not None or is_half or order.ord_type in _SLEEPING


def _leaves(order: Order, price: Price) -> Decimal:
    """Shares that may still trade; those of a dollar amount at the price there is."""
    if order.is_ended or order.venue_status is OrdStatus.HELD:
        return _NOTHING
    if order.request.notional is not None:
        bought = Decimal(order.cum_qty) * price.px
        return max(Decimal(order.request.notional) - bought, _NOTHING) / price.px
    return Decimal(order.leaves_qty)


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, _NOTHING)
