"""What corporate actions do to those who hold the shares, or owe them."""

from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from msgspec.structs import replace

from floorbroker.domain.amounts import plain
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.actions.details import (
    dividend_details,
    spin_off_details,
    split_details,
)
from floorbroker.exchange.actions.orders import accounts_of, hold_what_is_left
from floorbroker.exchange.matching.fills import FRACTION
from floorbroker.exchange.matching.positions import Holding
from floorbroker.exchange.model import ZERO, Entitlement, Entry
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.reference.calendar import trade_date
from floorbroker.exchange.venue import Venue

_CENT = Decimal("0.01")
#: Decimals of a price that is computed and not traded at.
_PLACES = 9
_SPLITS = {"forward_split": ("SPLIT", "FSPLIT"), "reverse_split": ("SPLIT", "RSPLIT")}
_STOCK_DIVIDEND = ("DIV", "SDIV")


class Holders:
    """Books corporate actions on every account that has a position, long or short."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._blotter = venue.blotter

    def split(self, action: CorporateAction, factor: Decimal) -> None:
        """A share becomes `factor` shares, worth as much together as it was."""
        marks = self._blotter.marks
        if (mark := marks.px.get(action.symbol)) is not None:
            marks.set(action.symbol, _price(mark / factor))
            self._note_mark(action.symbol)
        for account in accounts_of(self._venue):
            if (holding := account.positions.get(action.symbol)) is not None:
                self._split(account, holding, action, factor)

    def _split(
        self, account: VenueAccount, holding: Holding, action: CorporateAction, factor: Decimal
    ) -> None:
        mark = self._blotter.marks.px.get(action.symbol)
        px = _price(holding.avg_entry_price / factor) if mark is None else mark
        before, exact = holding.qty, holding.qty * factor
        after, cash = self._kept(exact, action.symbol, px)
        cost = holding.cost if not cash else holding.cost * after / exact
        holding.lastday_qty *= factor
        holding.today_cost -= cash
        hold_what_is_left(account, action.symbol, factor, abs(after))
        account.reshape(action.symbol, after, cost)
        kind, sub_kind = _SPLITS.get(action.kind, _STOCK_DIVIDEND)
        text = f"{plain(before)} {action.symbol} became {plain(after)}"
        self._enter(
            account,
            replace(
                self._blank(action),
                kind=kind,
                sub_kind=sub_kind,
                net_amount=cash,
                qty=after - before,
                description=text + (f", {plain(cash)} in lieu of a fraction" if cash else ""),
                details=split_details(action, self._yesterday, before, after),
                qty_change=after - before,
                price_factor=1 / factor,
                positions=_held(account, action.symbol),
            ),
        )

    def entitle(self, action: CorporateAction, rate: Decimal, pay_ns: int) -> None:
        """Who holds the shares now will be paid; who owes them will pay."""
        for account in accounts_of(self._venue):
            if (holding := account.positions.get(action.symbol)) is None:
                continue
            account.entitlements.append(
                Entitlement(
                    action_id=action.id,
                    symbol=action.symbol,
                    cusip=action.cusip,
                    qty=holding.qty,
                    rate=rate,
                    pay_ns=pay_ns,
                    details=dividend_details(action, self._yesterday),
                )
            )
            self._blotter.note(account)

    def pay_due(self) -> None:
        """Pay the dividends whose day has come."""
        now_ns = self._blotter.now_ns
        for account in accounts_of(self._venue):
            due = [each for each in account.entitlements if each.pay_ns <= now_ns]
            if not due:
                continue
            account.entitlements = [each for each in account.entitlements if each not in due]
            for entitlement in due:
                self._pay(account, entitlement)

    def _pay(self, account: VenueAccount, due: Entitlement) -> None:
        net = (due.qty * due.rate).quantize(_CENT)
        self._enter(
            account,
            Entry(
                id=self._blotter.ids.make(),
                kind="DIV",
                sub_kind="CDIV",
                date=trade_date(self._blotter.now_ns).isoformat(),
                time_ns=self._blotter.now_ns,
                net_amount=net,
                symbol=due.symbol,
                cusip=due.cusip,
                qty=due.qty,
                per_share=due.rate,
                description=f"cash dividend of {plain(due.rate)} on {plain(due.qty)} {due.symbol}",
                details={
                    **due.details,
                    "entitled_qty": plain(due.qty),
                    "cash_payout": plain(net),
                },
            ),
        )

    def spin_off(self, action: CorporateAction, new_symbol: str, factor: Decimal) -> None:
        """For each share come `factor` shares of another, and take their worth away with them.

        Where no price of the other is known, they come at nothing.
        """
        marks = self._blotter.marks
        source_px, new_px = marks.px.get(action.symbol), marks.px.get(new_symbol, ZERO)
        part = ZERO
        if source_px and new_px * factor < source_px:
            part = new_px * factor / source_px
            marks.set(action.symbol, _price(source_px - new_px * factor))
            self._note_mark(action.symbol)
        for account in accounts_of(self._venue):
            if (holding := account.positions.get(action.symbol)) is not None:
                self._spin_off(account, holding, action, (new_symbol, factor, part))

    def _spin_off(
        self,
        account: VenueAccount,
        holding: Holding,
        action: CorporateAction,
        terms: tuple[str, Decimal, Decimal],
    ) -> None:
        symbol, factor, part = terms
        px = self._blotter.marks.px.get(symbol, ZERO)
        qty, cash = self._kept(holding.qty * factor, symbol, px)
        cost = holding.cost * part
        holding.cost -= cost
        holding.today_cost -= qty * px + cash
        other = account.positions.get(symbol) or Holding(symbol=symbol)
        if qty:
            account.reshape(symbol, other.qty + qty, other.cost + cost - cash)
            account.positions[symbol].today_cost += qty * px
        self._enter(
            account,
            replace(
                self._blank(action),
                symbol=symbol,
                cusip=action.text("new_cusip") or "",
                kind="SPIN",
                net_amount=cash,
                qty=qty,
                description=f"{plain(qty)} {symbol} of {plain(holding.qty)} {action.symbol}",
                details={
                    **spin_off_details(action, self._yesterday, holding.qty, qty),
                    "source_price": self._mark_text(action.symbol),
                    "new_price": plain(px),
                },
                qty_change=qty,
                mark=px,
                positions=_held(account, action.symbol, symbol),
            ),
        )

    def _kept(self, exact: Decimal, symbol: str, px: Decimal) -> tuple[Decimal, Decimal]:
        """The shares that stay of so many, and the cash for a fraction that cannot."""
        is_fractionable = self._venue.assets[symbol].fractionable
        after = exact.quantize(FRACTION if is_fractionable else Decimal(1), ROUND_DOWN)
        if after == exact:
            return exact, ZERO
        return after, ZERO if is_fractionable else ((exact - after) * px).quantize(_CENT)

    def _enter(self, account: VenueAccount, entry: Entry) -> None:
        account.enter(entry)
        self._blotter.note(account)

    def _blank(self, action: CorporateAction) -> Entry:
        return Entry(
            id=self._blotter.ids.make(),
            kind="",
            date=trade_date(self._blotter.now_ns).isoformat(),
            time_ns=self._blotter.now_ns,
            symbol=action.symbol,
            cusip=action.cusip,
            description="",
        )

    def _note_mark(self, symbol: str) -> None:
        if self._blotter.changes is not None:
            self._blotter.changes.marks.add(symbol)

    def _mark_text(self, symbol: str) -> str:
        return plain(self._blotter.marks.px.get(symbol, ZERO))

    @property
    def _yesterday(self) -> date:
        return trade_date(self._blotter.now_ns) - timedelta(days=1)


def _held(account: VenueAccount, *symbols: str) -> dict[str, tuple[Decimal, Decimal]]:
    """Quantity and cost of these positions, as they are."""
    held = account.positions
    return {
        symbol: (held[symbol].qty, held[symbol].cost) if symbol in held else (ZERO, ZERO)
        for symbol in symbols
    }


def _price(px: Decimal) -> Decimal:
    """A price that is computed and not traded at."""
    return round(px, _PLACES)
