"""An algorithm of one's own in thirty lines, tried on a market that is made up on the spot.

It buys dips (or sells rallies): whenever the price has come back by a part of itself from the
worst that was seen since the last child, it takes a clip. Run it with
`.venv/bin/python examples/own_algo.py`; a desk gets it by `Desk.open(algos={"dips": DIPS})`.
"""

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from msgspec import Struct

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.terms import Side
from floorbroker.execution.algos.port import (
    Algorithm,
    Decision,
    MarketView,
    Need,
    NewChild,
    ParentRequest,
    ParentView,
    Within,
)
from floorbroker.execution.kit import Step, replay

S = 1_000_000_000


class DipParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people may set; anything else is refused by name."""

    clip: Qty = Qty(100)
    drop: Annotated[Decimal, Within(0, 1)] = Decimal("0.0005")
    pause_s: Annotated[int, Within(0, 3600)] = 10


def dips(parent: ParentView[DipParams], market: MarketView, now_ns: int) -> Decision:
    """Take a clip when the far touch is `drop` better than the worst since the last one."""
    side, params, touch = parent.request.side, parent.params, market.touch
    assert touch is not None, "it needs a quote, so it is asked only where there is one"
    far = touch.far(side)
    worst = Px(str(parent.memo.get("worst", far)))
    if side.sign * (far - worst) > 0:
        worst = far
    kept = {"worst": str(worst)}
    ready_ns = parent.last_sent_ns + params.pause_s * S if parent.sent_children else now_ns
    if now_ns < ready_ns or parent.children:
        return Decision(why="waits after a clip", wake_ns=ready_ns, memo=kept)
    gain = side.sign * (worst - far) / worst
    qty = min(params.clip, parent.remaining)
    if gain < params.drop:
        return Decision(why=f"{gain:.4%} off {worst}", wake_ns=now_ns + S, memo=kept)
    child = NewChild(qty=qty, price=far, word="dip")
    return Decision(commands=(child,), why=f"{gain:.4%} off {worst}", memo={"worst": str(far)})


DIPS = Algorithm(
    decide=dips, params=DipParams, needs=frozenset({Need.QUOTE}), says="takes dips", on_quote=True
)


def waves(seconds: int) -> Iterator[Step]:
    """Up twelve cents and down again, every 48 seconds."""
    for second in range(seconds):
        place = second % 48
        mid = 10_000 + (place if place < 24 else 48 - place) // 2
        bid, ask = (Px.of(Decimal(cents) / 100) for cents in (mid - 1, mid + 1))
        yield Step(time_ns=second * S, bid=bid, ask=ask, volume=Qty(100), last=ask)


def main() -> None:
    request = ParentRequest(
        side=Side.BUY,
        symbol="AAPL",
        qty=Qty(500),
        algo="dips",
        start_ns=0,
        end_ns=300 * S,
        limit=Px("100.10"),
        params={"clip": "120", "drop": "0.0008"},
    )
    run = replay(DIPS, request, waves(301))
    size, price = f"{run.filled} of {request.qty}", run.average_px
    sys.stdout.write(f"{run.story()}\nfilled {size} at {price}, {len(run.children)} children\n")


if __name__ == "__main__":
    main()
