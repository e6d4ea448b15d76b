"""Shut on a journal that is behind its broker: nobody knows what else it forgot."""

from collections.abc import Collection
from datetime import datetime

from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.book.news import STALE_JOURNAL
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State


def stale_journal(state: State, request: OrderRequest, settings: EngineSettings) -> None:
    if not state.strangers:
        return
    count, first = len(state.strangers), next(iter(state.strangers))
    raise Halted(
        f"no new orders: the broker has {count} with ids of this journal that are not in it, as"
        f" {first}. Either it was restored from a backup, and its book now follows the broker's:"
        " compare them, then open with `floorbroker journal accept`; or another desk runs on a"
        " copy of it: stop that one first"
    )


def accepted(strangers: Collection[ClOrdID], now: datetime) -> Alarm:
    """Somebody has looked at them."""
    text = f"{len(strangers)} orders of ours that this journal does not know were looked at"
    return Alarm(name=STALE_JOURNAL, text=text, is_over=True, transact_time=now)
