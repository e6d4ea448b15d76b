"""The whole state as a snapshot keeps it."""

from datetime import datetime

from msgspec import Struct, field

from floorbroker.domain.ids import ClOrdID, OrderID
from floorbroker.domain.messages import DeskOpened, Reconciliation, decoder_for
from floorbroker.domain.order import Order
from floorbroker.domain.position import Position
from floorbroker.engine.book.book import Asked
from floorbroker.engine.book.cash import CashBook
from floorbroker.engine.book.trail import Trail
from floorbroker.engine.exposure.tally import Tally
from floorbroker.engine.standing.guards import Guards
from floorbroker.engine.standing.kill import Kill
from floorbroker.engine.standing.parents import Parent


class Image(Struct, frozen=True, kw_only=True):
    """The whole state as a snapshot keeps it; see `State` and `Book`."""

    opened: DeskOpened | None
    is_closed: bool
    orders: list[Order]
    external: list[Order]
    lineage: dict[OrderID, ClOrdID]
    cancels: dict[ClOrdID, Asked]
    replaces: dict[ClOrdID, Asked]
    positions: list[Position]
    timers: dict[str, datetime]
    adopted_time: datetime | None
    safe_time: datetime | None
    seen_time: datetime | None
    reconciliation: Reconciliation | None
    alarms: int
    trails: dict[str, Trail] = {}
    ended_legs: dict[OrderID, ClOrdID] = {}
    kill: Kill | None = None
    strangers: list[ClOrdID] = []
    cash: CashBook = field(default_factory=CashBook)
    tally: Tally = field(default_factory=Tally)
    guards: Guards = field(default_factory=Guards)
    parents: list[Parent] = []


IMAGE = decoder_for(Image)
