"""floorbroker: an order-execution engine that writes before it sends.

The public names are imported on first use, so that the command line starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floorbroker.desk import Desk as Desk
    from floorbroker.deskwork.health import Check as Check
    from floorbroker.deskwork.health import Health as Health
    from floorbroker.domain.errors import BrokerError as BrokerError
    from floorbroker.domain.errors import BrokerRejected as BrokerRejected
    from floorbroker.domain.errors import BrokerUnknown as BrokerUnknown
    from floorbroker.domain.errors import BrokerUnreachable as BrokerUnreachable
    from floorbroker.domain.errors import ConfigError as ConfigError
    from floorbroker.domain.errors import FloorbrokerError as FloorbrokerError
    from floorbroker.domain.errors import InvalidOrder as InvalidOrder
    from floorbroker.domain.errors import JournalError as JournalError
    from floorbroker.domain.errors import Refused as Refused
    from floorbroker.domain.messages import Break as Break
    from floorbroker.domain.messages import Reconciliation as Reconciliation
    from floorbroker.domain.order import Fill as Fill
    from floorbroker.domain.order import Order as Order
    from floorbroker.domain.order import OrderRequest as OrderRequest
    from floorbroker.domain.order import OrdStatus as OrdStatus
    from floorbroker.domain.position import Position as Position
    from floorbroker.marketdata.live.view import LiveQuote as LiveQuote
    from floorbroker.marketdata.live.view import Stale as Stale
    from floorbroker.posttrade.trades import TradeReport as TradeReport
    from floorbroker.watch.pnl import PnlRow as PnlRow

_ROOMS = {
    "desk": ("Desk",),
    "domain.errors": (
        "BrokerError",
        "BrokerRejected",
        "BrokerUnknown",
        "BrokerUnreachable",
        "ConfigError",
        "FloorbrokerError",
        "InvalidOrder",
        "JournalError",
        "Refused",
    ),
    "domain.messages": ("Break", "Reconciliation"),
    "domain.order": ("Fill", "Order", "OrderRequest", "OrdStatus"),
    "domain.position": ("Position",),
    "deskwork.health": ("Check", "Health"),
    "marketdata.live.view": ("LiveQuote", "Stale"),
    "posttrade.trades": ("TradeReport",),
    "watch.pnl": ("PnlRow",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"floorbroker has no {name}; public are {', '.join(__all__)}")
    return getattr(import_module(f"floorbroker.{_HOME[name]}"), name)
