"""An account at the venue: cash, positions, what open orders tie up, and buying power."""

from collections.abc import Mapping
from decimal import Decimal

from floorbroker.exchange.daytrades import DayTrades
from floorbroker.exchange.matching.marks import Marks, Valuation
from floorbroker.exchange.matching.positions import Holding
from floorbroker.exchange.model import (
    ZERO,
    Configuration,
    DayClose,
    Entitlement,
    Entry,
    VenueOrder,
    Watchlist,
)
from floorbroker.exchange.reference.assets import Asset

#: Less equity than this gives no credit and no short sales.
MARGIN_EQUITY_MIN = Decimal(2000)

_TIMES = {"1": Decimal(1), "2": Decimal(2), "4": Decimal(4)}
_HALF = Decimal("0.5")
_PERCENT = Decimal("0.01")
_NO_ORDERS: dict[str, VenueOrder] = {}


class VenueAccount:
    """One account. Only the blotter books on it; figures in dollars are computed when asked for.

    Credit: with a multiplier of 4 the account may hold four times its equity in marginable
    positions within the day, with 2 (Regulation T) twice. Open orders that open or add to a
    position tie up their estimated cost; orders that reduce one tie up its shares.
    """

    def __init__(
        self,
        *,
        key_id: str,
        account_id: str,
        created_ns: int,
        marks: Marks,
        assets: Mapping[str, Asset],
    ) -> None:
        self.key_id = key_id
        self.id = account_id
        self.created_ns = created_ns
        self.starting_cash = ZERO
        self.cash = ZERO
        self.last_equity = ZERO  #: At the last close of the regular session.
        self.configuration = Configuration()
        self.trading_blocked = False
        self.account_blocked = False
        self.positions: dict[str, Holding] = {}  #: By symbol, only those with a quantity.
        self.orders: list[VenueOrder] = []  #: Those in memory, as accepted.
        self.orders_taken = 0  #: How many there ever were.
        self.open_orders: dict[str, VenueOrder] = {}  #: By id, as accepted.
        self.by_client_id: dict[str, VenueOrder] = {}  #: Those in memory.
        self.entries: list[Entry] = []  #: What was no trade, oldest first.
        self.entitlements: list[Entitlement] = []  #: Dividends not paid yet, oldest first.
        self.watchlists: dict[str, Watchlist] = {}  #: By id, oldest first.
        self.closes: list[DayClose] = []  #: Oldest first.
        self.day_trades = DayTrades()  #: Counted only while their rule is in force.
        self.charged_to = 0  #: The fees cover executions whose numbers are not above this.
        self.reserved = ZERO  #: Dollars tied up by open orders for marginable assets.
        self.reserved_cash = ZERO  #: The same for assets that give no credit.
        #: Open orders by symbol and side, then by id.
        self.open_by_side: dict[tuple[str, str], dict[str, VenueOrder]] = {}
        self._marks = marks
        self._assets = assets
        self._valuation = Valuation()

    # What it has.

    @property
    def account_number(self) -> str:
        return f"PA{self.id.replace('-', '')[:10].upper()}"

    def mark(self, symbol: str) -> Decimal:
        """The price that a position in the symbol is valued at; its entry if no price is known."""
        px = self._marks.px.get(symbol)
        if px is not None:
            return px
        holding = self.positions.get(symbol)
        return holding.avg_entry_price if holding else ZERO

    def position_qty(self, symbol: str) -> Decimal:
        """Signed; zero without a position."""
        holding = self.positions.get(symbol)
        return holding.qty if holding else ZERO

    def open_in(self, symbol: str, side: str) -> dict[str, VenueOrder]:
        """Open orders of one side of one symbol, by id; do not change it."""
        return self.open_by_side.get((symbol, side), _NO_ORDERS)

    @property
    def long_market_value(self) -> Decimal:
        return self._valued().long

    @property
    def short_market_value(self) -> Decimal:
        """Zero or negative."""
        return self._valued().short

    @property
    def equity(self) -> Decimal:
        values = self._valued()
        return self.cash + values.long + values.short

    @property
    def initial_margin(self) -> Decimal:
        """Half of what gives credit, all of what does not."""
        values = self._valued()
        return (values.long - values.short + values.unmarginable) * _HALF

    @property
    def maintenance_margin(self) -> Decimal:
        """What must stay in the account at the end of the day."""
        return sum((self._maintenance(holding) for holding in self.positions.values()), ZERO)

    @property
    def multiplier(self) -> str:
        is_small = self.equity < MARGIN_EQUITY_MIN
        return "1" if is_small else self.configuration.max_margin_multiplier

    @property
    def shorting_enabled(self) -> bool:
        return self.multiplier != "1" and not self.configuration.no_shorting

    @property
    def buying_power(self) -> Decimal:
        return self.credit("4")

    @property
    def regt_buying_power(self) -> Decimal:
        return self.credit("2")

    @property
    def non_marginable_buying_power(self) -> Decimal:
        return self.credit("1")

    def credit(self, at_most: str) -> Decimal:
        """Dollars that may still be spent when each of equity carries some dollars of assets."""
        values = self._valuation
        if values.version != self._marks.version:
            values = self._valued()
        equity = self.cash + values.long + values.short
        most = "1" if equity < MARGIN_EQUITY_MIN else self.configuration.max_margin_multiplier
        multiplier = most if most < at_most else at_most
        free = equity - values.unmarginable - self.reserved_cash
        used = values.long - values.short - values.unmarginable + self.reserved
        left = free * _TIMES[multiplier] - used
        return left if left > ZERO else ZERO

    def has_cash_for(self, cost: Decimal) -> bool:
        """Whether it surely may spend as much because it has the money, without any credit.

        Quicker to tell than `credit`, and true of nothing that `credit` would not allow.
        """
        values = self._valuation
        if values.short or values.version != self._marks.version:
            return False
        free = self.cash
        if self.reserved or self.reserved_cash:
            free -= self.reserved + self.reserved_cash
        return cost <= free

    # What happens to it.

    def open_order(self, order: VenueOrder) -> None:
        """The order is open from now on and ties up what it needs; harmless if it is already."""
        if order.id in self.open_orders:
            return
        self.open_orders[order.id] = order
        self.open_by_side.setdefault((order.symbol, order.side), {})[order.id] = order
        if order.reserve_px:
            self._tie(order, tied_dollars(order))
        if order.held_qty:
            self._tie_shares(order, order.held_qty)

    def hold(self, order: VenueOrder, qty: Decimal) -> None:
        """An open order that tied up no shares ties up these from now on."""
        order.held_qty = qty
        self._tie_shares(order, qty)

    def close_order(self, order: VenueOrder) -> None:
        """An open order has ended, its quantities as they stood, and ties up nothing more."""
        del self.open_orders[order.id]
        del self.open_by_side[order.symbol, order.side][order.id]
        if order.reserve_px:
            self._tie(order, -tied_dollars(order))
        if order.held_qty:
            self._release_shares(order, order.held_qty)

    def book(self, order: VenueOrder, qty: Decimal, px: Decimal) -> Decimal:
        """Book one fill on the order, the cash and the position; answers the position after."""
        is_open = order.id in self.open_orders
        before = tied_dollars(order) if is_open and order.reserve_px else ZERO
        cost = qty * px
        order.filled_qty = order.filled_qty + qty if order.filled_qty else qty
        order.filled_notional += cost
        if before:
            self._tie(order, tied_dollars(order) - before)
        if order.held_qty and is_open:
            self._release_shares(order, min(qty, order.held_qty))
        elif order.held_qty:
            order.held_qty -= min(qty, order.held_qty)
        if order.side == "sell":
            qty, cost = -qty, -cost
        return self._move(order.symbol, qty, px, cost)

    def buy_whole(
        self, symbol: str, qty: Decimal, px: Decimal, limit_px: Decimal
    ) -> tuple[Decimal, Decimal] | None:
        """Buy all that a new order asks for, if nothing at all speaks against it; else None.

        Answers what it cost and the position after. `book` does the same for an order that is not
        open; here the asset gives credit, there is money for the limit, and nothing is short or
        for sale.
        """
        holding, marks, values = self.positions.get(symbol), self._marks, self._valuation
        if values.version != marks.version:
            values = self._valued()
        free = cash = self.cash
        if self.reserved or self.reserved_cash:
            free -= self.reserved + self.reserved_cash
        if (
            self.trading_blocked
            or self.account_blocked
            or self.configuration.suspend_trade
            or self.open_by_side.get((symbol, "sell"))
            or values.short
            or qty * limit_px > free
        ):
            return None
        if holding is None:
            self.positions[symbol] = holding = Holding(symbol=symbol)
        cost = qty * px
        self.cash = cash - cost
        holding.qty = after = holding.qty + qty
        holding.cost += cost
        holding.today_cost += cost
        mark = marks.px.get(symbol)
        if mark is None:
            values.version = -1
        else:
            values.long += qty * mark
        return cost, after

    def unbook(self, order: VenueOrder, qty: Decimal, px: Decimal) -> None:
        """Undo a fill that was busted: cash and position as if it had not been."""
        before = tied_dollars(order)
        cost = qty * px
        order.filled_qty -= qty
        order.filled_notional -= cost
        if order.id in self.open_orders:
            self._tie(order, tied_dollars(order) - before)
            if order.position_intent.endswith("_to_close"):
                order.held_qty += qty
        if order.side == "buy":
            qty, cost = -qty, -cost
        self._move(order.symbol, qty, px, cost)
        if (holding := self.positions.get(order.symbol)) is not None:
            self._count_held(holding)

    def enter(self, entry: Entry) -> None:
        """Remember what was no trade, and move the cash by it."""
        self.entries.append(entry)
        self.cash += entry.net_amount

    def reshape(self, symbol: str, qty: Decimal, cost: Decimal) -> None:
        """Make another position of it, as corporate actions do; none if `qty` is zero."""
        holding = self.positions.setdefault(symbol, Holding(symbol=symbol))
        holding.qty, holding.cost = qty, cost
        self._count_held(holding)
        self._valuation.version = -1
        if not qty:
            del self.positions[symbol]

    def close_day(self, now_ns: int) -> None:
        """Remember what the next day's figures start from."""
        self.last_equity = self.equity
        self.closes.append(DayClose(time_ns=now_ns, equity=self.last_equity))
        for holding in self.positions.values():
            holding.lastday_qty = holding.qty
            holding.today_cost = ZERO

    def _tie(self, order: VenueOrder, dollars: Decimal) -> None:
        if not dollars:
            return
        if self._assets[order.symbol].marginable:
            self.reserved += dollars
        else:
            self.reserved_cash += dollars

    def _release_shares(self, order: VenueOrder, qty: Decimal) -> None:
        if qty:
            order.held_qty -= qty
            self._tie_shares(order, -qty)

    def _tie_shares(self, order: VenueOrder, qty: Decimal) -> None:
        """A bust may leave orders behind that would end a position which is not there any more."""
        holding = self.positions.get(order.symbol) if qty else None
        if holding is not None and (holding.qty > 0) == (order.side == "sell"):
            holding.held_qty += qty

    def _count_held(self, holding: Holding) -> None:
        orders = self.open_in(holding.symbol, "sell" if holding.qty > 0 else "buy").values()
        holding.held_qty = sum((each.held_qty for each in orders), ZERO)

    def _move(self, symbol: str, signed_qty: Decimal, px: Decimal, cost: Decimal) -> Decimal:
        """Exactly the signed notional leaves the cash; answers the position after."""
        holding = self.positions.get(symbol)
        if holding is None:
            holding = self.positions[symbol] = Holding(symbol=symbol)
        before = holding.qty
        self.cash -= cost
        after = holding.add(signed_qty, px, cost)
        was_short, is_short = before.is_signed(), after.is_signed()
        if not before or (after and was_short is not is_short):
            self._count_held(holding)  # a position begins, or a bust turned it around
        mark, values = self._marks.px.get(symbol), self._valuation
        if mark is None:
            values.version = -1
        elif not (marginable := self._assets[symbol].marginable) or is_short or was_short:
            values.move(before * mark, after * mark, marginable=marginable)
        else:
            values.long += signed_qty * mark
        if not after:
            del self.positions[symbol]
        return after

    def _valued(self) -> Valuation:
        values = self._valuation
        if values.version != self._marks.version:
            self._valuation = values = Valuation(version=self._marks.version)
            for symbol, holding in self.positions.items():
                value = holding.qty * self.mark(symbol)
                values.move(ZERO, value, marginable=self._assets[symbol].marginable)
        return values

    def _maintenance(self, holding: Holding) -> Decimal:
        """30 % of a long, all of it below $2.50; of a short at least $5, or $2.50, a share."""
        px = self.mark(holding.symbol)
        asset = self._assets[holding.symbol]
        value = abs(holding.qty) * px
        if holding.qty > 0:
            rate = Decimal(100) if px < Decimal("2.5") else asset.margin_requirement_long
            return value * rate * _PERCENT
        if px < 5:
            return max(value, -holding.qty * Decimal("2.5"))
        by_value = value * asset.margin_requirement_short * _PERCENT
        return max(by_value, -holding.qty * 5)


def tied_dollars(order: VenueOrder) -> Decimal:
    """Buying power that the unfilled part of an order ties up."""
    if not order.reserve_px:
        return ZERO
    if order.qty is None:
        assert order.notional is not None, "an order has a quantity or a notional"
        return max(order.notional - order.filled_notional, ZERO) * order.reserve_px
    return order.unfilled(order.qty) * order.reserve_px
