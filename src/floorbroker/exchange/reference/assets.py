"""The assets that an exchange lists: a default list, and an asset for any symbol of a tape."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID, uuid5

from msgspec import Struct

#: Asset identifiers are made from the symbol, so they are the same on every machine.
ASSET_NAMESPACE = UUID("b4f1c1a2-6d0e-5d7b-9a55-0f2f3c8d1e77")

#: Attributes that have their effect here.
FRACTIONAL_EXTENDED = "fractional_eh_enabled"
OVERNIGHT_TRADABLE, OVERNIGHT_HALTED = "overnight_tradable", "overnight_halted"


class Asset(Struct, frozen=True, kw_only=True):
    """What can be traded, under Alpaca's names (`asset_class` is `class` on the wire).

    Margin requirements are percentages of the market value. Steps and the minimum size are set for
    coin pairs alone.
    """

    id: str
    asset_class: str
    exchange: str
    symbol: str
    name: str
    status: str = "active"
    tradable: bool = True
    marginable: bool = True
    shortable: bool = True
    easy_to_borrow: bool = True
    fractionable: bool = True
    margin_requirement_long: Decimal = Decimal(30)
    margin_requirement_short: Decimal = Decimal(30)
    attributes: tuple[str, ...] = ()
    cusip: str | None = None
    min_order_size: Decimal | None = None
    min_trade_increment: Decimal | None = None
    price_increment: Decimal | None = None

    @property
    def is_crypto(self) -> bool:
        return self.asset_class == "crypto"

    @property
    def is_ordinary(self) -> bool:
        """Whether it may be traded, gives credit, and is no coin."""
        is_traded = self.status == "active" and self.tradable
        return is_traded and self.marginable and not self.is_crypto

    @property
    def borrow_status(self) -> str:
        return "easy_to_borrow" if self.easy_to_borrow else "hard_to_borrow"


class AssetList(dict[str, Asset]):
    """Assets by symbol; `by_name` has them by id too, and coin pairs without the slash.

    `ordinary` has by symbol those that may be traded and give credit, and are no coins.
    """

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        super().__init__()
        self.by_name: dict[str, Asset] = {}
        self.ordinary: dict[str, Asset] = {}
        for asset in assets.values():
            self.add(asset)

    def add(self, asset: Asset) -> None:
        self[asset.symbol] = self.by_name[asset.symbol] = self.by_name[asset.id] = asset
        if asset.is_crypto:
            self.by_name.setdefault(asset.symbol.replace("/", ""), asset)
        self.ordinary.pop(asset.symbol, None)
        if asset.is_ordinary:
            self.ordinary[asset.symbol] = asset


def is_coin_pair(symbol: str) -> bool:
    """Whether it names a coin pair, such as BTC/USD; those trade at all hours."""
    return "/" in symbol


def asset_id(symbol: str) -> str:
    return str(uuid5(ASSET_NAMESPACE, symbol))


def equity(symbol: str, name: str = "", exchange: str = "NASDAQ", **flags: bool | str) -> Asset:
    """A US stock or ETF with everything allowed that `flags` do not forbid.

    Overnight trade those that may be traded, lent and divided without limits.
    """
    attributes = (FRACTIONAL_EXTENDED,) if flags.get("fractionable", True) else ()
    if all(flag is not False for flag in flags.values()):
        attributes = (*attributes, OVERNIGHT_TRADABLE)
    return Asset(
        id=asset_id(symbol),
        asset_class="us_equity",
        exchange=exchange,
        symbol=symbol,
        name=name or symbol,
        attributes=attributes,
        **flags,  # type: ignore[arg-type]  # names and types are the Struct's; it checks neither
    )


def coin_pair(symbol: str, name: str = "") -> Asset:
    """A crypto asset such as BTC/USD: no margin, no shorts, nine decimals."""
    return Asset(
        id=asset_id(symbol),
        asset_class="crypto",
        exchange="CRYPTO",
        symbol=symbol,
        name=name or symbol,
        marginable=False,
        shortable=False,
        easy_to_borrow=False,
        margin_requirement_long=Decimal(100),
        margin_requirement_short=Decimal(100),
        min_order_size=Decimal("0.000000001"),
        min_trade_increment=Decimal("0.000000001"),
        price_increment=Decimal("0.000000001"),
    )


def asset_for(symbol: str) -> Asset:
    """The listed asset of that symbol, or a plain one made for a symbol that a tape has."""
    if (known := _LISTED_BY_SYMBOL.get(symbol)) is not None:
        return known
    return coin_pair(symbol) if is_coin_pair(symbol) else equity(symbol)


def listing(symbols: Iterable[str] = ()) -> Mapping[str, Asset]:
    """Assets by symbol: the default list and whatever `symbols` adds to it."""
    assets = dict(_LISTED_BY_SYMBOL)
    for symbol in symbols:
        assets.setdefault(symbol, asset_for(symbol))
    return assets


LISTED: tuple[Asset, ...] = (
    equity("AAPL", "Apple Inc. Common Stock"),
    equity("AMD", "Advanced Micro Devices, Inc. Common Stock"),
    equity("AMZN", "Amazon.com, Inc. Common Stock"),
    equity("BAC", "Bank of America Corporation", "NYSE"),
    equity("F", "Ford Motor Company", "NYSE"),
    equity("GOOG", "Alphabet Inc. Class C Capital Stock"),
    equity("IBM", "International Business Machines Corporation", "NYSE"),
    equity("INTC", "Intel Corporation Common Stock"),
    equity("MSFT", "Microsoft Corporation Common Stock"),
    equity("NVDA", "NVIDIA Corporation Common Stock"),
    equity("QQQ", "Invesco QQQ Trust, Series 1"),
    equity("SPY", "SPDR S&P 500 ETF Trust", "ARCA"),
    equity("TSLA", "Tesla, Inc. Common Stock"),
    coin_pair("BTC/USD", "Bitcoin / US Dollar"),
    coin_pair("ETH/USD", "Ethereum / US Dollar"),
    # Invented, so that every refusal can be met on purpose.
    equity("WHOLE", "Whole Shares Only Inc.", "NYSE", fractionable=False),
    equity("NOSHORT", "Nobody Lends Corp.", "NYSE", shortable=False, easy_to_borrow=False),
    equity("HARDB", "Hard To Borrow Ltd.", "NYSE", easy_to_borrow=False),
    equity("HALTD", "Halted Holdings plc", "NYSE", tradable=False),
    equity("GONE", "Delisted Industries", "OTC", status="inactive", tradable=False),
)

_LISTED_BY_SYMBOL = {asset.symbol: asset for asset in LISTED}
