"""The end of a trading day: fees are charged, and accounts remember what they were worth."""

from datetime import datetime

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.model import Entry
from floorbroker.exchange.reference.assets import is_coin_pair
from floorbroker.exchange.reference.calendar import NEW_YORK
from floorbroker.exchange.reference.fees import FeeTrade, day_fees

_FEE_NAMES = {"REG": "REG fee", "TAF": "TAF fee", "CAT": "CAT fee"}


def close_day(blotter: Blotter, *, charges_fees: bool) -> None:
    """Settle every account after the close of the regular session."""
    for account in blotter.accounts.values():
        if charges_fees:
            _charge_fees(blotter, account)
        account.close_day(blotter.now_ns)
        blotter.note(account)


def _charge_fees(blotter: Blotter, account: VenueAccount) -> None:
    """The day's fees, rounded per account, day and kind; coins carry none."""
    day = datetime.fromtimestamp(blotter.now_ns // 1_000_000_000, NEW_YORK).date()
    new = blotter.executions.of(account.key_id, account.charged_to + 1)
    trades = (
        FeeTrade(side=fill.side, qty=fill.qty, price=fill.price)
        for fill in new
        if fill.is_fill and not is_coin_pair(fill.symbol)
    )
    fees = day_fees(trades, day)
    account.charged_to = blotter.ids.count
    for kind, amount in fees.items():
        account.enter(
            Entry(
                id=blotter.ids.make(),
                kind="FEE",
                sub_kind=kind,
                date=day.isoformat(),
                time_ns=blotter.now_ns,
                net_amount=-amount,
                description=f"{_FEE_NAMES[kind]} for trades of {day}",
            )
        )
