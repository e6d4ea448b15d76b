"""Positions and profit, folded from executions in the order in which they were booked."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import PositionAdjusted
from floorbroker.domain.position import Position
from floorbroker.domain.terms import Side
from floorbroker.posttrade.fold import Booking, Execution


class Period(Struct, frozen=True, kw_only=True):
    """What the report looks at: `[start, end)` of one account, or of all; None has no bound."""

    start: datetime | None
    end: datetime | None
    account: Account | None

    def holds(self, moment: datetime | None) -> bool:
        if moment is None:
            return False
        return (self.start is None or moment >= self.start) and self.has_begun(moment)

    def has_begun(self, moment: datetime) -> bool:
        """Whether the moment lies before the period's end."""
        return self.end is None or moment < self.end

    def concerns(self, account: Account) -> bool:
        return self.account is None or account == self.account


class SymbolBook(Struct, kw_only=True):
    """One symbol of one account: its position at the end and its trading in the period."""

    position: Position
    fills: int = 0
    bought_qty: Qty = ZERO_QTY
    sold_qty: Qty = ZERO_QTY
    bought_notional: Money = ZERO_MONEY
    sold_notional: Money = ZERO_MONEY
    realized_pnl: Money = ZERO_MONEY
    last_px: Px | None = None

    @classmethod
    def empty(cls, symbol: str) -> "SymbolBook":
        return cls(position=Position(symbol=symbol))

    @property
    def buy_vwap(self) -> Px | None:
        return vwap(self.bought_notional, self.bought_qty)

    @property
    def sell_vwap(self) -> Px | None:
        return vwap(self.sold_notional, self.sold_qty)

    def book(self, side: Side, qty: Qty, px: Px) -> Money:
        """Move the position and return what it closed."""
        before = self.position.realized_pnl
        self.position = self.position.booked(side, qty, px)
        return self.position.realized_pnl - before

    def traded(self, side: Side, qty: Qty, notional: Money) -> None:
        self.fills += 1
        if side is Side.BUY:
            self.bought_qty += qty
            self.bought_notional += notional
        else:
            self.sold_qty += qty
            self.sold_notional += notional


class Books:
    """Every book at the period's end.

    `fills` are the period's standing executions by time, each with the profit it realised;
    `busted` are those that were taken out. A busted execution counts for nothing: position and
    profit are as if it had never been, at corrected figures where it was corrected.
    """

    def __init__(self, bookings: Iterable[Booking], period: Period) -> None:
        self.symbols: dict[tuple[Account, str], SymbolBook] = {}
        self.fills: list[tuple[Execution, Money]] = []
        self.busted: list[Execution] = []
        self._period = period
        for booking in bookings:
            if isinstance(booking, Execution):
                self._execute(booking)
            else:
                self._adjust(booking)
        self.fills.sort(key=lambda pair: (pair[0].fill.transact_time, pair[0].seq))

    def _execute(self, found: Execution) -> None:
        period, fill = self._period, found.fill
        if not (period.has_begun(fill.transact_time) and period.concerns(fill.account)):
            return
        if found.busted_time is not None:
            if period.holds(fill.transact_time) or period.holds(found.busted_time):
                self.busted.append(found)
            return
        book = self._symbol(fill.account, fill.symbol)
        closed = book.book(fill.side, fill.last_qty, fill.last_px)
        book.last_px = fill.last_px
        if period.holds(fill.transact_time):
            book.traded(fill.side, fill.last_qty, found.notional)
            book.realized_pnl += closed
            self.fills.append((found, closed))

    def _adjust(self, message: PositionAdjusted) -> None:
        period = self._period
        if not (period.has_begun(message.transact_time) and period.concerns(message.account)):
            return
        side = Side.BUY if message.qty > 0 else Side.SELL
        book = self._symbol(message.account, message.symbol)
        if message.cost is not None:
            book.position = book.position.reshaped(message.qty, message.cost)
            return
        closed = book.book(side, abs(message.qty), message.px)
        if period.holds(message.transact_time):
            book.realized_pnl += closed

    def _symbol(self, account: Account, symbol: str) -> SymbolBook:
        key = (account, symbol)
        if key not in self.symbols:
            self.symbols[key] = SymbolBook.empty(symbol)
        return self.symbols[key]


def vwap(notional: Money, qty: Qty) -> Px | None:
    """Notional per share; None without shares."""
    return Px.of(Decimal(notional) / Decimal(qty)) if qty else None
