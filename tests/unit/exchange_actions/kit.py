"""Corporate actions in one line each, on the day after the venue kit's."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from floorbroker.clock import ns_of
from floorbroker.exchange.actions.reading import parse_action
from floorbroker.exchange.reference.actions import CorporateAction

#: Midnight in New York with which 2026-10-09 begins, a Friday.
EX_NS = ns_of(datetime(2026, 10, 9, tzinfo=ZoneInfo("America/New_York")))
#: When trading for that day begins, on the evening before.
EVE_NS = EX_NS - 4 * 3600 * 10**9


def action(kind: str, symbol: str = "AAPL", **fields: object) -> CorporateAction:
    return parse_action(json.dumps({"kind": kind, "symbol": symbol, **fields}))


def split(
    old: int, new: int, symbol: str = "AAPL", ex_date: str = "2026-10-09"
) -> CorporateAction:
    kind = "forward_split" if new > old else "reverse_split"
    return action(kind, symbol, old_rate=old, new_rate=new, ex_date=ex_date)
