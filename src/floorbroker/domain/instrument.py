"""What can be traded and in which steps."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from floorbroker.domain.amounts import CENT, SHARE_STEP, Px

_HUNDREDTH_OF_A_CENT = Decimal("0.0001")


class AssetClass(StrEnum):
    """The kinds of instrument that the desk knows."""

    US_EQUITY = "us_equity"  #: NMS stocks and ETFs.
    CRYPTO = "crypto"  #: Coin pairs such as BTC/USD.


class Instrument(Struct, frozen=True, kw_only=True):
    """One tradable thing: its tick, its lot and what may be done with it."""

    symbol: str
    asset_class: AssetClass = AssetClass.US_EQUITY
    currency: str = "USD"
    is_tradable: bool = True
    is_fractionable: bool = True
    is_shortable: bool = True
    is_easy_to_borrow: bool = True
    is_otc: bool = False  #: Traded over the counter, not at an exchange.
    has_fractional_extended_hours: bool = True
    name: str = ""

    @property
    def lot(self) -> Decimal:
        """The smallest step of a quantity."""
        return SHARE_STEP if self.is_fractionable else Decimal(1)


def tick_of(px: Px) -> Decimal:
    """The minimum price increment of an NMS stock at this price (Rule 612 of Regulation NMS)."""
    return CENT if px >= 1 else _HUNDREDTH_OF_A_CENT


def is_on_tick(px: Px) -> bool:
    return not px % tick_of(px)
